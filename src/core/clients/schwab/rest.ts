import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import {
  createHttp,
  type Http,
  type HttpMethod,
  type HttpReply,
  httpFailureOf,
  type RateGate,
} from '../../platform/index.js';
import { rateBudget } from '../budget.js';
import { SchwabSession, type SessionOptions } from './session.js';

export interface SchwabRestOptions extends SessionOptions {
  readonly stateDir: string;
  /** Once it aborts, requests are given up within seconds. */
  readonly ending?: AbortSignal | undefined;
}

export interface SchwabCall {
  readonly method: HttpMethod;
  /** Below the host, query included. */
  readonly path: string;
  readonly body?: unknown;
  /** Longest wait for room in the request budget. */
  readonly maxQueueMs?: number;
}

/** What an adapter asks of a connection to Schwab. */
export type SchwabCalls = Pick<SchwabRest, 'call' | 'prepare' | 'close'>;

/** Calls with the login's token; a refused token is renewed once. Reads are repeated after failures, writes never. */
export class SchwabRest {
  private constructor(
    private readonly http: Http,
    private readonly session: SchwabSession,
    private readonly baseUrl: string,
    private readonly gate: RateGate & { close(): void },
  ) {}

  static async create(options: SchwabRestOptions): Promise<SchwabRest> {
    const { app, baseUrl, clock, logger, stateDir, timeoutMs, ending } = options;
    const gate = await rateBudget({ key: `schwab:${app.key}`, perMinute: 120, clock, stateDir });
    const http = createHttp({
      service: 'Schwab',
      origins: [baseUrl],
      clock,
      gate,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ending,
      onWait: (message) => logger.info(message),
      envelope: messageOf,
    });
    return new SchwabRest(http, new SchwabSession(options), baseUrl, gate);
  }

  async call({ method, path, body, maxQueueMs }: SchwabCall): Promise<HttpReply> {
    const send = async (token: string): Promise<HttpReply> =>
      this.http.send({
        method,
        url: `${this.baseUrl}${path}`,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(maxQueueMs === undefined ? {} : { maxQueueMs }),
        // Writes are answered without a body.
        ...(method === 'GET' ? {} : { expect: 'any' as const }),
      });
    const token = await this.session.accessToken();
    try {
      return await send(token);
    } catch (error) {
      // 401 says that nothing was done, of a write as well.
      if (httpFailureOf(error)?.status !== 401) throw error;
    }
    try {
      return await send(await this.session.accessToken(token));
    } catch (error) {
      if (httpFailureOf(error)?.status !== 401 || !isQuantlineError(error)) throw error;
      throw new QuantlineError('CREDENTIALS', 'Schwab does not accept the renewed token.', {
        hint: 'See at developer.schwab.com whether the app is still approved, then run `quantline login schwab`.',
        details: { ...error.details, outcome: 'not_sent' },
        cause: error,
      });
    }
  }

  /** Has connections open, for so many calls that leave together in the next seconds. */
  prepare(calls: number): Promise<void> {
    return this.http.prepare(calls);
  }

  close(): void {
    this.gate.close();
  }
}

/** Schwab's refusals: `{message, errors: [text or {title, detail}]}`. */
function messageOf(json: unknown): { message?: string } | undefined {
  if (json === null || typeof json !== 'object') return undefined;
  const { message, errors } = json as { message?: unknown; errors?: unknown };
  const parts = (Array.isArray(errors) ? errors : []).map((one) =>
    typeof one === 'string'
      ? one
      : String((one as { detail?: unknown; title?: unknown })?.detail ?? (one as { title?: unknown })?.title ?? ''),
  );
  const said = [typeof message === 'string' ? message : '', ...parts].filter(Boolean).join('; ');
  return said === '' ? undefined : { message: said };
}
