import { QuantlineError } from '../errors/index.js';
import { type DecimalText, decimalText, multiply, parseDecimal, round } from './decimal.js';
import type { Instrument, TickRule } from './instrument.js';
import type { OrderIntent, OrderTerms, Side } from './orders.js';

/**
 * Prices and quantities onto a venue's grid, the same in both runners. A step is a decimal fraction m/10^s, and a
 * multiple of it is computed as (k·m)/10^s, whose one rounding gives the double nearest to the exact decimal; so
 * `decimalText` of a result is the decimal on the grid, without noise.
 */
interface Step {
  readonly m: number;
  readonly scale: number;
  readonly size: number;
}

/** What arithmetic in doubles leaves beside a grid point: taken as that point. In steps, and in parts of the value. */
const NOISE_STEPS = 1e-9;
const NOISE = 1e-15;
/** Decimals of a fractional quantity. */
export const FRACTIONAL_STEP = 1e-9;

const steps = new Map<number, Step>();

function stepOf(size: number): Step {
  const known = steps.get(size);
  if (known !== undefined) return known;
  const text = decimalText(size);
  const decimals = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0;
  const scale = Number(`1e${decimals}`);
  const step = { m: Math.round(size * scale), scale, size };
  if (!(size > 0) || step.m < 1) throw new RangeError(`A step must be positive: ${size}`);
  steps.set(size, step);
  return step;
}

/** The multiple of a step at or next to a value >= 0, in one direction. */
function onGrid(value: number, { m, scale, size }: Step, up: boolean): number {
  const units = value * scale;
  // A division takes as long as all the rest, and most steps are 1/10^s.
  const count = m === 1 ? units : units / m;
  const below = Math.floor(count);
  const part = count - below;
  // Far enough from both neighbours, beyond noise and the rounding of `count`, there is one answer.
  const near = 10 * NOISE_STEPS + 10 * NOISE * units;
  if (part > near && part < 1 - near) return ((up ? below + 1 : below) * m) / scale;
  const nearest = Math.round(count);
  // Beyond 2^53 units a double has no room for the grid.
  if (nearest * m > Number.MAX_SAFE_INTEGER) return value;
  const snapped = (nearest * m) / scale;
  if (Math.abs(snapped - value) <= size * NOISE_STEPS + value * NOISE) return snapped;
  if (up) return snapped > value ? snapped : ((nearest + 1) * m) / scale;
  return snapped < value ? snapped : ((nearest - 1) * m) / scale;
}

/** The tick at a price: the last row of the rule that starts at or below it. */
export function tickAt(rule: TickRule, price: number): number {
  let tick = rule[0]!.tick;
  for (let i = 1; i < rule.length && rule[i]!.from <= price; i++) tick = rule[i]!.tick;
  return tick;
}

/** A tick rule by its steps. */
type Levels = readonly { readonly from: number; readonly step: Step }[];

const levelsOf = (rule: TickRule): Levels => rule.map(({ from, tick }) => ({ from, step: stepOf(tick) }));

const lotOf = (instrument: Instrument, fractional: boolean): Step => stepOf(lotSize(instrument, fractional));

function stepAt(levels: Levels, price: number): Step {
  let at = 0;
  while (at + 1 < levels.length && levels[at + 1]!.from <= price) at++;
  return levels[at]!.step;
}

function priceOn(price: number, levels: Levels, up: boolean): number {
  const step = stepAt(levels, price);
  const rounded = onGrid(price, step, up);
  // Rounding up may reach the next level, whose grid is coarser.
  const reached = stepAt(levels, rounded);
  return reached === step ? rounded : onGrid(rounded, reached, up);
}

/**
 * A price > 0 on the tick of its own level, never worse than asked: a buy's is rounded down, a sell's up. For stops
 * that means no later than asked. The result may be 0 where a buy's price is below the smallest tick.
 */
export const quantisePrice = (price: number, rule: TickRule, side: Side): number =>
  priceOn(price, levelsOf(rule), side === 'sell');

/** A quantity >= 0 rounded down to the lot, or to 9 decimals where fractions are wanted and the instrument has them. */
export const quantiseQuantity = (quantity: number, instrument: Instrument, fractional: boolean): number =>
  onGrid(quantity, lotOf(instrument, fractional), false);

/** Units that quantities of an instrument are multiples of. */
export const lotSize = ({ lot, fractionable }: Instrument, fractional: boolean): number =>
  fractional && fractionable ? Math.min(FRACTIONAL_STEP, lot) : lot;

/** What of a quantity >= 0 is whole lots. */
export const wholeLots = (quantity: number, lot: number): number => onGrid(quantity, stepOf(lot), false);

/** The two for one instrument, whose steps are looked up once: for a venue that rounds with every fill. */
export class Grid {
  private readonly levels: Levels;
  private readonly lot: Step;

