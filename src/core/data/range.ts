import {
  DAY_MS,
  type Interval,
  intervalMs,
  isSessionInterval,
  parseDate,
  type SessionScope,
  type TradingCalendar,
} from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import { scopeOf } from './checks.js';
import type { TimeRange } from './series/coverage.js';

export type { TimeRange } from './series/coverage.js';

/** A date is the session of that date; an instant is itself. */
export type DataMoment =
  | { readonly kind: 'date'; readonly date: string }
  | { readonly kind: 'instant'; readonly time: number };

/** What was asked, before it is known of which calendar. */
export interface AskedRange {
  readonly from?: DataMoment | undefined;
  readonly to?: DataMoment | undefined;
  /** Instead of `from`: this long before the end. */
  readonly lastMs?: number | undefined;
}

/**
 * The instants of a range of sessions: a `from` date starts at the first session on or after it, a `to` date ends with
 * the last session on or before it. NO_DATA where no session lies between.
 */
export function timeRange(asked: AskedRange, calendar: TradingCalendar, scope: SessionScope, now: number): TimeRange {
  const to = asked.to === undefined ? Number.POSITIVE_INFINITY : endOf(asked.to, calendar, scope);
  let from = asked.from === undefined ? Number.NEGATIVE_INFINITY : startOf(asked.from, calendar, scope);
  if (asked.lastMs !== undefined) from = Math.min(to, now) - asked.lastMs;
  if (!(from < to))
    throw new QuantlineError(
      'NO_DATA',
      `There is no session of ${calendar.id} from ${show(asked.from)} to ${show(asked.to)}.`,
      {
        hint: 'Ask for a range that holds a session; --to is inclusive.',
      },
    );
  if (from > now)
    throw new QuantlineError('NO_DATA', `${show(asked.from)} lies in the future: it is ${isoTime(now)} now.`, {
      hint: 'Ask for a range that has begun.',
    });
  return { from, to };
}

const show = (moment: DataMoment | undefined): string =>
  moment === undefined ? 'the other end' : moment.kind === 'date' ? moment.date : isoTime(moment.time);

function startOf(moment: DataMoment, calendar: TradingCalendar, scope: SessionScope): number {
  if (moment.kind === 'instant') return moment.time;
  const day = parseDate(moment.date)!;
  // No session of a date opens more than a day away from its midnight in UTC.
  const session = calendar
    .sessionsBetween((day - 1) * DAY_MS, (day + 14) * DAY_MS)
    .find((candidate) => candidate.date >= moment.date);
  return session === undefined ? day * DAY_MS : scopeOf(session, scope)[0];
}

function endOf(moment: DataMoment, calendar: TradingCalendar, scope: SessionScope): number {
  if (moment.kind === 'instant') return moment.time;
  const day = parseDate(moment.date)!;
  const session = calendar
    .sessionsBetween((day - 14) * DAY_MS, (day + 2) * DAY_MS)
    .findLast((candidate) => candidate.date <= moment.date);
  return session === undefined ? day * DAY_MS : scopeOf(session, scope)[1];
}

/** Opening instant of the bar that is not finished at `now`; what lies before it can be asked once and for all. */
export function unfinishedFrom(now: number, interval: Interval, calendar: TradingCalendar): number {
  const session = calendar.sessionAt(now);
  const length = intervalMs(interval);
  if (session === undefined) return isSessionInterval(interval) ? now : Math.floor(now / length) * length;
  return isSessionInterval(interval) ? session.open : session.open + Math.floor((now - session.open) / length) * length;
}
