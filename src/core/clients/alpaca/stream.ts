import type * as Sdk from '@alpacahq/alpaca-trade-api';
import { QuantlineError } from '../../errors/index.js';
import type { Clock, Logger } from '../../platform/index.js';
import type { AlpacaKeys } from './settings.js';

/** What a supervised stream delivers, in order. */
export type StreamItem<T> =
  | { readonly type: 'message'; readonly message: T }
  /** Authenticated and subscribed, confirmed by the server; what happened before may have been missed. */
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected'; readonly reason: string };

/** The part of the vendor's stream classes that is used here. */
interface VendorStream {
  connect(): void;
  disconnect(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

export interface SuperviseOptions<T> {
  readonly service: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** A fresh vendor stream without reconnects of its own; `deliver` passes messages on. */
  readonly open: (deliver: (message: T) => void) => VendorStream | Promise<VendorStream>;
  /** Called once authenticated; sends the subscription. */
  readonly subscribe: (stream: VendorStream) => void;
  /** Whether the server's confirmation covers what was asked; an error text where it does not. */
  readonly confirmed?: (subscriptions: unknown) => string | undefined;
  /** For connecting, authentication and subscription together. Default 20 s. */
  readonly handshakeMs?: number;
  /** Messages kept while the reader is busy; more end the connection (it counts as a gap). Default 100,000. */
  readonly maxQueue?: number;
}

/**
 * Keeps one connection open for ever: reconnects with growing pauses, waits out a connection that the server still
 * holds (it does for about 90 s), stops on rejected keys, and reports each gap, which the caller fills over REST.
 * The vendor's own reconnecting is off: it gives up silently and reports nothing that was missed.
 *
 * @throws QuantlineError CREDENTIALS when the keys or the subscription are refused.
 */
export async function* supervise<T>(options: SuperviseOptions<T>): AsyncGenerator<StreamItem<T>> {
  const { clock, logger, signal, service } = options;
  for (let failures = 0; !signal.aborted; ) {
    const connection = new Connection<T>(options);
    try {
      for await (const item of connection.run()) {
        if (item.type === 'connected') failures = 0;
        yield item;
      }
    } finally {
      connection.close();
    }
    if (signal.aborted) return;
    if (connection.fatal !== undefined) throw connection.fatal;
    const pause = connection.busy
      ? 30_000 + 5000 * Math.min(failures, 12)
      : Math.min(60_000, 1000 * 2 ** Math.min(failures, 6));
    failures++;
    logger.info(`${service}: ${connection.reason}; connecting again in ${Math.round(pause / 1000)} s.`);
    await clock.sleep(pause, signal).catch(() => {});
  }
}

class Connection<T> {
  reason = 'the connection ended';
  /** The server refuses because another connection is open. */
  busy = false;
  fatal: QuantlineError | undefined;
  private readonly queue: StreamItem<T>[] = [];
  private wake: (() => void) | undefined;
  private ended = false;
  private ready = false;
  private stream: VendorStream | undefined;

  constructor(private readonly options: SuperviseOptions<T>) {}

  async *run(): AsyncGenerator<StreamItem<T>> {
    const { signal } = this.options;
    const onAbort = () => this.end('stopped');
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => this.ready || this.end('no confirmation of the subscription in time'),
      this.options.handshakeMs ?? 20_000,
    );
    try {
      this.attach(await this.options.open((message) => this.deliver(message)));
      for (;;) {
        while (this.queue.length > 0) yield this.queue.shift()!;
        if (this.ended) break;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
      if (this.ready && !signal.aborted) yield { type: 'disconnected', reason: this.reason };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  private attach(stream: VendorStream): void {
    this.stream = stream;
    stream.on('authenticated', () => this.options.subscribe(stream));
    stream.on('subscription', (subscriptions: unknown) => {
      const problem = this.options.confirmed?.(subscriptions);
      if (problem !== undefined) return this.fail(problem);
      if (this.ready) return;
      this.ready = true;
      this.push({ type: 'connected' });
    });
    stream.on('error', (text: unknown) => this.onError(String(text)));
    stream.on('disconnected', () => this.end(this.reason));
    stream.connect();
  }

  private onError(text: string): void {
    const { service } = this.options;
    this.reason = text;
    if (/auth failed|not authenticated|unauthorized|401|402|forbidden|server response: 403/i.test(text))
      this.fail(`${service}: the keys were not accepted (${text}).`);
    else if (/insufficient subscription|symbol limit/i.test(text))
      this.fail(`${service}: the data subscription does not include what was asked (${text}).`);
    else if (/connection limit|\b(406|429)\b/.test(text)) {
      this.busy = true;
      this.end(`another connection with these keys is open (${text})`);
    } else if (/failed to (decode|process) message/.test(text))
      this.options.logger.warn(`${service}: ${text}; skipped.`);
    else if (/slow client|internal error|auth timeout|listener|unexpected|ECONN|ENOTFOUND|ETIMEDOUT|EAI_/i.test(text))
      this.end(text);
    else this.options.logger.warn(`${service}: ${text}.`);
  }

  private deliver(message: T): void {
    if (this.queue.length >= (this.options.maxQueue ?? 100_000)) this.end('messages came faster than they were read');
    else this.push({ type: 'message', message });
  }

  private push(item: StreamItem<T>): void {
    if (this.ended) return;
    this.queue.push(item);
    this.wake?.();
  }

  private fail(message: string): void {
    this.fatal = new QuantlineError('CREDENTIALS', message, {
      hint: /subscription/.test(message)
        ? 'The free plan has 30 symbols and the iex feed; ask for fewer, or subscribe.'
        : 'Check that both keys are of one pair and of the right environment.',
    });
    this.end(message);
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.reason = reason;
    this.ended = true;
    this.wake?.();
  }

  close(): void {
    this.ended = true;
    this.stream?.disconnect();
  }
}

export interface StreamKeys {
  readonly keys: AlpacaKeys;
  /** Complete `wss:` address. */
  readonly url: string;
}

const load = (): Promise<typeof Sdk> => import('@alpacahq/alpaca-trade-api');

/** The vendor's order stream, opened once; messages are the vendor's event objects with its own field names mapped. */
export async function openTradeUpdates(
  { keys, url }: StreamKeys,
  deliver: (raw: Readonly<Record<string, unknown>>) => void,
): Promise<VendorStream> {
  const { streaming } = await load();
  // The client maps events to its own models; the frame itself is what is recorded here, so it is taken before that.
  class RawTradingStream extends streaming.TradingStream {
    protected override handleMessage(message: unknown): void {
      const frame = message as { stream?: unknown; data?: unknown };
      if (frame?.stream === 'trade_updates' && frame.data !== null && typeof frame.data === 'object')
        deliver(frame.data as Record<string, unknown>);
      // The client hears errors under another name than the vendor's document has.
      else if (frame?.stream === 'error') super.handleMessage({ action: 'error', data: errorOf(frame.data) });
      else super.handleMessage(message);
    }
  }
  return new RawTradingStream({ credentials: { keyId: keys.keyId, secret: keys.secretKey }, url, reconnect: false });
}

/** An error of the order stream, with its number in its text: the texts differ. */
function errorOf(data: unknown): { readonly error_message: string } {
  const { code, error_message: text } = (data ?? {}) as { code?: unknown; error_message?: unknown };
  return { error_message: [code, text ?? 'an error without a text'].filter((part) => part !== undefined).join(' ') };
}

/** The vendor's stock stream, opened once; messages are frames with the vendor's own field names. */
export async function openStockData(
  { keys, url }: StreamKeys,
  deliver: (frame: Readonly<Record<string, unknown>>) => void,
): Promise<VendorStream> {
  const { streaming } = await load();
  class RawStockStream extends streaming.StockDataStream {
    protected override handleMessage(message: unknown): void {
      if (!Array.isArray(message)) {
        super.handleMessage(message);
        return;
      }
      const control: unknown[] = [];
      for (const frame of message) {
        const kind = (frame as { T?: unknown } | null)?.T;
        if (kind === 'b' || kind === 'u' || kind === 't' || kind === 'q' || kind === 'c' || kind === 'x')
          deliver(frame);
        else control.push(frame);
      }
      if (control.length > 0) super.handleMessage(control);
    }
  }
  return new RawStockStream({ credentials: { keyId: keys.keyId, secret: keys.secretKey }, url, reconnect: false });
}
