import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { showBook } from '../shell/book.js';
import { flagsOf } from '../shell/flags.js';

const COLUMNS = [
  'strategy',
  'venue',
  'account',
  'state',
  'reason',
  'running',
  'last_slot',
  'positions',
  'open_orders',
  'unresolved',
  'missed_slots',
  'equity',
  'drawdown',
];

export default class Status extends QuantlineCommand<'status'> {
  static override summary = 'Show what each strategy is doing: its state, its last slot, whether it runs.';
  static override description = '`running` names who holds the right to trade.';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --watch 5s'];
  static override flags = flagsOf('status');
  protected readonly command = 'status';

  protected async execute(context: Context<'status'>): Promise<Outcome> {
    const { status } = await import('../core/stages/status.js');
    const runtime = await context.runtime();
    return showBook(context, COLUMNS, 'No strategy has traded yet.', () => status(context.options, runtime));
  }
}
