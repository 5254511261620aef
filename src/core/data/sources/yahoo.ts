import { z } from 'zod';
import { type YahooChart, YahooClient } from '../../clients/yahoo/index.js';
import {
  type BarColumns,
  type CorporateAction,
  concatBars,
  DAY_MS,
  defaultInstrument,
  type Instrument,
  type Interval,
  intervalMs,
} from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { isoTime } from '../../platform/index.js';
import type { BarRequest, MarketDataSource, SourceContext } from '../source.js';
import { dateAt, type VendorBar, VendorColumns } from './vendor-columns.js';
import { rowsOf, type SplitEvent, splitsOf, undo } from './yahoo-adjustment.js';

export const name = 'yahoo';
export const summary = 'Yahoo Finance, unofficial: no key; daily bars of decades, minutes of a month.';

export const settings = z.strictObject({
  /** `raw`: prices as printed, by taking Yahoo's splits back; `split`: as Yahoo delivers them. */
  basis: z.enum(['raw', 'split']).default('raw'),
  /** Address on this machine instead of Yahoo's. */
  baseUrl: z.string().optional(),
});
export type YahooSettings = z.output<typeof settings>;

export function create(options: YahooSettings, context: SourceContext): YahooSource {
  context.logger.warn(
    "Yahoo offers no official interface: its data are for personal use under Yahoo's terms, which give no right to pass them on or to use them commercially.",
  );
  return new YahooSource(options, context);
}

/** Yahoo's own bars that an interval is made of, and how far back it keeps them. */
const UNITS: Readonly<Record<Interval, { readonly unit: Interval; readonly days: number }>> = {
  '1m': { unit: '1m', days: 29 },
  '2m': { unit: '2m', days: 59 },
  '5m': { unit: '5m', days: 59 },
  '10m': { unit: '5m', days: 59 },
  '15m': { unit: '15m', days: 59 },
  '30m': { unit: '30m', days: 59 },
  '1h': { unit: '1h', days: 729 },
  '2h': { unit: '1h', days: 729 },
  '4h': { unit: '1h', days: 729 },
  '1d': { unit: '1d', days: Number.POSITIVE_INFINITY },
};
/** A request for minutes may span a week. */
const MINUTE_SPAN = 7 * DAY_MS;

const TYPES: Readonly<Record<string, Instrument['class']>> = {
  EQUITY: 'equity',
  ETF: 'etf',
  INDEX: 'index',
  CRYPTOCURRENCY: 'crypto',
};

/** Yahoo writes classes of shares and pairs with a hyphen, brokers BRK.B and BTC/USD: both are taken. */
const yahooName = (symbol: string): string => symbol.replace(/^([A-Z]+)\.(?=[A-Z]$)/, '$1-').replace('/', '-');

export class YahooSource implements MarketDataSource {
  readonly feed = '';
  readonly density = 'dense';
  readonly basis;
  private connection: Promise<YahooClient> | undefined;
  private readonly known = new Map<string, Instrument>();
  private readonly splits = new Map<string, readonly SplitEvent[]>();

  constructor(
    private readonly options: YahooSettings,
    private readonly context: SourceContext,
  ) {
    this.basis = options.basis;
  }

  /** A chart by our name of the instrument, which errors carry too. */
  private async ask(symbol: string, query: Parameters<YahooClient['chart']>[1]): Promise<YahooChart | undefined> {
    const client = await this.client();
    try {
      return await client.chart(yahooName(symbol), query);
    } catch (error) {
      if (!isQuantlineError(error) || error.details['symbol'] === undefined) throw error;
      const { code, message, hint, details } = error;
      throw new QuantlineError(code, message, {
        ...(hint !== undefined && { hint }),
        details: { ...details, symbol },
        cause: error,
      });
    }
  }

  private client(): Promise<YahooClient> {
    const { clock, logger, stateDir } = this.context;
    this.connection ??= YahooClient.create({ clock, logger, stateDir, baseUrl: this.options.baseUrl });
    return this.connection;
  }

  async instruments(symbols: readonly string[]): Promise<readonly Instrument[]> {
    const out: Instrument[] = [];
    for (const symbol of symbols) out.push(await this.instrument(symbol));
    return out;
  }

  private async instrument(symbol: string, signal?: AbortSignal): Promise<Instrument> {
    const before = this.known.get(symbol);
    if (before !== undefined) return before;
    const now = this.context.clock.now();
    const chart = await this.ask(symbol, {
      from: now - 10 * DAY_MS,
      to: now,
      interval: '1d',
      extended: false,
      signal,
    });
    if (chart === undefined)
      throw new QuantlineError('NO_DATA', `Yahoo has no recent data of ${symbol}.`, { details: { symbol } });
    const { instrumentType, exchangeTimezoneName, currency } = chart.meta;
    const klass = TYPES[String(instrumentType)];
    if (klass === undefined || (klass !== 'crypto' && exchangeTimezoneName !== 'America/New_York'))
      throw new QuantlineError(
        'INPUT',
        `${symbol} (${String(instrumentType)}, ${String(exchangeTimezoneName)}) trades on a calendar that is not supported.`,
        { hint: 'Supported are US stocks, ETFs and indices, and crypto pairs such as BTC-USD.', details: { symbol } },
      );
    const instrument = defaultInstrument(symbol, klass === 'crypto' ? '24/7' : 'XNYS', {
      class: klass,
      currency: typeof currency === 'string' ? currency : 'USD',
      vendorIds: { yahoo: yahooName(symbol) },
    });
    this.known.set(symbol, instrument);
    const elsewhere = klass === 'crypto' ? symbol.replace('-', '/') : symbol.replace(/-(?=[A-Z]$)/, '.');
    if (elsewhere !== symbol)
      this.context.logger.warn(
        `${symbol} is ${elsewhere} at brokers and other sources: to trade it, ingest it under that name, which Yahoo is asked for as ${symbol}.`,
      );
    return instrument;
  }

