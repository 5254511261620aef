import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime, sharedFloat32, sharedFloat64, sharedInt32 } from '../platform/index.js';
import type { RowFeatures, RowLabel } from './inputs.js';
import type { FittedModel, SeriesMatrix, TrainingRows } from './trainer.js';

export interface RowSource {
  readonly instruments: readonly Instrument[];
  readonly calendars: readonly TradingCalendar[];
  readonly bars: readonly BarColumns[];
  readonly knownAt: readonly Float64Array[];
  /** Where labels see other prices than features do (adjusted for all corporate actions): those bars. */
  readonly labelBars?: readonly BarColumns[];
}

/**
 * All rows that can train a model: one a bar whose features are warmed up and whose label is known, of all instruments,
 * ascending by decision instant, then by instrument. Built once, in shared memory: folds are selections of it, and every
 * worker sees the same.
 */
export function buildRows(source: RowSource, features: RowFeatures, label: RowLabel): TrainingRows {
  const width = features.columns.length;
  const parts = source.bars.map((bars, j) => {
    const n = bars.time.length;
    const x = new Float32Array(n * width);
    features.createState(source.instruments[j]!, source.calendars[j]!).consume(bars, 0, n, x);
    return { x, label: label.compute(source.labelBars?.[j] ?? bars, source.knownAt[j]!), known: source.knownAt[j]! };
  });
  const order: { j: number; i: number; t: number }[] = [];
  for (const [j, { label: columns, known }] of parts.entries()) {
    for (let i = features.warmup - 1; i < known.length; i++) {
      if (Number.isNaN(columns.values[i]!)) continue;
      if (!Number.isFinite(columns.values[i]!)) throw infinite(source.instruments[j]!, label, known[i]!);
      order.push({ j, i, t: known[i]! });
    }
  }
  order.sort((a, b) => a.t - b.t || a.j - b.j);
  const rows = order.length;
  const series = joinSeries(parts, width);
  const x = sharedFloat32(rows * width);
  const [at, instrument] = [sharedInt32(rows), sharedInt32(rows)];
  const [y, decided, labelEnd] = [sharedFloat64(rows), sharedFloat64(rows), sharedFloat64(rows)];
  for (let r = 0; r < rows; r++) {
    const { j, i, t } = order[r]!;
    const part = parts[j]!;
    x.set(part.x.subarray(i * width, (i + 1) * width), r * width);
    at[r] = series.starts[j]! + i;
    y[r] = part.label.values[i]!;
    instrument[r] = j;
    decided[r] = t;
    labelEnd[r] = part.label.endTime[i]!;
  }
  const market = {
    bars: source.labelBars ?? source.bars,
    knownAt: source.knownAt.map((known) => {
      const shared = sharedFloat64(known.length);
      shared.set(known);
      return shared;
    }),
  };
  return {
    columns: features.columns,
    rows,
    x,
    source: market,
    series,
    at,
    y,
    weights: undefined,
    instrument,
    decided,
    labelEnd,
  };
}

function joinSeries(parts: readonly { x: Float32Array; known: Float64Array }[], width: number): SeriesMatrix {
  const starts = new Int32Array(parts.length);
  let rows = 0;
  for (const [j, { known }] of parts.entries()) {
    starts[j] = rows;
    rows += known.length;
  }
  const x = sharedFloat32(rows * width);
  for (const [j, part] of parts.entries()) x.set(part.x, starts[j]! * width);
  return { x, rows, columns: width, starts };
}

/** Scores of rows, with what came before them where the model looks back. */
export function scoreRows(fitted: FittedModel, rows: TrainingRows): Float64Array {
  const out = new Float64Array(rows.rows);
  if (rows.rows === 0) return out;
  if (fitted.lookback === 0) {
    fitted.predict(rows.x, rows.rows, out);
    return out;
  }
  const { series } = rows;
  const width = series.columns;
  const window = new Float32Array((fitted.lookback + 1) * width);
  for (let r = 0; r < rows.rows; r++) {
    const end = rows.at[r]!;
    const from = Math.max(series.starts[rows.instrument[r]!]!, end - fitted.lookback);
    window.fill(Number.NaN);
    window.set(series.x.subarray(from * width, (end + 1) * width), (fitted.lookback - (end - from)) * width);
    fitted.predict(window, 1, out.subarray(r, r + 1));
  }
  return out;
}

function infinite(instrument: Instrument, label: RowLabel, t: number): QuantlineError {
  return new QuantlineError('QUALITY', `The label ${label.text} of ${instrument.id} is not finite at ${isoTime(t)}.`, {
    hint: 'Look for a price of zero near that bar with quantline datasets show, and ingest it again.',
  });
}

/** The rows at these positions, copied into tables of their own. */
export function selectRows(rows: TrainingRows, keep: ArrayLike<number>): TrainingRows {
  const n = keep.length;
  const width = rows.columns.length;
  const x = new Float32Array(n * width);
  const pick = (column: Float64Array) => Float64Array.from(keep, (r) => column[r]!);
  for (let k = 0; k < n; k++) x.set(rows.x.subarray(keep[k]! * width, (keep[k]! + 1) * width), k * width);
  return {
    columns: rows.columns,
    rows: n,
    x,
    source: rows.source,
    series: rows.series,
    at: Int32Array.from(keep, (r) => rows.at[r]!),
    y: pick(rows.y),
    weights: rows.weights === undefined ? undefined : pick(rows.weights),
    instrument: Int32Array.from(keep, (r) => rows.instrument[r]!),
    decided: pick(rows.decided),
    labelEnd: pick(rows.labelEnd),
  };
}

/** Rows decided in [from, to) whose label was known at or before `knownBy`. */
export function rowsBetween(rows: TrainingRows, from: number, to: number, knownBy: number): Int32Array {
  const keep: number[] = [];
  for (let r = 0; r < rows.rows; r++) {
    if (rows.decided[r]! >= from && rows.decided[r]! < to && rows.labelEnd[r]! <= knownBy) keep.push(r);
  }
  return Int32Array.from(keep);
}

/** The last `share` of the rows by time for validation, the rows before it whose labels end in time for training. */
export function holdOut(rows: TrainingRows, share: number): { train: TrainingRows; validation: TrainingRows } {
  const cut = rows.decided[Math.min(rows.rows - 1, Math.floor(rows.rows * (1 - share)))]!;
  const train = rowsBetween(rows, Number.NEGATIVE_INFINITY, cut, cut);
  const validation = rowsBetween(rows, cut, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  return { train: selectRows(rows, train), validation: selectRows(rows, validation) };
}
