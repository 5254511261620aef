import { QuantlineError } from '../errors/index.js';
import { rankCorrelation } from './score-metrics.js';
import type { FittedModel, TrainingRows } from './trainer.js';

/** File of a segment that names the columns which its model takes. */
export const COLUMNS_FILE = 'columns.json';

/** The `count` columns whose ranks go most with the label's on these rows, in their own order. */
export function chooseColumns(rows: TrainingRows, count: number): Int32Array {
  const width = rows.columns.length;
  const strength = rows.columns.map((_, c) => {
    const keep: number[] = [];
    for (let r = 0; r < rows.rows; r++) if (Number.isFinite(rows.x[r * width + c]!)) keep.push(r);
    const correlation = rankCorrelation(
      Float64Array.from(keep, (r) => rows.x[r * width + c]!),
      Float64Array.from(keep, (r) => rows.y[r]!),
    );
    return { c, size: Number.isNaN(correlation) ? -1 : Math.abs(correlation) * Math.sqrt(keep.length / rows.rows) };
  });
  const usable = strength.filter(({ size }) => size >= 0).sort((a, b) => b.size - a.size || a.c - b.c);
  if (usable.length === 0) {
    throw new QuantlineError('NO_DATA', 'Every feature is constant or missing in the training range.', {
      hint: 'Choose other features, or a longer range.',
    });
  }
  return Int32Array.from(usable.slice(0, count), ({ c }) => c).sort();
}

/** The same rows with these columns only. */
export function narrow(rows: TrainingRows, chosen: Int32Array): TrainingRows {
  const width = rows.columns.length;
  return {
    ...rows,
    columns: Array.from(chosen, (c) => rows.columns[c]!),
    x: gather(rows.x, width, chosen),
    series: { ...rows.series, x: gather(rows.series.x, width, chosen), columns: chosen.length },
  };
}

/** A model of some columns as one of all of them. */
export function widened(fitted: FittedModel, chosen: Int32Array, width: number): FittedModel {
  const { importance, contributions } = fitted;
  return {
    ...fitted,
    ...(importance !== undefined && {
      importance: () =>
        Object.fromEntries(
          Object.entries(importance()).map(([measure, values]) => [measure, scattered(values, chosen, width)]),
        ),
    }),
    ...(contributions !== undefined && {
      contributions(x: Float32Array, rows: number) {
        const inner = contributions(gather(x, width, chosen), rows);
        const out = new Float64Array(rows * (width + 1));
        // The last of a line is the expected margin.
        const places = Int32Array.of(...chosen, width);
        for (let r = 0; r < rows; r++) {
          const line = inner.subarray(r * places.length, (r + 1) * places.length);
          out.set(scattered(line, places, width + 1), r * (width + 1));
        }
        return out;
      },
    }),
    predict: (x, rows, out) => fitted.predict(gather(x, width, chosen), rows, out),
    save: async () => ({ ...(await fitted.save()), [COLUMNS_FILE]: `${JSON.stringify([...chosen])}\n` }),
  };
}

/** Values of the chosen columns in their places among all; 0 elsewhere. */
function scattered(values: Float64Array, chosen: Int32Array, width: number): Float64Array {
  const out = new Float64Array(width);
  chosen.forEach((c, k) => {
    out[c] = values[k]!;
  });
  return out;
}

function gather(x: Float32Array, width: number, chosen: Int32Array): Float32Array {
  const rows = x.length / width;
  const out = new Float32Array(rows * chosen.length);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < chosen.length; k++) out[r * chosen.length + k] = x[r * width + chosen[k]!]!;
  }
  return out;
}
