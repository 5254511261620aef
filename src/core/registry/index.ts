import { nearest } from '../config/index.js';
import { QuantlineError } from '../errors/index.js';
import type { AdapterInfo, AdapterModule, AdapterPort } from './adapter.js';
import { ADAPTERS } from './generated.js';
import { isModulePath, loadUserModule } from './user-module.js';

export type { AdapterInfo, AdapterModule, AdapterPort } from './adapter.js';
export { loadUserModule, userModuleOf } from './user-module.js';

/** All adapters of a port by name, without loading any. */
export const adapters = (port: AdapterPort): readonly AdapterInfo[] => ADAPTERS[port];

export interface LoadedAdapter<M> {
  readonly module: M;
  /** sha256 of a user's module and what it imports from beside it; undefined for ours. Belongs into the id. */
  readonly sha256: string | undefined;
}

/**
 * Loads an adapter by name, or a user's module by path (`./my-rule.ts`, relative to `folder`). USAGE with the nearest
 * name where there is none; INPUT where a user's module cannot be loaded or exports something else.
 */
export async function loadAdapter<M = AdapterModule>(
  port: AdapterPort,
  name: string,
  folder = '.',
): Promise<LoadedAdapter<M>> {
  if (isModulePath(name)) return loadUserModule<M>(port, name, folder);
  const found = adapters(port).find((adapter) => adapter.name === name);
  if (found === undefined) {
    const names = adapters(port).map((adapter) => adapter.name);
    const near = nearest(name, names);
    throw new QuantlineError('USAGE', `There is no ${port} "${name}".`, {
      hint: near === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean "${near}"?`,
      details: { port, name, known: names },
    });
  }
  return { module: (await found.load()) as M, sha256: undefined };
}
