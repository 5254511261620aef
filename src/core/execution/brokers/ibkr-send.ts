import type { Contract, Order, OrderAction, OrderType, SecType, TimeInForce } from '@stoqey/ib';
import { meaningOf } from '../../clients/ibkr/index.js';
import { decimal, type Side, US_EQUITY_TICKS } from '../../domain/index.js';
import type { QuantlineError } from '../../errors/index.js';
import { type BrokerCapabilities, type OrderRequest, sendError } from '../broker.js';
import { secondOf } from '../groups.js';
import { LEG } from './ibkr-read.js';
import { checkOrder, refuseOrder } from './order-rules.js';

/** One order of a group, before it has an account and a number. */
export interface PartialOrder {
  readonly order: Order;
  /** Hangs on the first order of the group. */
  readonly child: boolean;
}

const OCA_CANCEL_WITH_BLOCK = 1;
const OCA_REDUCE_WITH_BLOCK = 2;

/**
 * TWS's orders for a request. A bracket leaves TWS as a whole: only the last of its parts is marked to transmit, or the
 * entry could fill before its exits exist. A pair of exits is an OCA group that reduces, with overfill protection: a
 * partly filled target leaves the stop at what remains. Two entries are an OCA group of which any fill cancels the other,
 * or an order with another one below it.
 * @throws QuantlineError REFUSED with outcome `rejected`; nothing was sent.
 */
export function ordersFor(
  request: OrderRequest,
  clientOrderId: string,
  capabilities: BrokerCapabilities,
): readonly PartialOrder[] {
  const { takeProfit, stopLoss } = request;
  const checked = checkOrder(request, { capabilities, ticks: US_EQUITY_TICKS });
  const entry = singleOrder(request, clientOrderId);
  const second = secondOf(request);
  if (second !== undefined) {
    const other = singleOrder(second, clientOrderId + LEG.second);
    const oca = { ocaGroup: clientOrderId, ocaType: OCA_CANCEL_WITH_BLOCK, transmit: true };
    return request.either === undefined
      ? transmittedLast([entry, other])
      : [entry, other].map((order) => ({ order: { ...order, ...oca }, child: false }));
  }
  const common = (ref: string, action: Side) => commonOf({ ...request, side: action }, ref);
  const target = (ref: string): Order => ({
    ...common(ref, checked.exitSide),
    orderType: 'LMT' as OrderType,
    lmtPrice: Number(takeProfit!.limitPrice),
  });
  const stop = (): Order => ({
    ...common(clientOrderId + LEG.stop, checked.exitSide),
    orderType: (stopLoss!.limitPrice === undefined ? 'STP' : 'STP LMT') as OrderType,
    auxPrice: Number(stopLoss!.stopPrice),
    ...(stopLoss!.limitPrice === undefined ? {} : { lmtPrice: Number(stopLoss!.limitPrice) }),
  });
  if (checked.group === 'one-cancels-other') {
    const oca = { ocaGroup: clientOrderId, ocaType: OCA_REDUCE_WITH_BLOCK, transmit: true };
    return [
      { order: { ...target(clientOrderId), ...oca }, child: false },
      { order: { ...stop(), ...oca }, child: false },
    ];
  }
  return transmittedLast([
    entry,
    ...(takeProfit === undefined ? [] : [target(clientOrderId + LEG.target)]),
    ...(stopLoss === undefined ? [] : [stop()]),
  ]);
}

/** An order and what hangs on it: nothing works before the last of them is there. */
const transmittedLast = (orders: readonly Order[]): readonly PartialOrder[] =>
  orders.map((order, i) => ({ order: { ...order, transmit: i === orders.length - 1 }, child: i > 0 }));

const commonOf = (
  request: OrderRequest,
  ref: string,
): Pick<Order, 'orderRef' | 'totalQuantity' | 'tif' | 'action'> => ({
  orderRef: ref,
  totalQuantity: Number(request.quantity),
  tif: TIMES[request.timeInForce] as TimeInForce,
  action: (request.side === 'buy' ? 'BUY' : 'SELL') as OrderAction.BUY,
});

