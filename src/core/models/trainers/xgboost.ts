import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import type { BoostedModel, BoostingParams, BoostingResult } from '../../learning/boosting/index.js';
import { WITHOUT_EFFECT } from '../../learning/boosting/native/parameters.js';
import { objectivesLike, PARAMETER_ALIASES, scoredAs } from '../../learning/boosting/params.js';
import { requireColumns } from '../columns.js';
import { holdOut } from '../rows.js';
import type { FitContext, FittedModel, Learner, NativeLibraries, TrainingRows } from '../trainer.js';

export const name = 'xgboost';
export const summary = 'Gradient-boosted trees in XGBoost’s model format; settings are XGBoost’s own.';

const share = (fallback: number) => z.number().gt(0).max(1).default(fallback);
const penalty = (fallback: number) => z.number().min(0).default(fallback);

/** Parameters that XGBoost documents and the embedded engine lacks: passed to the library, or refused with the reason. */
const NATIVE = [
  ...[
    'objective',
    'booster',
    'device',
    'validate_parameters',
    'disable_default_eval_metric',
    'tree_method',
    'updater',
    'refresh_leaf',
  ],
  ...['process_type', 'grow_policy', 'max_leaves', 'max_cached_hist_node', 'num_parallel_tree', 'monotone_constraints'],
  ...['interaction_constraints', 'multi_strategy', 'sampling_method', 'max_cat_to_onehot', 'max_cat_threshold'],
  ...[
    'sample_type',
    'normalize_type',
    'rate_drop',
    'one_drop',
    'skip_drop',
    'feature_selector',
    'top_k',
    'lambda_bias',
  ],
  ...['seed_per_iteration', 'base_score', 'eval_metric', 'huber_slope', 'quantile_alpha', ...WITHOUT_EFFECT],
] as const;
const native = z.union([z.number(), z.string(), z.boolean()]).optional();

/** Defaults are for noisy bars: shallow trees, slow learning, rows and columns drawn at random. */
export const settings = z.object({
  rounds: z.number().int().min(1).default(200),
  /** 0 (no limit) and more than 16 are for the native engine, as are more than 256 bins. */
  max_depth: z.number().int().min(0).default(3),
  eta: share(0.05),
  min_child_weight: penalty(10),
  subsample: share(0.7),
  colsample_bytree: share(0.7),
  colsample_bylevel: share(1),
  colsample_bynode: share(1),
  lambda: penalty(1),
  alpha: penalty(0),
  gamma: penalty(0),
  max_delta_step: penalty(0),
  scale_pos_weight: z.number().positive().default(1),
  max_bin: z.number().int().min(2).default(256),
  /** Rounds without improvement on the last fifth of the training range after which to stop; 0 = never. */
  early_stopping: z.number().int().min(0).default(0),
  ...(Object.fromEntries(NATIVE.map((key) => [key, native])) as Record<(typeof NATIVE)[number], typeof native>),
});
export type Settings = z.output<typeof settings>;

/** XGBoost's second names, and those of its Python packages. */
export const aliases = {
  ...PARAMETER_ALIASES,
  ...{ num_boost_round: 'rounds', n_estimators: 'rounds', early_stopping_rounds: 'early_stopping' },
};

/** XGBoost’s JSON, which Python loads. */
const FILE = 'model.json';
/** Share of the training rows, the latest ones, that early stopping watches. */
const VALIDATION = 0.2;
/** Measures of XGBoost's `get_score`. */
const MEASURES = ['gain', 'cover', 'weight', 'total_gain', 'total_cover'] as const;

