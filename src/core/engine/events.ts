import type { OrderIntent } from '../domain/orders.js';
import { canonicalJson } from '../platform/index.js';

/**
 * The canonical event stream that both runners emit: simulated time, no venue ids, numbers in shortest round-trip form.
 * Parity means that the streams of a backtest and of a paper session over the same market are equal byte for byte.
 */
export type EngineEvent =
  | {
      readonly type: 'decision';
      readonly time: number;
      readonly instrument: string;
      readonly score: number | null;
      readonly weight: number;
      readonly reason: string;
    }
  | {
      readonly type: 'verdict';
      readonly time: number;
      readonly instrument: string;
      readonly policy: string;
      readonly wanted: number;
      readonly allowed: number;
      readonly reason: string;
    }
  | { readonly type: 'action'; readonly time: number; readonly instrument: string; readonly action: string }
  | { readonly type: 'intent'; readonly time: number; readonly intent: OrderIntent; readonly reason: string }
  | {
      readonly type: 'order';
      readonly time: number;
      readonly instrument: string;
      readonly leg: string;
      readonly status: string;
      readonly note: string;
    }
  | {
      readonly type: 'fill';
      readonly time: number;
      readonly instrument: string;
      readonly leg: string;
      readonly side: string;
      readonly price: number;
      readonly quantity: number;
      readonly costs: number;
    };

export interface EventSink {
  emit(event: EngineEvent): void;
}

/** Collects events as lines of canonical JSON. */
export class EventLines implements EventSink {
  readonly lines: string[] = [];
  emit(event: EngineEvent): void {
    this.lines.push(canonicalJson(event));
  }
}

/** What an `order` event tells of an order. */
export interface OrderFacts {
  readonly instrument: string;
  readonly leg: string;
  readonly status: string;
  readonly note: string;
}

/** The venue's answer to a submission. */
export const orderEvent = (
  time: number,
  instrument: string,
  { leg, status, note }: Pick<OrderFacts, 'leg' | 'status' | 'note'>,
): EngineEvent => ({ type: 'order', time, instrument, leg, status, note });

/**
 * Entries and exits that ended within a tick's bars without being filled whole, in an order that does not depend on how
 * the runner learned of them. Protection that the venue itself holds is seen by its fills.
 */
export function endedEvents(time: number, orders: readonly OrderFacts[]): EngineEvent[] {
  const key = (o: OrderFacts) => `${o.instrument}\0${o.leg}`;
  return orders
    .filter(({ leg }) => leg === 'entry' || leg === 'exit')
    .sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
    .map((order) => orderEvent(time, order.instrument, order));
}
