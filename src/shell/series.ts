import type { SeriesFilter } from '../core/data/maintenance.js';
import type { StoreDamage } from '../core/data/store.js';
import type { SeriesKey } from '../core/domain/index.js';
import { isoTime } from '../core/platform/index.js';
import type { Cell, Table } from './output.js';

/** Series and damaged files of a store as commands print them. */
type Row = Readonly<Record<string, unknown>>;

interface Asked {
  readonly source?: readonly string[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly interval?: readonly string[] | undefined;
}

export const filterOf = ({ source, symbols, interval }: Asked): SeriesFilter => ({
  ...(source === undefined ? {} : { sources: source }),
  ...(symbols === undefined ? {} : { symbols }),
  ...(interval === undefined ? {} : { intervals: interval }),
});

export const keyRow = ({ instrument, source, feed, scope, interval }: SeriesKey) => ({
  ...{ symbol: instrument, source, feed },
  ...{ session: scope, interval },
});

export const damageRow = ({ key, file, problem, firstTime, lastTime }: StoreDamage) => ({
  ...keyRow(key),
  ...{ file, problem, from: isoTime(firstTime), to: isoTime(lastTime) },
});

/** Documents as a table; a list is its length. */
export const rowsTable = (columns: readonly string[], rows: readonly Row[]): Table => ({
  columns,
  rows: rows.map((row) => columns.map((column) => cellOf(row[column]))),
});

const cellOf = (value: unknown): Cell => (Array.isArray(value) ? value.length : (value as Cell));

export const DAMAGE_COLUMNS = ['symbol', 'source', 'feed', 'session', 'interval', 'from', 'to', 'file', 'problem'];

/** "1 file", "2 files". */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
