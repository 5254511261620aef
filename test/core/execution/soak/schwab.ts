import type { SchwabCall, SchwabCalls } from '../../../../src/core/clients/schwab/index.js';
import { subtract } from '../../../../src/core/domain/decimal.js';
import type { OrderStatus } from '../../../../src/core/domain/orders.js';
import { isQuantlineError, type QuantlineError } from '../../../../src/core/errors/index.js';
import { SchwabBroker, settings } from '../../../../src/core/execution/brokers/schwab.js';
import type { SchwabOrder } from '../../../../src/core/execution/brokers/schwab-send.js';
import {
  type Broker,
  type BrokerExecution,
  type OrderRequest,
  sendOutcome,
} from '../../../../src/core/execution/index.js';
import {
  type Clock,
  type HttpFailure,
  type HttpReply,
  httpError,
  silentLogger,
} from '../../../../src/core/platform/index.js';
import type { Booked } from '../fakeBook.js';
import type { FakeVenue } from '../fakeVenue.js';
import type { Life } from './life.js';

/** What goes wrong with the answer to an order that was taken. */
export type Misdirected = 'no location' | 'another location' | undefined;

/** Schwab's own adapter at the soak's venue: everything but the network is the real thing. */
export function schwabBroker(venue: FakeVenue, clock: Clock, life: Life, misdirects: () => Misdirected): Broker {
  const door = life.guard<SchwabCalls>(new SchwabDoor(venue, misdirects));
  const context = {
    clock,
    logger: silentLogger,
    secrets: { SCHWAB_APP_KEY: 'key', SCHWAB_APP_SECRET: 'secret' },
    live: true,
    stateDir: '',
  };
  return new SchwabBroker(settings.parse({}), context, async () => door);
}

/** Schwab's interface in front of the venue: its words, its order trees, and no client order ids. */
class SchwabDoor implements SchwabCalls {
  constructor(
    private readonly venue: FakeVenue,
    private readonly misdirects: () => Misdirected,
  ) {}

  async prepare(): Promise<void> {}
  close(): void {}

  async call({ method, path, body }: SchwabCall): Promise<HttpReply> {
    const url = new URL(path, 'https://schwab');
    const id = /\/orders\/(\d+)$/.exec(url.pathname)?.[1];
    try {
      if (method === 'POST')
        return this.created(await this.venue.submit(requestOf(body as SchwabOrder), this.ledgerId()));
      if (method === 'PUT')
        return this.created(await this.venue.replace(id!, requestOf(body as SchwabOrder), this.ledgerId()));
      if (method === 'DELETE') return await this.cancel(id!);
    } catch (error) {
      throw refusalOf(error);
    }
    return reply(await this.read(url, id));
  }

  /** What the venue's ledger calls an order; Schwab shows it to nobody. */
  private ledgerId(): string {
    return `schwab-${this.venue.accepted.length + 1}`;
  }

  private created({ venueOrderId }: { readonly venueOrderId: string }): HttpReply {
    const wrong = this.misdirects();
    const others = [...this.venue.orders.keys()].filter((id) => id !== venueOrderId);
    const named = wrong === 'another location' ? (others.at(-1) ?? '1') : venueOrderId;
    const headers = wrong === 'no location' ? {} : { location: `/trader/v1/accounts/H/orders/${named}` };
    return reply(undefined, 201, headers);
  }

  private async cancel(id: string): Promise<HttpReply> {
    const order = this.venue.orders.get(id);
    if (order === undefined)
      throw failure({ cause: 'status', status: 404, vendorMessage: 'Order not found', ambiguous: false });
    await this.venue.cancel(id);
    return reply(undefined);
  }

