import { reference } from '../../shell/arguments.js';
import { showArtifact } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class ModelsShow extends QuantlineCommand<'models:show'> {
  static override summary = 'Show what a model is and where it came from.';
  static override examples = ['<%= config.bin %> models show latest'];
  static override args = reference('model');
  static override flags = flagsOf('models:show');
  protected readonly command = 'models:show';

  protected async execute({ args, options, runtime }: Context<'models:show'>): Promise<Outcome> {
    const { artifacts } = await runtime();
    return showArtifact(await artifacts.open('model', args['reference']!), options.format);
  }
}