export function create(options: Settings): Learner {
  return {
    kind: 'learner',
    async engineFor(choice, libraries) {
      const engine = await import('../../learning/boosting/index.js');
      const where = placesOf(libraries);
      const name = await engine.chooseEngine({ engine: choice, ...where });
      return { name, version: name === 'native' ? (await engine.openXgboost(where)).version : engine.EMBEDDED_VERSION };
    },
    async fit(rows, context) {
      const engine = await import('../../learning/boosting/index.js');
      const rounds = context.rounds ?? options.rounds;
      const { train, validation } = split(rows, options.early_stopping, context);
      const result = await engine.trainBoosting({
        engine: context.engine,
        ...placesOf(context.libraries),
        x: { data: train.x, rows: train.rows, cols: train.columns.length },
        y: train.y,
        ...(train.weights !== undefined && { weights: train.weights }),
        params: paramsOf(options, context),
        rounds,
        featureNames: train.columns,
        threads: usefulThreads(train.rows * train.columns.length * rounds, context.threads),
        signal: context.signal,
        keepOnAbort: context.keepBest === true,
        trainMetrics: true,
        unusableColumns: 'ignore',
        ...(validation !== undefined && {
          evaluation: {
            name: 'validation',
            x: { data: validation.x, rows: validation.rows, cols: validation.columns.length },
            y: validation.y,
          },
          earlyStopping: options.early_stopping,
        }),
        onRound: ({ round, metrics }) => context.onRound(round, rounds, flatten(metrics)),
      });
      return fitted(result.model, engine, result);
    },
    async load(files, columns) {
      const engine = await import('../../learning/boosting/index.js');
      const model = engine.fromXgboostJson(new TextDecoder().decode(files[FILE]));
      requireColumns('The trees take', { count: model.features, names: model.featureNames }, columns);
      return fitted(model, engine, undefined);
    },
  };
}

/** Cells × rounds that a thread must have to do before it pays to start one. */
const THREAD_WORK = 2e7;
const usefulThreads = (work: number, threads: number): number =>
  Math.max(1, Math.min(threads, Math.floor(work / THREAD_WORK)));

const placesOf = ({ xgboost, prefixes = [] }: NativeLibraries) => ({
  ...(xgboost !== undefined && { library: xgboost }),
  prefixes,
});

function paramsOf(options: Settings, context: FitContext): BoostingParams {
  const { rounds: _, early_stopping: __, ...params } = options;
  const usual = context.scoreKind === 'return' ? 'reg:squarederror' : 'binary:logistic';
  const { objective = usual } = params;
  if (scoredAs(objective) !== usual) {
    throw new QuantlineError('CONFIG', `objective ${objective} does not give the ${context.scoreKind} of this label.`, {
      hint: `Choose one of ${objectivesLike(usual).join(', ')}; all but the first are the native engine's.`,
    });
  }
  // The embedded engine names what it does not take; the library takes all that it documents.
  return { ...params, objective, seed: context.seed } as unknown as BoostingParams;
}

function split(
  rows: TrainingRows,
  earlyStopping: number,
  context: FitContext,
): { train: TrainingRows; validation: TrainingRows | undefined } {
  if (earlyStopping === 0) return { train: rows, validation: undefined };
  return context.validation === undefined ? holdOut(rows, VALIDATION) : { train: rows, validation: context.validation };
}

function fitted(
  model: BoostedModel,
  engine: typeof import('../../learning/boosting/index.js'),
  result: BoostingResult | undefined,
): FittedModel {
  return {
    predict(x, rows, out) {
      model.predict({ data: x, rows, cols: model.features }, out);
    },
    lookback: 0,
    save: async () => ({ [FILE]: engine.toXgboostJson(model) }),
    history: (result?.history ?? []).map(({ metrics }) => flatten(metrics)),
    engine: { name: result?.engine ?? 'embedded', version: result?.engineVersion ?? '' },
    importance: () => Object.fromEntries(MEASURES.map((type) => [type, engine.featureImportance(model, type)])),
    contributions: (x, rows) => engine.predictContributions(model, { data: x, rows, cols: model.features }),
  };
}

/** {train: {logloss: 0.6}} → {'train.logloss': 0.6}. */
function flatten(metrics: Readonly<Record<string, Readonly<Record<string, number>>>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([set, values]) =>
      Object.entries(values).map(([metric, value]) => [`${set}.${metric}`, value]),
    ),
  );
}
