/** Offset of a zone from UTC at an instant, in ms; undefined for a name that is no zone. */
function offset(zone: string, utc: number): number | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(utc)) parts[type] = Number(value);
  return (
    Date.UTC(parts['year']!, parts['month']! - 1, parts['day']!, parts['hour']!, parts['minute']!, parts['second']!) -
    Math.floor(utc / 1000) * 1000
  );
}

/** Wall time (as if it were UTC) of a zone as an instant. */
function toUtc(local: number, zone: string): number | undefined {
  const first = offset(zone, local);
  if (first === undefined) return undefined;
  return local - offset(zone, local - first)!;
}

/**
 * TWS's times: `20261123 10:30:00 US/Eastern`, `20261123-15:30:00` (UTC), or without a zone, which is then that of TWS.
 * Undefined for anything else.
 */
export function ibkrTime(text: string | undefined, zone: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(-| +)(\d\d):(\d\d):(\d\d)(?:\s+(\S.*))?$/.exec(text?.trim() ?? '');
  if (match === null) return undefined;
  const [, year, month, day, separator, hour, minute, second, named] = match;
  const local = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
  if (separator === '-' && named === undefined) return local;
  return (named === undefined ? undefined : toUtc(local, named)) ?? toUtc(local, zone);
}

/** Midnight of a zone's day that contains an instant: TWS's lists of completed orders and executions begin there. */
export function dayStart(now: number, zone: string): number {
  const ahead = offset(zone, now) ?? 0;
  const local = now + ahead;
  return toUtc(local - (((local % 86_400_000) + 86_400_000) % 86_400_000), zone) ?? now - 86_400_000;
}
