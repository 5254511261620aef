import { QuantlineError } from '../../errors/index.js';

export const OBJECTIVES = ['binary:logistic', 'reg:squarederror', 'multi:softprob'] as const;
export type Objective = (typeof OBJECTIVES)[number];

/** Objectives of the native engine whose margins become predictions as those of one of ours do. */
const FAMILIES: Readonly<Record<string, Objective>> = {
  'reg:logistic': 'binary:logistic',
  'multi:softmax': 'multi:softprob',
  'reg:absoluteerror': 'reg:squarederror',
  'reg:pseudohubererror': 'reg:squarederror',
  'reg:quantileerror': 'reg:squarederror',
  'reg:squaredlogerror': 'reg:squarederror',
};

/** The objective of ours that scores like `name`; undefined where none does. */
export const scoredAs = (name: unknown): Objective | undefined =>
  OBJECTIVES.find((objective) => objective === name) ?? FAMILIES[String(name)];

/** Objectives that score like this one, its own name first. */
export const objectivesLike = (objective: Objective): readonly string[] => [
  objective,
  ...Object.keys(FAMILIES).filter((name) => FAMILIES[name] === objective),
];

/** Second names that XGBoost documents, and the first ones. */
export const PARAMETER_ALIASES = {
  learning_rate: 'eta',
  min_split_loss: 'gamma',
  reg_lambda: 'lambda',
  reg_alpha: 'alpha',
} as const;

/** The parameters under their first names. CONFIG where both names of one are given with different values. */
export function canonicalParams<P extends object>(params: P): P {
  const out: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(params)) {
    const name = (PARAMETER_ALIASES as Readonly<Record<string, string>>)[given] ?? given;
    if (out[name] !== undefined && value !== undefined && out[name] !== value)
      refuse(`${name} is given twice, by another name as well: ${String(out[name])} and ${String(value)}.`);
    out[name] = value ?? out[name];
  }
  return out as P;
}

export const METRICS = ['logloss', 'error', 'auc', 'rmse', 'mlogloss', 'merror'] as const;
export type Metric = (typeof METRICS)[number];

/** XGBoost's own names and defaults (its parameter documentation). */
export interface BoostingParams {
  readonly objective: Objective;
  /** Classes of multi:softprob; labels are 0 … num_class - 1. */
  readonly num_class?: number;
  /** Shrinkage of each tree, (0, 1]. Default 0.3. */
  readonly eta?: number;
  /** Levels of splits, 1 to 16 in the embedded engine. Default 6. */
  readonly max_depth?: number;
  /** Least sum of hessians in a child. Default 1. */
  readonly min_child_weight?: number;
  /** Least gain of a split. Default 0. */
  readonly gamma?: number;
  /** L2 and L1 penalty of leaf weights. Defaults 1 and 0. */
  readonly lambda?: number;
  readonly alpha?: number;
  /** Largest leaf weight before shrinkage; 0 = no limit. */
  readonly max_delta_step?: number;
  /** Share of rows drawn without replacement for each tree, (0, 1]. */
  readonly subsample?: number;
  readonly colsample_bytree?: number;
  readonly colsample_bylevel?: number;
  readonly colsample_bynode?: number;
  /** Bins per feature, 2 to 256 in the embedded engine. Default 256. */
  readonly max_bin?: number;
  /** Prediction before the first tree (a probability for binary:logistic); estimated from the labels when absent. */
  readonly base_score?: number;
  /** Multiplies the weight of rows with label 1. */
  readonly scale_pos_weight?: number;
  readonly seed?: number;
  /** Metrics of the evaluation sets; early stopping follows the last one. Default: the objective's own. */
  readonly eval_metric?: Metric | readonly Metric[];
}

/** All parameters with their defaults in place. */
export type ResolvedParams = Required<Omit<BoostingParams, 'base_score' | 'eval_metric'>> & {
  readonly base_score: number | undefined;
  readonly eval_metric: readonly Metric[];
};

