import { parseAmount } from './amount.js';
import { parseCall } from './call.js';
import { valueError } from './error.js';

/** Commission of an order; the shape that the market layer's cost model takes, without its regulatory fees. */
export interface Commission {
  readonly percent: number;
  readonly perShare: number;
  readonly perOrder: number;
  readonly minimum: number;
  /** Infinity when there is none. */
  readonly maximumPercent: number;
}

/**
 * Reads `0.1%` (of the value), `$1` (an order), `$0.005/share`, sums of them with `+`, then optionally
 * `min $1` and `max 1%`: `$0.005/share min $1 max 1%`.
 */
export function parseCommissionTerms(text: string): Commission {
  const sum = { percent: 0, perShare: 0, perOrder: 0, minimum: 0, maximumPercent: Number.POSITIVE_INFINITY };
  const bounds = text.search(/\s(?:min|max)\b/);
  const head = bounds < 0 ? text : text.slice(0, bounds);
  for (const part of head.split('+')) {
    const amount = parseAmount(part);
    if (amount.value < 0) throw valueError(text, 'a commission is not negative');
    if (amount.unit === 'fraction') sum.percent += amount.value;
    else if (amount.unit === 'currency') sum.perOrder += amount.value;
    else sum.perShare += amount.value;
  }
  let rest = text.slice(head.length);
  while (rest.trim() !== '') {
    const match = /^\s*(min|max)\s+(\S+)/.exec(rest);
    const column = text.length - rest.trimStart().length + 1;
    if (match === null) throw valueError(text, 'expected "min $1" or "max 1%"', column);
    const amount = parseAmount(match[2]!);
    if (match[1] === 'min' && amount.unit === 'currency') sum.minimum = amount.value;
    else if (match[1] === 'max' && amount.unit === 'fraction') sum.maximumPercent = amount.value;
    else
      throw valueError(
        text,
        match[1] === 'min' ? 'a minimum is money, such as $1' : 'a maximum is a percentage',
        column,
      );
    rest = rest.slice(match[0].length);
  }
  return sum;
}

/** How far fills are worse than the reference price; the shape that the market layer takes. */
export type SlippageSetting =
  | { readonly kind: 'fixed'; readonly fraction: number }
  | { readonly kind: 'entry-spread'; readonly fraction: number }
  | { readonly kind: 'volume-share'; readonly limit: number; readonly impact: number }
  | { readonly kind: 'square-root'; readonly limit: number; readonly factor: number };

/**
 * Reads `5bp`, `0.05%`, `volume-share(2.5%,0.1)` (the cap as a share of the bar's volume, and the impact),
 * `square-root(10%,1)` (the cap, and the factor of the square-root law), or `entry-spread(0.2%)` (the whole spread at the entry, none at the exit, as backtesting.py charges it).
 */
export function parseSlippage(text: string): SlippageSetting {
  if (!/^\s*[a-z]/i.test(text)) {
    const amount = parseAmount(text);
    if (amount.unit !== 'fraction' || amount.value < 0) throw valueError(text, 'expected basis points or a percentage');
    return { kind: 'fixed', fraction: amount.value };
  }
  const call = parseCall(text);
  if (call.name === 'entry-spread') {
    const [fraction] = call.args;
    if (call.args.length !== 1 || fraction!.unit !== 'fraction' || !(Number(fraction!.value) >= 0)) {
      throw valueError(text, 'expected one percentage, such as entry-spread(0.2%)', 1);
    }
    return { kind: 'entry-spread', fraction: Number(fraction!.value) };
  }
  if (call.name !== 'volume-share' && call.name !== 'square-root') {
    throw valueError(text, 'expected 5bp, 0.05%, volume-share(2.5%,0.1), square-root(10%,1) or entry-spread(0.2%)', 1);
  }
  const squareRoot = call.name === 'square-root';
  const [limit = { value: squareRoot ? 0.1 : 0.025, column: 1 }, impact = { value: squareRoot ? 1 : 0.1, column: 1 }] =
    call.args;
  if (typeof limit.value !== 'number' || !(limit.value > 0 && limit.value <= 1)) {
    throw valueError(text, 'the largest share of the volume lies between 0% and 100%', limit.column);
  }
  if (typeof impact.value !== 'number' || !(impact.value >= 0)) {
    throw valueError(text, 'the impact is a number, 0 or more', impact.column);
  }
  if (call.args.length > 2) throw valueError(text, 'expected two arguments', call.args[2]!.column);
  return squareRoot
    ? { kind: 'square-root', limit: limit.value, factor: impact.value }
    : { kind: 'volume-share', limit: limit.value, impact: impact.value };
}
