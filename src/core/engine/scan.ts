import type { BarColumns } from '../domain/bars.js';
import type { Ledger } from '../market/index.js';
import type { MarketFeed, Signals } from './feed.js';
import type { Stepper } from './step.js';
import type { Watch } from './watch.js';

/**
 * Runs over ticks on which nothing can happen: no price reaches a position's protection or an order that rests,
 * every score keeps what is held, and equity stays above what risk allows. Such a tick only marks positions and moves
 * trailing stops. Most ticks are of this kind, so these loops are the engine's speed; they are small and see plain typed
 * arrays only, so that they compile to straight machine code.
 */
export class QuietScan {
  private readonly size: number;
  private readonly barAt: readonly Int32Array[];
  private readonly bars: readonly BarColumns[];
  private readonly halts: readonly number[];
  private readonly scores: readonly Float64Array[];
  /** All instruments have the same bars at the same ticks. */
  private readonly aligned: boolean;
  /** Equity below this is for risk to see. */
  private least = 0;
  /** Equity above this is a new peak that a policy wants to know of. */
  private peak = Number.POSITIVE_INFINITY;

  constructor(
    feed: MarketFeed,
    signals: Signals,
    private readonly ledger: Ledger,
    private readonly watch: Watch,
    private readonly stepper: Stepper,
  ) {
    this.size = feed.instruments.length;
    this.barAt = feed.barAt;
    this.bars = feed.bars;
    this.halts = feed.halts;
    this.scores = signals.scores;
    this.aligned = feed.barAt.every((column) => column === feed.barAt[0]);
  }

  /** Marks ticks from `k` on into `equity` (at k − offset) and returns the first tick that needs more, or `to`. */
  run(k: number, to: number, offset: number, equity: Float64Array): number {
    this.least = this.stepper.risk.floor();
    if (this.stepper.risk.watchesEquity) this.peak = this.stepper.risk.state.peak;
    const guarded = this.watch.guards > 0;
    if (guarded) this.watch.readGuards();
    if (this.size === 1) return guarded ? this.oneGuarded(k, to, offset, equity) : this.one(k, to, offset, equity);
    return this.aligned && !guarded ? this.alignedBars(k, to, offset, equity) : this.any(k, to, offset, equity);
  }

  /** Whether some fresh score of tick k asks for a change, or a time stop is due. */
  outside(k: number): boolean {
    for (let j = 0; j < this.size; j++) {
      const i = this.barAt[j]![k]!;
      if (i >= 0 && this.asks(j, i)) return true;
    }
    return false;
  }

  private asks(j: number, i: number): boolean {
    const { low, high, due } = this.watch;
    const s = this.scores[j]![i]!;
    return s >= high[j]! || s <= low[j]! || i >= due[j]!;
  }

  /** Whether bar i reaches the armed protection of its instrument. */
  private touches(j: number, i: number): boolean {
    const { open, high, low } = this.bars[j]!;
    const floor = this.watch.floor[j]!;
    const ceiling = this.watch.ceiling[j]!;
    const o = open[i]!;
    return low[i]! <= floor || high[i]! >= ceiling || o <= floor || o >= ceiling;
  }

  private halted(j: number, i: number): boolean {
    return this.bars[j]!.volume[i] === 0 && i > this.halts[j]!;
  }

  private climb(equity: number): void {
    this.peak = equity;
    this.stepper.risk.state.peak = equity;
    this.least = this.stepper.risk.floor();
  }

  /** Any instruments on any clock. */
  private any(k: number, to: number, offset: number, equity: Float64Array): number {
    const { size, barAt, bars, watch } = this;
    const { guarded, rising, falling } = watch;
    const { quantity, mark, cash } = this.ledger;
    for (; k < to; k++) {
      for (let j = 0; j < size; j++) {
        const i = barAt[j]![k]!;
        if (i >= 0 && (this.asks(j, i) || (guarded[j] === 1 && this.touches(j, i)))) return k;
      }
      let value = cash;
      for (let j = 0; j < size; j++) {
        const i = barAt[j]![k]!;
        value += quantity[j]! * (i >= 0 ? bars[j]!.close[i]! : mark[j]!);
      }
      if (!(value >= this.least)) return k;
      if (value > this.peak) this.climb(value);
      for (let j = 0; j < size; j++) {
        const i = barAt[j]![k]!;
        if (i < 0) continue;
        const { high, low, close } = bars[j]!;
        mark[j] = close[i]!;
        if (guarded[j] !== 1 || !(high[i]! > rising[j]! || low[i]! < falling[j]!)) continue;
        if (!this.halted(j, i)) watch.trail(j, bars[j]!, i);
      }
      equity[k - offset] = value;
    }
    return k;
  }

