import { type DecimalText, decimalText } from '../../domain/decimal.js';
import type { Instrument } from '../../domain/instrument.js';
import type { Protection, Side } from '../../domain/orders.js';
import { quantisePrice } from '../../domain/quantise.js';
import type { BrokerCapabilities, OrderRequest } from '../broker.js';

/** Prices at which a position is left, on the tick; undefined where there is none. */
export interface Levels {
  readonly stop: DecimalText | undefined;
  readonly target: DecimalText | undefined;
}

export const exitSide = (direction: number): Side => (direction > 0 ? 'sell' : 'buy');

/**
 * Levels from the average fill price and the best price since (NaN: none yet), by the rule of the simulated exchange:
 * of the fixed and the trailing stop the nearer one counts. `direction` 1 = long, −1 = short.
 */
export function levelsOf(
  protection: Protection,
  instrument: Instrument,
  direction: number,
  average: number,
  best: number,
): Levels {
  const { stopLoss, takeProfit, trailingStop } = protection;
  const price = (value: number): number => quantisePrice(value, instrument.tickRule, exitSide(direction));
  const stops: number[] = [];
  if (stopLoss !== undefined) stops.push(price(average * (1 - direction * stopLoss)));
  if (trailingStop !== undefined) {
    const peak = direction * best > direction * average ? best : average;
    stops.push(price(peak * (1 - direction * trailingStop)));
  }
  const stop = stops.length === 0 ? undefined : direction > 0 ? Math.max(...stops) : Math.min(...stops);
  const target = takeProfit === undefined ? undefined : price(average * (1 + direction * takeProfit));
  return {
    stop: stop === undefined ? undefined : decimalText(stop),
    target: target === undefined ? undefined : decimalText(target),
  };
}

/** Only a trailing stop, which the venue itself can trail. */
const trailsAlone = ({ stopLoss, takeProfit, trailingStop }: Protection): boolean =>
  trailingStop !== undefined && stopLoss === undefined && takeProfit === undefined;

/** Which of the exits a venue can hold for an instrument; what it cannot is watched. */
export function heldAt(
  { orderTypes, oco, noExitsFor }: BrokerCapabilities,
  { class: kind }: Instrument,
  levels: Levels,
): { readonly stop: boolean; readonly target: boolean } {
  const any = noExitsFor?.has(kind) !== true;
  const stop = any && levels.stop !== undefined && orderTypes.has('stop');
  // Without one-cancels-other two exits could both fill: the stop is the one that must not be missed.
  const target = any && levels.target !== undefined && orderTypes.has('limit') && (!stop || oco);
  return { stop, target };
}

/** The exits to attach to an entry, from the price that it is expected to fill at; they are moved once it has filled. */
export function attachedExits(
  protection: Protection,
  instrument: Instrument,
  capabilities: BrokerCapabilities,
  direction: number,
  expected: number,
  open: boolean,
): Pick<OrderRequest, 'takeProfit' | 'stopLoss'> {
  const held = capabilities.attachedProtection && capabilities.noExitsFor?.has(instrument.class) !== true;
  // In an open market the venue's own trailing stop follows within seconds; a closed one needs something at the open.
  if (!held || (open && trailsAlone(protection) && capabilities.trailingStop)) return {};
  const { stop, target } = levelsOf(protection, instrument, direction, expected, Number.NaN);
  return {
    ...(stop === undefined ? {} : { stopLoss: { stopPrice: stop } }),
    ...(target === undefined ? {} : { takeProfit: { limitPrice: target } }),
  };
}

/** The one order that protects a position of `quantity` units: a pair, a stop, a trailing stop or a target. */
export function protectiveOrder(
  protection: Protection,
  instrument: Instrument,
  capabilities: BrokerCapabilities,
  direction: number,
  quantity: DecimalText,
  levels: Levels,
): { readonly leg: 'stop' | 'target'; readonly request: OrderRequest } | undefined {
  const held = heldAt(capabilities, instrument, levels);
  const fraction = Number(quantity) % instrument.lot !== 0;
  const common = {
    instrument: instrument.id,
    side: exitSide(direction),
    timeInForce: fraction && capabilities.fractionalDayOnly === true ? 'day' : 'gtc',
    quantity,
    opens: false,
    purpose: 'protection',
  } as const;
  if (held.stop && held.target && !fraction)
    return {
      leg: 'target',
      request: {
        ...common,
        type: 'limit',
        takeProfit: { limitPrice: levels.target! },
        stopLoss: { stopPrice: levels.stop! },
      },
    };
  if (held.stop && trailsAlone(protection) && capabilities.trailingStop && !fraction)
    return {
      leg: 'stop',
      request: { ...common, type: 'trailing_stop', trail: decimalText(protection.trailingStop!) },
    };
  if (held.stop) return { leg: 'stop', request: { ...common, type: 'stop', stopPrice: levels.stop! } };
  if (held.target) return { leg: 'target', request: { ...common, type: 'limit', limitPrice: levels.target! } };
  return undefined;
}
