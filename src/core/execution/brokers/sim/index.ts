import { join } from 'node:path';
import { z } from 'zod';
import { decimalText } from '../../../domain/decimal.js';
import { QuantlineError } from '../../../errors/index.js';
import type { ExchangeSettings } from '../../../market/index.js';
import type { OrderRequest, Sql } from '../../../state/index.js';
import {
  type Broker,
  type BrokerAccount,
  type BrokerAsset,
  type BrokerCapabilities,
  type BrokerClock,
  type BrokerContext,
  type BrokerOrder,
  type BrokerPosition,
  type ExecutionPage,
  type MarketTick,
  sendError,
} from '../../broker.js';
import { hoursAt } from '../../hours.js';
import { positive } from '../order-rules.js';
import { Book, type BookedOrder } from './book.js';
import { quantityText, Venue } from './venue.js';

export const name = 'sim';
export const summary = 'Paper trading on live or replayed data: a simulated exchange with a book of its own on disk.';

export const settings = z.strictObject({
  /** Name of the paper account; each has its own book and money. */
  account: z
    .string()
    .regex(/^[\w.-]+$/)
    .default('paper'),
});

/** Opens the account's book, or begins it with the exchange's cash. */
export async function create(options: z.output<typeof settings>, context: BrokerContext): Promise<Broker> {
  if (context.exchange === undefined) throw new QuantlineError('BUG', 'The simulated venue needs exchange settings.');
  const book = await Book.open(join(context.stateDir, 'sim', `${options.account}.db`));
  return new SimBroker(options.account, book, context, context.exchange);
}

const PAGE = 500;
/** Ticks that may be repeated after a crash instead of being saved one by one. */
const UNSAVED_TICKS = 500;

class SimBroker implements Broker {
  readonly venue = 'sim';
  readonly capabilities: BrokerCapabilities;
  private current: { readonly generation: number; readonly venue: Venue } | undefined;
  /** Ticks since the last save: told again when another process has changed the book. */
  private unsaved: MarketTick[] = [];

  constructor(
    private readonly id: string,
    private readonly book: Book,
    private readonly context: BrokerContext,
    private readonly exchange: ExchangeSettings,
  ) {
    this.capabilities = {
      clientOrderIds: true,
      orderTypes: new Set(['market', 'limit', 'stop', 'stop_limit']),
      timesInForce: new Set(['day', 'gtc']),
      notional: true,
      notionalLimits: true,
      cutsNotional: true,
      fractional: context.fractional ?? true,
      short: exchange.allowShort,
      extendedHours: false,
      attachedProtection: false,
      oco: false,
      pairedEntries: 'one-order',
      trailingStop: false,
      replace: false,
      stream: false,
      relativeProtection: true,
    };
  }

  account(): Promise<BrokerAccount> {
    return this.read(async (_, { exchange }) => ({
      id: this.id,
      currency: 'USD',
      cash: decimalText(exchange.ledger.cash),
      equity: decimalText(exchange.ledger.equity()),
      buyingPower: decimalText(Math.max(0, exchange.ledger.buyingPower(this.exchange.leverage))),
      lastEquity: undefined,
      blocked: false,
      shortingEnabled: this.exchange.allowShort,
      paper: true,
    }));
  }

  async clock(): Promise<BrokerClock> {
    const now = this.context.clock.now();
    const { calendar } = this.context;
    return calendar === undefined
      ? { now, open: true, nextOpen: undefined, nextClose: undefined }
      : hoursAt(now, calendar);
  }

  async asset(instrument: string): Promise<BrokerAsset> {
    const known = this.context.instruments?.find((each) => each.id === instrument);
    return {
      instrument,
      tradable: known !== undefined,
      shortable: known !== undefined && this.exchange.allowShort,
      fractionable: known?.fractionable ?? false,
    };
  }

  positions(): Promise<readonly BrokerPosition[]> {
    return this.read(async (_, { exchange, instruments }) => {
      const { quantity, entryPrice, mark } = exchange.ledger;
      return instruments.flatMap((instrument, j) =>
        quantity[j] === 0
          ? []
          : [
              {
                instrument: instrument.id,
                quantity: quantityText(quantity[j]!),
                averagePrice: decimalText(entryPrice[j]!),
                marketPrice: mark[j]! > 0 ? decimalText(mark[j]!) : undefined,
              },
            ],
      );
    });
  }

  openOrders(): Promise<readonly BrokerOrder[]> {
    return this.read(async (sql, venue) => {
      const open = await Book.openOrders(sql);
      const entries = new Set(open.map((order) => order.venueOrderId));
      // Exits of an entry that is still open come as its legs, the others by themselves.
      const roots = open.filter((order) => order.parent === undefined || !entries.has(order.parent));
      return Promise.all(roots.map((order) => withLegs(sql, venue, order)));
    });
  }

  orderByClientId(clientOrderId: string): Promise<BrokerOrder | undefined> {
    return this.read(async (sql, venue) => {
      const order = await Book.byClientId(sql, clientOrderId);
      return order === undefined ? undefined : withLegs(sql, venue, order);
    });
  }

  orderByVenueId(venueOrderId: string): Promise<BrokerOrder | undefined> {
    return this.read(async (sql, venue) => {
      const order = await Book.byVenueId(sql, venueOrderId);
      return order === undefined ? undefined : withLegs(sql, venue, order);
    });
  }

