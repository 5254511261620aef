import { EventEmitter } from 'node:events';
import type { Contract, IBApi, Order } from '@stoqey/ib';
import { IbkrSession } from '../../../../src/core/clients/ibkr/index.js';
import { isQuantlineError } from '../../../../src/core/errors/index.js';
import { IbkrBroker, settings } from '../../../../src/core/execution/brokers/ibkr.js';
import { LEG } from '../../../../src/core/execution/brokers/ibkr-read.js';
import { type Broker, type OrderRequest, sendOutcome } from '../../../../src/core/execution/index.js';
import { type Clock, silentLogger } from '../../../../src/core/platform/index.js';
import type { Booked } from '../fakeBook.js';
import type { FakeVenue } from '../fakeVenue.js';
import type { Life } from './life.js';

const ACCOUNT = 'A1';
const CLIENT = 17;

/** What differs from one life of a world to the next, by chance. */
export interface Luck {
  chance(p: number): boolean;
}

/** Numbers of orders as their client knows them; TWS keeps them while their orders live. */
export type OrderNumbers = Map<string, number>;

/** Interactive Brokers' own adapter at the soak's venue: everything but TWS's socket is the real thing. */
export function ibkrBroker(venue: FakeVenue, clock: Clock, life: Life, numbers: OrderNumbers, luck: Luck): Broker {
  const context = { clock, logger: silentLogger, secrets: {}, live: true, stateDir: '' };
  return new IbkrBroker({ ...settings.parse({}), clientId: CLIENT }, context, async () => {
    const api = new TwsDoor(venue, clock, life, numbers, luck);
    // It may begin again after a restart.
    const next = luck.chance(0.3) ? 1 : Math.max(0, ...numbers.values()) + 1;
    return new IbkrSession(api as unknown as IBApi, SESSION, CLIENT, [ACCOUNT], next);
  });
}

const SESSION = { service: 'TWS', timeoutMs: 15_000, logger: silentLogger };

/** Names as TWS gives them. */
export const TWS_NAMES = {
  order: (n: number): string => String(1_200_000_000 + n),
  execution: (n: number): string => `0000e0d5.${(0x65760000 + n).toString(16)}.01.01`,
};

/** The vendor's client, connected to the venue: messages in any order, twice at times, and a connection that is lost. */
class TwsDoor extends EventEmitter {
  /** Parts of a group that is not transmitted yet. */
  private parts: { readonly id: number; readonly order: Order; readonly contract: Contract }[] = [];
  private ended = false;

  constructor(
    private readonly venue: FakeVenue,
    private readonly clock: Clock,
    private readonly life: Life,
    private readonly numbers: OrderNumbers,
    private readonly luck: Luck,
  ) {
    super();
  }

  disconnect(): void {
    this.ended = true;
  }

  /** The nightly restart, or a connection that is lost: nothing says what became of what was asked. */
  private drop(): void {
    if (this.ended || !this.life.alive) return;
    this.ended = true;
    this.emit('disconnected');
  }

  /** Does something and tells of it; a failure of the venue ends the connection unless it is a clear no. */
  private async act(action: () => Promise<void>, refused: (code: number, message: string) => void): Promise<void> {
    await Promise.resolve();
    if (this.ended || !this.life.alive) return;
    try {
      await action();
    } catch (error) {
      if (!this.life.alive) return;
      if (!isQuantlineError(error)) throw error;
      const outcome = sendOutcome(error);
      if (outcome === 'rejected') refused(201, error.message);
      else if (outcome === 'not_sent') refused(100, 'Max rate of messages per second has been exceeded');
      else this.drop();
    }
  }

  private say(event: string, ...args: unknown[]): void {
    if (this.ended || !this.life.alive) return;
    this.emit(event, ...args);
    if (this.luck.chance(0.1)) this.emit(event, ...args);
  }

  private ask(action: () => Promise<void>): void {
    if (this.luck.chance(0.005)) {
      this.emit('info', 'Connectivity between IB and TWS has been lost', 1100);
      queueMicrotask(() => this.emit('info', 'Connectivity has been restored, data maintained', 1102));
    }
    void this.act(action, () => this.drop());
  }

  reqCurrentTime(): void {
    this.ask(async () => this.say('currentTime', Math.floor(this.clock.now() / 1000)));
  }

  reqAccountSummary(id: number): void {
    this.ask(async () => {
      const { cash, equity, buyingPower } = await this.venue.account();
      const tags = { NetLiquidation: equity, TotalCashValue: cash, BuyingPower: buyingPower, AccountReady: 'true' };
      for (const [tag, value] of Object.entries(tags)) this.say('accountSummary', id, ACCOUNT, tag, value, 'USD');
      this.say('accountSummaryEnd', id);
    });
  }
  cancelAccountSummary(): void {}

  reqPositions(): void {
    this.ask(async () => {
      const rows = await this.venue.positions();
      for (const { instrument, quantity } of rows)
        if (!this.ended) this.emit('position', ACCOUNT, contractOf(instrument), Number(quantity), 1);
      if (!this.ended) this.emit('positionEnd');
    });
  }
  cancelPositions(): void {}

