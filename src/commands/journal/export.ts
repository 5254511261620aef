import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { count } from '../../shell/series.js';

export default class JournalExport extends QuantlineCommand<'journal:export'> {
  static override summary = 'Write events or a table of the journal as lines of JSON, CSV or Parquet.';
  static override description = 'Prints the rows, or the path with --out.';
  static override examples = [
    '<%= config.bin %> journal export --table fills --as csv',
    '<%= config.bin %> journal export --table events --as parquet --out events.parquet',
  ];
  static override flags = flagsOf('journal:export');
  protected readonly command = 'journal:export';

  protected async execute(context: Context<'journal:export'>): Promise<Outcome> {
    const { options } = context;
    const { exportText, journalExport } = await import('../../core/stages/journal.js');
    const { rows, path } = await journalExport(options, await context.runtime());
    const json = { table: options.table, path: path ?? null, rows: path === undefined ? rows : null };
    if (path !== undefined) return { text: path, json, summary: `${count(rows.length, 'row')}.` };
    return { text: exportText(rows, options.as === 'csv' ? 'csv' : 'ndjson').trimEnd(), json };
  }
}
