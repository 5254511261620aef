import { QuantlineError } from '../../../errors/index.js';
import { type BoostingParams, canonicalParams, OBJECTIVES, type Objective, scoredAs } from '../params.js';

/** BoostingParams plus everything XGBoost documents; the library checks what it is given. */
export type NativeParams = BoostingParams & Readonly<Record<string, unknown>>;

const RANKING = [
  ...['lambdarank_pair_method', 'lambdarank_num_pair_per_sample', 'lambdarank_normalization'],
  ...['lambdarank_score_normalization', 'lambdarank_unbiased', 'lambdarank_bias_norm', 'ndcg_exp_gain'],
] as const;

/** Parameters that XGBoost documents and that do nothing for any model made here: known, to be refused with the reason. */
export const WITHOUT_EFFECT = [
  ...['aft_loss_distribution', 'aft_loss_distribution_scale', 'tweedie_variance_power', 'expectile_alpha', 'num_class'],
  ...['extmem_single_page', 'nthread', 'verbosity', ...RANKING],
] as const;

/** What would be ignored, or make a model that cannot be scored here: parameters, when they do something, and why. */
const RULES: readonly {
  readonly names: readonly string[];
  readonly fits?: (p: NativeParams) => boolean;
  readonly reason: string;
}[] = [
  {
    names: ['sample_type', 'normalize_type', 'rate_drop', 'one_drop', 'skip_drop'],
    fits: (p) => p['booster'] === 'dart',
    reason: 'only booster=dart drops trees',
  },
  {
    names: ['feature_selector', 'top_k', 'lambda_bias'],
    reason: 'only booster=gblinear has it, which grows no trees; the linear model is the trainer logistic',
  },
  {
    names: ['process_type', 'refresh_leaf'],
    fits: (p) => (p['process_type'] ?? 'default') === 'default' && p['refresh_leaf'] === undefined,
    reason: 'a model is always grown anew',
  },
  {
    names: ['multi_strategy'],
    fits: (p) => p['multi_strategy'] === 'one_output_per_tree',
    reason: 'there is one label',
  },
  { names: ['max_cat_to_onehot', 'max_cat_threshold'], reason: 'no feature is categorical' },
  {
    names: ['aft_loss_distribution', 'aft_loss_distribution_scale'],
    reason: 'only objective=survival:aft has it',
  },
  { names: ['tweedie_variance_power'], reason: 'only objective=reg:tweedie has it' },
  { names: ['expectile_alpha'], reason: 'only objective=reg:expectileerror has it' },
  { names: RANKING, reason: 'only ranking objectives have it' },
  {
    names: ['num_class'],
    fits: (p) => scoredAs(p.objective) === 'multi:softprob',
    reason: 'only objective=multi:softprob and multi:softmax have classes',
  },
  { names: ['extmem_single_page'], reason: 'the rows lie in memory' },
  { names: ['nthread'], reason: 'the number of threads is that of the command (--threads)' },
  { names: ['verbosity'], reason: 'the library is kept silent, and its errors are told' },
  {
    names: ['huber_slope'],
    fits: (p) => (p.objective as string) === 'reg:pseudohubererror',
    reason: 'only objective=reg:pseudohubererror has it',
  },
  {
    names: ['quantile_alpha'],
    fits: (p) => (p.objective as string) === 'reg:quantileerror' && !Number.isNaN(Number(p['quantile_alpha'])),
    reason: 'it is one number, of objective=reg:quantileerror',
  },
];

/**
 * The parameters under their first names, and the objective of ours that scores as theirs does. CONFIG for what the
 * library would ignore or what could not be scored, before anything is trained.
 */
export function checkedParams(given: BoostingParams | NativeParams): {
  readonly params: NativeParams;
  readonly objective: Objective;
} {
  const params = canonicalParams(given as NativeParams);
  const objective = scoredAs(params.objective);
  if (objective === undefined)
    throw new QuantlineError('CONFIG', `objective ${String(params.objective)} is not supported.`, {
      hint: `Choose one of ${OBJECTIVES.join(', ')}.`,
    });
  const booster = params['booster'] ?? 'gbtree';
  if (booster !== 'gbtree' && booster !== 'dart')
    throw new QuantlineError('CONFIG', `booster ${String(booster)} is not supported, only gbtree and dart.`, {
      hint: 'gblinear grows no trees; the linear model is the trainer logistic.',
    });
  for (const { names, fits, reason } of RULES) {
    const name = names.find((one) => params[one] !== undefined);
    if (name === undefined || fits?.(params) === true) continue;
    throw new QuantlineError('CONFIG', `${name} has no effect here: ${reason}.`, { hint: 'Leave it out.' });
  }
  return { params, objective };
}

/** XGBoost's spelling: tuples in round brackets, nested lists as JSON, flags as 0 and 1. */
export function textOf(value: unknown): string {
  if (typeof value === 'boolean') return String(Number(value));
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'number')) return `(${value.join(',')})`;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
