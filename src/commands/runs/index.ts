import { listArtifacts } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class Runs extends QuantlineCommand<'runs'> {
  static override summary = 'List the runs of the workspace, newest first.';
  static override aliases = ['runs list'];
  static override examples = ['<%= config.bin %> runs', '<%= config.bin %> runs list --format csv'];
  static override flags = flagsOf('runs');
  protected readonly command = 'runs';

  protected execute(context: Context<'runs'>): Promise<Outcome> {
    return listArtifacts(context, 'run');
  }
}
