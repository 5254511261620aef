import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';

/** What this layer needs of a feature set; the features layer's own fits it and is handed in. */
export interface RowFeatures {
  readonly columns: readonly string[];
  /** Bars until every column may have a value. */
  readonly warmup: number;
  /** Bars until the start of a series no longer matters. */
  readonly memory: number;
  createState(instrument: Instrument, calendar: TradingCalendar): RowFeatureState;
}

export interface RowFeatureState {
  /** Writes rows [from, to), row-major, from out[0] on. Bars must follow those consumed before. */
  consume(bars: BarColumns, from: number, to: number, out: Float32Array): void;
}

/** What this layer needs of a label. */
export interface RowLabel {
  readonly text: string;
  compute(
    bars: BarColumns,
    knownAt: Float64Array,
  ): {
    /** One a bar; NaN where the future is not there. */
    readonly values: Float64Array;
    /** Instant from which the label is known, epoch ms UTC. */
    readonly endTime: Float64Array;
  };
}
