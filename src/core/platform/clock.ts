/** The one door to wall time. Epoch milliseconds UTC; `monotonic` for durations. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Resolves after ms, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

/** A clock that moves only when told; `sleep` advances it at once. For replay and tests. */
export class ManualClock implements Clock {
  constructor(private time: number) {}
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
  set(time: number): void {
    this.time = time;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.time += ms;
  }
}

/** ISO 8601 in UTC, without milliseconds where they are zero. */
export const isoTime = (t: number): string => new Date(t).toISOString().replace('.000Z', 'Z');

/** A Date for libraries that take nothing else. */
export const dateOf = (t: number): Date => new Date(t);
