import type { BarColumns, QuoteColumns } from '../domain/bars.js';

/** How wide bid and ask lie apart where the data does not say: a fraction of the price, or an estimate from the bars. */
export type SpreadModel =
  | { readonly kind: 'fixed'; readonly fraction: number }
  | { readonly kind: 'abdi-ranaldo'; readonly window: number };

/** Log moves from one bar to the next beyond this are splits or bad prices, not what a spread makes. */
const JUMP = Math.log(1.4);

/**
 * Relative spread (ask − bid) / mid per bar, as it was known before the bar opened: from the last earlier quote where
 * there is one, otherwise by the model. Incremental: the same columns for every way of cutting the series into pieces.
 *
 * The estimate is that of Abdi and Ranaldo, "A simple estimation of bid-ask spreads from daily close, high, and low
 * prices", Review of Financial Studies 30 (2017): s = √max(0, 4·mean((c_t − η_t)(c_t − η_{t+1}))), with c the log close and
 * η the mean of log high and log low, over the last `window` pairs of bars (21 in the paper); 0 until there are so many.
 */
export class SpreadScorer {
  private readonly pairs: Float64Array;
  private count = 0;
  private close = Number.NaN;
  private middle = Number.NaN;
  private quote = 0;

  constructor(
    private readonly model: SpreadModel,
    private readonly quotes: QuoteColumns | undefined,
  ) {
    this.pairs = new Float64Array(model.kind === 'abdi-ranaldo' ? model.window : 0);
  }

  /** Bars [from, to) of the series into `out` at the same indices. */
  consume(bars: BarColumns, from: number, to: number, out: Float64Array): void {
    for (let i = from; i < to; i++) {
      const quoted = this.quoted(bars.time[i]!);
      out[i] = Number.isNaN(quoted) ? this.modelled() : quoted;
      if (this.model.kind === 'abdi-ranaldo') this.learn(bars.high[i]!, bars.low[i]!, bars.close[i]!);
    }
  }

  /** Of the last quote before t; NaN where there is none. */
  private quoted(t: number): number {
    const { quotes } = this;
    if (quotes === undefined) return Number.NaN;
    while (this.quote < quotes.time.length && quotes.time[this.quote]! < t) this.quote++;
    const bid = quotes.bid[this.quote - 1]!;
    const ask = quotes.ask[this.quote - 1]!;
    return this.quote === 0 ? Number.NaN : (2 * (ask - bid)) / (ask + bid);
  }

  private modelled(): number {
    const { model, pairs, count } = this;
    if (model.kind === 'fixed') return model.fraction;
    if (count < pairs.length) return 0;
    let sum = 0;
    for (let k = 0; k < pairs.length; k++) sum += pairs[k]!;
    return Math.sqrt(Math.max(0, (4 * sum) / pairs.length));
  }

  private learn(high: number, low: number, close: number): void {
    const middle = (Math.log(high) + Math.log(low)) / 2;
    const before = this.close;
    if (!Number.isNaN(before) && Math.abs(middle - before) < JUMP) {
      this.pairs[this.count++ % this.pairs.length] = (before - this.middle) * (before - middle);
    }
    this.close = Math.log(close);
    this.middle = middle;
  }
}
