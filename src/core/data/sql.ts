import type { CalendarId, Density, PriceBasis } from '../domain/index.js';
import {
  type BarColumns,
  DAY_MS,
  dayNumber,
  defaultInstrument,
  formatDate,
  type Instrument,
  isSessionInterval,
  lowerBound,
  type QuoteColumns,
  sliceBars,
} from '../domain/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { identifier, literal } from '../platform/duckdb.js';
import { isoTime } from '../platform/index.js';
import { queryColumns, relationTypes } from '../platform/parquet.js';
import { arrange, picked } from './csv/arrange.js';
import { type Role, readHeader } from './csv/header.js';
import { ZoneClock } from './csv/zones.js';
import { quotesOf } from './quotes.js';
import type { BarRequest, MarketDataSource, SourceContext, SourceNote } from './source.js';

/** Column of a table that has none of that role. */
const NONE = new Float64Array(0);
const READ: readonly Role[] = ['time', 'open', 'high', 'low', 'close', 'volume', 'bid', 'ask'];

export interface TableSettings {
  readonly calendar: CalendarId;
  readonly basis: PriceBasis;
  readonly density: Density;
  /** Zone of timestamps without one; UTC where it is left out. */
  readonly timezone?: string | undefined;
}

/** A table that DuckDB reads, for one symbol; `filtered` where it holds several symbols in a symbol column. */
export interface SymbolTable {
  /** A relation: a table function call or a parenthesised query. */
  readonly relation: string;
  /** For messages. */
  readonly label: string;
}

/** Bars out of tables with the columns of a bar under any of their usual names; the base of `parquet` and `duckdb`. */
export class TableSource implements MarketDataSource {
  readonly feed = '';
  readonly archive = true;
  readonly basis: PriceBasis;
  readonly density: Density;
  /** Of the symbols that were read. */
  private readonly quoted = new Map<string, QuoteColumns>();

  constructor(
    private readonly options: TableSettings,
    private readonly context: SourceContext,
    private readonly tableOf: (symbol: string) => SymbolTable,
  ) {
    this.basis = options.basis;
    this.density = options.density;
  }

  async instruments(symbols: readonly string[]): Promise<readonly Instrument[]> {
    return symbols.map((symbol) => {
      this.tableOf(symbol);
      return defaultInstrument(symbol, this.options.calendar);
    });
  }

  async quotes(request: BarRequest): Promise<ReadonlyMap<string, QuoteColumns>> {
    for (const symbol of request.symbols) if (!this.quoted.has(symbol)) await this.read(symbol, request);
    return this.quoted;
  }

  async *bars(request: BarRequest, signal: AbortSignal): AsyncIterable<BarColumns> {
    const failures: QuantlineError[] = [];
    for (const symbol of request.symbols) {
      signal.throwIfAborted();
      let bars: BarColumns;
      try {
        bars = await this.read(symbol, request);
      } catch (error) {
        if (!isQuantlineError(error)) throw error;
        failures.push(
          new QuantlineError(error.code, error.message, {
            details: { ...error.details, symbol },
            ...(error.hint === undefined ? {} : { hint: error.hint }),
            cause: error,
          }),
        );
        continue;
      }
      if (bars.time.length > 0) yield bars;
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('\n'));
  }

  private async read(symbol: string, request: BarRequest): Promise<BarColumns> {
    const { relation, label } = this.tableOf(symbol);
    const columns = await this.columns(relation, label, symbol);
    const arranged = arrange(columns);
    const daily = isSessionInterval(request.interval);
    const where = (row: number) => `row ${row + 1}`;
    this.note(symbol, 'order', arranged.backward, where);
    this.note(symbol, 'repeated', arranged.repeated, where);
    this.note(symbol, 'conflicting', arranged.conflicting, where);
    const keyed = daily ? this.keyBySession(symbol, arranged.columns) : arranged.columns;
    const bars = { instrument: symbol, interval: request.interval, ...keyed };
    this.quoted.set(symbol, quotesOf(keyed));
    return sliceBars(bars, lowerBound(bars.time, request.from), lowerBound(bars.time, request.to));
  }

