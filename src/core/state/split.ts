import { type DecimalText, divide, multiply } from '../domain/decimal.js';
import type { OrderRequest } from './records.js';

/** A resting order in new units after a split of `ratio` (new per old ones), as venues scale it: every order of its group. */
export function splitRequest(request: OrderRequest, ratio: DecimalText): OrderRequest {
  const { takeProfit, stopLoss, either, triggers } = request;
  return {
    ...scaled(request, ratio),
    ...(takeProfit !== undefined && { takeProfit: scaled(takeProfit, ratio) }),
    ...(stopLoss !== undefined && { stopLoss: scaled(stopLoss, ratio) }),
    ...(either !== undefined && { either: scaled(either, ratio) }),
    ...(triggers !== undefined && { triggers: { ...scaled(triggers, ratio), terms: scaled(triggers.terms, ratio) } }),
  };
}

type Sized = Pick<OrderRequest, 'quantity' | 'limitPrice' | 'stopPrice'>;

function scaled<T extends Sized>(terms: T, ratio: DecimalText): T {
  const { quantity, limitPrice, stopPrice } = terms;
  return {
    ...terms,
    ...(quantity !== undefined && { quantity: multiply(quantity, ratio) }),
    ...(limitPrice !== undefined && { limitPrice: divide(limitPrice, ratio) }),
    ...(stopPrice !== undefined && { stopPrice: divide(stopPrice, ratio) }),
  };
}
