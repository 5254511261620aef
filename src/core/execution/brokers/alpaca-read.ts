import type { OrderStatus } from '../../domain/index.js';
import type {
  BrokerAccount,
  BrokerAsset,
  BrokerClock,
  BrokerExecution,
  BrokerOrder,
  BrokerPosition,
  VenueOrderType,
} from '../broker.js';
import { type Json, jsonReader } from './json-reader.js';

/**
 * Alpaca's JSON as the port's values. Unknown words and fields are tolerated; a field without which an order, position
 * or account would be misunderstood makes the read fail: nothing is traded on a guess.
 */

const STATUSES: Readonly<Record<string, OrderStatus>> = {
  new: 'accepted',
  accepted: 'accepted',
  pending_new: 'accepted',
  accepted_for_bidding: 'accepted',
  held: 'accepted',
  stopped: 'accepted',
  calculated: 'accepted',
  suspended: 'accepted',
  // Not final: a gtc order goes on the next day, and a day order expires by an event of its own.
  done_for_day: 'accepted',
  partially_filled: 'partially_filled',
  pending_cancel: 'pending_cancel',
  pending_replace: 'pending_replace',
  filled: 'filled',
  canceled: 'canceled',
  expired: 'expired',
  rejected: 'rejected',
  replaced: 'replaced',
};
const TYPES: ReadonlySet<string> = new Set(['market', 'limit', 'stop', 'stop_limit', 'trailing_stop']);

export const { unreadable, asObject, asList, optional, required, unsigned } = jsonReader('Alpaca');

function text(json: Json, field: string, what: string): string {
  const value = json[field];
  if (typeof value !== 'string' || value === '') throw unreadable(what, field);
  return value;
}

function instant(value: unknown): number | undefined {
  const t = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(t) ? undefined : t;
}

export function clockFrom(json: Json): BrokerClock {
  const at = (field: string): number => {
    const t = instant(json[field]);
    if (t === undefined) throw unreadable('clock', field);
    return t;
  };
  const open = json['is_open'];
  if (typeof open !== 'boolean') throw unreadable('clock', 'is_open');
  return { now: at('timestamp'), open, nextOpen: at('next_open'), nextClose: at('next_close') };
}

export function assetFrom(instrument: string, json: Json): BrokerAsset {
  const borrow = json['borrow_status'];
  const easy = borrow === undefined ? json['easy_to_borrow'] === true : borrow === 'easy_to_borrow';
  return {
    instrument,
    ...(json['class'] === 'crypto' && { class: json['class'] }),
    tradable: json['tradable'] === true && json['status'] === 'active',
    // Shares that are hard to borrow need a locate of their own, which may cost money.
    shortable: json['shortable'] === true && easy,
    fractionable: json['fractionable'] === true,
  };
}

const QUOTES = ['USDT', 'USDC', 'USD', 'BTC'];

/** Positions name crypto pairs without the slash that orders have. */
export function instrumentOf(json: Json, what: string): string {
  const symbol = text(json, 'symbol', what);
  if (json['asset_class'] !== 'crypto' || symbol.includes('/')) return symbol;
  const quote = QUOTES.find((one) => symbol.endsWith(one) && symbol.length > one.length);
  return quote === undefined ? symbol : `${symbol.slice(0, -quote.length)}/${quote}`;
}

/** An order for several legs of options has neither symbol nor side. None is ours: it is listed and left alone. */
function severalLegs(json: Json): Json {
  if (json['order_class'] !== 'mleg') return json;
  const symbols = Array.isArray(json['legs']) ? json['legs'].map((leg) => String(leg?.symbol)) : [];
  return { ...json, symbol: symbols.join('+') || 'several legs', side: 'buy', legs: null };
}

