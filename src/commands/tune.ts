import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome } from '../shell/outcome.js';
import { need } from '../shell/prompts.js';

export default class Tune extends QuantlineCommand<'tune'> {
  static override summary = 'Search the settings of a learner on purged folds inside its training range.';
  static override description =
    'Resumes after an interruption; several processes may work on one study. Prints the path of the study, which train --study takes.';
  static override examples = [
    '<%= config.bin %> tune --data latest --trainer xgboost --space space.yaml --trials 50',
    '<%= config.bin %> tune --data latest --trainer xgboost --space space.yaml --objective logloss --pruner median --study boosted',
  ];
  static override flags = flagsOf('tune');
  protected readonly command = 'tune';

  protected async execute(context: Context<'tune'>): Promise<Outcome> {
    const options = await need('tune', context, 'data', 'trainer', 'space');
    const { tune } = await import('../core/stages/tune.js');
    const { artifact, reused, lines } = await tune(options, await context.runtime());
    return artifactOutcome(artifact, reused, { summary: artifact.manifest.summary }, lines);
  }
}
