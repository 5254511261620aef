import { isoTime } from '../core/platform/index.js';
import type { Cell, Table } from './output.js';

type Column = ArrayLike<number> | readonly string[];

/** Columns that hold instants, by name; they are printed as ISO 8601 in UTC. */
const isTime = (name: string): boolean => name === 'time' || name === 'known' || name.endsWith('_time');

/** Columns of equal length as a table; prices and the like with at most six decimals for people. */
export function columnsTable(columns: Readonly<Record<string, Column>>, limit = Number.POSITIVE_INFINITY): Table {
  const names = Object.keys(columns);
  const all = names.map((name) => columns[name]!);
  const count = Math.min(limit, all[0]?.length ?? 0);
  const cell = (name: string, value: number | string): Cell =>
    typeof value === 'number' && isTime(name) && Number.isFinite(value) ? isoTime(value) : value;
  return {
    columns: names,
    rows: {
      *[Symbol.iterator]() {
        for (let i = 0; i < count; i++) yield all.map((column, j) => cell(names[j]!, column[i]!));
      },
    },
    decimals: Object.fromEntries(names.map((name, j) => [name, decimalsOf(all[j]!, count)])),
  };
}

/** Decimals that show the numbers among the first `count` values: none where all are whole, six at most. */
export function decimalsOf(column: ArrayLike<unknown>, count = column.length): number {
  let most = 0;
  for (let i = 0; i < count && most < 6; i++) {
    const value = column[i];
    if (typeof value !== 'number' || !Number.isFinite(value)) continue;
    const text = value.toFixed(6).replace(/0+$/, '');
    most = Math.max(most, text.length - text.indexOf('.') - 1);
  }
  return most;
}
