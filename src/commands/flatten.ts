import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { render } from '../shell/output.js';
import { confirm } from '../shell/prompts.js';
import { rowsTable } from '../shell/series.js';

const COLUMNS = ['strategy', 'venue', 'action', 'instrument', 'quantity', 'external', 'outcome'];

export default class Flatten extends QuantlineCommand<'flatten'> {
  static override summary = 'Cancel all orders and close all positions of strategies, then halt them.';
  static override description =
    'Takes the right to trade from a running process. Only what the strategies own, unless --all. Exits that fill later (a closed market, a simulated venue without new bars) leave the strategy reducing: it is halted once it is flat. Exit code 6: something did not go as asked.';
  static override examples = [
    '<%= config.bin %> flatten --strategy swing --dry-run',
    "<%= config.bin %> flatten --broker alpaca --yes --reason 'stop everything'",
  ];
  static override flags = flagsOf('flatten');
  protected readonly command = 'flatten';

  protected async execute(context: Context<'flatten'>): Promise<Outcome> {
    const { options } = context;
    const { strategy, broker, all } = options;
    if (!options.dryRun) {
      const whose = strategy === undefined ? 'all strategies' : `the strategy ${strategy}`;
      const what = all ? `everything in the accounts of ${whose}` : `all orders and positions of ${whose}`;
      await confirm(context, `Cancel and close ${what}${broker === undefined ? '' : ` at ${broker}`}?`);
    }
    const { flatten } = await import('../core/stages/flatten.js');
    const { rows, exit } = await flatten(options, await context.runtime());
    const steps = rows.flatMap(({ strategy, venue, steps }) => steps.map((step) => ({ strategy, venue, ...step })));
    const lines = rows.flatMap(({ strategy, venue, outcome, problems, opens_at }) => [
      `${strategy} at ${venue}: ${outcome}${opens_at === null ? '' : `; the market is closed, the exits wait for ${opens_at}`}`,
      ...problems.map((problem) => `  ${problem}`),
    ]);
    const text = steps.length === 0 ? '' : await render(rowsTable(COLUMNS, steps), 'table');
    return { text, json: rows, summary: lines.join('\n'), exit };
  }
}
