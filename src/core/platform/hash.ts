import { hash } from 'node:crypto';

/** JSON with sorted keys and without undefined, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object' || isSorted(value)) return value;
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([k, v]) => [k, sortKeys(v)]));
}

/** A flat object whose keys are in order needs no copy: ids of orders are made by fifties while a slot waits. */
function isSorted(value: object): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  let last = '';
  for (const [key, held] of Object.entries(value)) {
    if (key < last || held === undefined || (typeof held === 'object' && held !== null)) return false;
    last = key;
  }
  return true;
}

export const sha256 = (data: string | Uint8Array): string => hash('sha256', data, 'hex');

/** Bytes of a typed array without copying. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The first 16 hex digits (64 bits) of the hash of a canonical JSON value: the form of every id. */
export const idOf = (value: unknown): string => sha256(canonicalJson(value)).slice(0, 16);
