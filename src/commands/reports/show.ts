import { reference } from '../../shell/arguments.js';
import { showArtifact } from '../../shell/artifacts.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';

export default class ReportsShow extends QuantlineCommand<'reports:show'> {
  static override summary = 'Show what a report is and where it came from.';
  static override examples = ['<%= config.bin %> reports show latest'];
  static override args = reference('report');
  static override flags = flagsOf('reports:show');
  protected readonly command = 'reports:show';

  protected async execute({ args, options, runtime }: Context<'reports:show'>): Promise<Outcome> {
    const { artifacts } = await runtime();
    return showArtifact(await artifacts.open('report', args['reference']!), options.format);
  }
}
