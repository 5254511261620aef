import type { Signals } from '../../engine/backtest.js';
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
  return { scores: signals.scores.map(shift), measures: signals.measures?.map(shift) };
}

/** The strategy with every decision one and two bars late: an edge that needs the very next bar is hard to trade. */
export const delayTest = (
  replay: Replay,
  score: (run: ReturnType<typeof rerun>) => Scored,
): readonly (Scored & { readonly bars: number })[] =>
  [1, 2].map((bars) => ({ bars, ...score(rerun(replay, { signals: delayed(replay.signals, bars) })) }));