  constructor(instrument: Instrument, fractional: boolean) {
    this.levels = levelsOf(instrument.tickRule);
    this.lot = lotOf(instrument, fractional);
  }

  quantity(quantity: number): number {
    return onGrid(quantity, this.lot, false);
  }

  /** A sum or difference of quantities of this grid: its noise is that of the larger ones, so it is not rounded down. */
  sum(quantity: number): number {
    const { m, scale, size } = this.lot;
    const nearest = (Math.round((quantity * scale) / m) * m) / scale;
    return Math.abs(nearest - quantity) < size / 4 ? nearest : quantity;
  }

  /** `side` 1 buys, −1 sells. */
  price(price: number, side: number): number {
    return priceOn(price, this.levels, !(side > 0));
  }
}

/** Numbers of an order as a venue gets them. */
export interface QuantisedOrder {
  readonly quantity?: DecimalText;
  readonly notional?: DecimalText;
  readonly limitPrice?: DecimalText;
  readonly stopPrice?: DecimalText;
  readonly either?: QuantisedTerms;
  readonly triggers?: { readonly first: number; readonly terms: QuantisedTerms };
}

/** `OrderTerms` as a venue gets them. */
export interface QuantisedTerms {
  readonly type: OrderTerms['type'];
  readonly limitPrice?: DecimalText;
  readonly stopPrice?: DecimalText;
}

/**
 * The numbers of an intent on tick and lot, as decimal text. REFUSED, naming the number, for what no venue takes:
 * NaN, infinities, zero, negatives, less than a lot, a price below the smallest tick. An amount of money is cut to
 * `notionalDecimals`; undefined keeps every digit.
 */
export function quantiseOrder(
  intent: OrderIntent,
  instrument: Instrument,
  fractional: boolean,
  notionalDecimals?: number,
): QuantisedOrder {
  const refuse = (what: string, value: number, why: string): never => {
    throw new QuantlineError('REFUSED', `${instrument.id}: ${what} ${value} ${why}. Nothing was sent.`, {
      hint: 'Check the sizing and the prices of the strategy.',
      details: { instrument: instrument.id, field: what, value: String(value), reason: 'invalid_number' },
    });
  };
  const check = (what: string, value: number): void => {
    if (!Number.isFinite(value) || value <= 0) refuse(what, value, 'is not a positive number');
  };
  const priced = (what: string, value: number): DecimalText => {
    check(what, value);
    const price = quantisePrice(value, instrument.tickRule, intent.side);
    if (price <= 0) refuse(what, value, `is below the smallest tick ${tickAt(instrument.tickRule, value)}`);
    return decimalText(price);
  };
  const out: { -readonly [K in keyof QuantisedOrder]: QuantisedOrder[K] } = {};
  if ((intent.quantity === undefined) === (intent.notional === undefined)) {
    throw new QuantlineError('BUG', `${instrument.id}: an order has a quantity or a notional, one of them.`);
  }
  if (intent.quantity !== undefined) {
    check('quantity', intent.quantity);
    const quantity = quantiseQuantity(intent.quantity, instrument, fractional);
    if (quantity <= 0) refuse('quantity', intent.quantity, 'is less than one lot');
    out.quantity = decimalText(quantity);
  }
  if (intent.notional !== undefined) {
    check('notional', intent.notional);
    const exact = decimalText(intent.notional);
    out.notional = notionalDecimals === undefined ? exact : round(exact, notionalDecimals, 'down');
    if (out.notional === '0') refuse('notional', intent.notional, 'is too small');
  }
  if (intent.limitPrice !== undefined) out.limitPrice = priced('limit price', intent.limitPrice);
  if (intent.stopPrice !== undefined) out.stopPrice = priced('stop price', intent.stopPrice);
  const termsOf = ({ type, limitPrice, stopPrice }: OrderTerms): QuantisedTerms => ({
    type,
    ...(limitPrice !== undefined && { limitPrice: priced('limit price', limitPrice) }),
    ...(stopPrice !== undefined && { stopPrice: priced('stop price', stopPrice) }),
  });
  if (intent.either !== undefined) out.either = termsOf(intent.either);
  if (intent.triggers !== undefined)
    out.triggers = { first: intent.triggers.first, terms: termsOf(intent.triggers.terms) };
  return out;
}

/** Reads a person's positive amount, exactly: `1,000`, `1e-7`, `-5`, `0` and `Infinity` are USAGE errors. */
export function parsePositive(text: string, what: string): DecimalText {
  const value = parseDecimal(text, what);
  if (!value.startsWith('-') && multiply(value, '1') !== '0') return value;
  throw new QuantlineError('USAGE', `The ${what} has to be greater than 0, not ${text}.`);
}