  reqContractDetails(id: number, { symbol }: Contract): void {
    this.ask(async () => {
      this.say('contractDetails', id, { contract: contractOf(symbol!) });
      this.say('contractDetailsEnd', id);
    });
  }

  reqAllOpenOrders(): void {
    this.ask(async () => {
      for (const order of await this.listed(true)) this.show(order);
      this.say('openOrderEnd');
    });
  }

  reqCompletedOrders(): void {
    this.ask(async () => {
      for (const order of await this.listed(false)) {
        const expired = order.status === 'expired';
        const state = { status: wordOf(this.venue, order), completedStatus: expired ? 'Expired' : order.status };
        this.say('completedOrder', contractOf(order.request.instrument), this.orderOf(order), state);
      }
      this.say('completedOrdersEnd');
    });
  }

  private listed(open: boolean): Promise<readonly Booked[]> {
    const { venue } = this;
    const over = new Set(venue.open());
    return venue.read('open', () =>
      [...venue.orders.values()].filter((order) => venue.visible(order) && over.has(order) === open),
    );
  }

  reqExecutions(id: number): void {
    this.ask(async () => {
      const trades = await this.venue.read('executions', () => this.venue.showTrades());
      const shuffled = this.luck.chance(0.5) ? [...trades].reverse() : trades;
      for (const trade of shuffled) {
        const order = this.venue.orders.get(trade.venueOrderId)!;
        const { orderRef, orderId, clientId } = this.orderOf(order);
        const execution = {
          ...{
            execId: trade.executionId,
            acctNumber: ACCOUNT,
            permId: Number(trade.venueOrderId),
            orderRef,
            orderId,
            clientId,
          },
          time: new Date(trade.time)
            .toISOString()
            .replace('T', '-')
            .replaceAll(/(\d{4})-(\d\d)-(\d\d)/g, '$1$2$3')
            .slice(0, 17),
          ...{ side: trade.side === 'buy' ? 'BOT' : 'SLD', shares: Number(trade.quantity), price: Number(trade.price) },
        };
        const costs = () => this.say('commissionReport', { execId: trade.executionId, commission: 1 });
        const first = this.luck.chance(0.3);
        if (first) costs();
        this.say('execDetails', id, contractOf(trade.instrument), execution);
        if (!first) costs();
      }
      this.say('execDetailsEnd', id);
    });
  }

  placeOrder(id: number, contract: Contract, order: Order): void {
    if (order.permId !== undefined) {
      this.amend(String(order.permId), id, order);
      return;
    }
    this.parts.push({ id, order, contract });
    const alone = order.ocaGroup === undefined || order.ocaGroup === '';
    if (order.transmit !== true || (!alone && this.parts.length < 2)) return;
    const parts = this.parts;
    this.parts = [];
    // Numbers of orders that are over are given out again.
    const used = new Set(this.venue.open().map(({ venueOrderId }) => this.numbers.get(venueOrderId)));
    void this.act(
      async () => {
        if (parts.some((part) => used.has(part.id))) {
          this.emit('error', new Error('Duplicate order id'), 103, id);
          return;
        }
        const placed = await this.venue.submit(
          requestOf(
            parts.map((part) => part.order),
            contract,
          ),
          parts[0]!.order.orderRef!,
        );
        const first = this.venue.orders.get(placed.venueOrderId)!;
        const group = [first, ...this.venue.hanging(first)];
        for (const [i, each] of group.entries()) this.numbers.set(each.venueOrderId, parts[i]!.id);
        for (const each of this.luck.chance(0.3) ? [...group].reverse() : group) this.show(each);
      },
      (code, message) => void this.emit('error', new Error(message), code, parts[0]!.id),
    );
  }

  private amend(permId: string, id: number, { lmtPrice, auxPrice }: Order): void {
    const prices = {
      ...(lmtPrice !== undefined && { limitPrice: String(lmtPrice) }),
      ...(auxPrice !== undefined && { stopPrice: String(auxPrice) }),
    };
    void this.act(
      async () => {
        await this.venue.amendPrices(permId, prices);
        this.show(this.venue.orders.get(permId)!);
      },
      (code, message) => void this.emit('error', new Error(message), code, id),
    );
  }

  cancelOrder(id: number): void {
    const permId = [...this.numbers].findLast(([, number]) => number === id)?.[0];
    const order = this.venue.orders.get(permId ?? '');
    const tell = (code: number, message: string) => void this.emit('error', new Error(message), code, id);
    void this.act(async () => {
      if (order === undefined) return tell(10147, `OrderId ${id} that needs to be cancelled is not found.`);
      const over = ['Filled', 'Cancelled'].includes(wordOf(this.venue, order));
      if (over) return tell(10148, `OrderId ${id} can not be cancelled, state: ${wordOf(this.venue, order)}.`);
      await this.venue.cancel(order.venueOrderId);
      this.show(order);
    }, tell);
  }

