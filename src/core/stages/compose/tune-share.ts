import type { TuneOptions } from '../../config/index.js';
import { QuantlineError } from '../../errors/index.js';
import { isServer } from '../../state/index.js';
import type { Runtime } from '../runtime.js';

/** A task's part of the trials of a study: those with number mod count = index. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

/**
 * The share of this task: by --task and --tasks, otherwise as Cloud Run and Kubernetes tell a task which one it is.
 * undefined where there is one task only. CONFIG where it is not whole, or where the tasks could not see one another.
 */
export function shareOf(options: Pick<TuneOptions, 'task' | 'tasks' | 'trials'>, runtime: Runtime): Share | undefined {
  const variable = (...names: readonly string[]) => {
    const name = names.find((one) => runtime.secrets[one] !== undefined);
    if (name === undefined) return undefined;
    const text = runtime.secrets[name]!.trim();
    if (/^\d+$/.test(text)) return { name, value: Number(text) };
    throw config(`${name} is "${text}", not a whole number.`, 'Give --task and --tasks yourself.');
  };
  if (options.tasks === 1) return undefined;
  const index = options.task ?? variable('CLOUD_RUN_TASK_INDEX', 'JOB_COMPLETION_INDEX')?.value;
  const count = options.tasks ?? variable('CLOUD_RUN_TASK_COUNT')?.value;
  if (count === 1 || (index === undefined && count === undefined)) return undefined;
  if (index === undefined || count === undefined) {
    throw config(
      index === undefined ? `This is one of ${count} tasks, but which?` : `This is task ${index}, but of how many?`,
      index === undefined
        ? 'Add --task, from 0.'
        : 'Add --tasks (the completions of the job), or --tasks 1 to run all trials here.',
    );
  }
  if (index >= count) throw config(`Task ${index} of ${count}: tasks count from 0.`, 'Correct --task or --tasks.');
  if (options.trials < count) {
    throw config(
      `${options.trials} trials cannot be shared by ${count} tasks.`,
      'Raise --trials, or start fewer tasks.',
    );
  }
  if (!isServer(runtime.journal)) {
    throw config(
      `${count} tasks share this study, but its store is on this machine alone.`,
      'Name a PostgreSQL server that all tasks reach: QUANTLINE_JOURNAL=postgres://…; or add --tasks 1.',
    );
  }
  return { index, count };
}

const config = (message: string, hint: string): QuantlineError => new QuantlineError('CONFIG', message, { hint });
