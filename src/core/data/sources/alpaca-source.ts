import { AlpacaRest, alpacaKeys, alpacaQuotes, alpacaUrls } from '../../clients/alpaca/index.js';
import {
  type BarColumns,
  type CorporateAction,
  DAY_MS,
  defaultInstrument,
  type Instrument,
  type Interval,
  intervalMs,
  type Quote,
  type Session,
} from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { dateOf, httpFailureOf } from '../../platform/index.js';
import type { BarRequest, BarStream, BarStreamEvent, MarketDataSource, SourceContext } from '../source.js';
import { actionsOf } from './alpaca-actions.js';
import { type MarketEvent, type StreamChannels, streamMarket } from './alpaca-stream.js';
import { dateAt, type VendorBar, VendorColumns } from './vendor-columns.js';

export type AlpacaFeed = 'sip' | 'delayed_sip' | 'iex';

/** Bars a page; the vendor's maximum, over all symbols of a request. */
const PAGE = 10_000;
/** Symbols a request: keeps addresses below 2 kB. */
const SYMBOLS = 100;
/** The delayed feed is 15 minutes late; one more for clocks that differ. */
const DELAY_MS = 16 * 60_000;

const TIMEFRAMES: Readonly<Record<Interval, string>> = {
  '1m': '1Min',
  '2m': '2Min',
  '5m': '5Min',
  '10m': '10Min',
  '15m': '15Min',
  '30m': '30Min',
  '1h': '1Hour',
  '2h': '2Hour',
  '4h': '4Hour',
  '1d': '1Day',
};

/** Alpaca cuts hours at the full hour and crypto days in Chicago: those bars are put together from shorter ones. */
function unitOf(interval: Interval, crypto: boolean): Interval {
  if (crypto) return ['2h', '4h', '1d'].includes(interval) ? '1h' : interval;
  return ['1h', '2h', '4h'].includes(interval) ? '30m' : interval;
}

const isCrypto = (symbol: string): boolean => symbol.includes('/');

/** Sessions and the vendor's word on an asset, beside the port. */
export interface AlpacaAsset {
  readonly symbol: string;
  readonly name: string;
  readonly exchange: string;
  readonly active: boolean;
  readonly tradable: boolean;
  readonly shortable: boolean;
  readonly fractionable: boolean;
}

export class AlpacaSource implements MarketDataSource {
  readonly basis = 'raw';
  readonly density;
  readonly delayMs;
  readonly batch = SYMBOLS;
  /** Pages of one request follow each other; a few requests at once use up the rate limit, which they share. */
  readonly parallel = 4;
  /** The stream's bars are minutes of US stocks. */
  readonly barStream: BarStream = {
    covers: (symbols, interval) => interval === '1m' && !symbols.some(isCrypto),
    open: (symbols, signal) => this.barEvents(symbols, signal),
  };
  private connection: Promise<AlpacaRest> | undefined;

  constructor(
    readonly feed: AlpacaFeed,
    private readonly context: SourceContext,
  ) {
    this.delayMs = feed === 'delayed_sip' ? DELAY_MS : 0;
    this.density = feed === 'iex' ? ('sparse' as const) : ('dense' as const);
  }

  /** Reading bars and assets needs keys of either environment; they go to the environment's own host. */
  private rest(): Promise<AlpacaRest> {
    this.connection ??= (async () => {
      const { secrets, clock, logger, stateDir } = this.context;
      const keys = alpacaKeys(secrets);
      return AlpacaRest.create({ keys, urls: this.urls(), clock, logger, stateDir });
    })();
    return this.connection;
  }

  private urls() {
    const { secrets } = this.context;
    const live = /^AK/.test(secrets?.['APCA_API_KEY_ID'] ?? '');
    return alpacaUrls(secrets, live ? 'live' : 'paper');
  }

  async instruments(symbols: readonly string[]): Promise<readonly Instrument[]> {
    return Promise.all(symbols.map((symbol) => this.instrument(symbol)));
  }

