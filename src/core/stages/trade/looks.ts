import type { Clock } from '../../platform/index.js';
import { RETRY_MS } from './survive.js';

/** How often a resident session looks at the venue although nothing was announced, ms. */
const LOOK_MS = 60_000;
/** How long before a slot the venue is looked at for it, ms. */
const AHEAD_MS = 3000;
/** From something that calls for a look to the look, ms: what comes meanwhile is seen by the same one. */
const SOON_MS = 1000;

export interface LookParts {
  readonly clock: Clock;
  /** The first slot after an instant. */
  readonly slotAfter: (time: number) => number;
  /** Whether something could not be done and is to be tried again. */
  readonly retries: () => boolean;
  readonly look: () => Promise<void>;
  /** After a look ahead of a slot. */
  readonly prepare: () => Promise<void>;
}

/**
 * When a resident session looks at the venue: ahead of each slot, so that its orders leave without one more look, soon
 * after what calls for it, and now and then in between; never as a slot comes.
 */
export class Looks {
  private called = false;
  private wake = new AbortController();
  private last = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: LookParts) {}

  /** Something has happened that a look has to see to: a fill, whose position has no exits yet. */
  soon(): void {
    if (!this.called) this.wake.abort();
    this.called = true;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, slotAfter, look, prepare } = this.parts;
    while (!signal.aborted) {
      const now = clock.now();
      const ahead = slotAfter(now + AHEAD_MS) - AHEAD_MS - now;
      const pause = this.pause(now);
      this.wake = new AbortController();
      const { signal: woken } = this.wake;
      await clock.sleep(Math.min(ahead, pause), AbortSignal.any([signal, woken])).catch((error: unknown) => {
        if (!woken.aborted) throw error;
      });
      // When to look is another question now.
      if (woken.aborted) continue;
      this.called = false;
      await look();
      this.last = clock.now();
      if (ahead <= pause) await prepare();
    }
  }

  private pause(now: number): number {
    const { slotAfter, retries } = this.parts;
    if (!this.called) return retries() ? RETRY_MS : LOOK_MS;
    const slot = slotAfter(now);
    // A venue counts what it is asked: an order that fills piece by piece is not looked at for each of them.
    return Math.max(SOON_MS, this.last + RETRY_MS - now, slot - now <= AHEAD_MS ? slot - now + SOON_MS : 0);
  }
}
