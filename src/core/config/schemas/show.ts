import { z } from 'zod';
import { option } from '../option.js';
import { integer, list, moment, off, word } from './kinds.js';
import { format } from './shared.js';

/** Options of `quantline <kind> list`. */
export const listOptions = z.strictObject({
  format,
  limit: option({ summary: 'Most rows, newest first.', value: 'n' }, integer(1).optional()),
});
export type ListOptions = z.output<typeof listOptions>;

/** Options of `quantline datasets|models|reports show`. */
export const showOptions = z.strictObject({ format });
export type ShowOptions = z.output<typeof showOptions>;

/** Options of `quantline models compare`. */
export const modelsCompareOptions = z.strictObject({
  models: option(
    { summary: 'Models to compare; all where none is named.', value: 'champion,candidate', multiple: true },
    list().optional(),
  ),
  format,
  limit: option({ summary: 'Most models, newest first.', value: 'n' }, integer(1).optional()),
});
export type ModelsCompareOptions = z.output<typeof modelsCompareOptions>;

const bars = {
  data: option(
    {
      summary: 'Bars to look at: a dataset; the one that the model was made from where none is named.',
      value: 'dataset',
    },
    word().optional(),
  ),
  from: option({ summary: 'First session, or instant with a zone.', value: 'date' }, moment().optional()),
  to: option({ summary: 'Last session, inclusive, or instant with a zone.', value: 'date' }, moment().optional()),
};

/** Options of `quantline models importance`. */
export const modelsImportanceOptions = z.strictObject({
  ...bars,
  seed: option({ summary: 'Seed of the shuffles.', value: 'n' }, integer().prefault(0)),
  format,
});
export type ModelsImportanceOptions = z.output<typeof modelsImportanceOptions>;

/** Options of `quantline models explain`. */
export const modelsExplainOptions = z.strictObject({
  ...bars,
  symbols: option({ summary: 'Only these instruments.', value: 'SPY,QQQ', multiple: true }, list().optional()),
  format,
});
export type ModelsExplainOptions = z.output<typeof modelsExplainOptions>;

/** Options of `quantline models tag`. */
export const modelsTagOptions = z.strictObject({
  remove: option({ summary: 'Take the tag away from the model.', switch: true }, off()),
});

/** Options of `quantline models prune`. */
export const modelsPruneOptions = z.strictObject({
  keep: option({ summary: 'Newest models that stay in any case.', value: 'n' }, integer(0).prefault(10)),
  dryRun: option({ summary: 'Say what would be removed, and remove nothing.', switch: true }, off()),
});
export type ModelsPruneOptions = z.output<typeof modelsPruneOptions>;

/** Options of `quantline runs show`. */
export const runShowOptions = z.strictObject({
  format,
  trades: option({ summary: 'The round trips.', switch: true }, off()),
  orders: option({ summary: 'The orders.', switch: true }, off()),
  equity: option({ summary: 'The equity curve.', switch: true }, off()),
  limit: option({ summary: 'Most rows.', value: 'n' }, integer(1).optional()),
});
export type RunShowOptions = z.output<typeof runShowOptions>;
