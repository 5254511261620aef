import { z } from 'zod';
import { INTERVALS } from '../../domain/interval.js';
import { option } from '../option.js';
import { fraction, integer, interval, list, moment, off, word } from './kinds.js';
import { format } from './shared.js';

/** Options of `quantline evaluate`. */
export const evaluateOptions = z.strictObject({
  run: option({ summary: 'Run: path, id, tag or latest.', value: 'run', char: 'r' }, word().optional()),
  gate: option(
    {
      summary: 'What the strategy must reach: default, or conditions such as sharpe>=1.',
      value: 'default',
      char: 'g',
      multiple: true,
    },
    list().prefault('default'),
  ),
  benchmark: option(
    { summary: 'Instrument for alpha and beta; buy and hold of the run’s own by default.', value: 'symbol' },
    word().optional(),
  ),
  riskFree: option({ summary: 'Risk-free rate a year.', value: '0%' }, fraction().prefault('0%')),
  live: option(
    {
      summary: 'Judge what was traded in place of a run: replay it, and compare trade by trade.',
      switch: true,
      guard: true,
    },
    off(),
  ),
  strategy: option({ summary: '--live: strategy that traded.', value: 'name' }, word().optional()),
  broker: option(
    { summary: '--live: venue at which it traded.', value: 'name', char: 'b', adapter: 'broker' },
    word().optional(),
  ),
  from: option({ summary: '--live: first session, or instant with a zone.', value: 'date' }, moment().optional()),
  to: option(
    { summary: '--live: last session, inclusive, or instant with a zone.', value: 'date' },
    moment().optional(),
  ),
  data: option(
    {
      summary: '--live: dataset with the bars that were traded; that of the report by default.',
      value: 'dataset',
      char: 'd',
    },
    word().optional(),
  ),
  html: option({ summary: 'Also write the report as one HTML file.', value: 'file' }, word().optional()),
  seed: option({ summary: 'Seed of resampling.', value: 'n' }, integer(0, 0xffff_ffff).prefault(1)),
  force: option({ summary: 'Compute again although a verified report exists, and compare.', switch: true }, off()),
});
export type EvaluateOptions = z.output<typeof evaluateOptions>;

/** Options of `quantline trials`. */
export const trialsOptions = z.strictObject({
  source: option({ summary: 'Only trials on bars of this source.', value: 'name', char: 's' }, word().optional()),
  symbols: option(
    { summary: 'Only trials on exactly these instruments.', value: 'SPY,QQQ', multiple: true },
    list().optional(),
  ),
  interval: option(
    { summary: 'Only trials on bars of this length.', value: '1d', char: 'i', choices: INTERVALS },
    interval().optional(),
  ),
  format,
  limit: option({ summary: 'Most rows, newest first.', value: 'n' }, integer(1).optional()),
});
export type TrialsOptions = z.output<typeof trialsOptions>;
