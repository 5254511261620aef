import type { trading } from '@alpacahq/alpaca-trade-api/rest';
import { decimal, US_EQUITY_TICKS } from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { httpFailureOf, isoTime } from '../../platform/index.js';
import { type BrokerCapabilities, type OrderRequest, sendError } from '../broker.js';
import { type CheckedOrder, checkOrder, refuseOrder } from './order-rules.js';

type PostOrder = trading.PostOrderRequest;

const isCrypto = (instrument: string): boolean => instrument.includes('/');

/** A market that never closes has no day; a market order fills at once either way. */
const withoutDay = (request: OrderRequest): OrderRequest =>
  isCrypto(request.instrument) && request.type === 'market' && request.timeInForce === 'day'
    ? { ...request, timeInForce: 'gtc' }
    : request;

/**
 * The vendor's order for a request, checked against every rule that the vendor documents, so that a mistake is refused
 * here with words, and not there with a code that stands for many things.
 * @throws QuantlineError REFUSED with outcome `rejected`; nothing was sent.
 */
export function orderBody(asked: OrderRequest, clientOrderId: string, capabilities: BrokerCapabilities): PostOrder {
  const request = withoutDay(asked);
  const { instrument, side, type, timeInForce, quantity, notional, limitPrice, stopPrice } = request;
  if (clientOrderId === '' || clientOrderId.length > 128)
    refuseOrder(request, 'the client order id must have 1 to 128 characters');
  const checked = checkOrder(request, {
    capabilities,
    ticks: isCrypto(instrument) ? undefined : US_EQUITY_TICKS,
  });
  checkAlpaca(request, checked);
  return {
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
    ...(type === 'trailing_stop' ? { trailPercent: decimal.multiply(request.trail!, '100') } : {}),
    ...exitsOf(request, checked),
  };
}

function checkAlpaca(request: OrderRequest, { group, fractional }: CheckedOrder): void {
  const { instrument, type, timeInForce, notional } = request;
  if (notional !== undefined && decimal.compare(notional, '1') < 0)
    refuseOrder(request, 'notional must be at least $1');
  const attached = group !== 'single' || type === 'trailing_stop';
  if (isCrypto(instrument)) {
    if (timeInForce !== 'gtc' && timeInForce !== 'ioc')
      refuseOrder(request, `time in force ${timeInForce} is not taken for crypto`, 'Use gtc or ioc.');
    if (attached) refuseOrder(request, 'attached exits and trailing stops are not taken for crypto');
  } else if (fractional) {
    if (timeInForce !== 'day')
      refuseOrder(request, 'fractions of a share are taken for the day only', 'Use time in force day.');
    if (attached) refuseOrder(request, 'fractions of a share cannot have attached exits or trail');
    if (notional !== undefined && type !== 'market') refuseOrder(request, 'an order by amount must be a market order');
  }
}

const CLASSES = { bracket: 'bracket', 'one-triggers-other': 'oto', 'one-cancels-other': 'oco' } as const;

/** Bracket, one-triggers-other and one-cancels-other; one exit alone must be sent as `oto`. */
function exitsOf({ takeProfit, stopLoss }: OrderRequest, { group }: CheckedOrder): Partial<PostOrder> {
  if (group === 'single') return {};
  return {
    orderClass: CLASSES[group],
    ...(group === 'one-cancels-other' ? { limitPrice: takeProfit!.limitPrice } : {}),
    ...(takeProfit === undefined ? {} : { takeProfit: { limitPrice: takeProfit.limitPrice } }),
    ...(stopLoss === undefined
      ? {}
      : {
          stopLoss: {
            stopPrice: stopLoss.stopPrice,
            ...(stopLoss.limitPrice === undefined ? {} : { limitPrice: stopLoss.limitPrice }),
          },
        }),
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
