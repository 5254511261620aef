import * as decimal from '../../domain/decimal.js';
import { QuantlineError } from '../../errors/index.js';

export type Json = Readonly<Record<string, unknown>>;

/** Reads a vendor's replies: what is not of the expected form throws UNAVAILABLE and is never acted on. */
export function jsonReader(vendor: string) {
  const unreadable = (what: string, lacking: string): QuantlineError =>
    new QuantlineError('UNAVAILABLE', `${vendor}'s ${what} lacks ${lacking}; it is not acted on.`, {
      hint: 'Try again in a moment; if it stays, the interface has changed and a newer version of Quantline is needed.',
    });
  const asObject = (value: unknown, what: string): Json => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw unreadable(what, 'its form');
    return value as Json;
  };
  const asList = (value: unknown, what: string): readonly Json[] => {
    if (!Array.isArray(value)) throw unreadable(what, 'its form');
    return value.map((one) => asObject(one, what));
  };
  /** Decimal text; a number is taken for its shortest text. undefined for null and what is not there. */
  const optional = (value: unknown): string | undefined => {
    if (typeof value === 'number' && Number.isFinite(value)) return decimal.decimalText(value);
    return decimal.isDecimal(value) ? value : undefined;
  };
  const required = (json: Json, field: string, what: string): string => {
    const value = optional(json[field]);
    if (value === undefined) throw unreadable(what, field);
    return value;
  };
  /** The same for what cannot be below zero, such as a filled quantity or a price. */
  const unsigned = (json: Json, field: string, what: string): string => {
    const value = required(json, field, what);
    if (value.startsWith('-') && !decimal.isZero(value)) throw unreadable(what, `a sensible ${field} (${value})`);
    return value;
  };
  return { unreadable, asObject, asList, optional, required, unsigned };
}
