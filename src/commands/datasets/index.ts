import { listArtifacts } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class Datasets extends QuantlineCommand<'datasets'> {
  static override summary = 'List the datasets of the workspace, newest first.';
  static override aliases = ['datasets list'];
  static override examples = ['<%= config.bin %> datasets', '<%= config.bin %> datasets list --format csv'];
  static override flags = flagsOf('datasets');
  protected readonly command = 'datasets';

  protected execute(context: Context<'datasets'>): Promise<Outcome> {
    return listArtifacts(context, 'dataset');
  }
}
