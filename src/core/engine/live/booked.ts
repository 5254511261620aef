import type { ExecutionContext, PriceWatch } from '../../execution/index.js';
import { type ExecutionRecord, isTerminal, type OrderRecord } from '../../state/index.js';
import { type EventSink, endedEvents } from '../events.js';
import type { TickSource } from './tick.js';

/** Emits what the venue was found to have done: fills, then orders that ended without being filled. */
export async function emitBooked(
  execution: ExecutionContext,
  events: EventSink | undefined,
  time: number,
  booked: readonly ExecutionRecord[],
  before: readonly OrderRecord[],
): Promise<void> {
  if (events === undefined) return;
  for (const fill of booked) {
    const order = await execution.journal.order(fill.clientOrderId);
    events.emit({
      type: 'fill',
      time: fill.time,
      instrument: fill.instrument,
      leg: order!.leg,
      side: fill.side,
      price: Number(fill.price),
      quantity: Number(fill.quantity),
      costs: Number(fill.costs ?? '0'),
    });
  }
  const now = await Promise.all(before.map((order) => execution.journal.order(order.clientOrderId)));
  const ended = now.filter((order) => order !== undefined && isTerminal(order.status) && order.status !== 'filled');
  for (const event of endedEvents(
    time,
    ended.map((order) => ({ ...order!, note: order!.reason ?? '' })),
  )) {
    events.emit(event);
  }
}

/** Prices of our own bars, for exits that no venue holds. */
export function watchOf(source: TickSource): PriceWatch {
  const at = (instrument: string) => source.instruments.indexOf(instrument);
  return {
    best: (instrument, since, direction) => {
      const found = source.extremes(at(instrument), since);
      return found === undefined ? Number.NaN : direction > 0 ? found.high : found.low;
    },
    last: (instrument, since) => {
      const newest = source.newest(at(instrument));
      return newest === undefined ? undefined : source.extremes(at(instrument), Math.max(since, newest), since);
    },
  };
}