  /** An order and its state, in messages of their own. */
  private show(order: Booked): void {
    const status = wordOf(this.venue, order);
    const [filled, left] = [Number(order.filled), Number(order.request.quantity) - Number(order.filled)];
    const { orderId, permId } = this.orderOf(order);
    const state = () => this.say('orderStatus', orderId, status, filled, left, 0, permId);
    const first = this.luck.chance(0.3);
    if (first) state();
    this.say('openOrder', orderId, contractOf(order.request.instrument), this.orderOf(order), { status });
    if (!first) state();
  }

  private orderOf(order: Booked): Order {
    const { request, venueOrderId, filled, external } = order;
    const orderId = this.numbers.get(venueOrderId);
    const limit = request.limitPrice ?? (request.opens === false ? request.takeProfit?.limitPrice : undefined);
    return {
      ...{ orderId: orderId ?? 0, clientId: orderId === undefined ? 0 : CLIENT, permId: Number(venueOrderId) },
      ...{ account: ACCOUNT, orderRef: external === true ? '' : refOf(order), transmit: true },
      ...{ action: request.side === 'buy' ? 'BUY' : 'SELL', totalQuantity: Number(request.quantity) },
      ...{ orderType: TYPES[request.type], tif: request.timeInForce.toUpperCase(), filledQuantity: Number(filled) },
      ...(limit !== undefined && { lmtPrice: Number(limit) }),
      ...(request.stopPrice !== undefined && { auxPrice: Number(request.stopPrice) }),
    } as Order;
  }
}

const TYPES = { market: 'MKT', limit: 'LMT', stop: 'STP', stop_limit: 'STP LMT', trailing_stop: 'TRAIL' } as const;

const contractOf = (symbol: string): Contract =>
  ({
    symbol,
    conId: [...symbol].reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7),
    secType: 'STK',
    currency: 'USD',
  }) as Contract;

/** Of what hangs on another the reference says how. */
function refOf({ clientOrderId, parent, request }: Booked): string {
  if (clientOrderId !== undefined || parent === undefined) return clientOrderId ?? '';
  const closes = parent.request.opens === false || parent.request.side !== request.side;
  return `${parent.clientOrderId}${closes ? (request.type === 'limit' ? LEG.target : LEG.stop) : LEG.second}`;
}

function wordOf(venue: FakeVenue, order: Booked): string {
  if (order.status === 'filled') return 'Filled';
  if (order.status === 'canceled' || order.status === 'expired') return 'Cancelled';
  if (order.status === 'pending_cancel') return 'PendingCancel';
  return venue.works(order) ? 'Submitted' : 'PreSubmitted';
}

/** A group as the venue's ledger keeps it. */
function requestOf(orders: readonly Order[], { symbol }: Contract): OrderRequest {
  const [first, ...rest] = orders.map((order) => singleOf(order, symbol!)) as [OrderRequest, ...OrderRequest[]];
  const [one] = rest;
  if (one === undefined) return { ...first, opens: isOpening(orders[0]!) };
  const end = orders[1]!.orderRef!;
  const terms = { type: one.type as 'limit', ...prices(one) };
  if (end.endsWith(LEG.second)) {
    if (orders[1]!.ocaGroup) return { ...first, opens: true, either: terms };
    return { ...first, opens: true, triggers: { first: 0, terms, quantity: one.quantity! } };
  }
  const pair = Boolean(orders[0]!.ocaGroup);
  const exits = pair ? [first, ...rest] : rest;
  const target = exits.find(({ type }) => type === 'limit');
  const stop = exits.find(({ type }) => type !== 'limit');
  return {
    ...first,
    opens: !pair,
    ...(target !== undefined && { takeProfit: { limitPrice: target.limitPrice! } }),
    ...(stop !== undefined && { stopLoss: { stopPrice: stop.stopPrice! } }),
  };
}

/** TWS is not told whether an order opens; the resting exits alone are closed by their kind. */
const isOpening = ({ orderType }: Order): boolean => orderType === 'MKT' || orderType === 'LMT';

const prices = ({ limitPrice, stopPrice }: OrderRequest) => ({
  ...(limitPrice !== undefined && { limitPrice }),
  ...(stopPrice !== undefined && { stopPrice }),
});

function singleOf(order: Order, instrument: string): OrderRequest {
  const type = Object.entries(TYPES).find(([, word]) => word === order.orderType)![0] as OrderRequest['type'];
  return {
    ...{ instrument, side: order.action === 'BUY' ? 'buy' : 'sell', type },
    ...{ timeInForce: order.tif === 'DAY' ? 'day' : 'gtc', quantity: String(order.totalQuantity) },
    ...(order.lmtPrice !== undefined && { limitPrice: String(order.lmtPrice) }),
    ...(order.auxPrice !== undefined && type !== 'trailing_stop' && { stopPrice: String(order.auxPrice) }),
  };
}