  private async instrument(symbol: string): Promise<Instrument> {
    const rest = await this.rest();
    let asset: Readonly<Record<string, unknown>>;
    try {
      asset = (await rest.trading('AssetsApi', (api, init) =>
        api.getV2AssetsSymbolOrAssetIdRaw({ symbolOrAssetId: symbol }, init),
      )) as typeof asset;
    } catch (error) {
      if (httpFailureOf(error)?.status !== 404) throw error;
      throw new QuantlineError('INPUT', `Alpaca does not know the symbol ${symbol}.`, {
        hint: isCrypto(symbol) ? 'Pairs are written as BTC/USD.' : 'Share classes are written with a dot, as in BRK.B.',
        details: { symbol },
        cause: error,
      });
    }
    const crypto = asset['class'] === 'crypto';
    if (asset['status'] === 'inactive') this.context.logger.warn(`${symbol} is no longer traded; its history ends.`);
    return defaultInstrument(symbol, crypto ? '24/7' : 'XNYS', {
      fractionable: asset['fractionable'] === true,
      vendorIds: typeof asset['id'] === 'string' ? { alpaca: asset['id'] } : {},
    });
  }

  async *bars(request: BarRequest, signal: AbortSignal): AsyncIterable<BarColumns> {
    const failures: QuantlineError[] = [];
    for (const crypto of [false, true]) {
      const symbols = request.symbols.filter((symbol) => isCrypto(symbol) === crypto);
      for (let i = 0; i < symbols.length; i += SYMBOLS)
        yield* this.chunk(request, symbols.slice(i, i + SYMBOLS), crypto, signal, failures);
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((one) => one.message).join('\n'));
  }

  /** One request with its pages. A request refused for one bad symbol is split until that symbol stands alone. */
  private async *chunk(
    request: BarRequest,
    symbols: readonly string[],
    crypto: boolean,
    signal: AbortSignal,
    failures: QuantlineError[],
  ): AsyncGenerator<BarColumns> {
    const columns = new Map(symbols.map((symbol) => [symbol, this.columns(request, symbol, crypto)]));
    const broken = new Set<string>();
    const take = (symbol: string, make: () => BarColumns): BarColumns | undefined => {
      try {
        const bars = make();
        return bars.time.length > 0 ? bars : undefined;
      } catch (error) {
        if (!isQuantlineError(error)) throw error;
        broken.add(symbol);
        failures.push(error);
        return undefined;
      }
    };
    try {
      for await (const page of this.pages(request, symbols, crypto, signal))
        for (const [symbol, rows] of Object.entries(page)) {
          const into = columns.get(symbol);
          if (into === undefined || broken.has(symbol)) continue;
          const bars = take(symbol, () => into.page(rows));
          if (bars !== undefined) yield bars;
        }
    } catch (error) {
      const status = httpFailureOf(error)?.status;
      if (status !== 400 && status !== 404 && status !== 422) throw error;
      if (symbols.length > 1) {
        const half = symbols.length >> 1;
        yield* this.chunk(request, symbols.slice(0, half), crypto, signal, failures);
        yield* this.chunk(request, symbols.slice(half), crypto, signal, failures);
      } else failures.push(refusedSymbol(symbols[0]!, error as QuantlineError));
      return;
    }
    for (const [symbol, into] of columns) {
      if (broken.has(symbol)) continue;
      const bars = take(symbol, () => into.finish());
      if (bars !== undefined) yield bars;
      if (into.outside > 0 && request.interval === '1d')
        this.context.note?.({
          instrument: symbol,
          check: 'session',
          count: into.outside,
          examples: into.outsideExamples,
        });
    }
  }

  private columns(request: BarRequest, symbol: string, crypto: boolean): VendorColumns {
    return new VendorColumns({
      instrument: symbol,
      interval: request.interval,
      unit: unitOf(request.interval, crypto),
      scope: request.scope,
      calendar: this.context.calendar(crypto ? '24/7' : 'XNYS'),
      from: request.from,
      to: request.to,
      completeUntil: this.context.clock.now() - this.delayMs,
    });
  }

