import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { count } from '../../shell/series.js';

export default class JournalBackup extends QuantlineCommand<'journal:backup'> {
  static override summary = 'Copy the journal to a file, while it is in use.';
  static override description =
    'Checked whole after it is written. A journal on PostgreSQL is written as its events, lines of JSON, which can be restored as well. Prints the path.';
  static override examples = [
    '<%= config.bin %> journal backup',
    '<%= config.bin %> journal backup --out /backup/journal.sqlite',
  ];
  static override flags = flagsOf('journal:backup');
  protected readonly command = 'journal:backup';

  protected async execute(context: Context<'journal:backup'>): Promise<Outcome> {
    const { journalBackup } = await import('../../core/stages/journal.js');
    const { path, events } = await journalBackup(context.options.out, await context.runtime());
    return { text: path, json: { path, events }, summary: `${count(events, 'event')}.` };
  }
}
