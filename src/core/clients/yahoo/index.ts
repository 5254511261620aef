import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import {
  type Clock,
  createHttp,
  dateOf,
  guardBaseUrl,
  type HttpMethod,
  httpError,
  httpFailureOf,
  type Logger,
} from '../../platform/index.js';
import { rateBudget } from '../budget.js';

const OFFICIAL = ['https://query2.finance.yahoo.com', 'https://query1.finance.yahoo.com'];

export interface YahooOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateDir?: string | undefined;
  /** Another address on this machine, for tests and local gateways. */
  readonly baseUrl?: string | undefined;
  readonly attempts?: number;
}

export interface ChartQuery {
  readonly from: number;
  readonly to: number;
  readonly interval: string;
  readonly extended: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The chart reply as far as it is used; every field may be missing, every value may be null. */
export interface YahooChart {
  readonly meta: Readonly<Record<string, unknown>>;
  /** Opening instants in milliseconds, NaN where unreadable. */
  readonly time: readonly number[];
  /** Instant of the last trade. */
  readonly lastTrade: number;
  readonly quote: Readonly<Record<'open' | 'high' | 'low' | 'close' | 'volume', readonly unknown[]>>;
  /** With `time` in milliseconds beside Yahoo's own fields. */
  readonly splits: readonly YahooEvent[];
  readonly dividends: readonly YahooEvent[];
}

export type YahooEvent = Readonly<Record<string, unknown>> & { readonly time: number };

/** Yahoo writes seconds; the client turns some of them into dates. */
const millis = (value: unknown): number =>
  typeof value === 'number' ? value * 1000 : value instanceof Date ? value.getTime() : Number.NaN;

/**
 * Yahoo's chart interface through yahoo-finance2, with our transport under it. The chart needs neither cookie nor
 * crumb, so the failures of that dance cannot put a wrong one into a request; where Yahoo asks for them all the same,
 * the answer says which it was.
 */
export class YahooClient {
  private constructor(
    private readonly chartOf: (symbol: string, query: ChartQuery) => Promise<unknown>,
    private readonly budget: { close(): void },
  ) {}

  static async create(options: YahooOptions): Promise<YahooClient> {
    const { clock, logger, stateDir } = options;
    const base = guardBaseUrl(options.baseUrl, OFFICIAL, 'The Yahoo address');
    const [{ default: createYahooFinance }, { default: chart }] = await Promise.all([
      import('yahoo-finance2/createYahooFinance'),
      import('yahoo-finance2/modules/chart'),
    ]);
    const budget = await rateBudget({ key: 'yahoo', perMinute: 100, reserve: 0, clock, stateDir });
    const http = createHttp({
      service: 'Yahoo',
      origins: [base],
      clock,
      gate: budget,
      maxBytes: 32 * 1024 * 1024,
      ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
      onWait: (message) => logger.info(message),
      envelope,
    });
    // The client passes no signal on, and runs four calls at a time: one at a time here, so these are unambiguous.
    let signal: AbortSignal | undefined;
    let text = '';
    const fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
      const url = new URL(String(input));
      const reply = await http.send({
        method: (init?.method ?? 'GET') as HttpMethod,
        url: `${base}${url.pathname}${url.search}`,
        headers: Object.fromEntries(
          Object.entries((init?.headers ?? {}) as Record<string, string>).filter(([, v]) => v !== ''),
        ),
        signal,
        expect: 'any',
      });
      text = reply.text;
      refuseText(text);
      return new Response(text, { status: reply.status });
    };
    const quiet = {
      info() {},
      debug() {},
      dir() {},
      warn: (m: unknown) => logger.debug(String(m)),
      error: (m: unknown) => logger.debug(String(m)),
    };
    const Yahoo = createYahooFinance({ modules: { chart } });
    const yahoo = new Yahoo({
      fetch: fetch as typeof globalThis.fetch,
      logger: quiet,
      versionCheck: false,
      validation: { logErrors: false },
    });
    let said = false;
    let last: Promise<unknown> = Promise.resolve();
    const chartOf = (symbol: string, query: ChartQuery): Promise<unknown> => {
      const run = async () => {
        signal = query.signal;
        try {
          return await yahoo.chart(encodeURIComponent(symbol), {
            period1: dateOf(query.from),
            period2: dateOf(query.to),
            interval: query.interval as '1d',
            includePrePost: query.extended,
            events: 'div|split',
            return: 'object',
          });
        } catch (error) {
          // Its schema covers much that is not used here: what is used is checked in `chartFrom`.
          const why = deviation(error);
          if (why === undefined) throw error;
          if (!said) logger.warn(`Yahoo: ${symbol}: the chart has fields of another form than is known (${why}).`);
          said = true;
          return (JSON.parse(text) as { chart: { result: unknown[] } }).chart.result[0];
        }
      };
      const next = last.then(run, run);
      last = next.catch(() => {});
      return next;
    };
    return new YahooClient(chartOf, budget);
  }

