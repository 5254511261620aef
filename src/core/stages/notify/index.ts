import type { TradeOptions } from '../../config/index.js';
import { refusalText, type TradeEvent, type TradeHooks } from '../../engine/live/index.js';
import { alarmText } from '../../execution/index.js';
import { isoTime } from '../../platform/index.js';
import type { ExecutionRecord } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { Notifier, type NotifierLimits } from './notifier.js';
import { channelOf, type News, type NotifyPreset } from './presets.js';

export interface TradeNews {
  readonly notify: NonNullable<TradeHooks['notify']>;
  /** A login or token that ends soon. */
  readonly expiring: (message: string, expiresAt: number) => void;
  close(): Promise<void>;
}

const SILENT: TradeNews = { notify: () => {}, expiring: () => {}, close: async () => {} };

/** Tells people what happens in a session, as `--notify` and `--notify-on` ask. */
export function tradeNews(
  options: Pick<TradeOptions, 'notify' | 'notifyOn' | 'strategy'>,
  { secrets, clock, logger }: Runtime,
  limits?: Partial<NotifierLimits>,
): TradeNews {
  if (options.notify === undefined) return SILENT;
  const notifier = new Notifier(channelOf(options.notify as NotifyPreset, secrets), clock, logger, limits);
  const strategy = options.strategy ?? 'paper';
  const wanted: ReadonlySet<string> = new Set(options.notifyOn);
  const push = (news: Omit<News, 'strategy'>) => {
    if (wanted.has(news.event)) notifier.push({ strategy, ...news });
  };
  return {
    notify: (event) => push(newsOf(event)),
    expiring: (text) => push({ event: 'token', text, urgent: true }),
    close: () => notifier.close(),
  };
}

/** An execution in the words of people. */
export function fillText({ side, quantity, instrument, price, kind }: ExecutionRecord): string {
  if (kind !== 'fill') return `${kind} of ${quantity} ${instrument}`;
  return `${side === 'buy' ? 'bought' : 'sold'} ${quantity} ${instrument} at ${price}`;
}

function newsOf(event: TradeEvent): Omit<News, 'strategy'> {
  switch (event.type) {
    case 'fill':
      return { event: 'fill', text: fillText(event.execution), urgent: event.execution.kind !== 'fill' };
    case 'reject':
      return { event: 'reject', text: refusalText(event.order), urgent: true };
    case 'verdict':
      return { event: 'verdict', text: `${event.instrument}: ${event.rule}, ${event.reason}`, urgent: false };
    case 'halt':
      return { event: 'halt', text: `halted: ${event.reason}`, urgent: true };
    case 'missed': {
      const slots = event.count === 1 ? 'the slot' : `${event.count} slots up to`;
      return {
        event: 'missed',
        text: `${slots} ${isoTime(event.slot)} passed undecided: ${event.reason}`,
        urgent: true,
      };
    }
    case 'unprotected':
      return { event: 'unprotected', text: alarmText(event.alarm), urgent: true };
  }
}
