import type { Call } from '../../config/index.js';
import { QuantlineError } from '../../errors/index.js';
import { selectRows } from '../../models/rows.js';
import type { ScoreMetrics } from '../../models/score-metrics.js';
import { combinatorialPurged, type Fold, purgedKFold } from '../../models/splits/index.js';
import { fitOnce, judge, type TrainingJob } from './segments.js';

export interface FoldReport {
  readonly trainRows: number;
  readonly testRows: number;
  readonly metrics: ScoreMetrics;
}

/** `purged(5)` and `combinatorial(6,2)`: metrics of purged folds. They give no segments: a fold has seen the future. */
export async function crossValidate(
  job: TrainingJob,
  onFold?: (report: FoldReport, done: number, total: number) => Promise<void>,
): Promise<FoldReport[]> {
  const { cv, embargo } = job.options;
  if (cv === undefined || cv.name === 'walk-forward') return [];
  const reports: FoldReport[] = [];
  const folds = foldsOf(cv, job, embargo);
  for (const [f, fold] of folds.entries()) {
    const fitted = await fitOnce(job, selectRows(job.rows, fold.train), `fold ${f + 1} of ${folds.length}`);
    const metrics = judge(job, fitted, fold.test);
    const report = { trainRows: fold.train.length, testRows: fold.test.length, metrics };
    reports.push(report);
    await onFold?.(report, f + 1, folds.length);
  }
  return reports;
}

function foldsOf(cv: Call, job: TrainingJob, embargo: number): readonly Fold[] {
  const whole = (at: number, fallback: number): number => {
    const value = cv.args[at]?.value ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
    throw new QuantlineError('USAGE', `${cv.name} takes whole numbers, not "${cv.args[at]?.text}".`, {
      hint: 'Write purged(5) or combinatorial(6,2).',
    });
  };
  if (cv.name === 'purged') return purgedKFold(job.rows, whole(0, 5), embargo);
  if (cv.name === 'combinatorial' || cv.name === 'cpcv') {
    return combinatorialPurged(job.rows, { groups: whole(0, 6), tested: whole(1, 2), embargo }).folds;
  }
  throw new QuantlineError('USAGE', `There is no validation "${cv.name}".`, {
    hint: 'There are walk-forward(5), walk-forward(5,rolling), purged(5) and combinatorial(6,2).',
  });
}
