import { decimal, type OrderStatus, type Quote, quoteOf } from '../../domain/index.js';
import type { BrokerAccount, BrokerExecution, BrokerOrder, BrokerPosition, VenueOrderType } from '../broker.js';
import { type Json, jsonReader } from './json-reader.js';
import { instrumentOf, type SchwabOrder } from './schwab-send.js';

/**
 * Schwab's JSON as the port's values. A pair has no order of its own: its limit order stands for it, under the pair's
 * id, and the stop hangs on that.
 */

const STATUSES: Readonly<Record<string, OrderStatus>> = {
  AWAITING_PARENT_ORDER: 'accepted',
  AWAITING_CONDITION: 'accepted',
  AWAITING_STOP_CONDITION: 'accepted',
  AWAITING_MANUAL_REVIEW: 'accepted',
  AWAITING_RELEASE_TIME: 'accepted',
  ACCEPTED: 'accepted',
  PENDING_ACTIVATION: 'accepted',
  PENDING_ACKNOWLEDGEMENT: 'accepted',
  QUEUED: 'accepted',
  NEW: 'accepted',
  WORKING: 'accepted',
  AWAITING_UR_OUT: 'pending_cancel',
  PENDING_CANCEL: 'pending_cancel',
  PENDING_RECALL: 'pending_cancel',
  PENDING_REPLACE: 'pending_replace',
  REJECTED: 'rejected',
  CANCELED: 'canceled',
  REPLACED: 'replaced',
  FILLED: 'filled',
  EXPIRED: 'expired',
};
const TYPES: Readonly<Record<string, VenueOrderType>> = {
  MARKET: 'market',
  MARKET_ON_CLOSE: 'market',
  LIMIT: 'limit',
  LIMIT_ON_CLOSE: 'limit',
  STOP: 'stop',
  STOP_LIMIT: 'stop_limit',
  TRAILING_STOP: 'trailing_stop',
};
const SIDES: Readonly<Record<string, 'buy' | 'sell'>> = {
  BUY: 'buy',
  BUY_TO_COVER: 'buy',
  SELL: 'sell',
  SELL_SHORT: 'sell',
  SELL_SHORT_EXEMPT: 'sell',
  // Of options, by hand: none is ours, and they are left alone.
  BUY_TO_OPEN: 'buy',
  BUY_TO_CLOSE: 'buy',
  SELL_TO_OPEN: 'sell',
  SELL_TO_CLOSE: 'sell',
  EXCHANGE: 'buy',
};

export const { unreadable, asObject, asList, optional, required, unsigned } = jsonReader('Schwab');

