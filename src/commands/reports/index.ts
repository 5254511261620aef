import { listArtifacts } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class Reports extends QuantlineCommand<'reports'> {
  static override summary = 'List the reports of the workspace, newest first.';
  static override aliases = ['reports list'];
  static override examples = ['<%= config.bin %> reports', '<%= config.bin %> reports list --format csv'];
  static override flags = flagsOf('reports');
  protected readonly command = 'reports';

  protected execute(context: Context<'reports'>): Promise<Outcome> {
    return listArtifacts(context, 'report');
  }
}