  submit(request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    return this.change(async (sql, venue) => {
      if ((await Book.byClientId(sql, clientOrderId)) !== undefined) {
        throw sendError('duplicate', `client order id must be unique: ${clientOrderId}`);
      }
      for (const what of ['quantity', 'notional', 'limitPrice', 'stopPrice'] as const) {
        if (request[what] !== undefined) positive(request, what, request[what], Number.POSITIVE_INFINITY);
      }
      if (!this.capabilities.orderTypes.has(request.type)) {
        throw sendError('rejected', `order type ${request.type} is not supported`, { reason: 'order_type' });
      }
      if (venue.indexOf(request.instrument) === undefined) {
        throw sendError('rejected', `${request.instrument} is not traded here`, { reason: 'unknown_instrument' });
      }
      const time = Math.max(this.context.clock.now(), venue.lastTick ?? Number.NEGATIVE_INFINITY);
      const order = venue.submit(request, clientOrderId, time);
      if (typeof order === 'string') throw sendError('rejected', order, { reason: 'refused' });
      const legs = [...venue.changes.orders.values()].filter((each) => each.parent === order.venueOrderId);
      return { ...venue.view(order), ...(legs.length === 0 ? {} : { legs: legs.map((leg) => venue.view(leg)) }) };
    });
  }

  async cancel(venueOrderId: string): Promise<void> {
    await this.change(async (_, venue) => venue.cancel(venueOrderId, this.context.clock.now()));
  }

  executions(cursor: string | undefined): Promise<ExecutionPage> {
    const after = Number(cursor ?? 0);
    return this.read(async (sql) => {
      const rows = await Book.executions(sql, after, PAGE);
      return { executions: rows.map((row) => row.execution), cursor: String(rows.at(-1)?.ordinal ?? after) };
    });
  }

  /** Saved when something happened; quiet ticks are kept in memory, and told again after a crash. */
  async onTick(tick: MarketTick): Promise<void> {
    const { venue } = await this.fresh();
    if (venue.lastTick !== undefined && tick.time <= venue.lastTick) return;
    if (this.isQuiet(venue, tick) && this.unsaved.length < UNSAVED_TICKS) {
      venue.tick(tick, () => false);
      this.unsaved.push(tick);
      return;
    }
    await this.change(async (_, latest) => {
      if (latest.lastTick === undefined || tick.time > latest.lastTick) latest.tick(tick, this.expiry(tick));
    });
  }

  async lastTick(): Promise<number | undefined> {
    return (await this.fresh()).venue.lastTick;
  }

  async close(): Promise<void> {
    await this.book.db.close();
  }

  /** No order can fill, no exit can fire: the tick only marks positions. */
  private isQuiet(venue: Venue, tick: MarketTick): boolean {
    if (tick.actions !== undefined) return false;
    return tick.bars.every((bar) => {
      const j = venue.indexOf(bar.instrument);
      return j === undefined || venue.exchange.busy[j] === 0;
    });
  }

  /** Day orders that wait for a price end with the session that they were given for. */
  private expiry(tick: MarketTick): (order: BookedOrder) => boolean {
    const { calendar } = this.context;
    return (order) => {
      if (calendar === undefined || order.request.timeInForce !== 'day' || order.type === 'market') return false;
      const session = calendar.sessionAt(order.submittedAt!) ?? calendar.nextSession(order.submittedAt!);
      return tick.bars.every((bar) => bar.time >= session.close);
    };
  }

  private async fresh(): Promise<{ readonly generation: number; readonly venue: Venue }> {
    return this.book.db.read((sql) => this.loaded(sql));
  }

  /** The venue in memory, loaded again when another process has saved the book since. */
  private async loaded(sql: Sql): Promise<{ readonly generation: number; readonly venue: Venue }> {
    const generation = await Book.generation(sql);
    if (this.current?.generation === generation) return this.current;
    const { instruments, fractional, listener } = this.context;
    const state = await Book.load(sql);
    const venue = new Venue(state, await Book.openOrders(sql), instruments ?? [], this.exchange, fractional ?? true);
    for (const tick of this.unsaved) {
      if (tick.time > (venue.lastTick ?? Number.NEGATIVE_INFINITY)) venue.tick(tick, this.expiry(tick));
    }
    venue.listener = listener;
    this.current = { generation, venue };
    return this.current;
  }

  private read<T>(work: (sql: Sql, venue: Venue) => Promise<T>): Promise<T> {
    return this.book.db.read(async (sql) => work(sql, (await this.loaded(sql)).venue));
  }

  /** Changes the venue and saves it in one transaction; a failure forgets the change. */
  private async change<T>(work: (sql: Sql, venue: Venue) => Promise<T>): Promise<T> {
    try {
      const [result, saved] = await this.book.db.write(async (sql) => {
        const { generation, venue } = await this.loaded(sql);
        const done = await work(sql, venue);
        await Book.save(sql, generation + 1, venue.state(), venue.changes.orders.values(), venue.changes.executions);
        return [done, { generation: generation + 1, venue }] as const;
      });
      saved.venue.forgetChanges();
      this.current = saved;
      this.unsaved = [];
      return result;
    } catch (error) {
      this.current = this.current && { generation: -1, venue: this.current.venue };
      throw error;
    }
  }
}

async function withLegs(sql: Sql, venue: Venue, order: BookedOrder): Promise<BrokerOrder> {
  const legs = await Book.children(sql, order.venueOrderId);
  return { ...venue.view(order), ...(legs.length === 0 ? {} : { legs: legs.map((leg) => venue.view(leg)) }) };
}
