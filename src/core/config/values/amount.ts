import { valueError } from './error.js';

/** A number with its unit. `fraction` covers `%` and `bp` (1 % = 0.01, 1 bp = 0.0001); `currency` the account's money. */
export interface Amount {
  readonly unit: 'fraction' | 'currency' | 'currency-per-share';
  readonly value: number;
}

const NUMBER = String.raw`[+-]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?`;
const FORM = new RegExp(
  `^(?:(?<sign>[+-])?\\$(?<money>${NUMBER})(?<share>/share)?|(?<number>${NUMBER})(?<unit>%|bps?)?)$`,
);

/** Decimal text, with optional `_` between digits, to a number; NaN when it is none. */
export function parseDecimal(text: string): number {
  return new RegExp(`^${NUMBER}$`).test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
}

/** Percent and basis points by exact decimal shift: `0.1%` is 0.001, not 0.1 * 0.01. */
function shift(number: string, digits: number): number {
  const [mantissa, exponent = '0'] = number.replaceAll('_', '').toLowerCase().split('e');
  return Number(`${mantissa}e${Number(exponent) - digits}`);
}

/** Reads `0.1%`, `5bp`, `$1`, `$0.005/share`. A bare number has no unit and is refused, except `0`. */
export function parseAmount(text: string): Amount {
  const groups = FORM.exec(text.trim())?.groups;
  if (groups === undefined) throw valueError(text, 'expected an amount with its unit, such as 0.1%, 5bp or $1');
  if (groups['money'] !== undefined) {
    const value = Number(groups['money'].replaceAll('_', '')) * (groups['sign'] === '-' ? -1 : 1);
    return { unit: groups['share'] ? 'currency-per-share' : 'currency', value };
  }
  const number = groups['number']!;
  if (groups['unit'] === '%') return { unit: 'fraction', value: shift(number, 2) };
  if (groups['unit'] !== undefined) return { unit: 'fraction', value: shift(number, 4) };
  if (Number(number) === 0) return { unit: 'fraction', value: 0 };
  throw valueError(text, `an amount needs its unit: ${number}%, ${number}bp or $${number}`);
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
  /** Whether `min` itself is refused. */
  readonly above?: boolean;
}

/** Reads a fraction written with its unit: `2%` or `200bp` is 0.02. */
export function parseFraction(text: string, range: Range = {}): number {
  const amount = parseAmount(text);
  if (amount.unit !== 'fraction') throw valueError(text, 'expected a percentage, such as 2% or 200bp');
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, above = false } = range;
  if (amount.value < min || amount.value > max || (above && amount.value === min)) {
    throw valueError(text, `expected ${describeRange(range)}`);
  }
  return amount.value;
}

function describeRange({ min, max, above }: Range): string {
  const percent = (x: number) => `${x * 100}%`;
  const low = min === undefined ? '' : `${above ? 'more than' : 'at least'} ${percent(min)}`;
  const high = max === undefined ? '' : `at most ${percent(max)}`;
  return [low, high].filter(Boolean).join(' and ');
}

/** Reads money: `100000`, `100_000` or `$100000`; more than zero. */
export function parseMoney(text: string): number {
  const value = parseDecimal(text.trim().replace(/^\$/, ''));
  if (!(value > 0)) throw valueError(text, 'expected an amount of money above zero, such as 100000 or $100000');
  return value;
}
