import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { render } from '../shell/output.js';

const COLUMNS = ['first_seen', 'strategy', 'source', 'instruments', 'interval', 'sharpe', 'sessions', 'runs', 'id'];

export default class Trials extends QuantlineCommand<'trials'> {
  static override summary = 'List everything that was ever tried, in any workspace, newest first.';
  static override description =
    'Each backtest of a new combination of source, instruments, interval, strategy, settings and seed is a trial. The deflated Sharpe ratio counts them all.';
  static override examples = ['<%= config.bin %> trials --limit 20', '<%= config.bin %> trials --symbols SPY --json'];
  static override flags = flagsOf('trials');
  protected readonly command = 'trials';

  protected async execute({ options, runtime }: Context<'trials'>): Promise<Outcome> {
    const { trials } = await import('../core/stages/trials.js');
    const list = await trials(options, await runtime());
    const { format } = options;
    if (format === 'json') return { text: JSON.stringify(list, undefined, 2), json: list };
    const rows = list.trials.map((trial) => [
      ...[trial.first_seen, trial.strategy, trial.source, trial.instruments.join(' '), trial.interval],
      ...[trial.sharpe, trial.sessions, trial.runs, trial.id],
    ]);
    const matching = list.matching === list.count ? '' : `, ${list.matching} matching`;
    return {
      text: await render({ columns: COLUMNS, rows, decimals: { sharpe: 4 } }, format),
      json: list,
      summary:
        list.ledger === null
          ? 'Nothing was tried yet.'
          : `Ledger ${list.ledger} since ${list.since}: ${list.count} trials${matching}, ${list.shown} shown; variance of their Sharpe ratios per session ${list.sharpe_variance.toPrecision(4)}.`,
    };
  }
}
