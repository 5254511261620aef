import { parentPort, workerData } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { selectRows } from '../../models/rows.js';
import type { TrainingRows } from '../../models/trainer.js';
import { silentProgress } from '../../platform/index.js';
import { type FoldAnswer, type FoldTask, failureMessage } from './fold-pool.js';
import { fitOnce, outcomeOf } from './segments.js';
import { reopenTrainer } from './trainer.js';

const { rows } = workerData as { readonly rows: TrainingRows };
const port = parentPort!;
// Whoever stops the work ends this thread.
const { signal } = new AbortController();

async function answer({ trainer, fit, libraries, what, train, test }: FoldTask): Promise<FoldAnswer> {
  const { trainer: learner } = await reopenTrainer(trainer.name, trainer.settings);
  if (learner.kind !== 'learner') throw new QuantlineError('BUG', 'not a learner');
  const runtime = { threads: 1, libraries, signal, progress: silentProgress };
  const fitted = await fitOnce({ ...fit, learner, runtime }, selectRows(rows, train), what);
  return { outcome: outcomeOf(fitted, selectRows(rows, test)) };
}

port.on('message', (task: FoldTask) => {
  answer(task)
    .catch(failureMessage)
    .then((message) => port.postMessage(message));
});
