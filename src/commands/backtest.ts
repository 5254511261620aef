import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome, facts } from '../shell/outcome.js';
import { need } from '../shell/prompts.js';

export default class Backtest extends QuantlineCommand<'backtest'> {
  static override summary = 'Trade a model over a dataset, on the bars that it may score.';
  static override description =
    'Bars of the training range and its embargo are warm-up only. Orders fill at the next bar at the earliest. Prints the path of the run.';
  static override examples = [
    '<%= config.bin %> backtest --data latest --model latest',
    '<%= config.bin %> backtest --data latest --model latest --commission 0.1% --slippage 5bp --stop-loss 2%',
    "<%= config.bin %> backtest --data latest --model latest --sizing 'volatility(15%,20)' --risk 'max-drawdown(20%)'",
    "<%= config.bin %> backtest --data latest --model latest --sweep 'fast=5..20,slow=20..60:5' --sweep-by 'sharpe,trades>=30'",
  ];
  static override flags = flagsOf('backtest');
  protected readonly command = 'backtest';

  protected async execute(context: Context<'backtest'>): Promise<Outcome> {
    const options = await need('backtest', context, 'model');
    if (options.sweep !== undefined) {
      const { sweep } = await import('../core/stages/sweep.js');
      const { artifact, reused, lines } = await sweep(options, await context.runtime());
      return artifactOutcome(artifact, reused, { summary: artifact.manifest.summary }, lines);
    }
    const { backtest } = await import('../core/stages/backtest.js');
    const { artifact, reused } = await backtest(options, await context.runtime());
    const { summary } = artifact.manifest;
    return artifactOutcome(artifact, reused, { summary }, [facts(summary)]);
  }
}
