import * as Args from '@oclif/core/args';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { asObjects, render } from '../../shell/output.js';
import { need } from '../../shell/prompts.js';

export default class StoreQuery extends QuantlineCommand<'store:query'> {
  static override summary = 'Run a query in the warehouse, with its cost before and after.';
  static override description =
    'The estimate and the billed bytes go to stderr. A query that would be billed for more than the limit is not run; a statement that changes something never is.';
  static override examples = [
    "<%= config.bin %> store query 'SELECT COUNT(*) AS bars FROM bars WHERE ts >= @from' --param from=2024-01-01 --store bigquery://my-project.bars",
    '<%= config.bin %> store query @report.sql --dry-run --store bigquery://my-project.bars',
  ];
  static override args = {
    sql: Args.string({ required: true, description: 'The query, @file.sql, or :rolling or :ranks.' }),
  };
  static override flags = flagsOf('store:query');
  protected readonly command = 'store:query';

  protected async execute(context: Context<'store:query'>): Promise<Outcome> {
    const options = await need('store:query', context, 'store');
    const { storeQuery } = await import('../../core/stages/warehouse/query.js');
    const { columns, rows, estimatedBytes, billedBytes } = await storeQuery(
      context.args['sql']!,
      options,
      await context.runtime(),
    );
    const table = { columns, rows };
    return {
      text: columns.length === 0 ? '' : await render(table, options.format),
      json: { rows: asObjects(table), estimated_bytes: estimatedBytes, billed_bytes: billedBytes },
    };
  }
}
