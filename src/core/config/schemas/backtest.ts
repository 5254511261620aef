import { z } from 'zod';
import { option } from '../option.js';
import { choice, integer, interval, moment, off, word } from './kinds.js';
import { strategyShape } from './strategy.js';

/** Options of `quantline backtest`. */
export const backtestOptions = z.strictObject({
  data: option({ summary: 'Dataset: path, id, tag or latest.', value: 'dataset', char: 'd' }, word().optional()),
  model: option({ summary: 'Model: path, id, tag or latest.', value: 'model', char: 'm' }, word().optional()),
  ...strategyShape,
  from: option({ summary: 'First session, or instant with a zone.', value: 'date' }, moment().optional()),
  to: option({ summary: 'Last session, inclusive, or instant with a zone.', value: 'date' }, moment().optional()),
  closeAtEnd: option(
    {
      summary: 'Close what is open at the end: at the open or the close of the last bar.',
      value: 'when',
      choices: ['no', 'open', 'close'],
    },
    choice('no', 'open', 'close').prefault('no'),
  ),
  detail: option(
    {
      summary: 'Follow the finer bars of this interval in the store inside each bar: they decide what fills first.',
      value: '1m',
    },
    interval().optional(),
  ),
  sweep: option(
    {
      summary: 'Run a grid of settings of the rule and of the strategy; writes a study in place of a run.',
      value: 'fast=5..20,slow=20..60:5',
    },
    word().optional(),
  ),
  sweepBy: option(
    { summary: 'What a sweep looks for: a figure, or gate conditions with a figure to rank by.', value: 'sharpe' },
    word().prefault('sharpe'),
  ),
  inSample: option(
    {
      summary: 'Also score bars that the model was trained on; marks the run and fails the gate.',
      switch: true,
      guard: true,
    },
    off(),
  ),
  seed: option({ summary: 'Seed of every random choice.', value: 'n' }, integer(0, 0xffff_ffff).prefault(1)),
  tag: option({ summary: 'Tag that will name the new run.', value: 'name' }, word().optional()),
  force: option({ summary: 'Compute again although a verified run exists, and compare.', switch: true }, off()),
});
export type BacktestOptions = z.output<typeof backtestOptions>;