  /** Instruments with common bars and without protection: one index a tick, and prices are read of what is held only. */
  private alignedBars(k: number, to: number, offset: number, equity: Float64Array): number {
    const { size, bars, scores } = this;
    const { low, high, due } = this.watch;
    const { quantity, mark, cash } = this.ledger;
    const barAt = this.barAt[0]!;
    const start = k;
    scan: for (; k < to; k++) {
      const i = barAt[k]!;
      for (let j = 0; j < size; j++) {
        const s = scores[j]![i]!;
        if (s >= high[j]! || s <= low[j]! || i >= due[j]!) break scan;
      }
      let value = cash;
      for (let j = 0; j < size; j++) {
        const units = quantity[j]!;
        if (units !== 0) value += units * bars[j]!.close[i]!;
      }
      if (!(value >= this.least)) break;
      if (value > this.peak) this.climb(value);
      equity[k - offset] = value;
    }
    if (k > start) for (let j = 0; j < size; j++) mark[j] = bars[j]!.close[barAt[k - 1]!]!;
    return k;
  }

  /** One instrument, whose every tick has the next bar, without protection. */
  private one(k: number, to: number, offset: number, equity: Float64Array): number {
    const { low, high, due } = this.watch;
    const { quantity, mark, cash } = this.ledger;
    const ahead = this.barAt[0]![k]! - k;
    const scores = this.scores[0]!;
    const { close } = this.bars[0]!;
    const lowest = low[0]!;
    const highest = high[0]!;
    const end = Math.min(to, due[0]! - ahead);
    const units = quantity[0]!;
    const start = k;
    let { least, peak } = this;
    for (; k < end; k++) {
      const i = k + ahead;
      const s = scores[i]!;
      if (s >= highest || s <= lowest) break;
      const value = cash + units * close[i]!;
      if (!(value >= least)) break;
      if (value > peak) {
        this.climb(value);
        peak = value;
        least = this.least;
      }
      equity[k - offset] = value;
    }
    if (k > start) mark[0] = close[k - 1 + ahead]!;
    return k;
  }

  /** The same with protection. */
  private oneGuarded(k: number, to: number, offset: number, equity: Float64Array): number {
    const { watch } = this;
    const { quantity, mark, cash } = this.ledger;
    const ahead = this.barAt[0]![k]! - k;
    const scores = this.scores[0]!;
    const bars = this.bars[0]!;
    const { open, high, low, close } = bars;
    const lowest = watch.low[0]!;
    const highest = watch.high[0]!;
    const end = Math.min(to, watch.due[0]! - ahead);
    const units = quantity[0]!;
    const start = k;
    let { least, peak } = this;
    let floor = watch.floor[0]!;
    let ceiling = watch.ceiling[0]!;
    let rising = watch.rising[0]!;
    let falling = watch.falling[0]!;
    for (; k < end; k++) {
      const i = k + ahead;
      const s = scores[i]!;
      if (s >= highest || s <= lowest) break;
      const o = open[i]!;
      const h = high[i]!;
      const l = low[i]!;
      if (l <= floor || h >= ceiling || o <= floor || o >= ceiling) break;
      const value = cash + units * close[i]!;
      if (!(value >= least)) break;
      if (value > peak) {
        this.climb(value);
        peak = value;
        least = this.least;
      }
      if ((h > rising || l < falling) && !this.halted(0, i)) {
        watch.trail(0, bars, i);
        floor = watch.floor[0]!;
        ceiling = watch.ceiling[0]!;
        rising = watch.rising[0]!;
        falling = watch.falling[0]!;
      }
      equity[k - offset] = value;
    }
    if (k > start) mark[0] = close[k - 1 + ahead]!;
    return k;
  }
}
