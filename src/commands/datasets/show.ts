import { reference } from '../../shell/arguments.js';
import { showArtifact } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class DatasetsShow extends QuantlineCommand<'datasets:show'> {
  static override summary = 'Show what a dataset is and where it came from.';
  static override examples = ['<%= config.bin %> datasets show latest'];
  static override args = reference('dataset');
  static override flags = flagsOf('datasets:show');
  protected readonly command = 'datasets:show';

  protected async execute({ args, options, runtime }: Context<'datasets:show'>): Promise<Outcome> {
    const { artifacts } = await runtime();
    return showArtifact(await artifacts.open('dataset', args['reference']!), options.format);
  }
}
