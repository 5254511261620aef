import type { z } from 'zod';
import { nearest } from '../config/index.js';
import type { QuantlineError } from '../errors/index.js';
import { type Call, expressionError } from './expression.js';

export type NumberArgument = Extract<Call['args'][number], { kind: 'number' }>;

/** Where a text is read: for errors that point into it. */
export interface Source {
  readonly text: string;
  readonly what: string;
}

export const pointAt = (
  { text, what }: Source,
  at: number,
  end: number,
  problem: string,
  hint: string,
): QuantlineError => expressionError(what, text, problem, at, end, hint);

/** `name(a, b)` with the settings that it takes and their defaults, for hints. */
export function signature(name: string, settings: z.ZodObject): string {
  const defaults = settings.safeParse({});
  const values = (defaults.success ? defaults.data : {}) as Record<string, unknown>;
  const keys = Object.keys(settings.shape);
  if (keys.length === 0) return name;
  return `${name}(${keys.map((key) => (values[key] === undefined ? key : `${key}=${String(values[key])}`)).join(', ')})`;
}

/** Reads the numbers of a call as settings, by position or name. USAGE pointing at the argument that does not fit. */
export function readSettings(
  source: Source,
  call: Call,
  args: readonly NumberArgument[],
  settings: z.ZodObject,
): Record<string, unknown> {
  const keys = Object.keys(settings.shape);
  const usage = `Write ${signature(call.name, settings)}.`;
  const given = new Map<string, NumberArgument>();
  let position = 0;
  for (const arg of args) {
    const key = arg.key ?? keys[position++];
    if (key === undefined)
      throw pointAt(
        source,
        arg.at,
        arg.end,
        `${call.name} takes ${keys.length || 'no'} argument${keys.length === 1 ? '' : 's'}`,
        usage,
      );
    if (!keys.includes(key)) {
      const near = nearest(key, keys);
      throw pointAt(
        source,
        arg.at,
        arg.end,
        `${call.name} has no setting "${key}"`,
        near === undefined ? usage : `Did you mean "${near}"?`,
      );
    }
    if (given.has(key)) throw pointAt(source, arg.at, arg.end, `"${key}" is given twice`, usage);
    given.set(key, arg);
  }
  const parsed = settings.safeParse(Object.fromEntries([...given].map(([key, arg]) => [key, arg.value])));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = String(issue?.path[0] ?? keys[0]);
  const arg = given.get(key);
  throw pointAt(
    source,
    arg?.at ?? call.at,
    arg?.end ?? call.nameEnd,
    `${call.name}: ${key}: ${issue?.message ?? 'wrong'}`,
    usage,
  );
}
