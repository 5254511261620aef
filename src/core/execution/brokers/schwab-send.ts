import { decimal, type Side, US_EQUITY_TICKS } from '../../domain/index.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { httpFailureOf, isoTime } from '../../platform/index.js';
import { type BrokerCapabilities, type OrderRequest, sendError } from '../broker.js';
import { secondOf } from '../groups.js';
import { checkOrder, groupOf, refuseOrder } from './order-rules.js';

/** Schwab's order. */
export interface SchwabOrder {
  readonly orderStrategyType: 'SINGLE' | 'TRIGGER' | 'OCO';
  readonly orderType?: string;
  readonly session?: 'NORMAL' | 'SEAMLESS';
  readonly duration?: string;
  readonly price?: string;
  readonly stopPrice?: string;
  readonly stopPriceLinkBasis?: 'LAST';
  readonly stopPriceLinkType?: 'PERCENT';
  readonly stopPriceOffset?: number;
  readonly orderLegCollection?: readonly {
    readonly instruction: string;
    readonly quantity: number;
    readonly instrument: { readonly symbol: string; readonly assetType: 'EQUITY' };
  }[];
  readonly childOrderStrategies?: readonly SchwabOrder[];
}

const DURATIONS: Readonly<Record<string, string>> = {
  day: 'DAY',
  gtc: 'GOOD_TILL_CANCEL',
  cls: 'DAY',
  ioc: 'IMMEDIATE_OR_CANCEL',
  fok: 'FILL_OR_KILL',
};
const TYPES = {
  market: 'MARKET',
  limit: 'LIMIT',
  stop: 'STOP',
  stop_limit: 'STOP_LIMIT',
  trailing_stop: 'TRAILING_STOP',
} as const;

/**
 * Schwab's order for a request: a single one, an entry that triggers its exits or another entry, or a pair of which one
 * cancels the other. @throws QuantlineError REFUSED with outcome `rejected`; nothing was sent.
 */
export function orderFor(request: OrderRequest, capabilities: BrokerCapabilities): SchwabOrder {
  checkOrder(request, { capabilities, ticks: US_EQUITY_TICKS });
  return wireOf(request);
}

/** The same of a request that has been sent already. */
export function wireOf(request: OrderRequest): SchwabOrder {
  const { takeProfit, stopLoss } = request;
  const { group, exitSide } = groupOf(request);
  const single = singleOrder(request);
  const second = secondOf(request);
  if (second !== undefined) {
    const other = singleOrder(second);
    return request.either === undefined
      ? { ...single, orderStrategyType: 'TRIGGER', childOrderStrategies: [other] }
      : { orderStrategyType: 'OCO', childOrderStrategies: [single, other] };
  }
  const common = (side: Side, opens: boolean) => commonOf({ ...request, side, opens });
  const exits: SchwabOrder[] = [];
  if (takeProfit !== undefined)
    exits.push({
      orderStrategyType: 'SINGLE',
      orderType: 'LIMIT',
      price: takeProfit.limitPrice,
      ...common(exitSide, false),
    });
  if (stopLoss !== undefined)
    exits.push({
      orderStrategyType: 'SINGLE',
      orderType: stopLoss.limitPrice === undefined ? 'STOP' : 'STOP_LIMIT',
      stopPrice: stopLoss.stopPrice,
      ...(stopLoss.limitPrice === undefined ? {} : { price: stopLoss.limitPrice }),
      ...common(exitSide, false),
    });
  if (group === 'one-cancels-other') return { orderStrategyType: 'OCO', childOrderStrategies: exits };
  if (exits.length === 0) return single;
  return {
    ...single,
    orderStrategyType: 'TRIGGER',
    childOrderStrategies: exits.length === 1 ? exits : [{ orderStrategyType: 'OCO', childOrderStrategies: exits }],
  };
}

const commonOf = (request: OrderRequest): Pick<SchwabOrder, 'session' | 'duration' | 'orderLegCollection'> => ({
  session: request.extendedHours === true ? 'SEAMLESS' : 'NORMAL',
  duration: DURATIONS[request.timeInForce]!,
  orderLegCollection: [
    {
      instruction: instructionOf(request.side, request.opens === false),
      quantity: Number(request.quantity),
      instrument: { symbol: symbolOf(request.instrument), assetType: 'EQUITY' },
    },
  ],
});

