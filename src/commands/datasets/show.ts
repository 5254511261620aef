import type { DatasetView } from '../../core/stages/datasets.js';
import { reference } from '../../shell/arguments.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render, type Table } from '../../shell/output.js';

export default class DatasetsShow extends QuantlineCommand<'datasets:show'> {
  static override summary = 'Show what a dataset holds: its series, their ranges and what the checks found.';
  static override examples = ['<%= config.bin %> datasets show latest'];
  static override args = reference('dataset');
  static override flags = flagsOf('datasets:show');
  protected readonly command = 'datasets:show';

  protected async execute({ args, options, runtime }: Context<'datasets:show'>): Promise<Outcome> {
    const { showDataset } = await import('../../core/stages/datasets.js');
    const view = await showDataset(await runtime(), args['reference']!);
    const { kind, id, path } = view.artifact;
    const { interval, session, store, delayMs, series } = view;
    const json = { kind, id, path, interval, session, store, delay_ms: delayMs, series };
    if (options.format === 'json') return { text: JSON.stringify(json, undefined, 2), json };
    return {
      text: await render(seriesTable(view), options.format),
      json,
      summary: `dataset ${id}: ${interval} bars, ${session} session, store ${store}`,
    };
  }
}

const COLUMNS = [
  'instrument',
  'class',
  'calendar',
  'source',
  'feed',
  'basis',
  'density',
  'rows',
  'from',
  'to',
] as const;

const seriesTable = ({ series }: DatasetView): Table => ({
  columns: [...COLUMNS, 'actions', 'quality'],
  rows: series.map((row) => [
    ...COLUMNS.map((column) => row[column]),
    row.actions,
    row.quality.map(({ check, policy, count }) => `${check} ${count} (${policy})`).join(' '),
  ]),
});
