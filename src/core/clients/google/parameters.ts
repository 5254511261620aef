import { QuantlineError } from '../../errors/index.js';
import { isoTime } from '../../platform/index.js';

/** Instants are given as {@link Instant}; texts as they are; numbers (of an array: all) are INT64 where whole, else FLOAT64. */
export type Parameters = Readonly<
  Record<string, string | number | boolean | Instant | readonly number[] | readonly string[]>
>;

/** Epoch milliseconds that are meant as a TIMESTAMP. */
export class Instant {
  constructor(readonly ms: number) {}
}

/** As a SQL literal and a parameter value. */
export const timestampText = (ms: number): string => isoTime(ms).replace('T', ' ').replace('Z', '+00');

export function parameter(value: Parameters[string]) {
  const numeric = (...numbers: readonly number[]) => (numbers.every(Number.isSafeInteger) ? 'INT64' : 'FLOAT64');
  const one = (type: string, text: string) => ({ parameterType: { type }, parameterValue: { value: text } });
  if (value instanceof Instant) return one('TIMESTAMP', timestampText(value.ms));
  if (typeof value === 'string') return one('STRING', value);
  if (typeof value === 'boolean') return one('BOOL', String(value));
  if (typeof value === 'number') return one(numeric(value), String(value));
  const type = typeof value[0] === 'string' ? 'STRING' : numeric(...(value as readonly number[]));
  return {
    parameterType: { type: 'ARRAY', arrayType: { type } },
    parameterValue: { arrayValues: value.map((each) => ({ value: String(each) })) },
  };
}

/**
 * A parameter as a person writes it: `name=value`. Whole numbers, numbers, true and false, dates and instants with a zone
 * (as TIMESTAMP) are what they look like; `name='text'` is text whatever it looks like.
 */
export function readParameter(text: string): readonly [string, Parameters[string]] {
  const match = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(text);
  if (match === null)
    throw new QuantlineError('USAGE', `"${text}" is no parameter.`, {
      hint: 'Write --param name=value, and @name in the query.',
    });
  const [, name, value] = match as unknown as [string, string, string];
  const quoted = /^'([\s\S]*)'$/.exec(value);
  if (quoted !== null) return [name, quoted[1]!];
  if (/^-?\d+$/.test(value) && Number.isSafeInteger(Number(value))) return [name, Number(value)];
  if (/^-?(\d+\.\d*|\.\d+|\d+)(e[+-]?\d+)?$/i.test(value)) return [name, Number(value)];
  if (value === 'true' || value === 'false') return [name, value === 'true'];
  if (/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(value)) {
    const ms = Date.parse(value);
    if (!Number.isNaN(ms)) return [name, new Instant(ms)];
  }
  return [name, value];
}
