import type * as Sdk from '@alpacahq/alpaca-trade-api/rest';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import {
  type Clock,
  createHttp,
  type Http,
  type HttpMethod,
  type HttpReply,
  httpError,
  httpFailureOf,
  type Logger,
  type RateGate,
} from '../../platform/index.js';
import { rateBudget } from '../budget.js';
import type { AlpacaKeys, AlpacaUrls } from './settings.js';

export interface AlpacaRestOptions {
  readonly keys: AlpacaKeys;
  readonly urls: AlpacaUrls;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all processes with these keys; absent: the budget is this process's own. */
  readonly stateDir?: string | undefined;
  readonly timeoutMs?: number;
  readonly attempts?: number;
  /** Once it aborts, requests are given up within seconds. */
  readonly ending?: AbortSignal | undefined;
}

/** How one call may behave; reads are repeated after failures, writes are sent once. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly retry?: boolean;
  /** Longest wait for room in the request budget. */
  readonly maxQueueMs?: number;
}

type Raw = Promise<{ readonly raw: Response }>;
type Init = RequestInit & { quantline?: CallOptions };

/**
 * The vendor's client with our transport under it: it builds addresses, parameters and headers; the HTTP policy, the
 * shared budget and the reading of replies are ours. Replies are returned as parsed JSON with the vendor's own names,
 * so that decimal strings stay text and unknown fields are tolerated.
 */
export class AlpacaRest {
  private readonly apis = new Map<TradingApi, unknown>();

  private constructor(
    private readonly sdk: typeof Sdk,
    private readonly tradingConfig: InstanceType<typeof Sdk.trading.Configuration>,
    private readonly dataConfig: InstanceType<typeof Sdk.marketData.Configuration>,
    private readonly tradingHttp: Http,
    private readonly budgets: readonly { close(): void }[],
  ) {}

  static async create(options: AlpacaRestOptions): Promise<AlpacaRest> {
    const { keys, urls, clock, stateDir } = options;
    const sdk = await import('@alpacahq/alpaca-trade-api/rest');
    // Trading and market data count separately at the vendor; both count per key.
    const trading = await rateBudget({ key: `alpaca-trading:${keys.keyId}`, perMinute: 200, clock, stateDir });
    const data = await rateBudget({ key: `alpaca-data:${keys.keyId}`, perMinute: 200, reserve: 0, clock, stateDir });
    const common = { keyId: keys.keyId, secret: keys.secretKey, timeoutMs: 0 };
    const tradingHttp = http('Alpaca trading', urls.trading, trading, options);
    return new AlpacaRest(
      sdk,
      new sdk.trading.Configuration({
        ...common,
        basePath: urls.trading,
        fetchApi: fetchThrough(tradingHttp),
      }),
      new sdk.marketData.Configuration({
        ...common,
        basePath: urls.data,
        fetchApi: fetchThrough(http('Alpaca market data', urls.data, data, options)),
      }),
      tradingHttp,
      [trading, data],
    );
  }

  /** Calls one `…Raw` operation of a trading API class and returns its JSON. */
  trading<K extends TradingApi>(
    api: K,
    call: (api: InstanceType<(typeof Sdk.trading)[K]>, init: RequestInit) => Raw,
    options: CallOptions = {},
  ): Promise<unknown> {
    let found = this.apis.get(api) as InstanceType<(typeof Sdk.trading)[K]> | undefined;
    if (found === undefined) {
      const Api = this.sdk.trading[api] as unknown as new (config: unknown) => InstanceType<(typeof Sdk.trading)[K]>;
      found = new Api(this.tradingConfig);
      this.apis.set(api, found);
    }
    const at = found;
    return unwrap((init) => call(at, init), options);
  }

  /** Calls one `…Raw` operation of a market data API class and returns its JSON. */
  data<K extends DataApi>(
    api: K,
    call: (api: InstanceType<(typeof Sdk.marketData)[K]>, init: RequestInit) => Raw,
    options: CallOptions = {},
  ): Promise<unknown> {
    const Api = this.sdk.marketData[api] as unknown as new (
      config: unknown,
    ) => InstanceType<(typeof Sdk.marketData)[K]>;
    return unwrap((init) => call(new Api(this.dataConfig), init), options);
  }

