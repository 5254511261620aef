import { type AlpacaKeys, openStockData, supervise } from '../../clients/alpaca/index.js';
import type { Clock, Logger } from '../../platform/index.js';
import type { BarStreamEvent } from '../source.js';

export interface StreamChannels {
  readonly bars?: readonly string[];
  readonly updatedBars?: readonly string[];
  readonly quotes?: readonly string[];
  readonly trades?: readonly string[];
}

/** Bars are minutes. */
export type MarketEvent =
  | BarStreamEvent
  | {
      readonly type: 'quote';
      readonly symbol: string;
      readonly time: number;
      /** undefined: nobody bids. */
      readonly bid: number | undefined;
      readonly ask: number | undefined;
      readonly bidSize: number;
      readonly askSize: number;
    }
  | {
      readonly type: 'trade';
      readonly symbol: string;
      readonly time: number;
      readonly price: number;
      readonly size: number;
    };

export interface MarketStreamOptions {
  readonly keys: AlpacaKeys;
  readonly url: string;
  readonly channels: StreamChannels;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Messages kept while the reader is busy; see `supervise`. */
  readonly maxQueue?: number;
}

/** The market data stream as events; frames that cannot be read are left out and counted in the log. */
export async function* streamMarket(options: MarketStreamOptions): AsyncGenerator<MarketEvent> {
  const { keys, url, channels, clock, logger, signal, maxQueue } = options;
  const wanted = Object.entries(channels).filter(([, symbols]) => symbols !== undefined && symbols.length > 0) as [
    keyof StreamChannels,
    readonly string[],
  ][];
  let unreadable = 0;
  const items = supervise<Readonly<Record<string, unknown>>>({
    service: 'Alpaca market data stream',
    clock,
    logger,
    signal,
    ...(maxQueue === undefined ? {} : { maxQueue }),
    open: (deliver) => openStockData({ keys, url }, deliver),
    subscribe: (stream) => {
      const send = (stream as unknown as { send(message: unknown): void }).send.bind(stream);
      send({ action: 'subscribe', ...Object.fromEntries(wanted.map(([name, list]) => [name, [...list]])) });
    },
    confirmed: (subscriptions) => {
      const got = (subscriptions ?? {}) as Record<string, unknown>;
      for (const [name, list] of wanted) {
        const have = Array.isArray(got[name]) ? (got[name] as unknown[]) : [];
        const lacking = have.includes('*') ? [] : list.filter((symbol) => !have.includes(symbol));
        if (lacking.length > 0) return `no subscription to ${name} of ${lacking.slice(0, 5).join(', ')}`;
      }
      return undefined;
    },
  });
  for await (const item of items) {
    if (item.type !== 'message') {
      yield item;
      continue;
    }
    const event = eventOf(item.message);
    if (event !== undefined) yield event;
    else if (++unreadable === 1 || unreadable % 1000 === 0)
      logger.warn(`Alpaca market data stream: ${unreadable} message(s) could not be read and were left out.`);
  }
}

/** Seconds and nanoseconds (the client's form of a MessagePack timestamp), a Date, or RFC 3339 text. */
function instant(t: unknown): number {
  if (typeof t === 'string') return Date.parse(t);
  if (t instanceof Date) return t.getTime();
  const { epochSeconds, nanos } = (t ?? {}) as { epochSeconds?: unknown; nanos?: unknown };
  return Number(epochSeconds) * 1000 + Math.floor(Number(nanos) / 1e6);
}

const figure = (value: unknown): number =>
  typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : Number.NaN;

export function eventOf(frame: Readonly<Record<string, unknown>>): MarketEvent | undefined {
  const symbol = frame['S'];
  const time = instant(frame['t']);
  if (typeof symbol !== 'string' || !Number.isFinite(time)) return undefined;
  switch (frame['T']) {
    case 'b':
    case 'u': {
      const bar = {
        symbol,
        time,
        open: figure(frame['o']),
        high: figure(frame['h']),
        low: figure(frame['l']),
        close: figure(frame['c']),
        volume: figure(frame['v']),
      };
      if (!Number.isFinite(bar.open + bar.high + bar.low + bar.close + bar.volume)) return undefined;
      return { type: frame['T'] === 'b' ? 'bar' : 'updated', bar };
    }
    case 'q': {
      const bid = figure(frame['bp']);
      const ask = figure(frame['ap']);
      if (!Number.isFinite(bid + ask)) return undefined;
      return {
        type: 'quote',
        symbol,
        time,
        bid: bid > 0 ? bid : undefined,
        ask: ask > 0 ? ask : undefined,
        bidSize: figure(frame['bs']),
        askSize: figure(frame['as']),
      };
    }
    case 't': {
      const price = figure(frame['p']);
      return Number.isFinite(price) && price > 0
        ? { type: 'trade', symbol, time, price, size: figure(frame['s']) }
        : undefined;
    }
    default:
      return undefined;
  }
}
