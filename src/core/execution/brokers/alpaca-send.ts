import type { trading } from '@alpacahq/alpaca-trade-api/rest';
import { decimal, quantisePrice, US_EQUITY_TICKS } from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { httpFailureOf, isoTime } from '../../platform/index.js';
import { type OrderRequest, sendError } from '../broker.js';

type PostOrder = trading.PostOrderRequest;
type DecimalText = decimal.DecimalText;
const { compare, isDecimal, multiply, subtract } = decimal;

const isCrypto = (instrument: string): boolean => instrument.includes('/');
const decimals = (text: DecimalText): number =>
  text.includes('.') ? text.replace(/0+$/, '').split('.')[1]!.length : 0;

/**
 * The vendor's order for a request, checked against every rule that the vendor documents, so that a mistake is refused
 * here with words, and not there with a code that stands for many things.
 * @throws QuantlineError REFUSED with outcome `rejected`; nothing was sent.
 */
export function orderBody(request: OrderRequest, clientOrderId: string): PostOrder {
  const { instrument, side, type, timeInForce, quantity, notional, limitPrice, stopPrice, takeProfit, stopLoss } =
    request;
  const refuse = (why: string, hint?: string): never => {
    throw sendError('rejected', `${instrument}: ${why}. Nothing was sent.`, {
      reason: why,
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const positive = (what: string, value: DecimalText, places: number): void => {
    if (!isDecimal(value) || compare(value, '0') <= 0) refuse(`${what} ${value} is not a positive decimal`);
    if (decimals(value) > places) refuse(`${what} ${value} has more than ${places} decimals`);
  };
  const price = (what: string, value: DecimalText, rounds: 'buy' | 'sell'): void => {
    positive(what, value, 9);
    if (!isCrypto(instrument) && quantisePrice(Number(value), US_EQUITY_TICKS, rounds) !== Number(value))
      refuse(`${what} ${value} is not on the tick (a cent from $1, a hundredth of a cent below)`);
  };

  if (clientOrderId === '' || clientOrderId.length > 128) refuse('the client order id must have 1 to 128 characters');
  if ((quantity === undefined) === (notional === undefined))
    refuse('an order has a quantity or a notional, one of them');
  if (quantity !== undefined) positive('quantity', quantity, 9);
  if (notional !== undefined) {
    positive('notional', notional, 2);
    if (compare(notional, '1') < 0) refuse('notional must be at least $1');
  }
  const exits = Number(takeProfit !== undefined) + Number(stopLoss !== undefined);
  const fractional = notional !== undefined || (quantity !== undefined && decimals(quantity) > 0);
  if (isCrypto(instrument)) {
    if (timeInForce !== 'gtc' && timeInForce !== 'ioc')
      refuse(`time in force ${timeInForce} is not taken for crypto`, 'Use gtc or ioc.');
    if (exits > 0 || type === 'trailing_stop') refuse('attached exits and trailing stops are not taken for crypto');
  } else if (fractional) {
    if (timeInForce !== 'day') refuse('fractions of a share are taken for the day only', 'Use time in force day.');
    if (exits > 0 || type === 'trailing_stop') refuse('fractions of a share cannot have attached exits or trail');
    if (notional !== undefined && type !== 'market') refuse('an order by amount must be a market order');
  }
  const wantsLimit = type === 'limit' || type === 'stop_limit';
  const wantsStop = type === 'stop' || type === 'stop_limit';
  if (
    wantsLimit !== (limitPrice !== undefined) &&
    !(type === 'limit' && takeProfit !== undefined && request.opens === false)
  )
    refuse(wantsLimit ? `a ${type} order needs a limit price` : `a ${type} order has no limit price`);
  if (wantsStop !== (stopPrice !== undefined))
    refuse(wantsStop ? `a ${type} order needs a stop price` : `a ${type} order has no stop price`);
  if (limitPrice !== undefined) price('limit price', limitPrice, side);
  if (stopPrice !== undefined) price('stop price', stopPrice, side);
  if (
    request.extendedHours === true &&
    (type !== 'limit' || (timeInForce !== 'day' && timeInForce !== 'gtc') || exits > 0)
  )
    refuse('extended hours take limit orders for the day or gtc, without exits');
  if (request.trail !== undefined && type !== 'trailing_stop') refuse('only a trailing stop trails');

  const body: PostOrder = {
    symbol: instrument,
    side,
    type,
    timeInForce,
    clientOrderId,
    ...(quantity === undefined ? {} : { qty: quantity }),
    ...(notional === undefined ? {} : { notional }),
    ...(limitPrice === undefined ? {} : { limitPrice }),
    ...(stopPrice === undefined ? {} : { stopPrice }),
    ...(request.extendedHours === true ? { extendedHours: true } : {}),
  };
  if (type === 'trailing_stop') {
    const trail = request.trail ?? '';
    if (!isDecimal(trail) || compare(trail, '0') <= 0 || compare(trail, '1') >= 0)
      refuse(`trail ${trail} is not a fraction between 0 and 1`);
    if (timeInForce !== 'day' && timeInForce !== 'gtc') refuse('a trailing stop is taken for the day or gtc');
    if (exits > 0) refuse('a trailing stop cannot have attached exits');
    body.trailPercent = multiply(trail, '100');
  }
  if (exits > 0) attach(body, request, exits, refuse, price);
  return body;
}

/** Bracket, one-triggers-other and one-cancels-other; one exit alone must be sent as `oto`. */
function attach(
  body: PostOrder,
  request: OrderRequest,
  exits: number,
  refuse: (why: string, hint?: string) => never,
  price: (what: string, value: DecimalText, rounds: 'buy' | 'sell') => void,
): void {
  const { side, type, timeInForce, takeProfit, stopLoss, limitPrice } = request;
  if (timeInForce !== 'day' && timeInForce !== 'gtc') refuse('attached exits are taken for the day or gtc');
  const oco = exits === 2 && request.opens === false;
  const exitSide = oco ? side : side === 'buy' ? 'sell' : 'buy';
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
  if (oco) {
    if (type !== 'limit') refuse('a pair of exits must be of type limit');
    body.limitPrice = takeProfit!.limitPrice;
  }
  body.orderClass = oco ? 'oco' : exits === 2 ? 'bracket' : 'oto';
  if (takeProfit !== undefined) body.takeProfit = { limitPrice: takeProfit.limitPrice };
  if (stopLoss !== undefined)
    body.stopLoss = {
      stopPrice: stopLoss.stopPrice,
      ...(stopLoss.limitPrice === undefined ? {} : { limitPrice: stopLoss.limitPrice }),
    };
}

/** Alpaca's codes stand for many things: its texts are what tells refusals apart. First match wins. */
const REFUSALS: readonly [RegExp, string, string][] = [
  [
    /wash trade/i,
    'wash trade: an open order on the other side could meet it',
    'Cancel the opposite order, or send the exit as part of it.',
  ],
  [
    /insufficient (buying power|day ?trad|balance|qty|quantity)|not sufficient|exceeds.*buying power/i,
    'not enough buying power or shares',
    'Reduce the size or free money; open orders reserve it too.',
  ],
  [
    /cannot be sold short|not shortable|no short|shorting|hard.to.borrow|account is not allowed to short/i,
    'it cannot be sold short',
    'Switch short selling off for this strategy, or leave the instrument out.',
  ],
  [/not fractionable|fractional/i, 'fractions of it are not traded', 'Trade whole shares.'],
  [/halt/i, 'trading in it is halted', 'Wait until trading resumes.'],
  [
    /not tradable|not active|asset .* not found|could not find asset/i,
    'it is not traded at Alpaca',
    'Leave the instrument out.',
  ],
  [/sub-?penny|minimum pricing/i, 'the price is finer than the tick', 'Round the price to the tick.'],
  [/pattern day trad/i, 'the pattern-day-trader rule', 'Keep $25,000 of equity, or trade less within a day.'],
  [
    /account.*(block|restrict|suspend|closed)|trading.*(block|suspend)|not authorized to trade|liquidation only/i,
    'the account may not trade',
    'See the account at app.alpaca.markets.',
  ],
  [
    /market.*closed|outside.*hours|opg|cls|not accepted.*(time|session)/i,
    'not taken at this time of day',
    'See the trading hours of the order type.',
  ],
];

/** What a failed send means, as the port's outcome. */
export function sendFailure(instrument: string, error: unknown): QuantlineError {
  const http = httpFailureOf(error);
  if (!isQuantlineError(error) || http === undefined)
    return sendError(
      'ambiguous',
      `${instrument}: the order may or may not have been taken (${(error as Error)?.message}).`,
      { cause: error },
    );
  const said = http.vendorMessage ?? '';
  if (error.code === 'CREDENTIALS')
    return new QuantlineError('CREDENTIALS', error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { ...error.details, outcome: 'not_sent' },
      cause: error,
    });
  if (http.cause === 'rate-limit')
    return sendError(
      'not_sent',
      `${instrument}: not taken, too many requests${http.retryAt === undefined ? '' : `; free again at ${isoTime(http.retryAt)}`}.`,
      {
        hint: 'It is sent again with the same id.',
        cause: error,
        ...(http.retryAt === undefined ? {} : { retryAt: http.retryAt }),
      },
    );
  if (!http.ambiguous && http.status === undefined)
    return sendError('not_sent', `${instrument}: not sent. ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  if (http.ambiguous)
    return sendError('ambiguous', `${instrument}: the order may or may not have been taken. ${error.message}`, {
      hint: 'It is looked up by its id before anything else is done.',
      cause: error,
    });
  if (/client.?order.?id must be unique/i.test(said))
    return sendError('duplicate', `${instrument}: an order with this id exists already.`, {
      cause: error,
      reason: said,
    });
  if (http.cause === 'redirect' || http.cause === 'proxy')
    return sendError('not_sent', `${instrument}: not sent. ${error.message}`, { cause: error });
  const [, why, hint] = REFUSALS.find(([pattern]) => pattern.test(said)) ?? [
    undefined,
    'refused',
    'See the reason given.',
  ];
  return sendError('rejected', `${instrument}: ${why} (Alpaca: ${said || String(http.status)}).`, {
    hint,
    cause: error,
    reason: said || `status ${http.status}`,
  });
}