const DEFAULT_METRIC: Record<Objective, Metric> = {
  'binary:logistic': 'logloss',
  'reg:squarederror': 'rmse',
  'multi:softprob': 'mlogloss',
};
const METRICS_OF: Record<Objective, readonly Metric[]> = {
  'binary:logistic': ['logloss', 'error', 'auc', 'rmse'],
  'reg:squarederror': ['rmse'],
  'multi:softprob': ['mlogloss', 'merror'],
};

const refuse = (message: string, hint?: string): never => {
  throw new QuantlineError('CONFIG', message, hint === undefined ? {} : { hint });
};

/** Fills in the defaults and checks every range. Throws CONFIG naming the parameter. */
export function resolveParams(given: BoostingParams): ResolvedParams {
  const params = canonicalParams(given);
  const { objective } = params;
  if (!OBJECTIVES.includes(objective))
    refuse(
      `objective ${String(objective)} is not supported${scoredAs(objective) ? ' by the embedded engine' : ''}.`,
      `Choose one of ${OBJECTIVES.join(', ')}.`,
    );
  const known = new Set<string>([...Object.keys(DEFAULTS), 'objective', 'base_score', 'eval_metric']);
  for (const key of Object.keys(params))
    if (!known.has(key))
      refuse(`The embedded engine does not know the parameter ${key}.`, 'Remove it, or use the native engine.');
  const stated = Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
  const p = { ...DEFAULTS, ...stated } as typeof DEFAULTS & BoostingParams;
  const range = (name: keyof typeof DEFAULTS, ok: (x: number) => boolean, text: string): void => {
    const value = p[name];
    if (typeof value !== 'number' || !Number.isFinite(value) || !ok(value))
      refuse(`${name} is ${String(value)}; it must be ${text}.`);
  };
  for (const name of ['subsample', 'colsample_bytree', 'colsample_bylevel', 'colsample_bynode', 'eta'] as const)
    range(name, (x) => x > 0 && x <= 1, 'above 0 and at most 1');
  for (const name of ['min_child_weight', 'gamma', 'lambda', 'alpha', 'max_delta_step'] as const)
    range(name, (x) => x >= 0, '0 or more');
  range('scale_pos_weight', (x) => x > 0, 'above 0');
  range('seed', Number.isInteger, 'an integer');
  range('max_depth', (x) => Number.isInteger(x) && x >= 1 && x <= 16, 'an integer from 1 to 16 (embedded engine)');
  range('max_bin', (x) => Number.isInteger(x) && x >= 2 && x <= 256, 'an integer from 2 to 256 (embedded engine)');
  const multi = objective === 'multi:softprob';
  if (multi) range('num_class', (x) => Number.isInteger(x) && x >= 2, 'an integer of at least 2 for multi:softprob');
  else if (p.num_class > 1) refuse(`num_class is ${p.num_class}, but ${objective} has no classes.`);
  if (p.base_score !== undefined) {
    const probability = objective === 'binary:logistic';
    if (!Number.isFinite(p.base_score) || (probability && (p.base_score <= 0 || p.base_score >= 1)))
      refuse(`base_score is ${p.base_score}; it must be ${probability ? 'between 0 and 1' : 'a number'}.`);
  }
  const metrics = p.eval_metric === undefined ? [DEFAULT_METRIC[objective]] : [p.eval_metric].flat();
  for (const metric of metrics)
    if (!METRICS_OF[objective].includes(metric))
      refuse(`eval_metric ${metric} does not fit ${objective}.`, `Choose from ${METRICS_OF[objective].join(', ')}.`);
  return { ...p, num_class: multi ? p.num_class : 1, base_score: p.base_score, eval_metric: metrics };
}

const DEFAULTS = {
  num_class: 0,
  eta: 0.3,
  max_depth: 6,
  min_child_weight: 1,
  gamma: 0,
  lambda: 1,
  alpha: 0,
  max_delta_step: 0,
  subsample: 1,
  colsample_bytree: 1,
  colsample_bylevel: 1,
  colsample_bynode: 1,
  max_bin: 256,
  scale_pos_weight: 1,
  seed: 0,
};
