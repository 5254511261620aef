import { expect, vi } from 'vitest';
import type { Runtime } from '../../src/core/stages/runtime.js';
import { JumpClock } from './jumpClock.js';
import { VenueRig, type VenueRigOptions } from './venue.js';

const WAIT = { timeout: 15_000, interval: 20 };

/** A resident session of `quantline trade` at the fake venue, on a clock that jumps. */
export class Resident {
  private readonly stop = new AbortController();
  running: ReturnType<VenueRig['start']> | undefined;

  private constructor(
    readonly rig: VenueRig,
    readonly clock: JumpClock,
  ) {}

  static async rig(options: Omit<VenueRigOptions, 'clock'>): Promise<Resident> {
    const clock = new JumpClock(options.now);
    return new Resident(await VenueRig.start({ ...options, clock }), clock);
  }

  /** Starts it and waits until it listens to the venue and the bars. */
  async begin(given: Readonly<Record<string, unknown>> = {}, runtime: Partial<Runtime> = {}): Promise<void> {
    const { streams } = this.rig.venue;
    this.running = this.rig.start({ once: false, ...given }, { signal: this.stop.signal, ...runtime });
    this.running.catch(() => {});
    await vi.waitFor(() => expect(streams.connections).toBeGreaterThanOrEqual(2), WAIT);
    await vi.waitFor(() => expect(streams.subscriptions.length).toBeGreaterThan(0), WAIT);
  }

  decisions(): Promise<readonly number[]> {
    return this.rig.journal(async (journal) =>
      (await journal.events({ types: ['decision'] })).map(({ body }) => (body as { slot: number }).slot),
    );
  }

  decided(slot: number): Promise<void> {
    return vi.waitFor(async () => expect(await this.decisions()).toContain(slot), { ...WAIT, interval: 50 });
  }

  /** The decision is on record before its order leaves. */
  accepted(n: number): Promise<void> {
    return vi.waitFor(() => expect(this.rig.venue.book.accepted).toHaveLength(n), WAIT);
  }

  /** Fills are booked as the order stream tells them, or a look finds them. */
  booked(n: number): Promise<void> {
    return vi.waitFor(async () => expect(await this.rig.journal((journal) => journal.fills())).toHaveLength(n), {
      ...WAIT,
      interval: 50,
    });
  }

  flat(): Promise<void> {
    return vi.waitFor(() => expect(this.rig.venue.book.positions.size).toBe(0), WAIT);
  }

  /** The venue has not been asked anything for a moment. */
  async quiet(): Promise<void> {
    const { requests } = this.rig.venue;
    for (let seen = -1; seen !== requests.length; ) {
      seen = requests.length;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  async end() {
    this.stop.abort();
    return (await this.running!).session;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running?.catch(() => {});
    await this.rig.close();
  }
}
