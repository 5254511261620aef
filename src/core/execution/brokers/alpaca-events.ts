import { type AlpacaKeys, openTradeUpdates, type StreamItem, supervise } from '../../clients/alpaca/index.js';
import { isQuantlineError } from '../../errors/index.js';
import type { Clock, Logger } from '../../platform/index.js';
import type { BrokerEvent, BrokerOrder, ExecutionPage } from '../broker.js';
import { orderFrom } from './alpaca-read.js';

export interface AlpacaEventsOptions {
  readonly keys: AlpacaKeys;
  readonly url: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly pollMs: number;
  readonly executions: (cursor: string | undefined) => Promise<ExecutionPage>;
  readonly remember: (order: BrokerOrder) => void;
}

type Message = Readonly<Record<string, unknown>>;

/** A fill that the stream has not announced after this time means that the stream is mute. */
const PATIENCE_MS = 10_000;

/**
 * Order events from the stream, executions from the account's activities. The stream's execution ids are not known to
 * be those of the activities, so a fill on the stream only says that there is something to read: each fill then has one
 * identity, whichever way it was noticed. The activities are also read at intervals; a fill that only they know means
 * that the stream is mute, and it is opened again. A closed market has no fills and so causes no reconnects.
 */
export async function* alpacaEvents(options: AlpacaEventsOptions): AsyncGenerator<BrokerEvent> {
  const { clock, logger, signal, pollMs } = options;
  const queue: BrokerEvent[] = [];
  let wake = (): void => {};
  let failure: unknown;
  const push = (event: BrokerEvent): void => {
    queue.push(event);
    wake();
  };
  const fail = (error: unknown): void => {
    failure ??= error;
    wake();
  };
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);

  let cursor: string | undefined = String(clock.now());
  const delivered = new Map<string, number>();
  /** Orders with a fill on the stream, by id, and when. */
  const announced = new Map<string, number>();
  let restart = new AbortController();
  /** Since when the stream is up. */
  let upSince = Number.POSITIVE_INFINITY;

  let reading: Promise<void> = Promise.resolve();
  /** Reads executions and passes the new ones on, one read at a time. */
  const read = (expected?: { readonly order: string; readonly filled: number }): Promise<void> => {
    reading = reading.then(async () => {
      // An activity may appear a moment after its event.
      for (let attempt = 0; !stop.aborted; attempt++) {
        const page = await options.executions(cursor);
        cursor = page.cursor;
        let filled = 0;
        for (const execution of page.executions) {
          if (execution.venueOrderId === expected?.order) filled += Number(execution.quantity);
          if (delivered.has(execution.executionId)) continue;
          delivered.set(execution.executionId, execution.time);
          push({ type: 'execution', execution });
          const known = announced.get(execution.venueOrderId);
          const late = clock.now() - execution.time > PATIENCE_MS;
          // A stream that is down, or was at that time, could not announce it: trying sooner would only add to a storm.
          if (known === undefined && expected === undefined && late && execution.time >= upSince)
            muted(execution.venueOrderId);
        }
        if (expected === undefined || filled > 0 || attempt >= 4) break;
        await clock.sleep(200 * 2 ** attempt, stop);
      }
    });
    return reading;
  };
  const muted = (order: string): void => {
    logger.warn(`Alpaca order stream: a fill of ${order} was never announced; the stream is opened again.`);
    restart.abort();
  };
  const guarded = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      reading = Promise.resolve();
      if (stop.aborted) return;
      // A failed read is repeated by the next poll; only what cannot pass ends the stream.
      if (isQuantlineError(error) && error.code !== 'UNAVAILABLE') fail(error);
      else logger.warn(`Alpaca order stream: ${(error as Error).message}`);
    });
  };

  const onMessage = (message: Message): void => {
    let order: BrokerOrder;
    try {
      order = orderFrom(message['order']);
    } catch (error) {
      logger.warn(
        `Alpaca order stream: an event could not be read (${(error as Error).message}); orders are read again.`,
      );
      push({ type: 'connected' });
      return;
    }
    options.remember(order);
    push({ type: 'order', order });
    const event = String(message['event']);
    if (event !== 'fill' && event !== 'partial_fill') {
      if (event === 'trade_bust' || event === 'trade_correct') push({ type: 'connected' });
      return;
    }
    announced.set(order.venueOrderId, clock.now());
    guarded(read({ order: order.venueOrderId, filled: Number(order.filledQuantity) }));
  };

  const streaming = (async () => {
    while (!stop.aborted) {
      restart = new AbortController();
      upSince = Number.POSITIVE_INFINITY;
      for await (const item of connection(options, AbortSignal.any([stop, restart.signal]))) {
        if (item.type === 'message') onMessage(item.message);
        else {
          upSince = item.type === 'connected' ? clock.now() : Number.POSITIVE_INFINITY;
          push(item);
        }
      }
      if (!stop.aborted) push({ type: 'disconnected', reason: 'the stream was mute' });
    }
  })();
  const polling = (async () => {
    while (!stop.aborted) {
      await clock.sleep(pollMs, stop);
      guarded(read());
      await reading.catch(() => {});
      const old = clock.now() - 3_600_000;
      for (const [id, time] of delivered) if (time < old) delivered.delete(id);
      for (const [id, time] of announced) if (time < old) announced.delete(id);
    }
  })();
  streaming.then(() => wake(), fail);
  polling.catch((error: unknown) => (stop.aborted ? wake() : fail(error)));
  const onAbort = () => wake();
  stop.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      while (queue.length > 0) yield queue.shift()!;
      if (failure !== undefined) throw failure;
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || failure !== undefined || signal.aborted) resolve();
      });
    }
  } finally {
    ended.abort();
  }
}

function connection(options: AlpacaEventsOptions, signal: AbortSignal): AsyncIterable<StreamItem<Message>> {
  const { keys, url, clock, logger } = options;
  return supervise<Message>({
    service: 'Alpaca order stream',
    clock,
    logger,
    signal,
    open: (deliver) => openTradeUpdates({ keys, url }, deliver),
    subscribe: (stream) => (stream as unknown as { subscribeTradeUpdates(): void }).subscribeTradeUpdates(),
    confirmed: (streams) =>
      Array.isArray(streams) && streams.includes('trade_updates') ? undefined : 'no subscription to trade_updates',
  });
}
