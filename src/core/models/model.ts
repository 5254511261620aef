import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';

/**
 * What a score means. `position`: the wanted direction itself in [-1, 1] (rules). `target`: the wanted position as a
 * signed share of a full one (agents). `probability`: of the label being 1.
 * `return`: expected return over the label's horizon.
 */
export type ScoreKind = 'position' | 'target' | 'probability' | 'return';

/** State of one instrument's scoring: indicators and whatever the rule remembers. */
export interface SignalScorer {
  /**
   * Consumes bars [from, to), which must follow the bars consumed before, and writes out[i] for each i in [from, to).
   * NaN = no opinion (warming up, missing input). Calling it bar by bar or in one go gives the same bits.
   */
  consume(bars: BarColumns, from: number, to: number, out: Float64Array): void;
  /**
   * Only of a model that sees its own position: the score of bar i, consumed before, holding `weight` (a signed share of a
   * full position). `consume` then writes the scores of one that holds nothing.
   */
  scoreAt?(i: number, weight: number): number;
}

/** A trained model or a rule, ready to score. Stateless itself; state lives in its scorers. */
export interface SignalModel {
  readonly scoreKind: ScoreKind;
  /** Bars before the first possible score, and bars until the start of the series no longer matters (1e-9). */
  readonly warmup: number;
  readonly memory: number;
  /** Its scores depend on its own position: it is scored inside the step. */
  readonly seesPosition?: boolean;
  scorer(instrument: Instrument, calendar: TradingCalendar): SignalScorer;
}
