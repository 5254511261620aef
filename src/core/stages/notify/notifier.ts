import { type Clock, createHttp, type Logger } from '../../platform/index.js';
import type { Channel, News } from './presets.js';

export interface NotifierLimits {
  /** News that wait at once; the oldest go first where there are more. */
  readonly queue: number;
  readonly timeoutMs: number;
  /** Longest wait that a service may ask for (429); what comes meanwhile waits behind it. */
  readonly maxWaitMs: number;
  /** Longest wait for what is still queued at the end. */
  readonly closeMs: number;
}

const LIMITS: NotifierLimits = { queue: 100, timeoutMs: 5_000, maxWaitMs: 60_000, closeMs: 3_000 };

/** Discord says `message` and `retry_after`, Telegram `description` and `parameters.retry_after`, ntfy `error`. */
function envelope(json: unknown): { message?: string; retryAfter?: number } | undefined {
  if (json === null || typeof json !== 'object') return undefined;
  const { message, description, error, retry_after, parameters } = json as Readonly<Record<string, unknown>>;
  const text = [message, description, error].find((one) => typeof one === 'string');
  const seconds = retry_after ?? (parameters as { retry_after?: unknown } | undefined)?.retry_after;
  return {
    ...(typeof text === 'string' && { message: text }),
    ...(typeof seconds === 'number' && seconds >= 0 && { retryAfter: seconds }),
  };
}

/**
 * Sends news one after another, beside whatever trades: `push` returns at once, failures are warnings, a service that
 * hangs is given up after `timeoutMs`, and a full queue drops its oldest.
 */
export class Notifier {
  private readonly waiting: News[] = [];
  private readonly abort = new AbortController();
  private readonly limits: NotifierLimits;
  private working: Promise<void> | undefined;
  private dropped = 0;
  private failed = 0;

  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
    private readonly logger: Logger,
    limits: Partial<NotifierLimits> = {},
  ) {
    this.limits = { ...LIMITS, ...limits };
  }

  push(news: News): void {
    this.waiting.push(news);
    if (this.waiting.length > this.limits.queue) {
      this.waiting.shift();
      this.dropped++;
    }
    this.working ??= this.work();
  }

  private async work(): Promise<void> {
    const { service, origin, request } = this.channel;
    const { timeoutMs, maxWaitMs } = this.limits;
    const http = createHttp({ service, origins: [origin], clock: this.clock, timeoutMs, maxWaitMs, envelope });
    // What was pushed in one go is sent after it, never in its midst.
    await Promise.resolve();
    for (let news = this.waiting.shift(); news !== undefined; news = this.waiting.shift()) {
      if (this.abort.signal.aborted) break;
      try {
        await http.send({ ...request(news), signal: this.abort.signal });
      } catch (error) {
        if (!this.abort.signal.aborted && this.failed++ === 0) {
          this.logger.warn(`A notification was not delivered. ${(error as Error).message}`);
        }
      }
    }
    this.working = undefined;
  }

  /** Waits a little for what is queued, then gives up. Tells what did not get through. */
  async close(): Promise<void> {
    const left = () => this.waiting.length + (this.working === undefined ? 0 : 1);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.limits.closeMs);
    });
    await Promise.race([this.working ?? Promise.resolve(), late]);
    clearTimeout(timer);
    const lost = left() + this.dropped + this.failed;
    this.abort.abort();
    if (lost > 0) this.logger.warn(`${lost} of the notifications did not get through (${this.channel.service}).`);
  }
}