/** The order without what hangs on it. */
function singleOrder(request: OrderRequest): SchwabOrder {
  const { type } = request;
  const atClose = request.timeInForce === 'cls';
  if (atClose && type !== 'market' && type !== 'limit')
    refuseOrder(request, 'the closing auction takes market and limit orders');
  return {
    orderStrategyType: 'SINGLE',
    orderType: atClose ? `${TYPES[type]}_ON_CLOSE` : TYPES[type],
    ...(request.limitPrice === undefined ? {} : { price: request.limitPrice }),
    ...(request.stopPrice === undefined ? {} : { stopPrice: request.stopPrice }),
    ...(request.trail === undefined
      ? {}
      : {
          stopPriceLinkBasis: 'LAST',
          stopPriceLinkType: 'PERCENT',
          stopPriceOffset: Number(decimal.multiply(request.trail, '100')),
        }),
    ...commonOf(request),
  };
}

const instructionOf = (side: Side, closes: boolean): string =>
  side === 'buy' ? (closes ? 'BUY_TO_COVER' : 'BUY') : closes ? 'SELL' : 'SELL_SHORT';

/** Classes of shares: BRK.B here, BRK/B at Schwab. */
export const symbolOf = (instrument: string): string => instrument.replaceAll('.', '/');
export const instrumentOf = (symbol: string): string => symbol.replaceAll('/', '.');

/** First match wins; Schwab's refusals have texts and no codes. */
const REFUSALS: readonly [RegExp, string, string][] = [
  [
    /buying power|insufficient|funds|not enough/i,
    'not enough buying power or shares',
    'Reduce the size or free money; open orders reserve it too.',
  ],
  [/short|borrow/i, 'it cannot be sold short', 'Switch short selling off, or leave it out.'],
  [/halt/i, 'trading in it is halted', 'Wait until trading resumes.'],
  [/fraction|whole/i, 'fractions of it are not traded', 'Trade whole shares.'],
  [/day trad|pattern/i, 'the pattern-day-trader rule', 'Keep $25,000 of equity, or trade less within a day.'],
  [/settled|good faith|free.?rid/i, 'it would be paid with money that has not settled', 'Wait for settlement.'],
  [/symbol|instrument|security not/i, 'it is not known at Schwab', 'Leave the instrument out.'],
  [/restrict|closing.only|not (allowed|permitted)/i, 'the account may not trade it', 'See the account at schwab.com.'],
  [/session|hours|market is closed/i, 'not taken at this time of day', 'See the hours of the order type.'],
  [/price/i, 'its price is not taken', 'Round the price to the tick and check its distance from the market.'],
];

/** A refusal in Schwab's words. */
export function refusal(instrument: string, said: string, cause?: unknown): QuantlineError {
  const [, why, hint] = REFUSALS.find(([pattern]) => pattern.test(said)) ?? [null, 'refused', 'See the reason given.'];
  return sendError('rejected', `${instrument}: ${why} (Schwab: ${said}).`, {
    hint,
    reason: said,
    ...(cause === undefined ? {} : { cause }),
  });
}

export const ambiguous = (instrument: string, why: string, cause?: unknown): QuantlineError =>
  sendError('ambiguous', `${instrument}: the order may or may not have been taken. ${why}`, {
    hint: 'Schwab keeps no id of ours: it is looked for among the orders of this moment before anything else is done.',
    ...(cause === undefined ? {} : { cause }),
  });

/** What a failed send means, as the port's outcome. */
export function sendFailure(instrument: string, error: unknown): QuantlineError {
  const http = httpFailureOf(error);
  if (!isQuantlineError(error)) return ambiguous(instrument, (error as Error).message, error);
  if (error.code === 'CREDENTIALS')
    return new QuantlineError('CREDENTIALS', error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { ...error.details, outcome: 'not_sent' },
      cause: error,
    });
  if (http === undefined) return ambiguous(instrument, error.message, error);
  if (http.cause === 'rate-limit')
    return sendError(
      'not_sent',
      `${instrument}: not taken, too many requests${http.retryAt === undefined ? '' : `; free again at ${isoTime(http.retryAt)}`}.`,
      { cause: error, ...(http.retryAt === undefined ? {} : { retryAt: http.retryAt }) },
    );
  if (http.ambiguous) return ambiguous(instrument, error.message, error);
  if (http.status === undefined || http.cause === 'redirect' || http.cause === 'proxy')
    return sendError('not_sent', `${instrument}: not sent. ${error.message}`, { cause: error });
  return refusal(instrument, http.vendorMessage || `status ${http.status}`, error);
}
