import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { standingOutcome } from '../shell/standing.js';

export default class Resume extends QuantlineCommand<'resume'> {
  static override summary = 'Let halted strategies trade again; drawdown and daily loss count from now on.';
  static override description =
    '--accept-venue takes over what the venue holds where reconciliation has halted the strategy; it trades nothing. Exit code 4: no such strategy; 6: a venue did not do what --at-venue asked, or its figures cannot be accepted; 7: it does not answer.';
  static override examples = [
    '<%= config.bin %> resume --strategy swing',
    "<%= config.bin %> resume --strategy swing --accept-venue 'sold by hand' --dry-run",
  ];
  static override flags = flagsOf('resume');
  protected readonly command = 'resume';

  protected async execute(context: Context<'resume'>): Promise<Outcome> {
    const { resume } = await import('../core/stages/halt.js');
    return standingOutcome(await resume(context.options, await context.runtime()));
  }
}
