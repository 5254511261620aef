import {
  BAR_FIELDS,
  type BarColumns,
  type CorporateAction,
  intervalMs,
  isSessionInterval,
  type Session,
  type SessionScope,
  type TradingCalendar,
} from '../domain/index.js';
import { isoTime } from '../platform/index.js';

/** Detectors of `quality.ts`: each returns the rows it objects to, ascending. One pass, no allocation per bar. */

const HOUR = 3_600_000;

function rowsWhere(n: number, test: (row: number) => boolean): number[] {
  const rows: number[] = [];
  for (let i = 0; i < n; i++) if (test(i)) rows.push(i);
  return rows;
}

/** Bars without the given rows (ascending). */
export function without(bars: BarColumns, rows: readonly number[]): BarColumns {
  const n = bars.time.length - rows.length;
  const columns = {} as Record<(typeof BAR_FIELDS)[number], Float64Array>;
  for (const field of BAR_FIELDS) {
    const source = bars[field];
    const target = new Float64Array(n);
    let from = 0;
    let at = 0;
    for (const row of rows) {
      target.set(source.subarray(from, row), at);
      at += row - from;
      from = row + 1;
    }
    target.set(source.subarray(from), at);
    columns[field] = target;
  }
  return { instrument: bars.instrument, interval: bars.interval, ...columns };
}

export const backward = ({ time }: BarColumns): number[] =>
  rowsWhere(time.length, (i) => i > 0 && !(time[i]! > time[i - 1]!));

/** Extended trading of US equities runs from 04:00, New York, to four hours after the close: 20:00, or 17:00 on half days. */
export function scopeOf(session: Session, scope: SessionScope): readonly [from: number, to: number] {
  if (scope === 'regular') return [session.open, session.close];
  const regular = session.close - session.open >= 24 * HOUR;
  return regular ? [session.open, session.close] : [session.open - 5.5 * HOUR, session.close + 4 * HOUR];
}

/** Bars that start in no session; session bars that do not start at a session's open. */
export function outsideSession(bars: BarColumns, calendar: TradingCalendar, scope: SessionScope): number[] {
  const { time } = bars;
  if (time.length === 0) return [];
  const daily = isSessionInterval(bars.interval);
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  return rowsWhere(time.length, (i) => {
    const t = time[i]!;
    if (!(t >= from && t < to)) {
      // The nearest session may open after t (before the open) or have closed already (after hours).
      const next = calendar.nextSession(t);
      [from, to] = scopeOf(next, scope);
      if (t < from) {
        const previous = scopeOf(calendar.previousSession(t), scope);
        if (t < previous[1]) [from, to] = previous;
      }
    }
    return !(t >= from && t < to) || (daily && t !== from);
  });
}

/** Intraday bars that do not start a whole number of intervals after the session's open. */
export function misaligned(bars: BarColumns, calendar: TradingCalendar): number[] {
  if (isSessionInterval(bars.interval)) return [];
  const { time } = bars;
  const length = intervalMs(bars.interval);
  let session: Session | undefined;
  return rowsWhere(time.length, (i) => {
    const t = time[i]!;
    if (session === undefined || t < session.open || t >= session.close) session = calendar.sessionAt(t);
    return session !== undefined && (t - session.open) % length !== 0;
  });
}

export const missing = ({ open, high, low, close, volume }: BarColumns): number[] =>
  // A sum is finite only if all its terms are: one test a bar.
  rowsWhere(open.length, (i) => !Number.isFinite(open[i]! + high[i]! + low[i]! + close[i]! + volume[i]!));

export const nonPositive = ({ open, high, low, close }: BarColumns): number[] =>
  rowsWhere(open.length, (i) => open[i]! <= 0 || high[i]! <= 0 || low[i]! <= 0 || close[i]! <= 0);

export const inverted = ({ high, low }: BarColumns): number[] => rowsWhere(high.length, (i) => high[i]! < low[i]!);

export const inconsistent = ({ open, high, low, close }: BarColumns): number[] =>
  rowsWhere(
    open.length,
    (i) =>
      high[i]! >= low[i]! && (open[i]! > high[i]! || open[i]! < low[i]! || close[i]! > high[i]! || close[i]! < low[i]!),
  );

export const negativeVolume = ({ volume }: BarColumns): number[] => rowsWhere(volume.length, (i) => volume[i]! < 0);
export const zeroVolume = ({ volume }: BarColumns): number[] => rowsWhere(volume.length, (i) => volume[i] === 0);

/** 1.4826 × median |log return|: a scale of returns that a few bad bars do not move. */
function robustScale(close: Float64Array): number {
  const moves: number[] = [];
  // A sample is enough for a scale, and keeps the sort short on years of minutes.
  const step = Math.max(1, Math.floor(close.length / 20_000));
  for (let i = step; i < close.length; i += step) {
    const move = Math.abs(Math.log(close[i]! / close[i - 1]!));
    if (move > 0) moves.push(move);
  }
  moves.sort((a, b) => a - b);
  return 1.4826 * (moves[moves.length >> 1] ?? 0);
}

