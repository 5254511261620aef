import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { showBook } from '../shell/book.js';
import { flagsOf } from '../shell/flags.js';

const COLUMNS = [
  'venue',
  'account',
  'source',
  'equity',
  'cash',
  'buying_power',
  'gross',
  'exposure',
  'unrealised',
  'realised',
  'strategies',
  'blocked',
];

export default class Account extends QuantlineCommand<'account'> {
  static override summary = 'Show money and exposure of the accounts that trade.';
  static override description = 'As of the last decision; with --broker the venue is asked itself.';
  static override examples = ['<%= config.bin %> account', '<%= config.bin %> account --watch 5s'];
  static override flags = flagsOf('account');
  protected readonly command = 'account';

  protected async execute(context: Context<'account'>): Promise<Outcome> {
    const { accounts } = await import('../core/stages/status.js');
    const runtime = await context.runtime();
    return showBook(context, COLUMNS, 'No account has traded yet.', () => accounts(context.options, runtime));
  }
}
