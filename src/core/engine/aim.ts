import { wantedWeight } from '../market/index.js';
import { entryWeight } from '../risk/index.js';
import type { AccountView, MarketView, Targets } from './decide.js';
import type { Strategy } from './strategy.js';

/** Score of instrument j's bar `i`, holding `weight` of a full position: of a model that sees its own position. */
export type InStep = (j: number, i: number, weight: number) => number;

/** Weight of a full position in instrument j as a fraction of equity; NaN where the sizing does not know it. */
const fullWeight = (view: MarketView, account: AccountView, { sizing }: Strategy, j: number): number =>
  entryWeight(sizing, view.size, account.equity, view.close[j]!, view.measure[j]!);

/** What is held of instrument j as a signed share of a full position. */
const heldShare = (view: MarketView, account: AccountView, full: number, j: number): number => {
  const held = account.quantity[j]!;
  return held === 0 || !(full > 0) ? 0 : (held * view.close[j]!) / account.equity / full;
};

/** Scores the fresh bars of a model that sees its own position: the same arithmetic in both runners. */
export function scoreInStep(view: MarketView, account: AccountView, strategy: Strategy, inStep: InStep): void {
  for (let j = 0; j < view.size; j++) {
    if (view.fresh[j] === 0) continue;
    const full = fullWeight(view, account, strategy, j);
    view.score[j] = inStep(j, view.bar[j]!, heldShare(view, account, full, j));
  }
}

/**
 * `decide` for one fresh instrument whose score is a target position, a signed share of a full one: the weight to trade to
 * as a fraction of equity, NaN to keep what is held. Nothing is decided while an order works, but that a reversal's entry is
 * taken back where the target has left its side. Writes releases of lockouts.
 */
export function aim(view: MarketView, account: AccountView, strategy: Strategy, j: number, out: Targets): number {
  const score = view.score[j]!;
  if (Number.isNaN(score)) return Number.NaN;
  const target = score < 0 && strategy.thresholds.enterShort === Number.NEGATIVE_INFINITY ? 0 : score;
  if (account.lockout[j] !== 0 && account.quantity[j] === 0) {
    if (Math.sign(target) === account.lockout[j] && strategy.reentry === 'new-signal') return Number.NaN;
    out.release[j] = 1;
    out.releases++;
  }
  const entering = account.entering[j]!;
  if (account.exiting[j] === 1 && account.quantity[j] !== 0 && entering !== 0 && Math.sign(target) !== entering)
    return 0;
  if (entering !== 0 || account.exiting[j] === 1) return Number.NaN;
  const full = fullWeight(view, account, strategy, j);
  if (!(full > 0)) return Number.NaN;
  return full * wantedWeight(target, heldShare(view, account, full, j), strategy.rebalance!);
}
