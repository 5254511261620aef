import { z } from 'zod';
import { type Interval, parseInterval } from '../../domain/index.js';
import { text, texts } from '../option.js';
import {
  parseCall,
  parseCommission,
  parseDecimal,
  parseDuration,
  parseFees,
  parseFraction,
  parseList,
  parseMoment,
  parseMoney,
  parsePair,
  parseRates,
  parseSizing,
  parseSlippage,
  type Range,
  valueError,
} from '../values/index.js';

/** Kinds of values that options are made of. Each reads the text of a flag, a variable or a YAML scalar. */
export const word = () =>
  text((raw) => {
    const trimmed = raw.trim();
    if (trimmed === '') throw valueError(raw, 'expected some text');
    return trimmed;
  });

export const flag = () =>
  z.union([z.boolean(), z.string(), z.number()]).transform((raw, context) => {
    const known: Record<string, boolean> = { true: true, false: false, '1': true, '0': false, yes: true, no: false };
    const value = known[String(raw).trim().toLowerCase()];
    if (value === undefined) {
      context.addIssue({ code: 'custom', message: `cannot read "${raw}": expected true or false` });
      return z.NEVER;
    }
    return value;
  });

/** A switch that is off unless given. */
export const off = () => flag().default(false);

export const integer = (min = 0, max = Number.MAX_SAFE_INTEGER) =>
  text((raw) => {
    const value = parseDecimal(raw.trim());
    if (!Number.isInteger(value) || value < min || value > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
      throw valueError(raw, `expected a whole number, ${range}`);
    }
    return value;
  });

export const number = (min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY) =>
  text((raw) => {
    const value = parseDecimal(raw.trim());
    if (Number.isNaN(value) || value < min || value > max)
      throw valueError(raw, `expected a number${within(min, max)}`);
    return value;
  });

function within(min: number, max: number): string {
  if (min > Number.NEGATIVE_INFINITY && max < Number.POSITIVE_INFINITY) return ` from ${min} to ${max}`;
  if (min > Number.NEGATIVE_INFINITY) return `, ${min} or more`;
  return max < Number.POSITIVE_INFINITY ? `, at most ${max}` : '';
}

export const choice = <const T extends string>(...choices: readonly T[]) =>
  text((raw): T => {
    const found = choices.find((name) => name === raw.trim());
    if (found === undefined) throw valueError(raw, `expected one of ${choices.join(', ')}`);
    return found;
  });

export const list = () => texts(parseList);

/** Paths: one per flag, as they are; a variable or a YAML text is a comma list. */
export const paths = () =>
  z.union([z.string(), z.array(z.string())]).transform((raw, context): readonly string[] => {
    const items = typeof raw === 'string' ? raw.split(',').map((item) => item.trim()) : raw;
    if (items.every((item) => item !== '')) return items;
    context.addIssue({ code: 'custom', message: `cannot read "${items.join(',')}": expected a path` });
    return z.NEVER;
  });

export const interval = () => text((raw): Interval => parseInterval(raw.trim()));
export const moment = () => text(parseMoment);
export const duration = () => text(parseDuration);
export const money = () => text(parseMoney);
export const fraction = (range?: Range) => text((raw) => parseFraction(raw, range));
export const call = () => text(parseCall);
export const calls = () => texts((raw) => parseList(raw).map(parseCall));
/** With the text that it was read from, for a trainer that takes costs of its own. */
export const commission = () => text((raw) => ({ ...parseCommission(raw), text: raw.trim() }));
export const fees = () => text(parseFees);
export const rates = () => text(parseRates);
export const slippage = () => text((raw) => ({ ...parseSlippage(raw), text: raw.trim() }));
export const sizing = () => text(parseSizing);

/** `--set key=value`, repeatable; in YAML a mapping. Later ones win. */
export const pairs = () =>
  z
    .union([
      z.string(),
      z.array(z.string()),
      z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    ])
    .transform((raw, context): Readonly<Record<string, string>> => {
      try {
        if (typeof raw === 'string') return Object.fromEntries(parseList(raw).map(parsePair));
        if (Array.isArray(raw)) return Object.fromEntries(raw.map(parsePair));
        return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, String(value ?? '')]));
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    });

/** Where a single training split lies: a share of the bars, or a moment. */
export type SplitPoint =
  | { readonly kind: 'fraction'; readonly value: number }
  | { readonly kind: 'date'; readonly date: string }
  | { readonly kind: 'instant'; readonly time: number };

export const split = () =>
  text((raw): SplitPoint => {
    if (/^\s*\d{4}-/.test(raw)) return parseMoment(raw);
    const value = parseFraction(raw, { min: 0, above: true, max: 1 });
    return { kind: 'fraction', value };
  });
