import { childSeed } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import {
  type AgentPolicy,
  type AgentResult,
  type AgentTrainOptions,
  type Environment,
  loadPolicy,
  savePolicy,
} from '../../learning/agents/index.js';
import { embeddedEngine } from '../../learning/networks/index.js';
import { requireColumns } from '../columns.js';
import type { FitContext, FittedModel, Learner, SavedFiles, TrainingRows } from '../trainer.js';
import { BASELINES, baseline, meanLogReturn } from './baselines.js';
import { MarketEnvironment, type MarketRules } from './environment.js';
import { fittedPolicy } from './policy.js';
import { type MarketRun, marketRuns, requireRuns, splitRuns } from './runs.js';
import type { AgentSettings } from './settings.js';

/** Share of the training bars, the latest ones, that choose a checkpoint and a seed. */
const VALIDATION = 0.2;
const LEAST_BARS = 100;
const FILES = { model: 'model.json', weights: 'weights.bin' } as const;

/** What an algorithm has to do: train one policy in these environments. */
export type TrainAgent = (
  options: Pick<
    AgentTrainOptions<never>,
    'environment' | 'seed' | 'steps' | 'signal' | 'keepBestOnAbort' | 'onReport'
  > & {
    readonly evaluation: () => Environment;
    readonly evaluationEpisodes: number;
    readonly threads: number;
  },
) => Promise<AgentResult>;

interface Trained {
  readonly policy: AgentPolicy;
  /** Mean log change of equity over the validation bars. */
  readonly validation: number;
  readonly history: FittedModel['history'];
}

/** An agent that trades in training as a learner: several seeds, the best on the last fifth of the range is used. */
export function agentLearner(name: string, settings: AgentSettings, rules: MarketRules, train: TrainAgent): Learner {
  return {
    kind: 'learner',
    agent: { short: settings.short },
    async engineFor(choice) {
      if (choice !== 'native') return embeddedEngine();
      throw new QuantlineError('CONFIG', `${name} has no native engine.`, { hint: 'Leave --engine out.' });
    },
    async fit(rows, context) {
      const { train: training, validation } = splitRuns(marketRuns(rows), 1 - VALIDATION);
      requireRuns(training, LEAST_BARS, 'training');
      requireRuns(validation, LEAST_BARS / 4, 'validation');
      const trained: Trained[] = [];
      for (let s = 0; s < settings.seeds; s++) {
        const seed = childSeed(context.seed, name, s);
        const job = { seed, s, settings, rules, training, validation };
        try {
          trained.push(await trainSeed(train, job, context));
        } catch (error) {
          // Stopped before its first checkpoint: what the seeds before it have is the best so far.
          if (context.keepBest !== true || !context.signal.aborted || trained.length === 0) throw error;
        }
        if (context.signal.aborted) break;
      }
      // Of equals the first: the choice must not depend on how a sort treats them.
      trained.sort((a, b) => b.validation - a.validation);
      return fitted(trained, rules);
    },
    async load(files, columns) {
      const trained: Trained[] = [];
      for (let s = 0; files[`seed-${s}/${FILES.model}`] !== undefined; s++) {
        const { policy, metadata } = loadPolicy({
          modelJson: new TextDecoder().decode(files[`seed-${s}/${FILES.model}`]),
          weights: files[`seed-${s}/${FILES.weights}`]!,
        });
        // Its own position is one input more.
        requireColumns('The policy takes', { count: policy.spec.inputs - 1 }, columns);
        trained.push({ policy, validation: Number(metadata['validation']), history: [] });
      }
      if (trained.length > 0) return fitted(trained, rules);
      throw new QuantlineError('ARTIFACT_CORRUPT', 'The model holds no policy.', { hint: 'Train it again.' });
    },
  };
}

async function trainSeed(
  train: TrainAgent,
  job: {
    readonly seed: number;
    readonly s: number;
    readonly settings: AgentSettings;
    readonly rules: MarketRules;
    readonly training: readonly MarketRun[];
    readonly validation: readonly MarketRun[];
  },
  context: FitContext,
): Promise<Trained> {
  const { seed, s, settings, rules, training, validation } = job;
  const { steps, seeds, episode } = settings;
  const history: Record<string, number>[] = [];
  const { policy } = await train({
    environment: () => new MarketEnvironment(training, rules, { episode }),
    evaluation: () => new MarketEnvironment(validation, rules, { episode: null }),
    evaluationEpisodes: validation.length,
    ...{ seed, steps, signal: context.signal, threads: context.threads, keepBestOnAbort: context.keepBest === true },
    onReport: (report) => {
      const point = {
        ...{ seed: s, steps: report.steps },
        // No episode has ended yet where there is none.
        ...(Number.isFinite(report.trainingReturn) && { training_return: report.trainingReturn }),
        validation_return: report.evaluationReturn,
      };
      history.push(point);
      context.onRound(s * steps + Math.min(steps, report.steps), seeds * steps, point);
    },
  });
  return { policy, validation: meanLogReturn(policy, validation, rules), history };
}

/** @param trained best first */
function fitted(trained: readonly Trained[], rules: MarketRules): FittedModel {
  const save = async (): Promise<SavedFiles> => {
    const files: Record<string, string | Uint8Array> = {};
    for (const [s, { policy, validation }] of trained.entries()) {
      const { modelJson, weights } = savePolicy(policy, { validation, levels: rules.levels });
      files[`seed-${s}/${FILES.model}`] = modelJson;
      files[`seed-${s}/${FILES.weights}`] = weights;
    }
    return files;
  };
  const models = trained.map(({ policy, history }) =>
    fittedPolicy(policy, rules.levels, { engine: embeddedEngine(), history, save }),
  );
  return {
    ...models[0]!,
    history: trained.flatMap(({ history }) => history),
    seeds: models,
    judge: (rows) => judge(trained, rules, rows),
    targets: (rows) => targets(trained[0]!.policy, rules, rows),
  };
}

/** Total returns on these rows, a mean over instruments: of the chosen policy, over all seeds, and of the baselines. */
function judge(trained: readonly Trained[], rules: MarketRules, rows: TrainingRows): Record<string, number> {
  const runs = marketRuns(rows);
  if (runs.length === 0) return {};
  const total = (log: number) => Math.exp(log) - 1;
  const returns = trained.map(({ policy }) => total(meanLogReturn(policy, runs, rules)));
  const baselines = BASELINES.map((name) => [name, total(meanLogReturn(baseline(name, rules, 1), runs, rules))]);
  return {
    total_return: returns[0]!,
    seeds_mean: returns.reduce((a, b) => a + b, 0) / returns.length,
    seeds_min: Math.min(...returns),
    seeds_max: Math.max(...returns),
    ...Object.fromEntries(baselines),
  };
}

/** Targets of a policy on these rows, each stated holding what it then held. */
function targets(policy: AgentPolicy, rules: MarketRules, rows: TrainingRows): Float64Array {
  const runs = marketRuns(rows);
  // A bar's place in the series of all instruments, and the row there.
  const rowAt = new Map(Array.from(rows.at, (at, r) => [at, r]));
  const out = new Float64Array(rows.rows).fill(Number.NaN);
  meanLogReturn(policy, runs, rules, (run, bar, target) => {
    out[rowAt.get(runs[run]!.first + bar)!] = target;
  });
  return out;
}
