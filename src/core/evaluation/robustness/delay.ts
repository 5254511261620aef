import type { Signals } from '../../engine/feed.js';
import type { FillModel } from '../../market/index.js';
import { type Replay, rerun } from './replay.js';

/** What a rerun is judged by. `sharpe` NaN where returns do not vary. */
export interface Scored {
  readonly totalReturn: number;
  readonly sharpe: number;
}

/** Signals that come `bars` bars late: each score, and the sizing's measure with it, moves that far down its series. */
export function delayed(signals: Signals, bars: number): Signals {
  const shift = (column: Float64Array) => {
    const out = new Float64Array(column.length).fill(Number.NaN);
    out.set(column.subarray(0, Math.max(0, column.length - bars)), Math.min(bars, column.length));
    return out;
  };
  const { inStep } = signals;
  return {
    scores: signals.scores.map(shift),
    measures: signals.measures?.map(shift),
    ...(inStep !== undefined && { inStep: (j, i, weight) => (i < bars ? Number.NaN : inStep(j, i - bars, weight)) }),
  };
}

/** The same fills half a bar late: what filled at market takes the mean of that bar's open and close. */
export const halfBarLate = (fill: FillModel): FillModel => ({
  ...fill,
  reference: (type, side, limitPrice, stopPrice, triggered, bar) => {
    const price = fill.reference(type, side, limitPrice, stopPrice, triggered, bar);
    return type === 'market' && !Number.isNaN(price) ? (bar.open + bar.close) / 2 : price;
  },
  target: (side, limitPrice, bar) => fill.target(side, limitPrice, bar),
});

/** The strategy half a bar, one bar and two bars late: an edge that needs the very next price is hard to trade. */
export function delayTest(
  replay: Replay,
  score: (run: ReturnType<typeof rerun>) => Scored,
): readonly (Scored & { readonly bars: number })[] {
  const half = { ...replay.venue, fill: halfBarLate(replay.venue.fill) };
  return [
    { bars: 0.5, ...score(rerun(replay, { venue: half })) },
    ...[1, 2].map((bars) => ({ bars, ...score(rerun(replay, { signals: delayed(replay.signals, bars) })) })),
  ];
}
