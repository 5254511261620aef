import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { showBook } from '../shell/book.js';
import { flagsOf } from '../shell/flags.js';

const COLUMNS = [
  'time',
  'strategy',
  'venue',
  'instrument',
  'side',
  'leg',
  'quantity',
  'price',
  'costs',
  'kind',
  'execution_id',
];

export default class Fills extends QuantlineCommand<'fills'> {
  static override summary = 'Show the executions of the strategies’ orders, newest first.';
  static override description =
    'With --broker also those that the venue knows and the journal does not; they have no strategy.';
  static override examples = ['<%= config.bin %> fills', '<%= config.bin %> fills --watch 5s'];
  static override flags = flagsOf('fills');
  protected readonly command = 'fills';

  protected async execute(context: Context<'fills'>): Promise<Outcome> {
    const { fills } = await import('../core/stages/book.js');
    const runtime = await context.runtime();
    return showBook(context, COLUMNS, 'Nothing was filled yet.', () => fills(context.options, runtime));
  }
}
