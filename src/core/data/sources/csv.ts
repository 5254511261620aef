import { z } from 'zod';
import {
  type BarColumns,
  type CorporateAction,
  DAY_MS,
  defaultInstrument,
  formatDate,
  type Instrument,
  intervalMs,
  isSessionInterval,
  lowerBound,
  type QuoteColumns,
  sliceBars,
} from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { isoTime } from '../../platform/index.js';
import { readActions } from '../csv/actions.js';
import { arrange, picked } from '../csv/arrange.js';
import { type CsvRows, readCsv } from '../csv/read.js';
import { quotesOf } from '../quotes.js';
import type { BarRequest, MarketDataSource, SourceContext, SourceNote } from '../source.js';

export const name = 'csv';
export const summary = 'Files of bars as text: any column order, date format and separator.';

const list = z.union([z.string().transform((text) => text.split(',').map((item) => item.trim())), z.array(z.string())]);

export const settings = z.strictObject({
  /** One file per symbol, in order. */
  file: list,
  symbols: list,
  timezone: z.string().optional(),
  calendar: z.enum(['XNYS', '24/7']).default('XNYS'),
  basis: z.enum(['raw', 'split', 'total']).default('raw'),
  /** 3/1/2024 is March 1 with `mdy`, January 3 with `dmy`. */
  dates: z.enum(['mdy', 'dmy']).default('mdy'),
  decimal: z.enum(['point', 'comma']).default('point'),
  /** Whether an intraday time names the bar's opening or its end. */
  stamp: z.enum(['open', 'close']).default('open'),
  /** Column names of files without a header line. */
  columns: list.optional(),
  /** Lines before the header: comments, an address, `sep=;`. */
  skip: z.coerce.number().int().min(0).default(0),
  density: z.enum(['dense', 'sparse']).default('dense'),
  /** File of splits, dividends, renames and delistings: symbol,date,type,value. */
  actions: z.string().optional(),
});
export type CsvSettings = z.output<typeof settings>;

export function create(options: CsvSettings, context: SourceContext): MarketDataSource {
  return new CsvSource(options, context);
}

const EXAMPLES = 5;

class CsvSource implements MarketDataSource {
  readonly feed = '';
  readonly archive = true;
  readonly basis;
  readonly density;
  /** Of the files read so far. */
  private readonly quoted = new Map<string, QuoteColumns>();

  constructor(
    private readonly options: CsvSettings,
    private readonly context: SourceContext,
  ) {
    const { file, symbols } = options;
    if (file.length !== symbols.length)
      throw new QuantlineError('USAGE', `${symbols.length} symbols but ${file.length} files.`, {
        hint: 'Give one --file per symbol of --symbols, in the same order.',
      });
    this.basis = options.basis;
    this.density = options.density;
  }

  async instruments(symbols: readonly string[]): Promise<readonly Instrument[]> {
    return symbols.map((symbol) => {
      this.fileOf(symbol);
      return defaultInstrument(symbol, this.options.calendar);
    });
  }

  private fileOf(symbol: string): string {
    const at = this.options.symbols.indexOf(symbol);
    if (at === -1)
      throw new QuantlineError('INPUT', `No file was given for ${symbol}.`, {
        hint: `There are files for ${this.options.symbols.join(', ')}.`,
        details: { symbol },
      });
    return this.options.file[at]!;
  }

  async actions({ symbols, from, to }: BarRequest): Promise<readonly CorporateAction[]> {
    if (this.options.actions === undefined) return [];
    const first = Number.isFinite(from) ? formatDate(Math.floor(from / DAY_MS)) : '';
    const last = Number.isFinite(to) ? formatDate(Math.floor(to / DAY_MS)) : '9999-12-31';
    return (await readActions(this.options.actions)).filter(
      ({ instrument, date }) => symbols.includes(instrument) && date >= first && date <= last,
    );
  }

  async quotes(request: BarRequest, signal: AbortSignal): Promise<ReadonlyMap<string, QuoteColumns>> {
    for (const symbol of request.symbols) if (!this.quoted.has(symbol)) await this.read(symbol, request, signal);
    return this.quoted;
  }

  async *bars(request: BarRequest, signal: AbortSignal): AsyncIterable<BarColumns> {
    const failures: QuantlineError[] = [];
    for (const symbol of request.symbols) {
      let bars: BarColumns;
      try {
        bars = await this.read(symbol, request, signal);
      } catch (error) {
        if (!isQuantlineError(error) || signal.aborted) throw error;
        failures.push(new QuantlineError(error.code, error.message, { ...options(error), cause: error }));
        continue;
      }
      yield bars;
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((failure) => failure.message).join('\n'));
  }