  /** Has connections to the trading host open, for so many calls that leave together in the next seconds. */
  prepare(calls: number): Promise<void> {
    return this.tradingHttp.prepare(calls);
  }

  close(): void {
    for (const budget of this.budgets) budget.close();
  }
}

type TradingApi =
  | 'OrdersApi'
  | 'AccountsApi'
  | 'AccountActivitiesApi'
  | 'AccountConfigurationsApi'
  | 'AssetsApi'
  | 'CalendarApi'
  | 'ClockApi'
  | 'PositionsApi';
type DataApi = 'StockApi' | 'CryptoApi' | 'CorporateActionsApi' | 'NewsApi';

function http(service: string, url: string, gate: RateGate, options: AlpacaRestOptions): Http {
  return createHttp({
    service,
    origins: [url],
    clock: options.clock,
    gate,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
    ending: options.ending,
    onWait: (message) => options.logger.info(message),
    envelope: (json) => {
      if (json === null || typeof json !== 'object') return undefined;
      const { code, message } = json as { code?: unknown; message?: unknown };
      return {
        ...(typeof code === 'number' || typeof code === 'string' ? { code: String(code) } : {}),
        ...(typeof message === 'string' ? { message } : {}),
      };
    },
  });
}

/** What came back, so that a body is decoded once and never through the client's row models. */
const replies = new WeakMap<Response, HttpReply>();

/** The vendor's client calls this instead of fetch; failures are already thrown here, named. */
function fetchThrough(client: Http) {
  return async (url: string, init: Init): Promise<Response> => {
    const { retry, maxQueueMs } = init.quantline ?? {};
    const reply = await client.send({
      method: (init.method ?? 'GET').toUpperCase() as HttpMethod,
      url,
      // The client makes a plain object of them.
      headers: init.headers as Record<string, string>,
      body: (init.body ?? undefined) as string | undefined,
      signal: init.quantline?.signal,
      ...(retry === undefined ? {} : { retry }),
      ...(maxQueueMs === undefined ? {} : { maxQueueMs }),
    });
    const response = new Response(null, { status: reply.status });
    replies.set(response, reply);
    return response;
  };
}

async function unwrap(call: (init: RequestInit) => Raw, options: CallOptions): Promise<unknown> {
  const init: Init = { quantline: options };
  try {
    const { raw } = await call(init);
    return replies.get(raw)?.json;
  } catch (error) {
    options.signal?.throwIfAborted();
    for (let at: unknown = error; at instanceof Error; at = at.cause) if (isQuantlineError(at)) throw explain(at);
    throw new QuantlineError('BUG', `The Alpaca client failed: ${(error as Error).message}`, { cause: error });
  }
}

/** Puts Alpaca's codes and texts, which are not specific, into words that say what to do. Matches texts, not statuses. */
export function explain(error: QuantlineError): QuantlineError {
  const failure = httpFailureOf(error);
  if (failure?.status === undefined) return error;
  const said = failure.vendorMessage ?? '';
  if (/subscription does not permit|not.*subscription|insufficient subscription/i.test(said))
    return httpError(
      'CREDENTIALS',
      `Alpaca: the data subscription of these keys does not include what was asked (${said}).`,
      'Use --source iex (one exchange, free), --feed delayed_sip, an end at least 15 minutes ago, or subscribe to SIP data.',
      failure,
      error,
    );
  if (failure.status === 401 || (failure.status === 403 && /forbidden|unauthorized|not authorized/i.test(said)))
    return httpError(
      'CREDENTIALS',
      `Alpaca does not accept these keys (${failure.status}${said === '' ? '' : `: ${said}`}).`,
      'Check that both keys are of one pair and of the right environment; a paper account that was reset has new keys.',
      failure,
      error,
    );
  return error;
}