/** The order without what hangs on it. */
function singleOrder(request: OrderRequest, ref: string): Order {
  const { type, timeInForce } = request;
  const auction = timeInForce === 'opg' || timeInForce === 'cls';
  if (auction && type !== 'market' && type !== 'limit') refuseOrder(request, 'auctions take market and limit orders');
  if (timeInForce === 'fok' && type !== 'limit') refuseOrder(request, 'fill-or-kill takes limit orders');
  return {
    ...commonOf(request, ref),
    orderType: typeOf(request) as OrderType,
    ...(request.limitPrice === undefined ? {} : { lmtPrice: Number(request.limitPrice) }),
    ...(request.stopPrice === undefined ? {} : { auxPrice: Number(request.stopPrice) }),
    ...(request.trail === undefined ? {} : { trailingPercent: Number(decimal.multiply(request.trail, '100')) }),
    ...(request.extendedHours === true ? { outsideRth: true } : {}),
  };
}

const TIMES = { day: 'DAY', gtc: 'GTC', opg: 'OPG', cls: 'DAY', ioc: 'IOC', fok: 'FOK' } as const;

function typeOf({ type, timeInForce }: OrderRequest): string {
  // The closing auction is a type at IBKR, the opening one a time in force.
  if (timeInForce === 'cls') return type === 'market' ? 'MOC' : 'LOC';
  return { market: 'MKT', limit: 'LMT', stop: 'STP', stop_limit: 'STP LMT', trailing_stop: 'TRAIL' }[type];
}

/** First match wins; TWS's code 201 stands for many things. */
const REFUSALS: readonly [RegExp, string, string][] = [
  [/short(able|ing| sale| stock)|locat/i, 'it cannot be sold short', 'Switch short selling off, or leave it out.'],
  [
    /margin|insufficient|available funds|equity with loan|buying power/i,
    'not enough buying power',
    'Reduce the size or free money; open orders reserve it too.',
  ],
  [/halt/i, 'trading in it is halted', 'Wait until trading resumes.'],
  [/minimum price variation|tick/i, 'the price is finer than the tick', 'Round the price to the tick.'],
  [/pattern day|day.?trad/i, 'the pattern-day-trader rule', 'Keep $25,000 of equity, or trade less within a day.'],
  [/fraction/i, 'fractions of it are not traded', 'Trade whole shares.'],
  [
    /permission|not allowed|restricted|closing.only/i,
    'the account may not trade it',
    'See the account in Client Portal.',
  ],
  [/security definition|contract/i, 'it is not known at Interactive Brokers', 'Leave the instrument out.'],
  [/exchange is closed|outside.*hours|auction/i, 'not taken at this time of day', 'See the hours of the order type.'],
];

/** What an error about a sent order means for whoever sent it. */
export function sendFailure(instrument: string, code: number, message: string): QuantlineError {
  const meaning = meaningOf(code, message);
  const said = `TWS: ${message.replace(/\s+/g, ' ').trim()} (${code})`;
  if (meaning === 'duplicate-id')
    return sendError('not_sent', `${instrument}: not taken, its number was used before (${said}).`, {
      hint: 'It is sent again under a new number.',
    });
  if (meaning === 'busy')
    return sendError('not_sent', `${instrument}: not taken, too many messages (${said}).`, {
      hint: 'Lower maxRequestsPerSecond.',
    });
  if (meaning === 'not-connected')
    return sendError('not_sent', `${instrument}: not sent, there is no connection (${said}).`, {
      hint: 'TWS and IB Gateway restart once a day; try again in a moment.',
    });
  if (meaning === 'rejected') {
    const [, why, hint] = REFUSALS.find(([pattern]) => pattern.test(message)) ?? [
      null,
      'refused',
      'See the reason given.',
    ];
    return sendError('rejected', `${instrument}: ${why} (${said}).`, { hint, reason: message });
  }
  return sendError('ambiguous', `${instrument}: the order may or may not have been taken (${said}).`, {
    hint: 'It is looked up by its reference before anything else is done.',
  });
}

export const stockContract = (symbol: string, currency: string, primary?: string): Contract => ({
  symbol,
  secType: 'STK' as SecType,
  exchange: 'SMART',
  currency,
  ...(primary === undefined ? {} : { primaryExch: primary }),
});
