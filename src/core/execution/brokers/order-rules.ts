import { decimal, quantisePrice, type Side, type TickRule, US_EQUITY_TICKS } from '../../domain/index.js';
import { type BrokerCapabilities, type OrderRequest, sendError } from '../broker.js';
import { secondOf } from '../groups.js';

type DecimalText = decimal.DecimalText;
const { compare, isDecimal, subtract } = decimal;

/** How the exits of a request hang together: one alone, both below an entry, or a pair without an entry. */
export type OrderGroup = 'single' | 'one-triggers-other' | 'bracket' | 'one-cancels-other';

export interface CheckedOrder {
  readonly group: OrderGroup;
  /** Side of the attached exits; for a pair of exits the request's own. */
  readonly exitSide: Side;
  /** An amount of money, or a quantity with decimals. */
  readonly fractional: boolean;
}

export interface OrderRules {
  readonly capabilities: BrokerCapabilities;
  /** Price steps; undefined where the venue alone knows them. */
  readonly ticks?: TickRule | undefined;
}

export const decimals = (text: DecimalText): number =>
  text.includes('.') ? text.replace(/0+$/, '').split('.')[1]!.length : 0;

/** Refuses a request before the network. @throws QuantlineError REFUSED with outcome `rejected` */
export function refuseOrder(request: Pick<OrderRequest, 'instrument'>, why: string, hint?: string): never {
  throw sendError('rejected', `${request.instrument}: ${why}. Nothing was sent.`, {
    reason: why,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * What every venue would refuse, refused here with words: numbers that are none, prices off the tick, prices that a type
 * needs or does not have, exits on the wrong side, and what the venue cannot do by its own capabilities.
 * @throws QuantlineError REFUSED with outcome `rejected`; nothing was sent.
 */
export function checkOrder(request: OrderRequest, rules: OrderRules): CheckedOrder {
  const { side, type, timeInForce, quantity, notional, limitPrice, stopPrice, takeProfit, stopLoss } = request;
  const { capabilities } = rules;
  const refuse = (why: string, hint?: string): never => refuseOrder(request, why, hint);
  const price = (what: string, value: DecimalText, rounds: Side): void => {
    positive(request, what, value, 9);
    if (rules.ticks !== undefined && quantisePrice(Number(value), rules.ticks, rounds) !== Number(value))
      refuse(
        `${what} ${value} is not on the tick${rules.ticks === US_EQUITY_TICKS ? ' (a cent from $1, a hundredth of a cent below)' : ''}`,
      );
  };

  const second = secondOf(request);
  if (second !== undefined) checkSecond(request, second, rules);
  if (!capabilities.orderTypes.has(type)) refuse(`order type ${type} is not taken`);
  if (!capabilities.timesInForce.has(timeInForce)) refuse(`time in force ${timeInForce} is not taken`);
  if ((quantity === undefined) === (notional === undefined))
    refuse('an order has a quantity or a notional, one of them');
  if (quantity !== undefined) positive(request, 'quantity', quantity, capabilities.fractional ? 9 : 0);
  if (notional !== undefined) {
    if (!capabilities.notional) refuse('orders by amount are not taken', 'Trade whole shares: --lot whole.');
    positive(request, 'notional', notional, capabilities.notionalDecimals ?? Number.POSITIVE_INFINITY);
  }

  const { group, exitSide, exits } = groupOf(request);
  const pair = group === 'one-cancels-other';
  const wantsLimit = type === 'limit' || type === 'stop_limit';
  const wantsStop = type === 'stop' || type === 'stop_limit';
  if (wantsLimit !== (limitPrice !== undefined) && !(type === 'limit' && pair))
    refuse(wantsLimit ? `a ${type} order needs a limit price` : `a ${type} order has no limit price`);
  if (wantsStop !== (stopPrice !== undefined))
    refuse(wantsStop ? `a ${type} order needs a stop price` : `a ${type} order has no stop price`);
  if (limitPrice !== undefined) price('limit price', limitPrice, side);
  if (stopPrice !== undefined) price('stop price', stopPrice, side);
  if (
    request.extendedHours === true &&
    (!capabilities.extendedHours || type !== 'limit' || (timeInForce !== 'day' && timeInForce !== 'gtc') || exits > 0)
  )
    refuse(
      capabilities.extendedHours
        ? 'extended hours take limit orders for the day or gtc, without exits'
        : 'extended hours are not traded',
    );
  checkTrail(request, exits);

  if (exits > 0) {
    if (!capabilities.attachedProtection) refuse('attached exits are not taken');
    if (timeInForce !== 'day' && timeInForce !== 'gtc') refuse('attached exits are taken for the day or gtc');
    if (pair && type !== 'limit') refuse('a pair of exits must be of type limit');
    if (takeProfit !== undefined) price('take-profit price', takeProfit.limitPrice, exitSide);
    if (stopLoss !== undefined) {
      price('stop-loss price', stopLoss.stopPrice, exitSide);
      if (stopLoss.limitPrice !== undefined) price('stop-loss limit', stopLoss.limitPrice, exitSide);
    }
    /** The target has to be better than the stop for whoever exits, by at least a cent from the base price. */
    const above = (a: DecimalText, b: DecimalText): boolean =>
      compare(exitSide === 'sell' ? subtract(a, b) : subtract(b, a), '0.01') >= 0;
    const base = takeProfit?.limitPrice ?? limitPrice;
    if (stopLoss !== undefined && base !== undefined && !above(base, stopLoss.stopPrice))
      refuse(`the stop ${stopLoss.stopPrice} is not at least $0.01 on the losing side of ${base}`);
  }
  return {
    group,
    exitSide,
    fractional: notional !== undefined || (quantity !== undefined && decimals(quantity) > 0),
  };
}

/** How the exits of a request hang together, how many they are, and on which side. */
export function groupOf({ side, opens, takeProfit, stopLoss }: OrderRequest): {
  readonly group: OrderGroup;
  readonly exits: number;
  readonly exitSide: Side;
} {
  const exits = Number(takeProfit !== undefined) + Number(stopLoss !== undefined);
  const pair = exits === 2 && opens === false;
  return {
    group: exits === 0 ? 'single' : pair ? 'one-cancels-other' : exits === 2 ? 'bracket' : 'one-triggers-other',
    exits,
    exitSide: pair ? side : side === 'buy' ? 'sell' : 'buy',
  };
}

function checkSecond(request: OrderRequest, second: OrderRequest, rules: OrderRules): void {
  const { pairedEntries } = rules.capabilities;
  if (pairedEntries === undefined)
    refuseOrder(request, 'pairs of entry orders (oco, oto) are not taken', 'Backtest with a single --entry order.');
  if (request.takeProfit !== undefined || request.stopLoss !== undefined)
    refuseOrder(request, 'a pair of entry orders has no attached exits');
  if (pairedEntries === 'two-orders' && request.triggers !== undefined && request.triggers.quantity === undefined)
    refuseOrder(request, 'an order that triggers another states the units of both');
  checkOrder(second, rules);
}

function checkTrail(request: OrderRequest, exits: number): void {
  const { type, timeInForce } = request;
  if (request.trail !== undefined && type !== 'trailing_stop') refuseOrder(request, 'only a trailing stop trails');
  if (type !== 'trailing_stop') return;
  const trail = request.trail ?? '';
  if (!isDecimal(trail) || compare(trail, '0') <= 0 || compare(trail, '1') >= 0)
    refuseOrder(request, `trail ${trail} is not a fraction between 0 and 1`);
  if (timeInForce !== 'day' && timeInForce !== 'gtc')
    refuseOrder(request, 'a trailing stop is taken for the day or gtc');
  if (exits > 0) refuseOrder(request, 'a trailing stop cannot have attached exits');
}

/** A decimal above zero with at most so many decimals. @throws QuantlineError REFUSED */
export function positive(request: OrderRequest, what: string, value: DecimalText, places: number): void {
  if (!isDecimal(value) || compare(value, '0') <= 0) refuseOrder(request, `${what} ${value} is not a positive decimal`);
  if (decimals(value) > places)
    refuseOrder(
      request,
      places === 0 ? `${what} ${value}: fractions are not traded` : `${what} ${value} has more than ${places} decimals`,
    );
}
