import { isQuantlineError } from '../../errors/index.js';
import { embeddedEngine, type NetworkEngine } from './engine.js';
import { nativeEngine } from './native/engine.js';

/** What a choice means on this machine; `native` throws CONFIG where TensorFlow cannot be loaded. */
export async function chooseEngine(choice: 'auto' | NetworkEngine['name']): Promise<NetworkEngine> {
  if (choice === 'embedded') return embeddedEngine();
  try {
    return (await nativeEngine()).info;
  } catch (error) {
    if (choice === 'auto' && isQuantlineError(error)) return embeddedEngine();
    throw error;
  }
}
