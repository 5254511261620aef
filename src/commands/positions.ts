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
    'bid',
    'ask',
    'market_price',
    'price_kind',
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
    'Prices are quotes: of --source, else of the venue where its keys are set. Where there is none, the newest bar of --source, what the venue says under --broker, or the close of the last decision: price_kind says which, priced_at of when. With --broker the venue is asked what it holds, and what no strategy here bought is shown without one.';
  static override examples = [
    '<%= config.bin %> positions',
    '<%= config.bin %> positions --broker alpaca',
    '<%= config.bin %> positions --strategy swing --source alpaca --watch 10s',
  ];
  static override flags = flagsOf('positions');
  protected readonly command = 'positions';

  protected async execute(context: Context<'positions'>): Promise<Outcome> {
    const { positions } = await import('../core/stages/positions.js');
    const runtime = await context.runtime();
    return showBook(context, COLUMNS, 'No position is open.', () => positions(context.options, runtime));
  }
}
