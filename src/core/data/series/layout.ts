import { join } from 'node:path';
import {
  DAY_MS,
  dayNumber,
  formatDate,
  type Interval,
  intervalMs,
  parseInterval,
  type SeriesKey,
  type SessionScope,
} from '../../domain/index.js';

/** Folders of the embedded store: <root>/<source>/<feed>/<scope>/<interval>/<instrument>/. */

const NO_FEED = '~';

/** One path segment for any text: percent-encoded, never empty, `.` or `..`, never with a name of another text. */
export function encodeSegment(text: string): string {
  if (text === '') return NO_FEED;
  const encoded = encodeURIComponent(text).replaceAll(
    /[~!*'()]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return /^\.+$/.test(encoded) ? encoded.replaceAll('.', '%2E') : encoded;
}

export const decodeSegment = (segment: string): string => (segment === NO_FEED ? '' : decodeURIComponent(segment));

export const seriesFolder = (root: string, key: SeriesKey): string =>
  join(root, ...[key.source, key.feed, key.scope, key.interval, key.instrument].map(encodeSegment));

/** The key of five path segments, undefined where they are none of a series. */
export function keyOfSegments(segments: readonly string[]): SeriesKey | undefined {
  try {
    const [source, feed, scope, interval, instrument] = segments.map(decodeSegment) as [
      string,
      string,
      SessionScope,
      string,
      string,
    ];
    if (scope !== 'regular' && scope !== 'extended') return undefined;
    return { source, feed, scope, interval: parseInterval(interval), instrument };
  } catch {
    return undefined;
  }
}

/** Which file a bar belongs to: a UTC month of one- and two-minute bars, a year of longer ones, all sessions. */
export function partitionOf(interval: Interval): (time: number) => { name: string; end: number } {
  if (interval === '1d') return () => ({ name: 'all', end: Number.POSITIVE_INFINITY });
  const monthly = intervalMs(interval) < 300_000;
  return (time) => {
    const date = formatDate(Math.floor(time / DAY_MS));
    const year = Number(date.slice(0, 4));
    const month = Number(date.slice(5, 7));
    if (!monthly) return { name: date.slice(0, 4), end: dayNumber(year + 1, 1, 1) * DAY_MS };
    const end = month === 12 ? dayNumber(year + 1, 1, 1) : dayNumber(year, month + 1, 1);
    return { name: date.slice(0, 7), end: end * DAY_MS };
  };
}
