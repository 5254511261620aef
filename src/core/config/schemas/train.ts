import { z } from 'zod';
import { option } from '../option.js';
import { call, choice, duration, integer, list, off, pairs, split, word } from './kinds.js';
import { ping } from './ping.js';
import { strategyShape } from './strategy.js';

/** Options of `quantline train`. */
export const trainOptions = z.strictObject({
  data: option({ summary: 'Dataset: path, id, tag or latest.', value: 'dataset', char: 'd' }, word().optional()),
  trainer: option(
    {
      summary: 'Rule or learner as a call, or a module by path.',
      value: 'sma-cross(10,30)',
      char: 't',
      adapter: 'trainer',
    },
    call().optional(),
  ),
  features: option(
    { summary: 'Features as a comma list, or the name of a preset.', value: 'ret(5),rsi(14)' },
    word().optional(),
  ),
  label: option(
    {
      summary: 'What a learner predicts: direction(5), return(5), triple-barrier(2,1,10), meta(rule,2,1,10).',
      value: 'label',
    },
    call().optional(),
  ),
  split: option(
    { summary: 'End of the training range: a share of the bars, or a date.', value: '70%' },
    split().optional(),
  ),
  cv: option(
    { summary: 'Validation: walk-forward(5), purged(5), cpcv(6,2); also purged:5.', value: 'walk-forward(5)' },
    call().optional(),
  ),
  embargo: option(
    { summary: 'Bars left out between a training range and the bars scored after it.', value: 'bars' },
    integer().prefault(0),
  ),
  seed: option({ summary: 'Seed of every random choice.', value: 'n' }, integer(0, 0xffff_ffff).prefault(1)),
  engine: option(
    {
      summary: 'Embedded, native, or auto: the native library where one is found and loads.',
      value: 'engine',
      choices: ['auto', 'embedded', 'native'],
    },
    choice('auto', 'embedded', 'native').prefault('auto'),
  ),
  weights: option(
    {
      summary: 'Weights of rows: uniqueness (how little labels overlap), none, or auto: where labels differ in length.',
      value: 'weights',
      choices: ['auto', 'none', 'uniqueness'],
    },
    choice('auto', 'none', 'uniqueness').prefault('auto'),
  ),
  balance: option({ summary: 'Give both classes the same weight in all.', switch: true }, off()),
  select: option(
    { summary: 'Keep the features that go most with the label, chosen in each training range anew.', value: 'n' },
    integer(1).optional(),
  ),
  rounds: option({ summary: 'Boosting rounds, or epochs.', value: 'n' }, integer(1).optional()),
  param: option(
    { summary: 'Setting of the learner, such as max_depth=4.', value: 'key=value', char: 'p', multiple: true },
    pairs().prefault({}),
  ),
  study: option({ summary: 'Take the best settings of a tuning study.', value: 'study' }, word().optional()),
  compare: option(
    {
      summary: 'Judge these trainers on the same folds, in one table; no model is written.',
      value: 'logistic,xgboost',
      multiple: true,
    },
    list().optional(),
  ),
  final: option(
    {
      summary: 'Refit the model behind this report or run by its own recipe, up to the newest bar of --data.',
      value: 'report',
    },
    word().optional(),
  ),
  ifOlder: option(
    { summary: 'With --final: train only where the newest such model is at least this much older.', value: '7d' },
    duration().optional(),
  ),
  maxModelAge: option(
    { summary: 'How long the last segment stays valid after its training end.', value: '365d' },
    duration().optional(),
  ),
  tag: option({ summary: 'Tag that will name the new model.', value: 'champion:swing' }, word().optional()),
  calibrate: option(
    {
      summary: 'Map probabilities by Platt scaling, fitted on scores held out in purged folds of each training range.',
      value: 'how',
      choices: ['none', 'platt'],
    },
    choice('none', 'platt').prefault('none'),
  ),
  keepBest: option(
    {
      summary: 'Ctrl-C keeps the best so far of the last segment as a model of its own.',
      switch: true,
    },
    off(),
  ),
  ...strategyShape,
  ping,
  force: option({ summary: 'Compute again although a verified model exists, and compare.', switch: true }, off()),
});
export type TrainOptions = z.output<typeof trainOptions>;
