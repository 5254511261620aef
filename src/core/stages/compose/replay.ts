import type { Artifact } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { openDataset } from '../../data/open.js';
import { firstTickAt } from '../../engine/feed.js';
import type { HonestyResult, Neighbour, Replay, ScoredPath } from '../../evaluation/index.js';
import type { FeatureImportance } from '../../models/importance.js';
import type { ModelFile } from '../../models/model-file.js';
import { ruleModel } from '../../models/segmented.js';
import type { Runtime } from '../runtime.js';
import { agentPolicies } from './agents.js';
import { adjustingOf, asOfModel } from './as-of.js';
import { detailOf } from './detail.js';
import { importanceOf } from './importance.js';
import { learnedOf } from './learned.js';
import { feedOf, signalsOf } from './market.js';
import { openModel } from './model.js';
import { neutral } from './money.js';
import { scoredPaths } from './paths.js';
import { retrainChecks } from './retrain.js';
import type { RunHead } from './run.js';
import { composeStrategy } from './strategy.js';
import { reopenTrainer } from './trainer.js';

export interface OpenReplay {
  readonly replay: Replay;
  readonly model: ModelFile;
  readonly modelArtifact: Artifact;
  readonly dataset: OpenDataset;
  /** Checks that train again; none for rules. */
  retrained(seed: number): Promise<readonly HonestyResult[]>;
  /** What each feature is worth on the traded bars; none for rules. */
  importance(seed: number, step: (done: number, total: number) => Promise<void>): Promise<readonly FeatureImportance[]>;
  /** What an agent is compared with; none for other models. */
  policies(): readonly Neighbour[];
  /** Paths of the model's combinatorial folds; none for other models. */
  paths(): Promise<readonly ScoredPath[]>;
  /** The run's rule with other arguments, scored; none for learners. */
  neighbours(): Promise<readonly Neighbour[]>;
}

/** Opens what a run was made from, so that it can be run again. */
export async function openReplay({ artifact, run }: RunHead, runtime: Runtime): Promise<OpenReplay> {
  const dataset = await openDataset(runtime, await runtime.artifacts.openInput(artifact, 'dataset'));
  const modelArtifact = await runtime.artifacts.openInput(artifact, 'model');
  const { file, model, fitted, seeds } = await openModel(modelArtifact, run.inSample);
  const feed = { ...feedOf(dataset), detail: await detailOf(runtime, dataset, { artifact, run }) };
  const composed = await composeStrategy(run.strategy, run.scoreKind, dataset.instruments);
  const replay: Replay = {
    feed,
    model: asOfModel(model, adjustingOf(dataset)),
    calendars: dataset.calendars,
    signals: signalsOf(dataset, model, composed.strategy.sizing),
    ...composed,
    from: firstTickAt(feed, run.from),
    to: firstTickAt(feed, run.to) + 1,
  };
  let built: ReturnType<typeof learnedOf> | undefined;
  const learned = () => (built ??= learnedOf(file, modelArtifact, dataset));
  const segment = file.segments.at(-1);
  return {
    replay,
    model: file,
    modelArtifact,
    dataset,
    policies: () => agentPolicies(file, seeds, dataset, replay.signals, composed.strategy.sizing),
    paths: () => scoredPaths(modelArtifact, dataset, feed, neutral(run.scoreKind, composed.strategy.thresholds)),
    retrained: async (seed) => {
      const rows = segment === undefined ? undefined : await learned();
      return rows === undefined ? [] : retrainChecks(rows, segment!, modelArtifact.manifest, seed, runtime);
    },
    importance: async (seed, step) => {
      const rows = segment === undefined ? undefined : await learned();
      return rows === undefined ? [] : importanceOf(rows, fitted.at(-1)!, file, run, seed, step);
    },
    neighbours: async () => {
      if (file.kind !== 'rule') return [];
      const found: Neighbour[] = [];
      for (const settings of neighbouringSettings(file.trainer.settings)) {
        const rule = await tryRule(file.trainer.name, settings);
        if (rule === undefined) continue;
        const text = `${file.trainer.name}(${Object.values(settings).join(',')})`;
        found.push({ strategy: text, signals: signalsOf(dataset, rule, composed.strategy.sizing) });
      }
      return found;
    },
  };
}

/** One numeric argument at a time, a fifth and two fifths down and up; whole numbers stay whole. */
export function neighbouringSettings(settings: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  const out: Record<string, unknown>[] = [];
  for (const [key, value] of Object.entries(settings)) {
    if (typeof value !== 'number' || value === 0) continue;
    const seen = new Set([value]);
    for (const factor of [0.6, 0.8, 1.2, 1.4]) {
      let next = value * factor;
      if (Number.isInteger(value)) next = factor < 1 ? Math.floor(next) : Math.ceil(next);
      if (seen.has(next) || next === 0) continue;
      seen.add(next);
      out.push({ ...settings, [key]: next });
    }
  }
  return out;
}

/** A rule refuses arguments that make no sense together; such a neighbour does not exist. */
async function tryRule(name: string, settings: Record<string, unknown>) {
  try {
    const { trainer } = await reopenTrainer(name, settings);
    return trainer.kind === 'rule' ? ruleModel(trainer) : undefined;
  } catch {
    return undefined;
  }
}