  /** undefined where Yahoo has nothing in the range. @throws QuantlineError INPUT for an unknown symbol. */
  async chart(symbol: string, query: ChartQuery): Promise<YahooChart | undefined> {
    let reply: unknown;
    try {
      reply = await this.chartOf(symbol, query);
    } catch (error) {
      query.signal?.throwIfAborted();
      return failure(symbol, error);
    }
    return chartFrom(symbol, reply);
  }

  close(): void {
    this.budget.close();
  }
}

/** Where a reply differs from the schema that yahoo-finance2 has of it; undefined where that is not what failed. */
function deviation(error: unknown): string | undefined {
  // Its validator looks into null as if it were an object.
  if (error instanceof TypeError) return error.message;
  if (!(error instanceof Error) || error.name !== 'FailedYahooValidationError') return undefined;
  const [first] = (error as Error & { errors: readonly { instancePath: string; message: string }[] }).errors;
  return `${first?.instancePath ?? ''} ${first?.message ?? ''}`.trim();
}

/** Yahoo's envelope is {chart: {error}} or {finance: {error}}. */
function envelope(json: unknown): { code?: string; message?: string } | undefined {
  if (json === null || typeof json !== 'object') return undefined;
  for (const part of Object.values(json as Record<string, unknown>)) {
    const error = (part as { error?: { code?: unknown; description?: unknown } | null } | null)?.error;
    if (error) return { code: String(error.code ?? ''), message: String(error.description ?? '') };
  }
  return undefined;
}

const limited = (said: string, cause?: unknown): QuantlineError =>
  httpError(
    'UNAVAILABLE',
    `Yahoo: too many requests (${said}).`,
    'Yahoo limits by address and for an unknown time: wait some minutes, or use --source alpaca.',
    { cause: 'rate-limit', status: 429, ambiguous: false },
    cause,
  );
const consent = (cause?: unknown): QuantlineError =>
  httpError(
    'UNAVAILABLE',
    'Yahoo: a consent page stands in between (Yahoo shows it to visitors from some countries).',
    'Use --source alpaca, or another network.',
    { cause: 'web-page', ambiguous: false },
    cause,
  );
const crumb = (said: string, cause?: unknown): QuantlineError =>
  httpError(
    'UNAVAILABLE',
    `Yahoo: it asks for a session that it does not give out to programs now (${said}).`,
    'Try again later, or use --source alpaca.',
    { cause: 'status', status: 401, ambiguous: false },
    cause,
  );

/** A 200 whose body is not data: Yahoo says "Too Many Requests" and shows consent and error pages that way. */
function refuseText(text: string): void {
  const start = text.trimStart().slice(0, 4000);
  if (start.startsWith('{')) return;
  if (/^(edge: )?too many requests/i.test(start)) throw limited('said in a 200');
  if (/consent|guce|collectConsent/i.test(start)) throw consent();
  if (start.startsWith('<'))
    throw httpError(
      'UNAVAILABLE',
      'Yahoo: answered a web page instead of data: a captive portal, proxy or maintenance page stands in between.',
      'Open finance.yahoo.com in a browser to see the page.',
      { cause: 'web-page', status: 200, ambiguous: false },
    );
  throw httpError('UNAVAILABLE', 'Yahoo: the answer is empty or not JSON.', 'Try again in a moment.', {
    cause: 'not-json',
    status: 200,
    ambiguous: false,
  });
}

