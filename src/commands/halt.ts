import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { need } from '../shell/prompts.js';
import { standingOutcome } from '../shell/standing.js';

export default class Halt extends QuantlineCommand<'halt'> {
  static override summary = 'Stop strategies from trading, also while they run; protection at the venue stays.';
  static override description =
    'Nothing is decided any more, working entries are cancelled at the next slot, and `trade` ends with exit code 6 until `resume`. `flatten` also closes what is held. Exit code 4: no such strategy; 6: a venue did not do what --at-venue asked.';
  static override examples = [
    "<%= config.bin %> halt --strategy swing --reason 'earnings week'",
    "<%= config.bin %> halt --broker alpaca --at-venue --reason 'something is wrong'",
  ];
  static override flags = flagsOf('halt');
  protected readonly command = 'halt';

  protected async execute(context: Context<'halt'>): Promise<Outcome> {
    const options = await need('halt', context, 'reason');
    const { halt } = await import('../core/stages/halt.js');
    return standingOutcome(await halt(options, await context.runtime()));
  }
}
