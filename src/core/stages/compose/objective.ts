import { nearest } from '../../config/index.js';
import { QuantlineError } from '../../errors/index.js';
import {
  conditionText,
  FIGURE_NAMES,
  type FigureName,
  type GateCondition,
  judge,
  parseGate,
} from '../../evaluation/index.js';
import type { ScoreKind } from '../../models/model.js';
import type { ScoreMetrics } from '../../models/score-metrics.js';

/** What a trial is judged by, fold by fold. */
export interface Objective {
  /** A metric's name, or the conditions: `sharpe>=1 and trades>=10`. */
  readonly metric: string;
  readonly direction: 'minimize' | 'maximize';
  /** Figures of a backtest of the fold that it reads; empty: the fold need not be traded. */
  readonly figures: readonly FigureName[];
  /** Its value on a fold, NaN where the fold does not have it. */
  of(metrics: ScoreMetrics): number;
}

/** Metrics of scores, and of agents, which are not traded again: what they earned is what they are judged by. */
const SCORES: Readonly<Record<ScoreKind | 'agent', readonly string[]>> = {
  probability: ['auc', 'logloss', 'accuracy', 'information_coefficient'],
  return: ['information_coefficient', 'accuracy', 'rmse'],
  agent: ['total_return', 'seeds_mean', 'seeds_min', 'seeds_max'],
  position: [],
  target: [],
};
/** Figures that a fold has none of: it knows no benchmark, and keeps no exposure. */
const ABSENT = new Set<string>([
  ...['benchmark_return', 'benchmark_sharpe', 'alpha', 'beta', 'correlation', 'tracking_error', 'information_ratio'],
  ...['exposure', 'average_leverage'],
]);
const FOLD_FIGURES = FIGURE_NAMES.filter((name) => !ABSENT.has(name));
/** Less of these is better; drawdowns, values at risk and losses are negative, so more is. */
const MINIMISED = new Set<string>([
  ...['logloss', 'rmse', 'volatility', 'kurtosis', 'ulcer_index', 'costs', 'turnover'],
  ...['max_drawdown_sessions', 'longest_drawdown_sessions', 'longest_losing_streak'],
]);

/**
 * Reads `--objective`: one metric of the folds, one figure of a backtest of each, or a gate's conditions
 * (`sharpe>=1,max_drawdown>=-20%`, or a named gate whose figures a fold has). A gate is worth its worst condition: the
 * distance to the threshold, as a share of it where it is not 0, positive on the good side. USAGE for what no fold has.
 */
export function objectiveOf(items: readonly string[], kind: ScoreKind | 'agent', what: string): Objective {
  const scores = SCORES[kind];
  const known = kind === 'agent' ? scores : [...scores, ...FOLD_FIGURES];
  const figuresOf = (names: readonly string[]) =>
    kind === 'agent' ? [] : FOLD_FIGURES.filter((name) => names.includes(name) && !scores.includes(name));
  const refuse = (name: string): never => {
    const near = nearest(name, known);
    const hint = near ?? `It has ${[...scores, ...(kind === 'agent' ? [] : ['sharpe', 'total_return'])].join(', ')}`;
    const more =
      kind === 'agent' ? '' : ', and the other figures of a backtest; or conditions on them, as in sharpe>=1.';
    throw new QuantlineError('USAGE', `${name} is no metric of ${what}.`, {
      hint: near === undefined ? `${hint}${more || '.'}` : hint,
    });
  };
  const [only] = items;
  if (items.length === 1 && only !== undefined && !/[<>=!@]/.test(only) && only !== 'default') {
    if (!known.includes(only)) refuse(only);
    return {
      metric: only,
      direction: MINIMISED.has(only) ? 'minimize' : 'maximize',
      figures: figuresOf([only]),
      of: (metrics) => metrics[only] ?? Number.NaN,
    };
  }
  const gate = parseGate(items, known);
  for (const { figure } of gate.conditions) if (!known.includes(figure)) refuse(figure);
  return {
    metric: gate.conditions.map(conditionText).join(' and '),
    direction: 'maximize',
    figures: figuresOf(gate.conditions.map(({ figure }) => figure)),
    of: (metrics) => Math.min(...judge(gate, metrics, {}).results.map((result) => share(result))),
  };
}

/** Distance of a figure to its threshold, as a share of it. */
const share = ({ margin, threshold }: Pick<GateCondition, 'threshold'> & { readonly margin: number | null }): number =>
  (margin ?? Number.NaN) / (Math.abs(threshold) || 1);
