/**
 * Results of `work` in the order of the items, at most `width` of them under way or waiting to be taken. Ending early,
 * by a failure or by the caller, tells those under way to stop and waits for them.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  width: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const stop = new AbortController();
  const joined = AbortSignal.any([signal, stop.signal]);
  const under: Promise<R>[] = [];
  const more = items[Symbol.iterator]();
  const fill = () => {
    while (under.length < width && !joined.aborted) {
      const next = more.next();
      if (next.done === true) return;
      const promise = work(next.value, joined);
      // It is looked at in its turn; until then its failure is nobody's.
      promise.catch(() => {});
      under.push(promise);
    }
  };
  try {
    for (fill(); under.length > 0; fill()) {
      const result = await under[0]!;
      yield result;
      under.shift();
    }
    signal.throwIfAborted();
  } finally {
    stop.abort();
    await Promise.allSettled(under);
  }
}
