import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { need } from '../../shell/prompts.js';
import { rowsTable } from '../../shell/series.js';

export default class StoreCost extends QuantlineCommand<'store:cost'> {
  static override summary = 'Show what a warehouse holds, and what it and its queries cost.';
  static override description = 'From free requests only, at the on-demand prices of the US.';
  static override examples = ['<%= config.bin %> store cost --store bigquery://my-project.bars'];
  static override flags = flagsOf('store:cost');
  protected readonly command = 'store:cost';

  protected async execute(context: Context<'store:cost'>): Promise<Outcome> {
    const options = await need('store:cost', context, 'store');
    const { storeCost } = await import('../../core/stages/warehouse/query.js');
    const { tables, storageDollarsPerMonth, queries } = await storeCost(options, await context.runtime());
    const json = {
      tables: tables.map(({ name, rows, bytes, dollarsPerMonth }) => ({
        ...{ table: name, rows, bytes },
        dollars_per_month: dollarsPerMonth,
      })),
      storage_dollars_per_month: storageDollarsPerMonth,
      queries: { days: queries.days, jobs: queries.jobs, billed_bytes: queries.billedBytes, dollars: queries.dollars },
    };
    const { format } = options;
    const { days, jobs, dollars } = queries;
    return {
      text:
        format === 'json'
          ? JSON.stringify(json, undefined, 2)
          : await render(rowsTable(['table', 'rows', 'bytes', 'dollars_per_month'], json.tables), format),
      json,
      summary: `Storage about $${storageDollarsPerMonth.toFixed(2)} a month; ${jobs} jobs in ${days} days, billed about $${dollars.toFixed(2)}.`,
    };
  }
}
