import type { CommissionTerms, ExchangeSettings } from '../../market/index.js';
import type { Scored } from './delay.js';
import { type Replay, rerun } from './replay.js';

/** Costs added to every fill, as fractions of its value: 0 to 1 %. */
export const ADDED_COSTS = [0, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01] as const;

export interface CostCurve {
  readonly points: readonly (Scored & { readonly added: number })[];
  /** Added cost at which the total return reaches zero, between the points by a straight line; null: beyond the last. */
  readonly breakEven: number | null;
}

/** The same venue, where each fill costs `added` of its value more. */
export function withAddedCost(venue: ExchangeSettings, added: number): ExchangeSettings {
  const dearer = <T extends CommissionTerms>(terms: T): T => ({
    ...terms,
    percent: terms.percent + added,
    maximumPercent: terms.maximumPercent + added,
  });
  return { ...venue, costs: { ...dearer(venue.costs), schedule: (venue.costs.schedule ?? []).map(dearer) } };
}

/** Runs the strategy again under rising costs, with every decision free to change by what they leave in the account. */
export function costCurve(replay: Replay, score: (run: ReturnType<typeof rerun>) => Scored): CostCurve {
  const points = ADDED_COSTS.map((added) => ({
    added,
    ...score(rerun(replay, { venue: withAddedCost(replay.venue, added) })),
  }));
  return { points, breakEven: breakEven(points) };
}

export function breakEven(points: readonly { added: number; totalReturn: number }[]): number | null {
  const first = points[0];
  if (first === undefined || first.totalReturn <= 0) return 0;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1]!;
    const b = points[i]!;
    if (b.totalReturn > 0) continue;
    return a.added + ((b.added - a.added) * a.totalReturn) / (a.totalReturn - b.totalReturn);
  }
  return null;
}
