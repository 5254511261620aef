import type { CsvRows } from './read.js';

const FIELDS = ['time', 'open', 'high', 'low', 'close', 'volume', 'bid', 'ask'] as const;
type Columns = Pick<CsvRows, (typeof FIELDS)[number]>;

/** Rows oldest first without repeats, and what had to be done for it; `row` counts from 0 in the file. */
export interface Arranged {
  readonly columns: Columns;
  /** Rows that stand before an earlier one in a file that is neither oldest nor newest first. */
  readonly backward: readonly number[];
  /** Rows that repeat an earlier one to the last digit: one of them was kept. */
  readonly repeated: readonly number[];
  /** Rows of a time that another row has with other values: the last in the file was kept. */
  readonly conflicting: readonly number[];
}

export function arrange(rows: Columns): Arranged {
  const { time } = rows;
  const n = time.length;
  let ascending = 0;
  let descending = 0;
  for (let i = 1; i < n; i++) {
    if (time[i]! > time[i - 1]!) ascending++;
    else if (time[i]! < time[i - 1]!) descending++;
  }
  if (ascending === n - 1) return { columns: rows, backward: [], repeated: [], conflicting: [] };
  if (descending === n - 1) return { columns: reversed(rows), backward: [], repeated: [], conflicting: [] };

  const newestFirst = descending > ascending;
  const backward: number[] = [];
  if (ascending > 0 && descending > 0)
    for (let i = 1; i < n; i++) if (newestFirst ? time[i]! > time[i - 1]! : time[i]! < time[i - 1]!) backward.push(i);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  // By time, then by place in the file.
  order.sort((a, b) => time[a]! - time[b]! || a - b);

  const kept: number[] = [];
  const repeated: number[] = [];
  const conflicting: number[] = [];
  for (const i of order) {
    const last = kept.at(-1);
    if (last === undefined || time[last] !== time[i]) kept.push(i);
    else if (FIELDS.every((field) => Object.is(rows[field][last], rows[field][i]))) repeated.push(i);
    else {
      conflicting.push(i);
      kept[kept.length - 1] = i;
    }
  }
  return { columns: picked(rows, kept), backward, repeated, conflicting };
}

function reversed(rows: Columns): Columns {
  return map(rows, (column) => column.slice().reverse());
}

export function picked(rows: Columns, indices: readonly number[]): Columns {
  return map(rows, (column) => (column.length === 0 ? column : Float64Array.from(indices, (i) => column[i]!)));
}

function map(rows: Columns, change: (column: Float64Array) => Float64Array): Columns {
  return {
    time: change(rows.time),
    open: change(rows.open),
    high: change(rows.high),
    low: change(rows.low),
    close: change(rows.close),
    volume: change(rows.volume),
    bid: change(rows.bid),
    ask: change(rows.ask),
  };
}