  private async *pages(
    request: BarRequest,
    symbols: readonly string[],
    crypto: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Readonly<Record<string, readonly VendorBar[]>>> {
    const rest = await this.rest();
    const unit = unitOf(request.interval, crypto);
    // Longer bars begin before and end after the range; a daily bar is stamped hours before its session's open.
    const margin = unit === '1d' ? DAY_MS : unit === request.interval ? 0 : intervalMs(request.interval);
    const now = this.context.clock.now();
    const end = Math.min(request.to + margin - 1, now - this.delayMs);
    const start = request.from - margin;
    if (end <= start) return;
    const query = {
      symbols: symbols.join(','),
      timeframe: TIMEFRAMES[unit],
      start: dateOf(start),
      end: dateOf(end),
      limit: PAGE,
    };
    const seen = new Set<string>();
    for (let pageToken: string | undefined; ; ) {
      signal.throwIfAborted();
      const paged = pageToken === undefined ? query : { ...query, pageToken };
      const reply = crypto
        ? await rest.data('CryptoApi', (api, init) => api.cryptoBarsRaw({ ...paged, loc: 'us' }, init), { signal })
        : await rest.data(
            'StockApi',
            (api, init) =>
              api.stockBarsRaw({ ...paged, feed: this.feed === 'iex' ? 'iex' : 'sip', adjustment: 'raw' }, init),
            { signal },
          );
      const { bars, next_page_token: token } = pageOf(reply);
      yield bars;
      if (token === undefined) return;
      if (seen.has(token)) throw cycle();
      seen.add(token);
      pageToken = token;
    }
  }

  async actions(request: BarRequest, signal: AbortSignal): Promise<readonly CorporateAction[]> {
    const symbols = request.symbols.filter((symbol) => !isCrypto(symbol));
    const from = dateAt(request.from, 'America/New_York');
    const to = dateAt(request.to - 1, 'America/New_York');
    const found: CorporateAction[] = [];
    const rest = await this.rest();
    for (let i = 0; i < symbols.length; i += SYMBOLS) {
      const part = symbols.slice(i, i + SYMBOLS);
      const seen = new Set<string>();
      for (let pageToken: string | undefined; ; ) {
        // The vendor filters by processing date: for a dividend that is the payment, weeks after the ex-date.
        const reply = (await rest.data(
          'CorporateActionsApi',
          (api, init) =>
            api.corporateActionsRaw(
              {
                symbols: part.join(','),
                start: dateOf(request.from - 10 * DAY_MS),
                end: dateOf(request.to + 120 * DAY_MS),
                limit: 1000,
                ...(pageToken === undefined ? {} : { pageToken }),
              },
              init,
            ),
          { signal },
        )) as { corporate_actions?: unknown; next_page_token?: unknown } | undefined;
        const body = reply?.corporate_actions;
        if (body === null || typeof body !== 'object') throw unreadable('corporate actions');
        const { actions, remarks } = actionsOf(body as Record<string, unknown>, new Set(part));
        for (const remark of remarks) this.context.logger.warn(`Corporate action not applied: ${remark}.`);
        found.push(...actions.filter(({ date }) => date >= from && date <= to));
        const token = tokenOf(reply?.next_page_token);
        if (token === undefined) break;
        if (seen.has(token)) throw cycle();
        seen.add(token);
        pageToken = token;
      }
    }
    return found;
  }

  async latestQuotes(symbols: readonly string[]): Promise<readonly Quote[]> {
    return alpacaQuotes(await this.rest(), symbols, this.feed);
  }

  /** The vendor's own calendar: sessions with early closes, to hold ours against. */
  async calendarSessions(from: number, to: number): Promise<readonly Session[]> {
    const rest = await this.rest();
    const days = await rest.trading('CalendarApi', (api, init) =>
      api.legacyCalendarRaw({ start: dateOf(from), end: dateOf(to) }, init),
    );
    if (!Array.isArray(days)) throw unreadable('the calendar');
    const zone = 'America/New_York';
    return (days as Record<string, unknown>[]).map((day) => {
      const date = String(day['date']);
      const instant = (clock: unknown): number => {
        const guess = Date.parse(`${date}T${String(clock)}:00Z`);
        for (const hours of [4, 5]) {
          const t = guess + hours * 3_600_000;
          if (wallTime(t, zone) === `${date} ${String(clock)}`) return t;
        }
        throw unreadable('the calendar');
      };
      const close = instant(day['close']);
      return { date, open: instant(day['open']), close, earlyClose: String(day['close']) < '16:00' };
    });
  }

  /** Every asset that the account may trade. */
  async assets(): Promise<readonly AlpacaAsset[]> {
    const rest = await this.rest();
    const list = await rest.trading('AssetsApi', (api, init) =>
      api.getV2AssetsRaw({ status: 'active', assetClass: 'us_equity' }, init),
    );
    if (!Array.isArray(list)) throw unreadable('the asset list');
    return (list as Record<string, unknown>[]).map((asset) => ({
      symbol: String(asset['symbol']),
      name: String(asset['name'] ?? ''),
      exchange: String(asset['exchange'] ?? ''),
      active: asset['status'] === 'active',
      tradable: asset['tradable'] === true,
      shortable: asset['shortable'] === true,
      fractionable: asset['fractionable'] === true,
    }));
  }

  private async *barEvents(symbols: readonly string[], signal: AbortSignal): AsyncGenerator<BarStreamEvent> {
    for await (const event of this.stream({ bars: symbols, updatedBars: symbols }, signal))
      if (event.type !== 'quote' && event.type !== 'trade') yield event;
  }

  /** Bars as they happen: bars, restated bars, quotes, trades; reconnects and reports every gap. */
  stream(channels: StreamChannels, signal: AbortSignal): AsyncIterable<MarketEvent> {
    const { secrets, clock, logger } = this.context;
    const keys = alpacaKeys(secrets);
    return streamMarket({ keys, url: `${this.urls().dataStream}/v2/${this.feed}`, channels, clock, logger, signal });
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    (await connection?.catch(() => undefined))?.close();
  }
}

function pageOf(reply: unknown): {
  readonly bars: Readonly<Record<string, readonly VendorBar[]>>;
  readonly next_page_token: string | undefined;
} {
  const page = reply as { bars?: unknown; next_page_token?: unknown } | null | undefined;
  const bars = page?.bars;
  if (typeof page !== 'object' || page === null || bars === undefined || typeof bars !== 'object')
    throw unreadable('bars');
  if (bars !== null && !Object.values(bars).every((rows) => Array.isArray(rows))) throw unreadable('bars');
  return { bars: (bars ?? {}) as Record<string, VendorBar[]>, next_page_token: tokenOf(page.next_page_token) };
}

const tokenOf = (token: unknown): string | undefined => (typeof token === 'string' && token !== '' ? token : undefined);

const unreadable = (what: string): QuantlineError =>
  new QuantlineError('UNAVAILABLE', `Alpaca's answer does not have the form of ${what}; it is not taken as empty.`, {
    hint: 'Try again in a moment; if it stays, a newer version of Quantline may be needed.',
  });

const cycle = (): QuantlineError =>
  new QuantlineError('UNAVAILABLE', "Alpaca's paging repeats itself; the series was not read to its end.", {
    hint: 'Run the same command again; what was stored stays.',
  });

function refusedSymbol(symbol: string, error: QuantlineError): QuantlineError {
  return new QuantlineError('INPUT', `${symbol}: ${error.message}`, {
    hint: 'Check the symbol and the range.',
    details: { ...error.details, symbol },
    cause: error,
  });
}

function wallTime(t: number, zone: string): string {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return `${dateAt(t, zone)} ${clock.format(t)}`;
}