/** Median of up to three closes in [from, to); of two the mean; NaN of none. */
function level(close: Float64Array, from: number, to: number): number {
  const first = Math.max(from, 0);
  const last = Math.min(to, close.length);
  if (last - first === 3) {
    const [a, b, c] = [close[first]!, close[first + 1]!, close[first + 2]!];
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }
  let sum = 0;
  for (let i = first; i < last; i++) sum += close[i]!;
  return sum / (last - first);
}

/**
 * Bars one of whose prices is above (below) both the level before and the level after it, each the median of three
 * closes, by a factor of 2 and of 20 robust standard deviations: a wrong tick or a slipped decimal point, not a move
 * that lasts. The first and the last bar have neighbours on one side only and are held to a factor of 4 and 30
 * deviations; on the date of a known split the last one passes.
 */
export function outliers(bars: BarColumns, calendar: TradingCalendar, actions: readonly CorporateAction[]): number[] {
  const { time, open, high, low, close } = bars;
  const n = close.length;
  if (n < 5) return [];
  const scale = robustScale(close);
  const inner = Math.max(2, Math.exp(20 * scale));
  const outer = Math.max(4, Math.exp(30 * scale));
  const splits = splitDates(actions);
  return rowsWhere(n, (i) => {
    let before = level(close, i - 3, i);
    let after = level(close, i + 1, i + 4);
    if (i === 0) before = after;
    if (i === n - 1) after = before;
    const factor = i === 0 || i === n - 1 ? outer : inner;
    const top = Math.max(before, after) * factor;
    const bottom = Math.min(before, after) / factor;
    const highest = Math.max(high[i]!, open[i]!, close[i]!);
    const lowest = Math.min(low[i]!, open[i]!, close[i]!);
    if (highest <= top && lowest >= bottom) return false;
    return !(i === n - 1 && splits.size > 0 && splits.has(calendar.sessionAt(time[i]!)?.date ?? ''));
  });
}

const splitDates = (actions: readonly CorporateAction[]): Set<string> =>
  new Set(actions.flatMap((action) => (action.type === 'split' ? [action.date] : [])));

const RATIOS = [2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100];

/**
 * Bars that open at a whole fraction or multiple (within 2 %) of the close before, at the start of a session, stay
 * there, and have no split among the actions of that date.
 */
export function unexplainedSplits(
  bars: BarColumns,
  calendar: TradingCalendar,
  actions: readonly CorporateAction[],
): number[] {
  if (calendar.id === '24/7') return [];
  const { time, open, close } = bars;
  const n = close.length;
  const scale = robustScale(close);
  const dates = splitDates(actions);
  return rowsWhere(n, (i) => {
    if (i === 0) return false;
    const jump = open[i]! / close[i - 1]!;
    if (jump > 0.55 && jump < 1.9) return false;
    if (Math.abs(Math.log(jump)) < 10 * scale) return false;
    const ratio = jump < 1 ? 1 / jump : jump;
    if (!RATIOS.some((whole) => Math.abs(ratio / whole - 1) < 0.02)) return false;
    const later = close[Math.min(n - 1, i + 2)]! / close[Math.max(0, i - 3)]!;
    if (Math.abs(Math.log(later / jump)) > Math.log(1.3)) return false;
    const session = calendar.sessionAt(time[i]!);
    return session === undefined || !dates.has(session.date);
  });
}

/** Missing bars between the first and the last one, by session. */
export function gaps(
  bars: Pick<BarColumns, 'time' | 'interval'>,
  calendar: TradingCalendar,
  scope: SessionScope,
): { readonly count: number; readonly examples: readonly string[] } {
  const { time } = bars;
  const n = time.length;
  const examples: string[] = [];
  if (n < 2) return { count: 0, examples };
  const length = intervalMs(bars.interval);
  const daily = isSessionInterval(bars.interval);
  // Thin trading before and after hours leaves minutes without a bar: those are no gaps.
  if (scope === 'extended' && !daily && calendar.id !== '24/7') return { count: 0, examples };
  let count = 0;
  let i = 0;
  const firstSession = calendar.sessionAt(time[0]!)?.open ?? time[0]!;
  for (const session of calendar.sessionsBetween(firstSession, time[n - 1]!)) {
    const start = daily ? session.open : Math.max(session.open, time[0]!);
    const end = Math.min(session.close, time[n - 1]! + 1);
    const expected = daily ? 1 : Math.ceil((end - start) / length);
    while (i < n && time[i]! < session.open) i++;
    const from = i;
    while (i < n && time[i]! < session.close) i++;
    const lacking = expected - (i - from);
    if (lacking <= 0) continue;
    count += lacking;
    if (examples.length >= 5) continue;
    if (daily || i === from) examples.push(session.date);
    else {
      let k = from;
      while (k < i && time[k] === start + (k - from) * length) k++;
      examples.push(`${isoTime(start + (k - from) * length)} (${lacking} on that day)`);
    }
  }
  return { count, examples };
}

/** Dates of sessions that closed by `until` and after the last bar's session. */
export function staleSessions(bars: Pick<BarColumns, 'time'>, calendar: TradingCalendar, until: number): string[] {
  const last = bars.time.at(-1);
  if (last === undefined) return [];
  return calendar
    .sessionsBetween(last + 1, until)
    .filter((session) => session.close <= until)
    .map((session) => session.date);
}
