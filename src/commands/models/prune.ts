import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class ModelsPrune extends QuantlineCommand<'models:prune'> {
  static override summary = 'Remove old models that no tag names and nothing was made from.';
  static override examples = ['<%= config.bin %> models prune --keep 20 --dry-run', '<%= config.bin %> models prune'];
  static override flags = flagsOf('models:prune');
  protected readonly command = 'models:prune';

  protected async execute({ options, runtime }: Context<'models:prune'>): Promise<Outcome> {
    const { pruneModels } = await import('../../core/stages/models.js');
    const pruned = await pruneModels(options, await runtime());
    const verb = pruned.dry_run ? 'would be removed' : 'removed';
    return {
      text: pruned.removed.join('\n'),
      json: pruned,
      summary: `${pruned.removed.length} models ${verb}, ${pruned.needed.length} older ones are needed by tags, runs or other artefacts.`,
    };
  }
}
