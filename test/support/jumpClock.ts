import type { Clock } from '../../src/core/platform/index.js';

/** Runs with real time and can be set forward: whoever sleeps wakes as soon as its moment has passed. */
export class JumpClock implements Clock {
  private offset: number;
  private readonly waiting = new Set<() => void>();

  constructor(time: number) {
    this.offset = time - performance.now();
  }

  now(): number {
    return Math.floor(performance.now() + this.offset);
  }

  monotonic(): number {
    return performance.now() + this.offset;
  }

  set(time: number): void {
    this.offset = time - performance.now();
    for (const look of [...this.waiting]) look();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const until = this.now() + ms;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const onAbort = () => done(() => reject(signal?.reason));
      const look = () => {
        clearTimeout(timer);
        const left = until - this.now();
        if (left <= 0) done(resolve);
        else timer = setTimeout(look, Math.min(left, 0x7fff_ffff));
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(look);
      look();
    });
  }
}
