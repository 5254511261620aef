import { RowBuilder } from '../domain/builder.js';
import { type ExchangeListener, FLOW_KINDS, type Flow, type VenueOrder } from '../market/index.js';
import type { SessionActivity } from '../risk/index.js';
import { type EventSink, endedEvents, orderEvent } from './events.js';

const SIDE = (side: number): 'buy' | 'sell' => (side > 0 ? 'buy' : 'sell');

const FILL_FIELDS = [
  'order',
  'instrument',
  'time',
  'known',
  'side',
  'leg',
  'price',
  'quantity',
  'costs',
  'share',
] as const;

/**
 * Fills as columns, in order. `order` is the order's sequence, `time` the opening of the bar that filled it, `known` the
 * clock instant at which that bar was complete, `leg` an index into LEGS, `share` the part of the bar's volume.
 */
export type FillColumns = Readonly<Record<(typeof FILL_FIELDS)[number], Float64Array>>;

const FLOW_FIELDS = ['instrument', 'known', 'kind', 'cash', 'units', 'priceFactor'] as const;

/**
 * Changes of cash and units that are no fills, in order. `known` is the clock instant, `kind` an index into FLOW_KINDS;
 * earlier prices of the instrument take `priceFactor`.
 */
export type FlowColumns = Readonly<Record<(typeof FLOW_FIELDS)[number], Float64Array>>;

export const LEGS = ['exit', 'entry', 'stop', 'target'] as const;

/** Keeps what the venue did: every order in its last state, every fill, and the event stream where one is wanted. */
export class Recorder implements ExchangeListener {
  readonly orders: VenueOrder[] = [];
  private readonly fillLog = new RowBuilder(FILL_FIELDS);
  private readonly flowLog = new RowBuilder(FLOW_FIELDS);
  private readonly ended: VenueOrder[] = [];
  /** The current simulated instant, for events. */
  time = 0;
  /** Told of every fill, where a risk policy asks for it. */
  activity: SessionActivity | undefined;

  constructor(
    private readonly names: readonly string[],
    private readonly events: EventSink | undefined,
  ) {}

  onOrder(order: VenueOrder): void {
    // Sequence numbers count from 1 without gaps, so an order is new exactly when it is the next one.
    if (order.sequence > this.orders.length) this.orders.push(order);
    if (this.events === undefined) return;
    if (order.submitted === this.time) this.events.emit(orderEvent(this.time, this.names[order.instrument]!, order));
    else if (order.status === 'canceled' || order.status === 'rejected') this.ended.push(order);
  }

  /** Whether the next tick has something to report, whatever its bars do. */
  get waiting(): boolean {
    return this.ended.length > 0;
  }

  /** After a tick's bars: reports the orders that ended in them without being filled. */
  endBars(): void {
    if (this.ended.length === 0) return;
    for (const event of endedEvents(
      this.time,
      this.ended.map((o) => ({ ...o, instrument: this.names[o.instrument]! })),
    )) {
      this.events?.emit(event);
    }
    this.ended.length = 0;
  }

  onFill(order: VenueOrder, time: number, price: number, quantity: number, costs: number, share: number): void {
    const o = this.fillLog.append();
    const { data } = this.fillLog;
    data[o] = order.sequence;
    data[o + 1] = order.instrument;
    data[o + 2] = time;
    data[o + 3] = this.time;
    data[o + 4] = order.side;
    data[o + 5] = LEGS.indexOf(order.leg);
    data[o + 6] = price;
    data[o + 7] = quantity;
    data[o + 8] = costs;
    data[o + 9] = Number.isFinite(share) ? share : Number.NaN;
    this.activity?.fill(this.names[order.instrument]!, order.side, quantity, price, costs, time);
    this.events?.emit({
      type: 'fill',
      time,
      instrument: this.names[order.instrument]!,
      leg: order.leg,
      side: SIDE(order.side),
      price,
      quantity,
      costs,
    });
  }

  onFlow({ instrument, kind, cash, units, priceFactor }: Flow): void {
    const o = this.flowLog.append();
    const { data } = this.flowLog;
    data[o] = instrument;
    data[o + 1] = this.time;
    data[o + 2] = FLOW_KINDS.indexOf(kind);
    data[o + 3] = cash;
    data[o + 4] = units;
    data[o + 5] = priceFactor;
  }

  flows(): FlowColumns {
    return this.flowLog.toColumns();
  }

  fills(): FillColumns {
    return this.fillLog.toColumns();
  }
}