  async *bars(request: BarRequest, signal: AbortSignal): AsyncIterable<BarColumns> {
    const failures: QuantlineError[] = [];
    const { unit, days } = UNITS[request.interval];
    const earliest = this.context.clock.now() - days * DAY_MS;
    if (request.from < earliest)
      throw new QuantlineError(
        'NO_DATA',
        `Yahoo keeps ${request.interval} bars for ${days} days: from ${isoTime(Math.ceil(earliest / DAY_MS) * DAY_MS).slice(0, 10)} on.`,
        {
          hint: 'Ask for a later --from or a longer --interval.',
        },
      );
    for (const symbol of request.symbols) {
      signal.throwIfAborted();
      try {
        const bars = await this.series(symbol, request, unit, signal);
        if (bars.time.length > 0) yield bars;
      } catch (error) {
        // A failure of the service is nobody's: the next symbol would meet it too.
        if (!isQuantlineError(error) || error.code === 'UNAVAILABLE' || signal.aborted) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((one) => one.message).join('\n'));
  }

  private async series(symbol: string, request: BarRequest, unit: Interval, signal: AbortSignal): Promise<BarColumns> {
    const instrument = await this.instrument(symbol, signal);
    const calendar = this.context.calendar(instrument.calendar);
    const now = this.context.clock.now();
    const columns = new VendorColumns({
      instrument: symbol,
      interval: request.interval,
      unit,
      scope: request.scope,
      calendar,
      from: request.from,
      to: request.to,
      completeUntil: now,
    });
    const parts: BarColumns[] = [];
    // Longer bars begin before and end after the range; the last day's bar carries the time of its last trade.
    const margin = unit === '1d' ? DAY_MS : unit === request.interval ? 0 : intervalMs(request.interval);
    // Yahoo takes whole seconds, the end exclusive.
    const end = Math.min(request.to + Math.max(margin, intervalMs(unit)), now + 1000);
    const span = unit === '1m' ? MINUTE_SPAN : Number.POSITIVE_INFINITY;
    const empty = { left: 0 };
    for (let from = request.from - margin; from < end; from += span) {
      const chart = await this.chart(symbol, from, Math.min(from + span, end), unit, request, signal);
      if (chart === undefined) continue;
      const rows = rowsOf(chart, calendar, unit, empty);
      parts.push(columns.page(rows as readonly VendorBar[]));
    }
    parts.push(columns.finish());
    if (empty.left > 0)
      this.context.logger.info(`${symbol}: Yahoo sent ${empty.left} bar(s) without any value; they count as missing.`);
    const bars = concatBars(parts);
    if (this.basis === 'raw') undo(bars, await this.splitsSince(symbol, request.from, signal), calendar.timezone);
    return bars;
  }

  private async chart(
    symbol: string,
    from: number,
    to: number,
    unit: Interval,
    request: BarRequest,
    signal: AbortSignal,
  ): Promise<YahooChart | undefined> {
    return this.ask(symbol, { from, to, interval: unit, extended: request.scope === 'extended', signal });
  }

  /** All splits from an instant until now: prices are adjusted for every one of them, whatever range is asked for. */
  private async splitsSince(symbol: string, from: number, signal: AbortSignal): Promise<readonly SplitEvent[]> {
    const key = `${symbol} ${Math.floor(from / DAY_MS)}`;
    let splits = this.splits.get(key);
    if (splits === undefined) {
      const chart = await this.events(symbol, from, signal);
      splits = chart === undefined ? [] : splitsOf(chart, symbol);
      this.splits.set(key, splits);
    }
    return splits;
  }

  private async events(symbol: string, from: number, signal: AbortSignal): Promise<YahooChart | undefined> {
    const to = this.context.clock.now();
    if (to - from < DAY_MS) return undefined;
    return this.ask(symbol, { from: from - DAY_MS, to, interval: '1d', extended: false, signal });
  }

  /** Splits and dividends by ex-date; Yahoo's dividends are adjusted for later splits, which is taken back. */
  async actions(request: BarRequest, signal: AbortSignal): Promise<readonly CorporateAction[]> {
    const out: CorporateAction[] = [];
    for (const symbol of request.symbols) {
      const { calendar } = await this.instrument(symbol, signal);
      const zone = this.context.calendar(calendar).timezone;
      const chart = await this.events(symbol, request.from, signal);
      if (chart === undefined) continue;
      const splits = splitsOf(chart, symbol);
      const within = (t: number): boolean => t >= request.from - DAY_MS && t < request.to;
      const first = dateAt(request.from, zone);
      const found: CorporateAction[] = splits
        .filter(({ time }) => within(time))
        .map(({ time, ratio }) => ({ type: 'split', instrument: symbol, date: dateAt(time, zone), ratio }));
      for (const event of chart.dividends) {
        const { time } = event;
        const amount = Number(event['amount']);
        if (!within(time) || !(amount > 0)) continue;
        let raw = amount;
        for (const split of splits) if (split.time > time) raw *= split.ratio;
        out.push({
          type: 'dividend',
          instrument: symbol,
          date: dateAt(time, zone),
          amount: Math.round(raw * 1e6) / 1e6,
        });
      }
      out.push(...found);
      for (let i = out.length - 1; i >= 0; i--)
        if (out[i]!.instrument === symbol && out[i]!.date < first) out.splice(i, 1);
    }
    return out.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    (await connection?.catch(() => undefined))?.close();
  }
}