/** Tells Yahoo's failures apart. Returns undefined for "no data in this range". */
function failure(symbol: string, error: unknown): undefined {
  const http = httpFailureOf(error);
  const said = http?.vendorMessage ?? (isQuantlineError(error) ? '' : String((error as Error)?.message ?? error));
  if (/data doesn't exist for startdate|no data found for this date range/i.test(said)) return undefined;
  // Already told apart from the body.
  if (isQuantlineError(error) && error.message.startsWith('Yahoo: ')) throw error;
  if (http?.cause === 'redirect') throw /consent|guce/i.test((error as Error).message) ? consent(error) : error;
  if (http?.cause === 'rate-limit') throw limited('429', error);
  if (http?.status === 401 || /invalid (crumb|cookie)|unauthorized/i.test(said)) throw crumb(said || '401', error);
  if (/not available for starttime|data not available|must be within the last/i.test(said))
    throw new QuantlineError('NO_DATA', `${symbol}: Yahoo no longer has bars this short for this range (${said}).`, {
      hint: 'Ask for a later --from or a longer --interval.',
      details: { symbol },
      cause: error,
    });
  if (http?.status === 404 || /no data found|not found|delisted/i.test(said))
    throw new QuantlineError(
      'INPUT',
      `Yahoo does not know the symbol ${symbol}, or it was delisted (${said || '404'}).`,
      {
        hint: 'Share classes are written BRK.B or BRK-B, indices with a caret (^GSPC), crypto as BTC/USD or BTC-USD.',
        details: { symbol },
        cause: error,
      },
    );
  if (isQuantlineError(error)) throw error;
  throw new QuantlineError('UNAVAILABLE', `Yahoo: the chart of ${symbol} could not be read (${said.slice(0, 200)}).`, {
    hint: 'Try again later; Yahoo changes its interface without notice.',
    details: { symbol },
    cause: error,
  });
}

function chartFrom(symbol: string, reply: unknown): YahooChart | undefined {
  const unreadable = (what: string) =>
    new QuantlineError(
      'UNAVAILABLE',
      `Yahoo: the chart of ${symbol} has another form (${what}); it is not taken as empty.`,
      {
        hint: 'Try again later; Yahoo changes its interface without notice.',
        details: { symbol },
      },
    );
  if (reply === null || typeof reply !== 'object') throw unreadable('no object');
  const { meta, timestamp, indicators, events } = reply as Record<string, unknown>;
  if (meta === null || typeof meta !== 'object') throw unreadable('no meta');
  const list = (kind: string): YahooEvent[] =>
    Object.values(
      ((events as Record<string, unknown> | undefined)?.[kind] ?? {}) as Record<string, Record<string, unknown>>,
    ).map((event) => ({ ...event, time: millis(event['date']) }));
  const common = {
    meta: meta as Record<string, unknown>,
    lastTrade: millis((meta as Record<string, unknown>)['regularMarketTime']),
    splits: list('splits'),
    dividends: list('dividends'),
  };
  const { quote: quotes } = (indicators ?? {}) as { quote?: unknown };
  if (!Array.isArray(quotes)) throw unreadable('no quotes');
  if (timestamp === undefined || timestamp === null)
    return { ...common, time: [], quote: { open: [], high: [], low: [], close: [], volume: [] } };
  if (!Array.isArray(timestamp)) throw unreadable('no times');
  const quote = quotes[0] as Record<string, unknown> | undefined;
  for (const field of ['open', 'high', 'low', 'close', 'volume']) {
    const column = quote?.[field];
    if (!Array.isArray(column) || column.length !== timestamp.length)
      throw unreadable(`${field} does not match the times`);
  }
  return { ...common, time: timestamp.map(millis), quote: quote as YahooChart['quote'] };
}
