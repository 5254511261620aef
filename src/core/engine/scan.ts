import type { Ledger } from '../market/index.js';

import type { MarketFeed, Signals } from './feed.js';

/**
 * Runs over ticks on which nothing can happen: no instrument has work at the venue, every score lies inside the band that
 * keeps what is held. Such a tick only marks positions. Most ticks are of this kind, so this loop is the engine's speed;
 * it is small and sees plain typed arrays only, so that it compiles to straight machine code.
 */
export class QuietScan {
  /** Scores strictly between keep what is held; see `holdBand`. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  private readonly size: number;
  private readonly barAt: readonly Int32Array[];
  private readonly closes: readonly Float64Array[];
  private readonly scores: readonly Float64Array[];
  /** All instruments have the same bars at the same ticks. */
  private readonly aligned: boolean;

  constructor(
    feed: MarketFeed,
    signals: Signals,
    private readonly ledger: Ledger,
    private readonly busy: Uint8Array,
  ) {
    this.size = feed.instruments.length;
    this.barAt = feed.barAt;
    this.closes = feed.bars.map((bars) => bars.close);
    this.scores = signals.scores;
    this.aligned = feed.barAt.every((column) => column === feed.barAt[0]);
    this.low = new Float64Array(this.size);
    this.high = new Float64Array(this.size);
  }

  /** Marks ticks from `k` on into `equity` (at k − offset) and returns the first tick that needs more, or `to`. */
  run(k: number, to: number, offset: number, equity: Float64Array): number {
    const { size, low, high, busy, barAt, closes, scores } = this;
    const { quantity, mark, cash } = this.ledger;
    if (size === 1) return this.runOne(k, to, offset, equity);
    if (this.aligned) return this.runAligned(k, to, offset, equity);
    for (; k < to; k++) {
      for (let j = 0; j < size; j++) {
        const i = barAt[j]![k]!;
        if (i < 0) continue;
        const s = scores[j]![i]!;
        if (busy[j] === 1 || s >= high[j]! || s <= low[j]!) return k;
      }
      let value = cash;
      for (let j = 0; j < size; j++) {
        const i = barAt[j]![k]!;
        if (i >= 0) mark[j] = closes[j]![i]!;
        value += quantity[j]! * mark[j]!;
      }
      equity[k - offset] = value;
    }
    return k;
  }

  /** Whether some fresh score of tick k asks for a change. */
  outside(k: number): boolean {
    for (let j = 0; j < this.size; j++) {
      const i = this.barAt[j]![k]!;
      if (i < 0) continue;
      const s = this.scores[j]![i]!;
      if (s >= this.high[j]! || s <= this.low[j]!) return true;
    }
    return false;
  }

  /** The same for instruments with common bars: one index a tick, and prices are read of what is held only. */
  private runAligned(k: number, to: number, offset: number, equity: Float64Array): number {
    const { size, low, high, busy, closes, scores } = this;
    const { quantity, mark, cash } = this.ledger;
    const barAt = this.barAt[0]!;
    for (let j = 0; j < size; j++) if (busy[j] === 1) return k;
    const start = k;
    scan: for (; k < to; k++) {
      const i = barAt[k]!;
      for (let j = 0; j < size; j++) {
        const s = scores[j]![i]!;
        if (s >= high[j]! || s <= low[j]!) break scan;
      }
      let value = cash;
      for (let j = 0; j < size; j++) {
        const units = quantity[j]!;
        if (units !== 0) value += units * closes[j]![i]!;
      }
      equity[k - offset] = value;
    }
    if (k > start) for (let j = 0; j < size; j++) mark[j] = closes[j]![barAt[k - 1]!]!;
    return k;
  }

  /** The same for one instrument, whose every tick has a bar. */
  private runOne(k: number, to: number, offset: number, equity: Float64Array): number {
    if (this.busy[0] === 1) return k;
    const barAt = this.barAt[0]!;
    const closes = this.closes[0]!;
    const scores = this.scores[0]!;
    const low = this.low[0]!;
    const high = this.high[0]!;
    const units = this.ledger.quantity[0]!;
    const { cash, mark } = this.ledger;
    const start = k;
    for (; k < to; k++) {
      const i = barAt[k]!;
      const s = scores[i]!;
      if (s >= high || s <= low) break;
      equity[k - offset] = cash + units * closes[i]!;
    }
    if (k > start) mark[0] = closes[barAt[k - 1]!]!;
    return k;
  }
}
