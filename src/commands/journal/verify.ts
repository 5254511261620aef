import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { count } from '../../shell/series.js';

export default class JournalVerify extends QuantlineCommand<'journal:verify'> {
  static override summary = 'Check every event of the journal, and that its tables follow from them.';
  static override description =
    'Exit code 4 where something does not fit. --rebuild is refused while a strategy is being traded.';
  static override examples = ['<%= config.bin %> journal verify', '<%= config.bin %> journal verify --rebuild'];
  static override flags = flagsOf('journal:verify');
  protected readonly command = 'journal:verify';

  protected async execute(context: Context<'journal:verify'>): Promise<Outcome> {
    const { journalVerify } = await import('../../core/stages/journal.js');
    const events = await journalVerify(context.options.rebuild, await context.runtime());
    return { text: '', json: { events }, summary: `${count(events, 'event')}: in order.` };
  }
}
