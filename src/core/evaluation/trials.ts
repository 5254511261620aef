import type { ResamplingJob } from './resampling/index.js';
import {
  type OverfittingProbability,
  overfitting,
  type SplitsJob,
  type SuperiorAbility,
  type SuperiorJob,
  superior,
} from './significance/index.js';

/** Session returns of all trials on the same bars, this run's among them; none where they are not comparable. */
export interface TrialReturns {
  readonly columns: readonly Float64Array[];
  readonly hash: string;
}

/** Session returns of the tuning trials among which the model's parameters were chosen; `none` says why there are none. */
export interface StudyReturns {
  readonly columns: readonly Float64Array[];
  readonly none?: string;
}

/** A choice of one trial among several, by CSCV. */
export interface Selection {
  /** Among the trials on the run's own bars, or among those of the study that chose the model's parameters. */
  readonly of: 'trials' | 'study';
  readonly trials: number;
  readonly sessions: number;
  readonly result: OverfittingProbability;
}

/** How the run was chosen among its trials. */
export interface ComparedTrials {
  readonly selections: readonly Selection[];
  /** The worst of them. */
  readonly worst?: Selection | undefined;
  readonly superior?: SuperiorAbility;
  /** Why there is no selection. */
  readonly none: string;
}

/** Trials are compared from this many on; fewer say nothing about how one was chosen. */
export const LEAST_TRIALS = 10;
const LEAST_SESSIONS = 64;
/** Work of the SPA test, in returns touched. */
const BUDGET = 1e9;
/** Why trials on the run's own bars are not compared. */
export const FEW_TRIALS = `not applicable: fewer than ten trials on these bars, or fewer than ${LEAST_SESSIONS} sessions`;

const comparable = (columns: readonly Float64Array[]): boolean =>
  columns.length >= LEAST_TRIALS && columns[0]!.length >= LEAST_SESSIONS;

/**
 * CSCV over the trials on the run's sessions, and over those of the model's study on theirs (sixteen blocks, or eight where
 * the sessions are few); and Hansen's test of the best of the first against the benchmark's returns over the same sessions.
 */
export async function compareTrials(
  trials: TrialReturns | undefined,
  study: StudyReturns | undefined,
  benchmark: Float64Array,
  { block, seed }: { readonly block: number; readonly seed: number },
  resample: (job: ResamplingJob) => Promise<Float64Array>,
): Promise<ComparedTrials> {
  const selections: Selection[] = [];
  const select = async (of: Selection['of'], columns: readonly Float64Array[]) => {
    const sessions = columns[0]!.length;
    const splits: SplitsJob = { kind: 'splits', columns, blocks: sessions < 320 ? 8 : 16 };
    const result = overfitting(splits, await resample(splits));
    selections.push({ of, trials: columns.length, sessions, result });
  };
  const own = trials !== undefined && comparable(trials.columns);
  if (own) await select('trials', trials.columns);
  if (study !== undefined && comparable(study.columns)) await select('study', study.columns);
  const why = study === undefined || selections.some(({ of }) => of === 'study') ? undefined : unstudied(study);
  const compared = {
    selections,
    worst: selections.toSorted((a, b) => b.result.pbo - a.result.pbo)[0],
    none: why === undefined ? FEW_TRIALS : `${FEW_TRIALS}; ${why}`,
  };
  if (!own) return compared;
  const { columns } = trials;
  const tests: SuperiorJob = {
    kind: 'superior',
    advantage: columns.map((one) => one.map((r, i) => r - (benchmark[i] ?? 0))),
    block,
    samples: Math.max(200, Math.min(1000, Math.floor(BUDGET / (columns.length * columns[0]!.length)))),
    seed,
    studentize: true,
  };
  return { ...compared, superior: superior(tests, await resample(tests)) };
}

const unstudied = ({ columns, none }: StudyReturns): string =>
  none ??
  `its study has ${columns.length} complete trials over ${columns[0]?.length ?? 0} common sessions, too few to compare`;
