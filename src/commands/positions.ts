import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { showBook } from '../shell/book.js';
import { flagsOf } from '../shell/flags.js';

const COLUMNS = [
  ...[
    'strategy',
    'venue',
    'instrument',
    'quantity',
    'average_price',
    'market_price',
    'priced_at',
    'value',
    'unrealised',
    'realised',
  ],
  ...['exposure', 'stop', 'target', 'venue_quantity', 'problem'],
];

export default class Positions extends QuantlineCommand<'positions'> {
  static override summary = 'Show what the strategies hold, also while they trade.';
  static override description =
    'Prices are those of the last decision; with --source the newest of that source; with --broker the venue is asked itself, and what no strategy here bought is shown without one.';
  static override examples = [
    '<%= config.bin %> positions',
    '<%= config.bin %> positions --broker alpaca',
    '<%= config.bin %> positions --strategy swing --source alpaca --watch 10s',
  ];
  static override flags = flagsOf('positions');
  protected readonly command = 'positions';

  protected async execute(context: Context<'positions'>): Promise<Outcome> {
    const { positions } = await import('../core/stages/book.js');
    const runtime = await context.runtime();
    return showBook(context, COLUMNS, 'No position is open.', () => positions(context.options, runtime));
  }
}
