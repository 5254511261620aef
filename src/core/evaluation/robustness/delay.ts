import type { Signals } from '../../engine/feed.js';
import { type FillModel, openFor } from '../../market/index.js';
import { breakEven } from './break-even.js';
import { type Replay, rerun, type Scored } from './replay.js';

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

/**
 * The same fills a share of a bar late: what filled at market at the open takes the price that far to the bar's close, as far
 * away from it as the model's bid or ask is from the open.
 */
export const partOfBarLate = (fill: FillModel, share: number): FillModel => ({
  ...fill,
  reference: (type, side, limitPrice, stopPrice, triggered, bar) => {
    const price = fill.reference(type, side, limitPrice, stopPrice, triggered, bar);
    if (type !== 'market' || Number.isNaN(price)) return price;
    return (bar.open + share * (bar.close - bar.open)) * (openFor(fill, side, bar) / bar.open);
  },
  target: (side, limitPrice, bar) => fill.target(side, limitPrice, bar),
});

/** Delays in bars. */
export const DELAYS = [0.25, 0.5, 1, 2] as const;

export interface DelayTest {
  readonly points: readonly (Scored & { readonly bars: number })[];
  /** Delay in bars at which the total return reaches zero, between the points by a straight line; null: beyond the last. */
  readonly breakEven: number | null;
}

/** The strategy part of a bar, one bar and two bars late: an edge that needs the very next price is hard to trade. */
export async function delayTest(
  replay: Replay,
  score: (run: ReturnType<typeof rerun>) => Scored,
  onTime: Scored,
  pause: () => Promise<void> = async () => {},
): Promise<DelayTest> {
  const points: (Scored & { bars: number })[] = [];
  for (const bars of DELAYS) {
    await pause();
    const changes =
      bars < 1
        ? { venue: { ...replay.venue, fill: partOfBarLate(replay.venue.fill, bars) } }
        : { signals: delayed(replay.signals, bars) };
    points.push({ bars, ...score(rerun(replay, changes)) });
  }
  const curve = [{ bars: 0, ...onTime }, ...points].map(({ bars, totalReturn }) => ({ at: bars, totalReturn }));
  return { points, breakEven: breakEven(curve) };
}
