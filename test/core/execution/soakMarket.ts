import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { defaultInstrument, type Instrument } from '../../../src/core/domain/instrument.js';
import { type Random, seededRandom } from '../../../src/core/domain/random.js';
import { LiveRunner, type LiveTick, type TickBar, type TickSource } from '../../../src/core/engine/live/index.js';
import type { EmergencyPolicy, ExecutionContext } from '../../../src/core/execution/index.js';
import { roundingOf } from '../../../src/core/market/rounding.js';
import type { Clock } from '../../../src/core/platform/index.js';
import { strategy } from '../../support/market.js';

export const SLOT_MS = 300_000;
const ALWAYS = calendarOf('24/7');

/** A market whose bars and scores follow from seed and slot alone, so that every life of a runner sees the same. */
export class SlotMarket implements TickSource {
  private readonly known: readonly Instrument[];

  constructor(
    private readonly seed: number,
    readonly instruments: readonly string[],
    private readonly clock: Clock,
  ) {
    this.known = instruments.map((id) => defaultInstrument(id, '24/7'));
  }

  /** The runner itself, as a session makes it. */
  runner(execution: ExecutionContext, emergency: EmergencyPolicy): LiveRunner {
    const { known, instruments } = this;
    return new LiveRunner({
      execution,
      source: this,
      instruments: known,
      calendars: instruments.map(() => ALWAYS),
      strategy: strategy({
        thresholds: { enterLong: 1, exitLong: 0, enterShort: this.seed % 2 === 0 ? -1 : -9, exitShort: 0 },
        ...(this.seed % 3 === 0 && { protection: { stopLoss: 0.01 } }),
      }),
      rounding: roundingOf(known, false),
      fractional: false,
      report: 'r',
      emergency,
    });
  }

  async next(time: number): Promise<LiveTick | undefined> {
    const slot = Math.floor(this.clock.now() / SLOT_MS) * SLOT_MS;
    if (slot <= time) return undefined;
    const random = this.randomOf(slot / SLOT_MS);
    const bars = this.instruments.map((_, j) => this.bar(j, slot / SLOT_MS - 1));
    const scores = bars.map(() => Math.floor(random.next() * 3) - 1);
    return { time: slot, session: 0, bars, scores, measures: scores, validUntil: slot + SLOT_MS / 2 };
  }

  private randomOf(index: number): Random {
    return seededRandom(this.seed * 7919 + index);
  }

  /** Around 3,333: a third of 100,000 buys ten units. */
  private bar(j: number, index: number): TickBar {
    const random = this.randomOf(index * 31 + j + 1);
    const [open, close] = [3300 + random.next() * 66, 3300 + random.next() * 33];
    const [high, low] = [Math.max(open, close) * 1.002, Math.min(open, close) * 0.998];
    return { index, time: index * SLOT_MS, open, high, low, close, volume: 1e6 };
  }

  *past(): Iterable<LiveTick> {}

  barAt(_j: number, t: number): number {
    return Math.floor(t / SLOT_MS);
  }

  newest(): number {
    return (Math.floor(this.clock.now() / SLOT_MS) - 1) * SLOT_MS;
  }

  extremes(j: number, t: number): { readonly high: number; readonly low: number } | undefined {
    let [high, low] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = Math.floor(t / SLOT_MS); i * SLOT_MS <= this.newest(); i++) {
      const bar = this.bar(j, i);
      [high, low] = [Math.max(high, bar.high), Math.min(low, bar.low)];
    }
    return low <= high ? { high, low } : undefined;
  }
}
