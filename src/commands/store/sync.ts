import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { need } from '../../shell/prompts.js';
import { count, keyRow, rowsTable } from '../../shell/series.js';

const COLUMNS = ['symbol', 'source', 'feed', 'session', 'interval', 'rows', 'inserted', 'updated', 'skipped'];

export default class StoreSync extends QuantlineCommand<'store:sync'> {
  static override summary = 'Copy stored bars to a BigQuery dataset, or back.';
  static override description =
    'Loads are free, and what is there is not loaded or queried again. --all copies the trades of runs, executions, the journal and reports too.';
  static override examples = [
    '<%= config.bin %> store sync --store bigquery://my-project.bars --symbols SPY,QQQ',
    '<%= config.bin %> store sync --store bigquery://my-project.bars --all',
    '<%= config.bin %> store sync --store bigquery://my-project.bars --pull --interval 1d',
  ];
  static override flags = flagsOf('store:sync');
  protected readonly command = 'store:sync';

  protected async execute(context: Context<'store:sync'>): Promise<Outcome> {
    const options = await need('store:sync', context, 'store');
    const { storeSync } = await import('../../core/stages/warehouse/sync.js');
    const { series, tables } = await storeSync(options, await context.runtime());
    const json = {
      series: series.map(({ info, rows, inserted, updated, skipped }) => ({
        ...keyRow(info.key),
        ...{ rows, inserted, updated, skipped },
      })),
      tables: tables.map(({ name, rows, changed }) => ({ table: name, rows, changed })),
    };
    const { format } = options;
    const changed = tables.filter((table) => table.changed).map(({ name }) => name);
    const records =
      tables.length === 0 ? '' : ` Tables changed: ${changed.length === 0 ? 'none' : changed.join(', ')}.`;
    return {
      text:
        format === 'json' ? JSON.stringify(json, undefined, 2) : await render(rowsTable(COLUMNS, json.series), format),
      json,
      summary: `${count(series.length, 'series', 'series')} in step.${records}`,
    };
  }
}
