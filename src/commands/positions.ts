import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { showBook } from '../shell/book.js';
import { flagsOf } from '../shell/flags.js';

const COLUMNS = [
  ...['strategy', 'venue', 'account', 'instrument', 'quantity', 'average_price', 'realised', 'updated_at'],
];

export default class Positions extends QuantlineCommand<'positions'> {
  static override summary = 'Show what the strategies hold, also while they trade.';
  static override examples = ['<%= config.bin %> positions', '<%= config.bin %> positions --strategy swing --watch 2s'];
  static override flags = flagsOf('positions');
  protected readonly command = 'positions';

  protected async execute(context: Context<'positions'>): Promise<Outcome> {
    const { positions } = await import('../core/stages/book.js');
    const runtime = await context.runtime();
    return showBook(context, COLUMNS, 'No position is open.', () => positions(context.options, runtime));
  }
}
