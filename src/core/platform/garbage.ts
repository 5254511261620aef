import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options?: { readonly type: 'minor' | 'major' }) => void;

/** V8 collects everything once the heap has grown by about so much; it is done here before it comes to that. */
const GROWTH = { factor: 1.25, bytes: 16 * 2 ** 20 } as const;

let collect: Collect | undefined;
/** Size of the heap after the last full collection. */
let kept = 0;

/**
 * Collects garbage now, so that V8 does not have to in the middle of what is waited for: the young objects (about a
 * millisecond), and all of them where the heap has grown since the last time. For the quiet moments of a process that
 * has a deadline to come.
 */
export function collectGarbage(): void {
  collect ??= exposed();
  collect({ type: 'minor' });
  const used = getHeapStatistics().used_heap_size;
  if (used < kept * GROWTH.factor + GROWTH.bytes) return;
  collect({ type: 'major' });
  kept = getHeapStatistics().used_heap_size;
}

/** V8's own function, without having to start the process with a flag. */
function exposed(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
