import { z } from 'zod';
import { time } from './common.js';

const text = z.string();
const optional = z.string().nullable();
const money = optional.describe('Decimal text');
const owner = optional.describe('null: of no strategy of this journal');

/** `positions`. Quantities, prices and money are decimal text. */
export const positionsResult = z.array(
  z.strictObject({
    ...{ strategy: owner, venue: text, account: text, instrument: text, quantity: text, average_price: money },
    market_price: money.describe('The last trade, moved into the range of bid and ask; otherwise of a bar'),
    ...{ bid: money, ask: money },
    price_kind: z
      .enum(['quote', 'bar', 'venue', 'decision'])
      .nullable()
      .describe('venue: as it values the position; decision: close of the bar that was decided on last'),
    price_source: optional.describe('Name of the source or venue'),
    priced_at: time.nullable().describe('The instant of that price'),
    ...{ value: money, unrealised: money, realised: money },
    exposure: z.number().nullable().describe('|value| as a fraction of equity'),
    ...{ stop: money, target: money },
    venue_quantity: money.describe('At the venue, all owners together; null without --broker'),
    ...{ problem: optional, updated_at: time.nullable() },
  }),
);

/** `orders`. */
export const ordersResult = z.array(
  z.strictObject({
    ...{ created_at: time.nullable(), strategy: owner, venue: text, account: text, instrument: text, side: text },
    ...{ leg: optional, type: text, quantity: money, notional: money, limit_price: money, stop_price: money },
    ...{ status: text, venue_status: optional, filled: text, average_price: money, reason: optional },
    client_order_id: optional,
  }),
);

/** `fills`. */
export const fillsResult = z.array(
  z.strictObject({
    ...{ time, strategy: owner, venue: text, account: text, instrument: text, side: text, leg: optional },
    ...{ quantity: text, price: text, costs: money, kind: z.enum(['fill', 'bust', 'correction', 'void']) },
    ...{ execution_id: text, client_order_id: optional },
  }),
);

/** `account`. */
export const accountResult = z.array(
  z.strictObject({
    ...{ venue: text, account: text, source: z.enum(['venue', 'journal']), currency: optional },
    ...{ equity: money, last_equity: money, cash: money, buying_power: money, gross: text },
    ...{ exposure: z.number().nullable(), unrealised: text, realised: text, strategies: text },
    ...{ paper: z.boolean().nullable(), shorting: z.boolean().nullable(), blocked: optional },
  }),
);

/** `status`. */
export const standingsResult = z.array(
  z.strictObject({
    ...{ strategy: text, venue: text, account: text, state: z.enum(['active', 'reducing', 'halted']) },
    ...{ reason: optional, since: time.nullable(), running: optional.describe('Holder of the right to trade') },
    ...{ last_slot: time.nullable(), last_decision: time.nullable(), report: optional },
    ...{ open_orders: z.int(), unresolved: z.int(), positions: z.int(), equity: z.number().nullable() },
    ...{ drawdown: z.number().nullable(), missed_slots: z.int() },
  }),
);