export function orderFrom(value: unknown): BrokerOrder {
  const json = severalLegs(asObject(value, 'order'));
  const side = json['side'];
  if (side !== 'buy' && side !== 'sell') throw unreadable('order', 'side');
  const venueStatus = text(json, 'status', 'order');
  const filledQuantity = unsigned(json, 'filled_qty', 'order');
  const type = json['type'] ?? json['order_type'];
  const known = STATUSES[venueStatus] ?? 'unknown';
  const clientOrderId = json['client_order_id'];
  const legs = Array.isArray(json['legs']) ? json['legs'].map(orderFrom) : undefined;
  const link = (field: string) => (typeof json[field] === 'string' ? json[field] : undefined);
  const [replacedBy, replaces] = [link('replaced_by'), link('replaces')];
  return {
    venueOrderId: text(json, 'id', 'order'),
    clientOrderId: typeof clientOrderId === 'string' && clientOrderId !== '' ? clientOrderId : undefined,
    instrument: instrumentOf(json, 'order'),
    side,
    type: TYPES.has(String(type)) ? (type as VenueOrderType) : 'other',
    status: known === 'accepted' && Number(filledQuantity) > 0 ? 'partially_filled' : known,
    venueStatus,
    quantity: optional(json['qty']),
    notional: optional(json['notional']),
    filledQuantity,
    averagePrice: optional(json['filled_avg_price']),
    limitPrice: optional(json['limit_price']),
    stopPrice: optional(json['stop_price']),
    submittedAt: instant(json['submitted_at']),
    updatedAt: instant(json['updated_at']),
    ...(replacedBy === undefined ? {} : { replacedBy }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(legs === undefined || legs.length === 0 ? {} : { legs }),
  };
}

export function positionFrom(value: unknown): BrokerPosition {
  const json = asObject(value, 'position');
  const side = json['side'];
  if (side !== 'long' && side !== 'short') throw unreadable('position', 'side');
  const signed = required(json, 'qty', 'position');
  if (side === 'long' && signed.startsWith('-')) throw unreadable('position', `one side (long, ${signed})`);
  const quantity = signed.replace(/^-/, '');
  return {
    instrument: instrumentOf(json, 'position'),
    quantity: side === 'short' && Number(quantity) !== 0 ? `-${quantity}` : quantity,
    averagePrice: optional(json['avg_entry_price']),
    marketPrice: optional(json['current_price']),
  };
}

export function accountFrom(value: unknown, paper: boolean): BrokerAccount {
  const json = asObject(value, 'account');
  const reasons: string[] = [];
  // A flag that is not there cannot be trusted to be false.
  for (const flag of ['trading_blocked', 'account_blocked', 'trade_suspended_by_user'])
    if (json[flag] === true) reasons.push(flag.replaceAll('_', ' '));
    else if (json[flag] !== false && flag !== 'trade_suspended_by_user') reasons.push(`${flag} is missing`);
  const status = text(json, 'status', 'account');
  if (status !== 'ACTIVE') reasons.push(`status ${status}`);
  const number = json['account_number'];
  return {
    id: typeof number === 'string' && number !== '' ? number : text(json, 'id', 'account'),
    currency: typeof json['currency'] === 'string' ? json['currency'] : 'USD',
    cash: required(json, 'cash', 'account'),
    equity: required(json, 'equity', 'account'),
    buyingPower: required(json, 'buying_power', 'account'),
    lastEquity: optional(json['last_equity']),
    blocked: reasons.length > 0,
    ...(reasons.length === 0 ? {} : { reason: reasons.join(', ') }),
    shortingEnabled: json['shorting_enabled'] === true,
    paper,
  };
}

/** A fill out of the account's activities: the one place where every execution has one id for good. */
export function executionFrom(
  value: unknown,
  clientIdOf: (venueOrderId: string) => string | undefined,
): BrokerExecution {
  const json = asObject(value, 'fill');
  const side = json['side'];
  const time = instant(json['transaction_time']);
  const venueOrderId = text(json, 'order_id', 'fill');
  if (side !== 'buy' && side !== 'sell' && side !== 'sell_short') throw unreadable('fill', 'side');
  if (time === undefined) throw unreadable('fill', 'transaction_time');
  return {
    executionId: text(json, 'id', 'fill'),
    venueOrderId,
    clientOrderId: clientIdOf(venueOrderId),
    instrument: instrumentOf(json, 'fill'),
    side: side === 'buy' ? 'buy' : 'sell',
    quantity: unsigned(json, 'qty', 'fill'),
    price: required(json, 'price', 'fill'),
    time,
    kind: 'fill',
  };
}
