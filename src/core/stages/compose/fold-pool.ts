import type { Worker } from 'node:worker_threads';
import { isQuantlineError, QuantlineError } from '../../errors/index.js';
import type { Fold } from '../../models/splits/index.js';
import type { TrainingRows } from '../../models/trainer.js';
import { startWorker } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import type { FitJob, Outcome, TrainingJob } from './segments.js';

/** One fold for a worker; its rows are there already. */
export interface FoldTask {
  readonly trainer: TrainingJob['trainer'];
  readonly fit: Omit<FitJob, 'learner' | 'runtime'>;
  readonly libraries: Runtime['libraries'];
  readonly what: string;
  readonly train: Int32Array;
  readonly test: Int32Array;
}

export type FoldAnswer =
  | { readonly outcome: Outcome }
  | { readonly failure: { readonly code?: string; readonly message: string; readonly hint?: string | undefined } };

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
      const answer = ask(worker, taskOf(f), signal);
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

type Column = Float64Array | Float32Array | Int32Array;

/** A column in shared memory: the same where it lies there already, otherwise copied once for all workers. */
function share<T extends Column>(column: T): T {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const copy = new (column.constructor as new (buffer: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(column.byteLength),
  );
  copy.set(column);
  return copy;
}

const shareRows = (rows: TrainingRows): TrainingRows => ({
  ...{ columns: rows.columns, rows: rows.rows, x: share(rows.x), y: share(rows.y), at: share(rows.at) },
  ...{ instrument: share(rows.instrument), decided: share(rows.decided), labelEnd: share(rows.labelEnd) },
  weights: rows.weights && share(rows.weights),
  series: { ...rows.series, x: share(rows.series.x), starts: share(rows.series.starts) },
  source: {
    bars: rows.source.bars.map((bars) => ({
      ...{ instrument: bars.instrument, interval: bars.interval, time: share(bars.time), volume: share(bars.volume) },
      ...{ open: share(bars.open), high: share(bars.high), low: share(bars.low), close: share(bars.close) },
    })),
    knownAt: rows.source.knownAt.map(share),
  },
});

function ask(worker: Worker, task: FoldTask, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onMessage = (answer: FoldAnswer) =>
      settle(() => ('outcome' in answer ? resolve(answer.outcome) : reject(failureOf(answer.failure))));
    const onError = (error: unknown) => settle(() => reject(workerError(error)));
    const onExit = (code: number) =>
      settle(() => reject(new QuantlineError('BUG', `A worker that fits folds ended early (exit code ${code}).`)));
    const onAbort = () => settle(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    signal.addEventListener('abort', onAbort, { once: true });
    worker.postMessage(task);
  });
}

/** An error as it may cross a thread: its class would be lost, so what matters is written out. */
export const failureMessage = (error: unknown): FoldAnswer => ({
  failure: isQuantlineError(error)
    ? { code: error.code, message: error.message, hint: error.hint }
    : { message: error instanceof Error ? error.message : String(error) },
});

type Failure = Extract<FoldAnswer, { failure: unknown }>['failure'];

function failureOf({ code, message, hint }: Failure): Error {
  if (code === undefined) return new Error(message);
  return new QuantlineError(code as QuantlineError['code'], message, hint === undefined ? {} : { hint });
}

function workerError(error: unknown): QuantlineError {
  if ((error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new QuantlineError('MEMORY', 'A worker that fits folds ran out of memory.', {
      hint: 'Use fewer --threads, a shorter range or fewer features.',
      cause: error,
    });
  }
  return new QuantlineError('BUG', `A worker that fits folds failed: ${String(error)}`, { cause: error });
}
