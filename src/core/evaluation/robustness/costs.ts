import { type CommissionTerms, type ExchangeSettings, NO_COSTS, NO_SLIPPAGE } from '../../market/index.js';
import { breakEven } from './break-even.js';
import { type Replay, rerun, type Scored } from './replay.js';

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

/** The same venue without commissions, fees and slippage. */
export const frictionless = (venue: ExchangeSettings): ExchangeSettings => ({
  ...venue,
  costs: NO_COSTS,
  slippage: NO_SLIPPAGE,
});

/** Runs the strategy again under rising costs, with every decision free to change by what they leave in the account. */
export async function costCurve(
  replay: Replay,
  score: (run: ReturnType<typeof rerun>) => Scored,
  pause: () => Promise<void> = async () => {},
): Promise<CostCurve> {
  const points: (Scored & { added: number })[] = [];
  for (const added of ADDED_COSTS) {
    await pause();
    points.push({ added, ...score(rerun(replay, { venue: withAddedCost(replay.venue, added) })) });
  }
  return { points, breakEven: breakEven(points.map(({ added, totalReturn }) => ({ at: added, totalReturn }))) };
}

/**
 * What a fill cost on average, slippage included, as a fraction of its value: the session returns that a venue without
 * friction would have added, over the value traded in parts of the equity.
 * @param traded value of all fills over mean equity
 */
export function paidPerFill(returns: Float64Array, without: Float64Array, traded: number): number {
  if (!(traded > 0)) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < Math.min(returns.length, without.length); i++) sum += without[i]! - returns[i]!;
  return Math.max(0, sum / traded);
}
