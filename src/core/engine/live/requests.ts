import type { TradingCalendar } from '../../domain/calendar.js';
import { decimalText, isZero, subtract } from '../../domain/decimal.js';
import type { Instrument } from '../../domain/instrument.js';
import type { OrderIntent, OrderTerms } from '../../domain/orders.js';
import { type QuantisedOrder, quantiseOrder, quantiseQuantity } from '../../domain/quantise.js';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import { attachedExits, type BrokerCapabilities } from '../../execution/index.js';
import type { Logger } from '../../platform/index.js';
import type { NewIntent, OrderRecord, OrderRequest, TimeInForce } from '../../state/index.js';
import type { PlannedOrder } from '../step.js';

/** What an order of one instrument depends on at the moment it is made. */
export interface OrderPlace {
  readonly instrument: Instrument;
  readonly capabilities: BrokerCapabilities;
  /** Fractions where the instrument has them. */
  readonly fractional: boolean;
  /** Last close, for the quantity of an amount of money. */
  readonly close: number;
  readonly calendar: TradingCalendar;
  readonly now: number;
}

/**
 * An intent as this venue takes it. An amount becomes a quantity at the last close where the venue does not take the
 * amount itself. Protection travels with the order where the venue computes it from the fill; elsewhere exits are
 * attached at prices from the last close, and moved once there is a fill: on whole units only, because venues hold no
 * exits on fractions. A pair of entries is sized at the dearer of its prices, and gets its exits once it has filled.
 */
export function toNewIntent(planned: Extract<PlannedOrder, { action: 'submit' }>, place: OrderPlace): NewIntent {
  const { protection, notional, ...rest } = planned.intent;
  const { instrument, capabilities, close } = place;
  const { type, limitPrice, stopPrice, leg, either, triggers } = planned.intent;
  const pair = capabilities.pairedEntries === 'two-orders' && (either ?? triggers) !== undefined;
  const relative = capabilities.relativeProtection === true;
  const whole =
    !place.fractional ||
    !capabilities.fractional ||
    (protection !== undefined && !relative) ||
    isShortEntry(planned.intent);
  const taken = capabilities.notional && (type === 'market' || capabilities.notionalLimits === true);
  const byMoney = taken && (capabilities.cutsNotional === true || (!whole && instrument.fractionable));
  const intent =
    notional === undefined || byMoney
      ? planned.intent
      : { ...rest, quantity: notional / Math.max(limitPrice ?? stopPrice ?? close, ...(pair ? pricesOf(either) : [])) };
  // What is held may be a fraction; only what is opened is cut.
  const fractional = capabilities.cutsNotional === true ? place.fractional : leg === 'exit' || !whole;
  const quantised = quantiseOrder(intent, instrument, fractional, capabilities.notionalDecimals);
  const numbers = pair ? asTwoOrders(quantised, instrument) : quantised;
  const { side } = intent;
  const expected = limitPrice ?? stopPrice ?? close;
  const exits =
    protection === undefined || relative || pair
      ? {}
      : attachedExits(protection, instrument, capabilities, side === 'buy' ? 1 : -1, expected, isOpen(place));
  const attached = 'stopLoss' in exits || 'takeProfit' in exits;
  return {
    leg,
    request: {
      instrument: intent.instrument,
      side: intent.side,
      type,
      // Attached exits live as long as their entry's time in force.
      timeInForce: attached ? 'gtc' : timeInForceOf(intent, numbers, place),
      ...numbers,
      opens: leg === 'entry',
      purpose: planned.reason,
      ...(protection !== undefined && relative && { protection }),
      ...exits,
    },
  };
}

const pricesOf = (terms: OrderTerms | undefined): readonly number[] =>
  terms === undefined ? [] : [terms.limitPrice ?? terms.stopPrice!];

/** The units of each order of a pair, for a venue that works two. @throws QuantlineError REFUSED where one has none. */
function asTwoOrders(whole: QuantisedOrder, instrument: Instrument): QuantisedOrder & Pick<OrderRequest, 'triggers'> {
  const { quantity, triggers } = whole;
  if (triggers === undefined) return whole;
  const first = decimalText(quantiseQuantity(Number(quantity) * triggers.first, instrument, false));
  if (isZero(first))
    throw new QuantlineError(
      'REFUSED',
      `${instrument.id}: ${quantity} is too little for two orders. Nothing was sent.`,
      {
        hint: 'Trade larger, or enter by one order.',
      },
    );
  return { ...whole, quantity: first, triggers: { ...triggers, quantity: subtract(quantity!, first) } };
}

/** What is to be sent, and which open entries are to be cancelled, for what was planned. */
export function ordersFor(
  planned: readonly PlannedOrder[],
  place: (j: number) => OrderPlace,
  open: readonly OrderRecord[],
  logger: Logger,
): { submit: NewIntent[]; cancel: OrderRecord[] } {
  const submit: NewIntent[] = [];
  const cancel: OrderRecord[] = [];
  for (const order of planned) {
    const at = place(order.index);
    // An exit outranks what is left of an entry: a position being closed must not grow.
    if (order.action === 'cancel' || order.intent.leg === 'exit')
      cancel.push(...open.filter((each) => each.instrument === at.instrument.id && each.leg === 'entry'));
    if (order.action === 'cancel') continue;
    try {
      submit.push(toNewIntent(order, at));
    } catch (error) {
      // One order that no venue takes does not stop the others.
      if (!isQuantlineError(error) || error.code !== 'REFUSED') throw error;
      logger.warn(error.message);
    }
  }
  return { submit, cancel };
}

const isOpen = ({ calendar, now }: OrderPlace): boolean => calendar.sessionAt(now) !== undefined;

/** No venue lends fractions of a share. */
const isShortEntry = ({ leg, side }: OrderIntent): boolean => leg === 'entry' && side === 'sell';

/**
 * The order that realises a fill at the next open: for the opening auction while it takes orders, otherwise a market
 * order, which a closed venue keeps for its open. An entry at a price works until the signal changes, over sessions too.
 */
function timeInForceOf(intent: OrderIntent, numbers: QuantisedOrder, place: OrderPlace): TimeInForce {
  const { capabilities, calendar, now, instrument } = place;
  const units = numbers.quantity;
  const fraction = units === undefined || Number(units) % instrument.lot !== 0;
  // A market without a close has no day; the simulated one does not mind.
  if (instrument.class === 'crypto' && capabilities.cutsNotional !== true) return 'gtc';
  if (intent.type !== 'market') return fraction && capabilities.fractionalDayOnly === true ? 'day' : 'gtc';
  const auction = capabilities.atTheOpen;
  if (fraction || auction === undefined || isOpen(place)) return 'day';
  const ahead = calendar.nextSession(now).open - now;
  return ahead <= auction.from && ahead > auction.until ? 'opg' : 'day';
}
