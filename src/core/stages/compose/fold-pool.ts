import type { Worker } from 'node:worker_threads';
import type { Fold } from '../../models/splits/index.js';
import type { TrainingRows } from '../../models/trainer.js';
import { callWorker, sharedCopy, startWorker } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import type { FitJob, Outcome, TrainingJob } from './segments.js';
import { sharedBars } from './shared-bars.js';

/** One fold for a worker; its rows are there already. */
export interface FoldTask {
  readonly trainer: TrainingJob['trainer'];
  readonly fit: Omit<FitJob, 'learner' | 'runtime'>;
  readonly libraries: Runtime['libraries'];
  readonly what: string;
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/** Numbers that all fits together look at (fits × rows × columns) below which a worker's start costs more than it saves. */
const WORTH_WORKERS = 3_000_000;

/**
 * Worker threads that share one table of rows and fit folds of it side by side, one thread a fold. A fit does not depend on
 * threads, so the outcomes are those of one thread. The native engines bring threads of their own and are not run here.
 */
export class FoldPool {
  private readonly workers: Worker[] = [];

  private constructor(given: TrainingRows, threads: number) {
    const rows = shareRows(given);
    for (let t = 0; t < threads; t++) {
      this.workers.push(startWorker(import.meta.url, './fold.worker.js', { workerData: { rows } }));
    }
  }

  /** Workers for `fits` fits of these rows; undefined where they are not worth their start. */
  static for(
    { rows, engine, runtime }: Pick<TrainingJob, 'rows' | 'engine'> & { readonly runtime: Pick<Runtime, 'threads'> },
    fits: number,
    worth = WORTH_WORKERS,
  ): FoldPool | undefined {
    const threads = Math.min(runtime.threads, fits);
    const work = fits * rows.rows * rows.columns.length;
    return threads < 2 || engine !== 'embedded' || work < worth ? undefined : new FoldPool(rows, threads);
  }

  /** Outcomes in the order of the folds. Throws the error of the first fold that failed, or the signal's reason. */
  async *run(
    job: TrainingJob,
    folds: readonly Fold[],
    what: (fold: number) => string,
  ): AsyncGenerator<[fold: number, outcome: Outcome]> {
    const { signal, libraries, progress } = job.runtime;
    const { label, engine, options } = job;
    const fit = {
      ...{ engine, options: { ...options, cv: undefined } },
      label: { name: label.name, scoreKind: label.scoreKind, ...(label.uneven && { uneven: true }) },
    };
    const taskOf = (f: number): FoldTask => ({
      ...{ trainer: { name: job.trainer.name, settings: job.trainer.settings }, fit, libraries, what: what(f) },
      ...{ train: folds[f]!.train, test: folds[f]!.test },
    });
    let next = 0;
    const answers = new Map<number, Promise<Outcome>>();
    const give = (worker: Worker): void => {
      if (next >= folds.length) return;
      const f = next++;
      const answer = callWorker<Outcome>(worker, taskOf(f), { who: 'A worker that fits folds', signal });
      answers.set(f, answer);
      // Failures are met where the fold's turn comes.
      answer.then(
        () => give(worker),
        () => {},
      );
    };
    for (const worker of this.workers) give(worker);
    try {
      for (let f = 0; f < folds.length; f++) {
        progress.update(`training ${what(f)}`, f, folds.length);
        yield [f, await answers.get(f)!];
      }
    } finally {
      // Whoever stops early (a pruned trial) gives out no more folds; those under way end by themselves.
      next = folds.length;
      await Promise.allSettled(answers.values());
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

const shareRows = (rows: TrainingRows): TrainingRows => ({
  ...{ columns: rows.columns, rows: rows.rows, x: sharedCopy(rows.x), y: sharedCopy(rows.y), at: sharedCopy(rows.at) },
  ...{
    instrument: sharedCopy(rows.instrument),
    decided: sharedCopy(rows.decided),
    labelEnd: sharedCopy(rows.labelEnd),
  },
  weights: rows.weights && sharedCopy(rows.weights),
  series: { ...rows.series, x: sharedCopy(rows.series.x), starts: sharedCopy(rows.series.starts) },
  source: {
    bars: rows.source.bars.map(sharedBars),
    knownAt: rows.source.knownAt.map(sharedCopy),
  },
});
