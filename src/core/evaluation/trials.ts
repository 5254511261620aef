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

/** How the run was chosen among its trials. Both absent where the trials or their sessions are too few. */
export interface ComparedTrials {
  readonly overfitting?: OverfittingProbability;
  readonly superior?: SuperiorAbility;
}

const LEAST_SESSIONS = 64;
/** Work of the SPA test, in returns touched. */
const BUDGET = 1e9;

/**
 * CSCV over the trials (sixteen blocks, or eight where the sessions are few), and Hansen's test of the best of them against
 * the benchmark's returns over the same sessions.
 */
export async function compareTrials(
  trials: TrialReturns | undefined,
  benchmark: Float64Array,
  { block, seed }: { readonly block: number; readonly seed: number },
  resample: (job: ResamplingJob) => Promise<Float64Array>,
): Promise<ComparedTrials> {
  const sessions = trials?.columns[0]?.length ?? 0;
  if (trials === undefined || trials.columns.length < 2 || sessions < LEAST_SESSIONS) return {};
  const { columns } = trials;
  const splits: SplitsJob = { kind: 'splits', columns, blocks: sessions < 320 ? 8 : 16 };
  const tests: SuperiorJob = {
    kind: 'superior',
    advantage: columns.map((own) => own.map((r, i) => r - (benchmark[i] ?? 0))),
    block,
    samples: Math.max(200, Math.min(1000, Math.floor(BUDGET / (columns.length * sessions)))),
    seed,
    studentize: true,
  };
  return {
    overfitting: overfitting(splits, await resample(splits)),
    superior: superior(tests, await resample(tests)),
  };
}
