import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { need } from '../../shell/prompts.js';
import { count } from '../../shell/series.js';

export default class JournalRestore extends QuantlineCommand<'journal:restore'> {
  static override summary = 'Put a copy in the journal’s place.';
  static override description =
    'Refused while a strategy is being traded, and over a journal that is there unless --overwrite, which keeps it beside the new one; on PostgreSQL only an empty database is restored into. The broker is read again at the next start. Prints the path.';
  static override examples = ['<%= config.bin %> journal restore --copy journal-2026-11-28.sqlite --overwrite'];
  static override flags = flagsOf('journal:restore');
  protected readonly command = 'journal:restore';

  protected async execute(context: Context<'journal:restore'>): Promise<Outcome> {
    const { copy, overwrite } = await need('journal:restore', context, 'copy');
    const { journalRestore } = await import('../../core/stages/journal.js');
    const { path, events, kept } = await journalRestore(copy, overwrite, await context.runtime());
    const summary = `${count(events, 'event')}.${kept === undefined ? '' : ` What was there is ${kept}.`}`;
    return { text: path, json: { path, events, kept: kept ?? null }, summary };
  }
}
