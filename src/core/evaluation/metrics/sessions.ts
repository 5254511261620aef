import { invariant } from '../../errors/index.js';

/** Sessions a run covers, ascending and without a gap in the calendar. */
export interface SessionAxis {
  /** Local dates, YYYY-MM-DD. */
  readonly dates: readonly string[];
  /** Opening instants, epoch ms. */
  readonly open: Float64Array;
  /** Annualisation factor: sessions in a usual year (252 or 365). */
  readonly periodsPerYear: number;
}

/**
 * Session of each clock instant: i where open[i] < t <= open[i+1]. A session bar becomes known at the close (or later,
 * by the publication delay), an intraday bar at its own end, so both belong to the session they happened in.
 */
export function sessionOfMarks(time: Float64Array, axis: SessionAxis): Int32Array {
  const out = new Int32Array(time.length);
  const { open } = axis;
  let s = 0;
  for (let i = 0; i < time.length; i++) {
    const t = time[i]!;
    while (s + 1 < open.length && open[s + 1]! < t) s++;
    invariant(open.length > 0 && open[s]! < t, 'a clock instant lies before the first session');
    out[i] = s;
  }
  return out;
}

export interface SessionReturns {
  /** Equity at the last mark of each session; a session without a mark carries the value before it. */
  readonly equity: Float64Array;
  /** equity[i] / equity[i−1] − 1, the first against the initial equity. Ends with the session of ruin, if any. */
  readonly returns: Float64Array;
  /** Index of the session that ended with equity <= 0; undefined if none did. */
  readonly ruined: number | undefined;
  readonly sessionsWithoutMark: number;
}

/** Reduces marks (one per clock instant) to one value and one return per session. */
export function sessionReturns(
  marks: Float64Array,
  sessionOf: Int32Array,
  sessions: number,
  initial: number,
): SessionReturns {
  const equity = new Float64Array(sessions).fill(Number.NaN);
  for (let i = 0; i < marks.length; i++) equity[sessionOf[i]!] = marks[i]!;
  let sessionsWithoutMark = 0;
  let last = initial;
  let ruined: number | undefined;
  const returns = new Float64Array(sessions);
  for (let s = 0; s < sessions; s++) {
    if (Number.isNaN(equity[s]!)) {
      equity[s] = last;
      sessionsWithoutMark++;
    }
    if (ruined === undefined) {
      returns[s] = equity[s]! / last - 1;
      if (equity[s]! <= 0) ruined = s;
    }
    last = equity[s]!;
  }
  return {
    equity,
    returns: ruined === undefined ? returns : returns.slice(0, ruined + 1),
    ruined,
    sessionsWithoutMark,
  };
}

export interface PeriodReturn {
  /** `YYYY-MM` or `YYYY`. */
  readonly period: string;
  readonly return: number;
  readonly sessions: number;
}

/** Session returns compounded by month (`length` 7) or year (4) of the session's date. */
export function periodReturns(returns: Float64Array, axis: SessionAxis, length: 7 | 4): readonly PeriodReturn[] {
  const out: { period: string; return: number; sessions: number }[] = [];
  for (let s = 0; s < returns.length; s++) {
    const period = axis.dates[s]!.slice(0, length);
    const last = out.at(-1);
    if (last?.period === period) {
      last.return = (1 + last.return) * (1 + returns[s]!) - 1;
      last.sessions++;
    } else out.push({ period, return: returns[s]!, sessions: 1 });
  }
  return out;
}
