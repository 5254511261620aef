import type { z } from 'zod';
import { QuantlineError } from '../errors/index.js';
import { nearest } from './nearest.js';
import { type Call, parseDecimal, parseFraction } from './values/index.js';

/**
 * Settings of an adapter from the arguments of a call, in the order of the schema's keys (`max-drawdown(20%)` is
 * {fraction: 0.2}) or by name (`lstm(16,epochs=5)`), and from `key=value` texts, which win over both it and values already
 * read (`given`). A name may be another one of a setting (`aliases`). Errors are USAGE and name adapter and key.
 */
export function adapterSettings<S extends z.ZodObject>(
  name: string,
  schema: S,
  call: Call | undefined,
  texts: Readonly<Record<string, string>> = {},
  given: Readonly<Record<string, unknown>> = {},
  aliases: Aliases = {},
): z.output<S> {
  const keys = Object.keys(schema.shape);
  const raw: Record<string, unknown> = { ...given };
  const all = call?.args ?? [];
  const args = all.filter(({ text }) => !NAMED.test(text));
  const last = keys.at(-1);
  // A list at the end takes all arguments that are left: no-trade(GME,AMC).
  const rest = last !== undefined && schema.shape[last]?.def.type === 'array' ? keys.length - 1 : args.length;
  if (last !== undefined && rest < args.length) raw[last] = args.slice(rest).map(({ text }) => text);
  for (const [i, argument] of args.slice(0, rest).entries()) {
    const key = keys[i];
    if (key === undefined) {
      throw usage(
        `${name} takes ${keys.length} arguments, "${argument.text}" at column ${argument.column} is one more.`,
      );
    }
    raw[key] = typeof argument.value === 'object' ? argument.value.text : argument.value;
  }
  const keyOf = (given: string): string => {
    const key = settingOf(given, keys, aliases);
    if (key !== undefined) return key;
    const near = nearest(given, keys);
    throw usage(`${name} has no setting "${given}".`, near ?? (keys.length ? `It has ${keys.join(', ')}.` : undefined));
  };
  const placed = new Set(keys.slice(0, args.length));
  for (const { text, column } of all) {
    const [, given, value] = NAMED.exec(text) ?? [];
    if (given === undefined) continue;
    const key = keyOf(given);
    if (placed.has(key)) throw usage(`${name}: ${key} is given a second time at column ${column}.`);
    placed.add(key);
    raw[key] = scalar(value!);
  }
  const named = new Map<string, string>();
  for (const [given, text] of Object.entries(texts)) {
    const key = keyOf(given);
    const before = named.get(key);
    if (before !== undefined && texts[before] !== text)
      throw usage(`${name}: ${before} and ${given} are one setting, and given as ${texts[before]} and ${text}.`);
    named.set(key, given);
    raw[key] = scalar(text);
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const where = issue.path.length > 0 ? `${name}, ${issue.path.join('.')}` : name;
  throw usage(`${where}: ${issue.message}`);
}

/** An argument by name. */
const NAMED = /^([a-z][\w-]*)=(.+)$/i;

/** Other names of settings, and the first ones. */
export type Aliases = Readonly<Record<string, string>>;

/** The setting that a name means; undefined where it means none. */
export function settingOf(given: string, keys: readonly string[], aliases: Aliases = {}): string | undefined {
  const same = (candidate: string) => plain(candidate) === plain(given);
  return keys.find(same) ?? aliases[Object.keys(aliases).find(same) ?? ''];
}

/** `max_depth`, `max-depth` and `maxDepth` are one setting. */
const plain = (key: string): string => key.toLowerCase().replace(/[-_]/g, '');

function usage(message: string, near?: string): QuantlineError {
  const hint = near === undefined ? undefined : near.startsWith('It ') ? near : `Did you mean "${near}"?`;
  return new QuantlineError('USAGE', message, hint === undefined ? {} : { hint });
}

/** Numbers, truth values and percentages of a text; everything else stays text. */
function scalar(text: string): unknown {
  if (text === 'true') return true;
  if (text === 'false') return false;
  const number = parseDecimal(text);
  if (!Number.isNaN(number)) return number;
  return /^[^a-z]*(%|bps?)$/i.test(text) ? parseFraction(text) : text;
}
