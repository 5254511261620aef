import { workerData } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { selectRows } from '../../models/rows.js';
import type { TrainingRows } from '../../models/trainer.js';
import { answerCalls, silentProgress } from '../../platform/index.js';
import type { FoldTask } from './fold-pool.js';
import { fitOnce, type Outcome, outcomeOf } from './segments.js';
import { reopenTrainer } from './trainer.js';

const { rows } = workerData as { readonly rows: TrainingRows };
// Whoever stops the work ends this thread.
const { signal } = new AbortController();

async function answer({ trainer, fit, libraries, what, train, test }: FoldTask): Promise<Outcome> {
  const { trainer: learner } = await reopenTrainer(trainer.name, trainer.settings);
  if (learner.kind !== 'learner') throw new QuantlineError('BUG', 'not a learner');
  const runtime = { threads: 1, libraries, signal, progress: silentProgress };
  const fitted = await fitOnce({ ...fit, learner, runtime }, selectRows(rows, train), what);
  return outcomeOf(fitted, selectRows(rows, test));
}

answerCalls(answer);
