import { valueError } from './error.js';

/** A date names the session of that date in the instrument's calendar; an instant carries its zone. */
export type Moment =
  | { readonly kind: 'date'; readonly date: string }
  | { readonly kind: 'instant' /** Epoch ms UTC. */; readonly time: number };

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?<zone>Z|[+-]\d{2}:?\d{2})?$/;

/** Reads `2024-03-01` or `2024-03-01T14:30:00Z` (or with an offset such as `-05:00`). */
export function parseMoment(text: string): Moment {
  const trimmed = text.trim();
  if (DATE.test(trimmed)) {
    checkDate(text, trimmed);
    return { kind: 'date', date: trimmed };
  }
  const match = INSTANT.exec(trimmed);
  if (match === null) throw valueError(text, 'expected a date (2024-03-01) or an instant (2024-03-01T14:30:00Z)');
  if (match.groups?.['zone'] === undefined) {
    throw valueError(text, 'an instant needs its zone: end it with Z or an offset such as -05:00', trimmed.length + 1);
  }
  checkDate(text, trimmed.slice(0, 10));
  const time = Date.parse(trimmed.replace(' ', 'T').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  if (Number.isNaN(time)) throw valueError(text, 'no such time of day');
  return { kind: 'instant', time };
}

function checkDate(text: string, date: string): void {
  const time = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== date) throw valueError(text, 'no such date');
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Reads a length of time such as `90d`, `12h`, `30m`, `1h30m`; milliseconds. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(trimmed)) {
    throw valueError(text, 'expected a length of time, such as 90d, 12h or 30m');
  }
  let total = 0;
  for (const [, count, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g))
    total += Number(count) * UNITS[unit!]!;
  return total;
}