  private async columns(relation: string, label: string, symbol: string) {
    const fail = (what: string, hint: string, cause?: unknown) =>
      new QuantlineError('INPUT', `${label}: ${what}`, { hint, details: { symbol }, cause });
    const guard = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        if (isQuantlineError(error)) throw error;
        throw fail(((error as Error).message ?? '').split('\n')[0]!, 'Correct the query or restore the file.', error);
      }
    };
    const types = await guard(() => relationTypes(relation));
    const names = [...types.keys()];
    const { roles } = readHeader(names.map((name) => `"${name.replaceAll('"', '""')}"`).join(','), ',', label, 0);
    // Only this symbol's rows and the columns of a bar leave the table, however many symbols it holds.
    const symbolColumn = names[roles.indexOf('symbol')];
    const own =
      symbolColumn === undefined
        ? relation
        : `(SELECT * FROM ${relation} WHERE ${identifier(symbolColumn)}::VARCHAR = ${literal(symbol)})`;
    const wanted = names.filter((_, i) => READ.includes(roles[i]!));
    const all = await guard(() => queryColumns(own, wanted));
    const rows = all[wanted[0]!]!.length;
    if (symbolColumn !== undefined && rows === 0)
      throw fail(`no row of ${symbol} in column ${symbolColumn}.`, 'Check the symbol.');
    const column = (role: Role): Float64Array => {
      const name = names[roles.indexOf(role)];
      if (name === undefined) return new Float64Array(rows);
      const values = all[name]!;
      if (values instanceof Float64Array) return values;
      if (values instanceof Int32Array) return Float64Array.from(values);
      const [what, type] = role === 'time' ? ['times', 'TIMESTAMPTZ'] : ['numbers', 'DOUBLE'];
      throw fail(
        `column ${name} holds text, not ${what}.`,
        `Cast it: --source duckdb --set "sql=SELECT * REPLACE (CAST(${name} AS ${type}) AS ${name}) FROM …".`,
      );
    };
    const wrong = (what: string) => fail(what, 'Give times as TIMESTAMP, DATE or epoch milliseconds.');
    const time = epochMs(column('time'), wrong);
    const naive = /^TIMESTAMP(_S|_MS|_NS)?$/.test(types.get(names[roles.indexOf('time')]!)!);
    const { timezone } = this.options;
    return {
      time: naive && timezone !== undefined ? toUtc(time, new ZoneClock(timezone), wrong) : time,
      open: column('open'),
      high: column('high'),
      low: column('low'),
      close: column('close'),
      volume: column('volume'),
      ...(roles.includes('bid') && roles.includes('ask')
        ? { bid: column('bid'), ask: column('ask') }
        : { bid: NONE, ask: NONE }),
    };
  }

  /** A row of a session bar names its date by a midnight in UTC, or by any instant of the session's local date. */
  private keyBySession(symbol: string, columns: Parameters<typeof picked>[0]) {
    const venue = this.context.calendar(this.options.calendar);
    const kept: number[] = [];
    const opens: number[] = [];
    const outside: number[] = [];
    columns.time.forEach((time, i) => {
      const date = formatDate(Math.floor(time / DAY_MS));
      const session = time % DAY_MS === 0 ? venue.session(date) : (venue.sessionAt(time) ?? venue.session(date));
      if (session === undefined || session.open === opens.at(-1)) outside.push(i);
      else {
        kept.push(i);
        opens.push(session.open);
      }
    });
    this.note(symbol, 'session', outside, (i) => formatDate(Math.floor(columns.time[i]! / DAY_MS)));
    return { ...picked(columns, kept), time: Float64Array.from(opens) };
  }

  private note(instrument: string, check: SourceNote['check'], rows: readonly number[], show: (row: number) => string) {
    if (rows.length > 0)
      this.context.note?.({ instrument, check, count: rows.length, examples: rows.slice(0, 5).map(show) });
  }
}

function epochMs(times: Float64Array, fail: (what: string) => QuantlineError): Float64Array {
  for (let i = 0; i < times.length; i++) if (!Number.isFinite(times[i]!)) throw fail(`row ${i + 1} has no time.`);
  const first = times[0] ?? 0;
  // 20240301
  if (first >= 19_000_101 && first <= 21_001_231 && times.every(Number.isInteger)) return times.map(dayOf);
  // Whole seconds of this century, not milliseconds of 1970; micro- and nanoseconds.
  if (first > 1e8 && first < 1e11) return times.map((time) => time * 1000);
  // A double keeps nanoseconds to 256.
  const per = first > 1e17 ? 1e6 : first > 1e14 ? 1e3 : 1;
  return per === 1 ? times : times.map((time) => Math.floor(time / per + 1e-4));
}

const dayOf = (ymd: number): number =>
  dayNumber(Math.floor(ymd / 10_000), Math.floor(ymd / 100) % 100, ymd % 100) * DAY_MS;

/** Instants of local wall times, in the order of the rows. */
function toUtc(local: Float64Array, zone: ZoneClock, fail: (what: string) => QuantlineError): Float64Array {
  const out = new Float64Array(local.length);
  let direction = 0;
  for (let i = 0; i < local.length; i++) {
    const previous = i > 0 ? out[i - 1]! : Number.NaN;
    out[i] = zone.toUtc(local[i]!, previous, direction);
    if (Number.isNaN(out[i]))
      throw fail(`row ${i + 1}: ${isoTime(local[i]!).slice(0, -1)} does not exist in ${zone.timezone}.`);
    if (i > 0 && direction === 0) direction = Math.sign(out[i]! - previous);
  }
  return out;
}