  private async read({ pathname, searchParams }: URL, id: string | undefined): Promise<unknown> {
    const { venue } = this;
    if (pathname.endsWith('/accountNumbers')) return [{ accountNumber: 'A1', hashValue: 'H' }];
    if (pathname.endsWith('/quotes')) return quotesOf(searchParams.get('symbols')!.split(','));
    if (id !== undefined) {
      const order = await venue.read('lookup', () => venue.orders.get(id));
      if (order !== undefined && venue.visible(order)) return this.tree(order);
      throw failure({ cause: 'status', status: 404, vendorMessage: 'Order not found', ambiguous: false });
    }
    if (pathname.endsWith('/orders')) {
      const [from, to] = ['fromEnteredTime', 'toEnteredTime'].map((name) => Date.parse(searchParams.get(name)!));
      const listed = await venue.read('open', () =>
        [...venue.orders.values()].filter(
          (order) =>
            order.parent === undefined && venue.visible(order) && order.acceptedAt >= from! && order.acceptedAt <= to!,
        ),
      );
      const shown = venue.showTrades();
      return listed.map((order) => this.tree(order, shown));
    }
    const { equity, cash } = await venue.account();
    const balances = { liquidationValue: Number(equity), cashBalance: Number(cash), buyingPower: 200_000 };
    const account = { accountNumber: 'A1', type: 'MARGIN', isClosingOnlyRestricted: false, currentBalances: balances };
    if (searchParams.get('fields') !== 'positions') return { securitiesAccount: account };
    const positions = (await venue.positions()).map(({ instrument, quantity }) => ({
      longQuantity: Math.max(0, Number(quantity)),
      shortQuantity: Math.max(0, -Number(quantity)),
      averagePrice: 1,
      instrument: { symbol: instrument, assetType: 'EQUITY' },
    }));
    return { securitiesAccount: { ...account, positions } };
  }

  /** An order with what hangs on it, as Schwab nests it; the first of a pair has a number of its own inside it. */
  private tree(order: Booked, shown = this.venue.showTrades()): object {
    const below = this.venue.hanging(order);
    const pair = order.request.either !== undefined || (order.request.opens === false && below.length > 0);
    const leaf = (one: Booked, id = one.venueOrderId) => leafOf(this.venue, one, id, shown);
    if (pair)
      return {
        ...{ orderStrategyType: 'OCO', orderId: Number(order.venueOrderId), status: statusOf(this.venue, order) },
        childOrderStrategies: [leaf(order, String(Number(order.venueOrderId) + 1)), ...below.map((one) => leaf(one))],
      };
    if (below.length === 0) return leaf(order);
    const children = below.map((one) => leaf(one));
    const inner =
      children.length === 1
        ? children
        : [{ orderStrategyType: 'OCO', orderId: Number(order.venueOrderId) + 2, childOrderStrategies: children }];
    return { ...leaf(order), orderStrategyType: 'TRIGGER', childOrderStrategies: inner };
  }
}

/** Numbers as Schwab gives them, with room for those of pairs in between. */
export const SCHWAB_NAMES = {
  order: (n: number): string => String(1_000_000 + n * 10),
  execution: (_n: number, order: Booked): string =>
    `${order.venueOrderId}/${subtract(order.request.quantity!, order.filled)}/0`,
};

const STATUSES: Readonly<Partial<Record<OrderStatus, string>>> = {
  filled: 'FILLED',
  canceled: 'CANCELED',
  expired: 'EXPIRED',
  rejected: 'REJECTED',
  replaced: 'REPLACED',
  pending_cancel: 'PENDING_CANCEL',
};

const statusOf = (venue: FakeVenue, order: Booked): string =>
  STATUSES[order.status] ?? (venue.works(order) ? 'WORKING' : 'AWAITING_PARENT_ORDER');

const TYPES = {
  market: 'MARKET',
  limit: 'LIMIT',
  stop: 'STOP',
  stop_limit: 'STOP_LIMIT',
  trailing_stop: 'TRAILING_STOP',
} as const;

function leafOf(venue: FakeVenue, order: Booked, id: string, shown: readonly BrokerExecution[]): object {
  const { request, filled } = order;
  const [quantity, limit] = [Number(request.quantity), request.limitPrice ?? limitOfPair(request)];
  const closes = isClosing(order);
  const buys = closes ? 'BUY_TO_COVER' : 'BUY';
  const sells = closes ? 'SELL' : 'SELL_SHORT';
  let left = quantity;
  const fills = shown
    .filter(({ venueOrderId }) => venueOrderId === order.venueOrderId)
    .map((trade) => {
      left -= Number(trade.quantity);
      const time = new Date(trade.time).toISOString();
      const legs = [{ legId: 1, quantity: Number(trade.quantity), price: Number(trade.price), time }];
      return { activityType: 'EXECUTION', orderRemainingQuantity: left, executionLegs: legs };
    });
  return {
    ...{ orderStrategyType: 'SINGLE', orderId: Number(id), status: statusOf(venue, order) },
    ...{ orderType: TYPES[request.type], quantity, filledQuantity: Number(filled) },
    ...(limit !== undefined && { price: Number(limit) }),
    ...(request.stopPrice !== undefined && { stopPrice: Number(request.stopPrice) }),
    enteredTime: new Date(order.acceptedAt).toISOString(),
    orderLegCollection: [
      {
        instruction: request.side === 'buy' ? buys : sells,
        quantity,
        instrument: { symbol: request.instrument, assetType: 'EQUITY' },
      },
    ],
    ...(fills.length > 0 && { orderActivityCollection: fills }),
  };
}

