import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { driftOutcome } from '../shell/drift.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome } from '../shell/outcome.js';
import { need } from '../shell/prompts.js';
import { reportText } from '../shell/report.js';

export default class Evaluate extends QuantlineCommand<'evaluate'> {
  static override summary = 'Judge a run: figures, honesty checks, and the verdict of a gate.';
  static override description =
    'Exit code 5: the strategy did not pass; the report is written and printed all the same. Prints the path of the report. With --live what was traded is replayed and compared, and the comparison is printed.';
  static override examples = [
    '<%= config.bin %> evaluate --run latest',
    "<%= config.bin %> evaluate --run latest --gate 'sharpe>=1.5' --gate 'max_drawdown>=-0.1' --html report.html",
    '<%= config.bin %> evaluate --live --strategy swing --broker alpaca --from 2026-11-02',
  ];
  static override flags = flagsOf('evaluate');
  protected readonly command = 'evaluate';

  protected async execute(context: Context<'evaluate'>): Promise<Outcome> {
    if (context.options.live) {
      const { drift } = await import('../core/stages/drift.js');
      return driftOutcome(await drift(context.options, await context.runtime()));
    }
    const options = await need('evaluate', context, 'run');
    const { evaluate } = await import('../core/stages/evaluate.js');
    const { artifact, reused, report, tables, notes, exit, html } = await evaluate(options, await context.runtime());
    const lines = [await reportText(tables, notes), ...(html === undefined ? [] : [`Wrote ${html}.`])];
    return artifactOutcome(artifact, reused, { html: html ?? null, report }, lines, exit);
  }
}
