import type { SignalModel, SignalScorer } from './model.js';
import type { Rule } from './trainer.js';

/** The probability of a rise, of one that acting on a rule's side earns: a half where it has none. NaN where one is missing. */
export function sided(side: number, trust: number): number {
  if (Number.isNaN(side) || Number.isNaN(trust)) return Number.NaN;
  return side === 0 ? 0.5 : side > 0 ? trust : 1 - trust;
}

/**
 * A rule whose signals a model trusts or not: the model's probability that acting on the rule earns, turned into one of a
 * rise. Where the rule has no side the score is a half: nothing is held.
 */
export function metaModel(rule: Rule, inner: SignalModel): SignalModel {
  return {
    scoreKind: 'probability',
    warmup: Math.max(rule.warmup, inner.warmup),
    memory: Math.max(rule.memory, inner.memory),
    scorer(instrument, calendar): SignalScorer {
      const sides = rule.scorer(instrument, calendar);
      const trust = inner.scorer(instrument, calendar);
      return {
        consume(bars, from, to, out) {
          const side = new Float64Array(to);
          sides.consume(bars, from, to, side);
          trust.consume(bars, from, to, out);
          for (let i = from; i < to; i++) {
            out[i] = sided(side[i]!, out[i]!);
          }
        },
      };
    },
  };
}