const limitOfPair = ({ opens, takeProfit }: OrderRequest): string | undefined =>
  opens === false ? takeProfit?.limitPrice : undefined;

const isClosing = ({ request, parent }: Booked): boolean =>
  parent === undefined
    ? request.opens === false
    : parent.request.opens === false || parent.request.side !== request.side;

/** Schwab's order as the venue's ledger keeps it. */
function requestOf(wire: SchwabOrder): OrderRequest {
  const below = wire.childOrderStrategies ?? [];
  if (wire.orderStrategyType === 'OCO') {
    const [first, second] = below.map(singleOf) as [OrderRequest, OrderRequest];
    if (first.opens !== false) return { ...first, either: termsOf(second) };
    return { ...first, ...exitsOf([first, second]) };
  }
  const single = singleOf(wire);
  const hung = below
    .flatMap((one) => (one.orderStrategyType === 'OCO' ? one.childOrderStrategies! : [one]))
    .map(singleOf);
  const [one] = hung;
  if (one === undefined) return single;
  if (one.opens === false) return { ...single, ...exitsOf(hung) };
  return { ...single, triggers: { first: 0, terms: termsOf(one), quantity: one.quantity! } };
}

const exitsOf = (exits: readonly OrderRequest[]): Pick<OrderRequest, 'takeProfit' | 'stopLoss'> => {
  const target = exits.find(({ type }) => type === 'limit');
  const stop = exits.find(({ type }) => type !== 'limit');
  return {
    ...(target !== undefined && { takeProfit: { limitPrice: target.limitPrice! } }),
    ...(stop !== undefined && { stopLoss: { stopPrice: stop.stopPrice! } }),
  };
};

const termsOf = ({ type, limitPrice, stopPrice }: OrderRequest) => ({
  type: type as 'limit' | 'stop',
  ...(limitPrice !== undefined && { limitPrice }),
  ...(stopPrice !== undefined && { stopPrice }),
});

function singleOf(wire: SchwabOrder): OrderRequest {
  const { instruction, quantity, instrument } = wire.orderLegCollection![0]!;
  const type = Object.entries(TYPES).find(([, name]) => name === wire.orderType)![0] as OrderRequest['type'];
  return {
    instrument: instrument.symbol,
    side: instruction.startsWith('BUY') ? 'buy' : 'sell',
    type,
    timeInForce: wire.duration === 'DAY' ? 'day' : 'gtc',
    quantity: String(quantity),
    opens: instruction === 'BUY' || instruction === 'SELL_SHORT',
    ...(wire.price !== undefined && { limitPrice: wire.price }),
    ...(wire.stopPrice !== undefined && { stopPrice: wire.stopPrice }),
  };
}

const quotesOf = (symbols: readonly string[]): object =>
  Object.fromEntries(
    symbols.map((symbol) => [
      symbol,
      {
        assetMainType: 'EQUITY',
        reference: { isShortable: true, isHardToBorrow: false },
        quote: { securityStatus: 'Normal' },
      },
    ]),
  );

const reply = (json: unknown, status = 200, headers: Record<string, string> = {}): HttpReply => ({
  ...{ status, headers: new Headers(headers), bytes: new Uint8Array(), json },
  text: json === undefined ? '' : 'json',
});

const failure = (http: HttpFailure): QuantlineError =>
  httpError('UNAVAILABLE', `Schwab: answered ${http.status ?? http.cause}.`, 'Try again in a moment.', http);

/** What the venue answers to an order, as HTTP has it. */
function refusalOf(error: unknown): unknown {
  if (!isQuantlineError(error)) return error;
  switch (sendOutcome(error)) {
    case 'rejected':
      return failure({ cause: 'status', status: 400, vendorMessage: error.message, ambiguous: false });
    case 'not_sent': {
      const retryAt = error.details['retryAt'] as number;
      return failure({ cause: 'rate-limit', status: 429, ambiguous: false, retryAt });
    }
    default:
      return error.details['http'] === undefined ? failure({ cause: 'reset', ambiguous: true }) : error;
  }
}