const instant = (value: unknown): number | undefined => {
  // +0000 is ISO 8601's basic form, which not every engine reads.
  const t = typeof value === 'string' ? Date.parse(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : Number.NaN;
  return Number.isNaN(t) ? undefined : t;
};

const children = (json: Json): readonly Json[] =>
  json['childOrderStrategies'] === undefined ? [] : asList(json['childOrderStrategies'], 'order');

/** Singles below an order, pairs taken apart. */
const singles = (list: readonly Json[]): readonly Json[] =>
  list.flatMap((one) =>
    one['orderStrategyType'] === 'OCO' ? singles(children(one)) : [one, ...singles(children(one))],
  );

function idOf(json: Json): string {
  const id = json['orderId'];
  if (typeof id === 'number' || (typeof id === 'string' && id !== '')) return String(id);
  throw unreadable('order', 'orderId');
}

interface Rooted {
  readonly id: string;
  readonly json: Json;
  readonly exits: readonly Json[];
}

/** The order that stands for a tree, with its exits. */
function rootOf(value: unknown): Rooted {
  const json = asObject(value, 'order');
  const below = singles(children(json));
  if (json['orderStrategyType'] !== 'OCO') return { id: idOf(json), json, exits: below };
  // Of two of a kind the one that was made first, however they are listed.
  const rank = (one: Json) =>
    Number(TYPES[String(one['orderType'])] !== 'limit') * Number.MAX_SAFE_INTEGER + Number(idOf(one));
  const [target] = [...below].sort((a, b) => rank(a) - rank(b));
  if (target === undefined) throw unreadable('order', 'the orders of its pair');
  return { id: idOf(json), json: target, exits: below.filter((one) => one !== target) };
}

export function orderFrom(value: unknown): BrokerOrder {
  const { id, json, exits } = rootOf(value);
  const legs = exits.map((one) => single(one, idOf(one)));
  return { ...single(json, id), ...(legs.length === 0 ? {} : { legs }) };
}

/** An order and those inside it, each as it could have been placed: one that was replaced within a group stays there. */
export function ordersIn(value: unknown): readonly { readonly json: unknown; readonly order: BrokerOrder }[] {
  const { id, json, exits } = rootOf(value);
  return [
    { json: value, order: orderFrom(value) },
    ...(json === value ? [] : [{ json, order: single(json, id) }]),
    ...exits.map((one) => ({ json: one, order: single(one, idOf(one)) })),
  ];
}

function legOf(json: Json): Json {
  const [leg] = asList(json['orderLegCollection'], 'order');
  if (leg === undefined) throw unreadable('order', 'its legs');
  return leg;
}

function single(json: Json, id: string): BrokerOrder {
  const leg = legOf(json);
  const side = SIDES[String(leg['instruction'])];
  if (side === undefined) throw unreadable('order', 'an instruction that is known');
  const symbol = asObject(leg['instrument'], 'order')['symbol'];
  if (typeof symbol !== 'string' || symbol === '') throw unreadable('order', 'symbol');
  const venueStatus = json['status'];
  if (typeof venueStatus !== 'string') throw unreadable('order', 'status');
  const filledQuantity = unsigned(json, 'filledQuantity', 'order');
  const known = STATUSES[venueStatus] ?? 'unknown';
  const reason = json['statusDescription'];
  return {
    venueOrderId: id,
    clientOrderId: undefined,
    instrument: instrumentOf(symbol),
    side,
    type: TYPES[String(json['orderType'])] ?? 'other',
    status: known === 'accepted' && Number(filledQuantity) > 0 ? 'partially_filled' : known,
    venueStatus,
    quantity: optional(json['quantity']),
    notional: undefined,
    filledQuantity,
    averagePrice: undefined,
    limitPrice: optional(json['price']),
    stopPrice: optional(json['stopPrice']),
    submittedAt: instant(json['enteredTime']),
    updatedAt: instant(json['closeTime']),
    ...(typeof reason === 'string' && reason !== '' ? { reason } : {}),
  };
}

/** Executions of an order and its exits. Schwab gives them no ids: what was left after one names it. */
export function executionsFrom(value: unknown): readonly BrokerExecution[] {
  const { id, json, exits } = rootOf(value);
  return [executionsOf(json, id), ...exits.map((one) => executionsOf(one, idOf(one)))].flat();
}

function executionsOf(json: Json, venueOrderId: string): readonly BrokerExecution[] {
  const activities = json['orderActivityCollection'];
  if (activities === undefined) return [];
  const { instrument, side } = single(json, venueOrderId);
  return asList(activities, 'order').flatMap((activity) => {
    if (activity['activityType'] !== 'EXECUTION') return [];
    const left = required(activity, 'orderRemainingQuantity', 'execution');
    return asList(activity['executionLegs'], 'execution').map((leg, i): BrokerExecution => {
      const time = instant(leg['time']);
      if (time === undefined) throw unreadable('execution', 'time');
      return {
        executionId: `${venueOrderId}/${left}/${i}`,
        venueOrderId,
        clientOrderId: undefined,
        instrument,
        side,
        quantity: unsigned(leg, 'quantity', 'execution'),
        price: required(leg, 'price', 'execution'),
        time,
        kind: 'fill',
      };
    });
  });
}

/** Whether an order at Schwab is the one that was sent: same symbol, sides, quantities, types and prices throughout. */
export function isOrder(value: unknown, sent: SchwabOrder): boolean {
  const json = asObject(value, 'order');
  if (json['orderStrategyType'] !== sent.orderStrategyType) return false;
  const wanted = sent.childOrderStrategies ?? [];
  const found = children(json);
  // Exits may be listed in another order than they were sent.
  if (wanted.length !== found.length || !wanted.every((child) => found.some((one) => isOrder(one, child))))
    return false;
  if (sent.orderStrategyType === 'OCO') return true;
  const leg = legOf(json);
  const own = sent.orderLegCollection![0]!;
  const equal = (a: unknown, b: string | number | undefined): boolean => {
    const text = optional(a);
    return b === undefined ? true : text !== undefined && decimal.compare(text, String(b)) === 0;
  };
  return (
    json['orderType'] === sent.orderType &&
    leg['instruction'] === own.instruction &&
    asObject(leg['instrument'], 'order')['symbol'] === own.instrument.symbol &&
    equal(leg['quantity'], own.quantity) &&
    equal(json['price'], sent.price) &&
    equal(json['stopPrice'], sent.stopPrice)
  );
}

export function accountFrom(value: unknown): Omit<BrokerAccount, 'paper'> {
  const json = asObject(asObject(value, 'account')['securitiesAccount'], 'account');
  const now = asObject(json['currentBalances'], 'account');
  const before = (json['initialBalances'] ?? {}) as Json;
  const id = json['accountNumber'];
  if (typeof id !== 'string' || id === '') throw unreadable('account', 'accountNumber');
  const type = json['type'];
  if (type !== 'MARGIN' && type !== 'CASH') throw unreadable('account', 'type');
  const { roundTrips, isClosingOnlyRestricted: closingOnly } = json;
  const reason =
    closingOnly === true
      ? 'it may only close positions'
      : closingOnly === false
        ? undefined
        : 'isClosingOnlyRestricted is missing';
  const lastEquity = optional(before['liquidationValue']) ?? optional(before['accountValue']);
  return {
    id,
    currency: 'USD',
    cash: required(now, 'cashBalance', 'account'),
    equity: required(now, 'liquidationValue', 'account'),
    buyingPower: required(now, type === 'MARGIN' ? 'buyingPower' : 'cashAvailableForTrading', 'account'),
    lastEquity,
    blocked: reason !== undefined,
    ...(reason === undefined ? {} : { reason }),
    shortingEnabled: type === 'MARGIN',
    ...(Number.isSafeInteger(roundTrips) && { dayTrades: roundTrips as number }),
  };
}

export function positionsFrom(value: unknown): readonly BrokerPosition[] {
  const json = asObject(asObject(value, 'account')['securitiesAccount'], 'account');
  // An account without positions has no such field; a reply without an account is no such account.
  if (json['positions'] === undefined) {
    accountFrom(value);
    return [];
  }
  return asList(json['positions'], 'position').map((row) => {
    const quantity = decimal.subtract(
      unsigned(row, 'longQuantity', 'position'),
      unsigned(row, 'shortQuantity', 'position'),
    );
    const { symbol, assetType } = asObject(row['instrument'], 'position');
    if (typeof symbol !== 'string' || symbol === '') throw unreadable('position', 'symbol');
    const stock = assetType === 'EQUITY' || assetType === 'COLLECTIVE_INVESTMENT';
    const value = optional(row['marketValue']);
    return {
      instrument: stock ? instrumentOf(symbol) : `${String(assetType)}:${symbol}`,
      quantity,
      averagePrice: optional(row['averagePrice']),
      marketPrice:
        value === undefined || !stock || decimal.isZero(quantity)
          ? undefined
          : decimal.round(decimal.divide(value, quantity), 6),
    };
  });
}

/** An entry of Schwab's quotes; times are epoch ms. */
export function quoteFrom(instrument: string, entry: unknown): Quote | undefined {
  if (entry === undefined) return undefined;
  const quote = asObject(asObject(entry, 'quote')['quote'] ?? {}, 'quote');
  const traded = Number(quote['tradeTime'] ?? 0);
  const time = Math.max(Number(quote['quoteTime'] ?? 0), traded);
  const prices = { bid: quote['bidPrice'], ask: quote['askPrice'], last: quote['lastPrice'] };
  return time > 0 ? quoteOf(instrument, prices, time, traded > 0 ? traded : undefined) : undefined;
}
