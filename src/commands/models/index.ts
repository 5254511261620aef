import { listArtifacts } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class Models extends QuantlineCommand<'models'> {
  static override summary = 'List the models of the workspace, newest first, with lineage and verdicts.';
  static override aliases = ['models list'];
  static override examples = ['<%= config.bin %> models', '<%= config.bin %> models list --format csv'];
  static override flags = flagsOf('models');
  protected readonly command = 'models';

  protected async execute(context: Context<'models'>): Promise<Outcome> {
    const { listModels } = await import('../../core/stages/models.js');
    const models = await listModels(await context.runtime());
    const verdicts = new Map(models.map(({ model, verdicts }) => [model.id, verdicts]));
    return listArtifacts(context, 'model', ({ id }) => ({ verdicts: verdicts.get(id) ?? [] }));
  }
}
