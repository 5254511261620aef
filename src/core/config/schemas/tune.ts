import { z } from 'zod';
import { option } from '../option.js';
import { call, choice, integer, list, pairs, split, word } from './kinds.js';
import { strategyShape } from './strategy.js';
import { trainOptions } from './train.js';

const { data, features, label, embargo, seed, engine, rounds, weights, balance, select } = trainOptions.shape;

/** Options of `quantline tune`. */
export const tuneOptions = z.strictObject({
  data,
  trainer: option(
    { summary: 'Learner to tune, as a call or a module by path.', value: 'xgboost', char: 't', adapter: 'trainer' },
    call().optional(),
  ),
  features,
  label,
  space: option({ summary: 'Search space, a YAML file.', value: 'space.yaml' }, word().optional()),
  trials: option(
    { summary: 'Trials of the study in all, earlier starts included.', value: 'n' },
    integer(1).prefault(50),
  ),
  sampler: option(
    { summary: 'How trials are proposed.', value: 'sampler', choices: ['tpe', 'random', 'grid'] },
    choice('tpe', 'random', 'grid').prefault('tpe'),
  ),
  gridPoints: option({ summary: 'Values of a continuous parameter in a grid.', value: 'n' }, integer(1).optional()),
  pruner: option(
    {
      summary: 'Whether bad trials end after some of their folds.',
      value: 'pruner',
      choices: ['none', 'median', 'asha'],
    },
    choice('none', 'median', 'asha').prefault('none'),
  ),
  objective: option(
    {
      summary:
        'Metric of the folds (auc, sharpe, max_drawdown …), or a gate’s conditions on them, worth the worst; its mean is what is searched for: auc, or information_coefficient for returns.',
      value: 'auc|sharpe|sharpe>=1',
      multiple: true,
    },
    list().optional(),
  ),
  split: option(
    { summary: 'End of the range that trials may see: a share of the bars, or a date.', value: '70%' },
    split().optional(),
  ),
  cv: option(
    { summary: 'Folds inside that range: purged(5) or combinatorial(6,2).', value: 'purged(5)' },
    call().prefault('purged(5)'),
  ),
  embargo,
  seed,
  engine,
  rounds,
  weights,
  balance,
  select,
  param: option(
    { summary: 'Fixed setting of the learner, such as max_depth=4.', value: 'key=value', char: 'p', multiple: true },
    pairs().prefault({}),
  ),
  tasks: option(
    {
      summary:
        'How many tasks share the trials; CLOUD_RUN_TASK_COUNT where nothing is said. 1: this one runs them all.',
      value: 'n',
    },
    integer(1).optional(),
  ),
  task: option(
    {
      summary: 'Which of them this is, from 0; CLOUD_RUN_TASK_INDEX or JOB_COMPLETION_INDEX where nothing is said.',
      value: 'i',
    },
    integer().optional(),
  ),
  study: option(
    { summary: 'Name of the study: its journal, and the tag of what is written.', value: 'study' },
    word().optional(),
  ),
  ...strategyShape,
});
export type TuneOptions = z.output<typeof tuneOptions>;
