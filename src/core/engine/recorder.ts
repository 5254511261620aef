import { codeOf, TableBuilder } from '../domain/builder.js';
import {
  type ExchangeListener,
  type Fill,
  FLOW_KINDS,
  type Flow,
  isWorking,
  type VenueOrder,
} from '../market/index.js';
import type { SessionActivity } from '../risk/index.js';
import { type EventSink, endedEvents, type OrderFacts, orderEvent } from './events.js';
import { LEGS, type OrderColumns, OrderLog } from './order-log.js';

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

/** Keeps what the venue did: every order as it ended, every fill, and the event stream where one is wanted. */
export class Recorder implements ExchangeListener {
  private readonly orderLog: OrderLog;
  private readonly fillLog: TableBuilder<(typeof FILL_FIELDS)[number]>;
  private readonly flowLog = new TableBuilder(FLOW_FIELDS);
  private readonly ended: OrderFacts[] = [];
  /** The current simulated instant, for events. */
  time = 0;
  /** Told of every fill, where a risk policy asks for it. */
  activity: SessionActivity | undefined;

  /** `rows`: orders to make room for at first, each with so many fills (memory that is not used costs next to nothing). */
  constructor(
    private readonly names: readonly string[],
    private readonly events: EventSink | undefined,
    rows = 64,
    fillsPerOrder = 1,
  ) {
    this.orderLog = new OrderLog(rows);
    this.fillLog = new TableBuilder(FILL_FIELDS, rows * fillsPerOrder);
  }

  onOrder(order: VenueOrder): void {
    if (!isWorking(order)) this.orderLog.put(order);
    if (this.events === undefined) return;
    const instrument = this.names[order.instrument]!;
    const { leg, status, note } = order;
    if (order.submitted === this.time) this.events.emit(orderEvent(this.time, instrument, order));
    else if (status === 'canceled' || status === 'rejected') this.ended.push({ instrument, leg, status, note });
  }

  /** Whether the next tick has something to report, whatever its bars do. */
  get waiting(): boolean {
    return this.ended.length > 0;
  }

  /** After a tick's bars: reports the orders that ended in them without being filled. */
  endBars(): void {
    if (this.ended.length === 0) return;
    for (const event of endedEvents(this.time, this.ended)) this.events?.emit(event);
    this.ended.length = 0;
  }

  onFill(order: VenueOrder, { time, price, quantity, costs, share }: Fill): void {
    const row = this.fillLog.append();
    const { columns } = this.fillLog;
    columns[0]![row] = order.sequence;
    columns[1]![row] = order.instrument;
    columns[2]![row] = time;
    columns[3]![row] = this.time;
    columns[4]![row] = order.side;
    columns[5]![row] = codeOf(LEGS, order.leg);
    columns[6]![row] = price;
    columns[7]![row] = quantity;
    columns[8]![row] = costs;
    columns[9]![row] = Number.isFinite(share) ? share : Number.NaN;
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
    const row = this.flowLog.append();
    const { columns } = this.flowLog;
    columns[0]![row] = instrument;
    columns[1]![row] = this.time;
    columns[2]![row] = FLOW_KINDS.indexOf(kind);
    columns[3]![row] = cash;
    columns[4]![row] = units;
    columns[5]![row] = priceFactor;
  }

  flows(): FlowColumns {
    return this.flowLog.toColumns();
  }

  /** `working`: those that have not ended. */
  orders(working: Iterable<VenueOrder>): OrderColumns {
    for (const order of working) this.orderLog.put(order);
    return this.orderLog.toColumns();
  }

  fills(): FillColumns {
    return this.fillLog.toColumns();
  }
}
