import Big from 'big.js';
import { QuantlineError } from '../errors/index.js';

/**
 * Exact decimals as text, the form in which venues speak: `-12.5`, never `1e-7` or `1,000`. Arithmetic is big.js's,
 * on a constructor of our own so that nobody's settings matter. Division keeps 20 decimals, half up.
 */
export type DecimalText = string;

const Decimal = Big();
Decimal.DP = 20;
Decimal.RM = 1;
// Plain notation for every size.
Decimal.NE = -1e6;
Decimal.PE = 1e6;

const PLAIN = /^-?(?:\d+(?:\.\d*)?|\.\d+)$/;

/** Reads decimal text; anything else (exponents, separators, blanks, Infinity) is USAGE. `what` names it. */
export function parseDecimal(text: string, what = 'number'): DecimalText {
  if (typeof text === 'string' && PLAIN.test(text)) return plain(new Decimal(text));
  throw new QuantlineError('USAGE', `"${text}" is not a decimal ${what}.`, {
    hint: 'Write digits with a point for decimals and no separators, as in 1000.25.',
  });
}

/** Whether text is a plain decimal number. */
export const isDecimal = (text: unknown): text is DecimalText => typeof text === 'string' && PLAIN.test(text);

/** The shortest decimal that reads back as the same double, without an exponent. RangeError for NaN and infinities. */
export function decimalText(value: number): DecimalText {
  if (!Number.isFinite(value)) throw new RangeError(`No decimal text for ${value}`);
  const text = String(value);
  return text.includes('e') ? plain(new Decimal(text)) : text;
}

const plain = (value: Big): DecimalText => (value.eq(0) ? '0' : value.toString());

/**
 * Digits of which doubles keep the order: two decimals of at most 15 digits are the same double only where they are the
 * same number. Most are, and comparing doubles takes a tenth of the time.
 */
const SHORT = 15;
const isShort = (text: DecimalText): boolean => text.length <= SHORT && PLAIN.test(text);
const of = (text: DecimalText): Big => new Decimal(text);

export const add = (a: DecimalText, b: DecimalText): DecimalText => plain(of(a).plus(of(b)));
export const subtract = (a: DecimalText, b: DecimalText): DecimalText => plain(of(a).minus(of(b)));
export const multiply = (a: DecimalText, b: DecimalText): DecimalText => plain(of(a).times(of(b)));
/** Up to 20 decimals; RangeError when b is zero. */
export function divide(a: DecimalText, b: DecimalText): DecimalText {
  if (of(b).eq(0)) throw new RangeError(`Division of ${a} by zero`);
  return plain(of(a).div(of(b)));
}
export const negate = (a: DecimalText): DecimalText => plain(of(a).times(-1));
export const absolute = (a: DecimalText): DecimalText => plain(of(a).abs());
/** −1, 0 or 1. */
export function compare(a: DecimalText, b: DecimalText): number {
  if (!isShort(a) || !isShort(b)) return of(a).cmp(of(b));
  const [x, y] = [Number(a), Number(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
export const signOf = (a: DecimalText): number => compare(a, '0');
export const isZero = (a: DecimalText): boolean => signOf(a) === 0;
export const smaller = (a: DecimalText, b: DecimalText): DecimalText => (compare(a, b) <= 0 ? a : b);
export const sum = (values: Iterable<DecimalText>): DecimalText => {
  let total = new Decimal(0);
  for (const value of values) total = total.plus(of(value));
  return plain(total);
};

/** Rounds to a number of decimals: toward zero, or half away from zero. */
export const round = (a: DecimalText, decimals: number, mode: 'down' | 'half-up' = 'half-up'): DecimalText =>
  plain(of(a).round(decimals, mode === 'down' ? 0 : 1));
