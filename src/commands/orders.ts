import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { showBook } from '../shell/book.js';
import { flagsOf } from '../shell/flags.js';

const COLUMNS = [
  ...['created_at', 'strategy', 'venue', 'instrument', 'side', 'leg', 'type', 'quantity', 'notional', 'limit_price'],
  ...['stop_price', 'status', 'venue_status', 'filled', 'average_price', 'reason'],
];

export default class Orders extends QuantlineCommand<'orders'> {
  static override summary = 'Show the strategies’ orders, newest first, also while they trade.';
  static override description = 'With --broker the venue is asked itself; orders from elsewhere have no strategy.';
  static override examples = ['<%= config.bin %> orders', '<%= config.bin %> orders --all --limit 20 --format csv'];
  static override flags = flagsOf('orders');
  protected readonly command = 'orders';

  protected async execute(context: Context<'orders'>): Promise<Outcome> {
    const { orders } = await import('../core/stages/book.js');
    const runtime = await context.runtime();
    const empty = context.options.all ? 'There is no order yet.' : 'No order is open.';
    return showBook(context, COLUMNS, empty, () => orders(context.options, runtime));
  }
}