  private async read(symbol: string, request: BarRequest, signal: AbortSignal): Promise<BarColumns> {
    const path = this.fileOf(symbol);
    const { calendar, timezone, dates, decimal, columns, skip, stamp } = this.options;
    const venue = this.context.calendar(calendar);
    const daily = isSessionInterval(request.interval);
    const rows = await readCsv(
      path,
      {
        symbol,
        calendar,
        calendarZone: venue.timezone,
        daily,
        timezone,
        dayFirst: dates === 'dmy',
        decimalComma: decimal === 'comma',
        columns,
        skip,
      },
      signal,
    );
    this.describe(path, rows);
    if (stamp === 'close' && !daily) shift(rows.time, -intervalMs(request.interval));
    const arranged = arrange(rows);
    const where = (row: number) =>
      `line ${rows.firstLine + row} (${daily ? formatDate(rows.time[row]!) : isoTime(rows.time[row]!)})`;
    this.note(symbol, 'order', arranged.backward, where);
    this.note(symbol, 'repeated', arranged.repeated, where);
    this.note(symbol, 'conflicting', arranged.conflicting, where);
    const keyed = daily ? this.keyBySession(symbol, path, arranged.columns) : arranged.columns;
    const bars: BarColumns = {
      instrument: symbol,
      interval: request.interval,
      time: keyed.time,
      open: keyed.open,
      high: keyed.high,
      low: keyed.low,
      close: keyed.close,
      volume: keyed.volume,
    };
    this.quoted.set(symbol, quotesOf(keyed));
    return sliceBars(bars, lowerBound(bars.time, request.from), lowerBound(bars.time, request.to));
  }

  /** Day numbers become session opens; rows of days without a session are left out and noted. */
  private keyBySession(
    symbol: string,
    path: string,
    columns: Omit<CsvRows, 'header' | 'firstLine'>,
  ): Omit<CsvRows, 'header' | 'firstLine'> {
    const { time } = columns;
    const n = time.length;
    const venue = this.context.calendar(this.options.calendar);
    const kept: number[] = [];
    const opens: number[] = [];
    const outside: number[] = [];
    // Sessions of the range once, walked beside the rows.
    const sessions = venue.sessionsBetween(time[0]! * DAY_MS - DAY_MS, (time[n - 1]! + 2) * DAY_MS);
    let s = 0;
    for (let i = 0; i < n; i++) {
      const date = formatDate(time[i]!);
      while (s < sessions.length && sessions[s]!.date < date) s++;
      const session = sessions[s];
      if (session?.date === date) {
        kept.push(i);
        opens.push(session.open);
      } else outside.push(i);
    }
    const date = (i: number) => formatDate(time[i]!);
    // A few stray rows are a vendor's slip, many are another calendar.
    if (outside.length > 5 && outside.length * 50 > n)
      throw new QuantlineError(
        'INPUT',
        `${outside.length} of ${n} rows of ${path} are of days without a session of ${venue.id}, such as ${outside.slice(0, 3).map(date).join(', ')}.`,
        {
          hint: venue.id === 'XNYS' ? 'Does it trade every day? Then add --calendar 24/7.' : 'Check the dates.',
          details: { path, symbol, rows: outside.length },
        },
      );
    this.note(symbol, 'session', outside, date);
    if (outside.length === 0) return { ...columns, time: Float64Array.from(opens) };
    return { ...picked(columns, kept), time: Float64Array.from(opens) };
  }

  private describe(path: string, rows: CsvRows): void {
    const { ignored, roles } = rows.header;
    if (ignored.length > 0) this.context.logger.info(`${path}: columns not read: ${ignored.join(', ')}`);
    if (!roles.includes('volume')) this.context.logger.warn(`${path}: no volume column; volume is 0`);
  }

  private note(
    instrument: string,
    check: SourceNote['check'],
    rows: readonly number[],
    show: (row: number) => string,
  ): void {
    if (rows.length > 0)
      this.context.note?.({ instrument, check, count: rows.length, examples: rows.slice(0, EXAMPLES).map(show) });
  }
}

function shift(times: Float64Array, by: number): void {
  for (let i = 0; i < times.length; i++) times[i] = times[i]! + by;
}

const options = (error: QuantlineError) => ({
  details: error.details,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
});
