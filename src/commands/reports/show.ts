import { reference } from '../../shell/arguments.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { reportText } from '../../shell/report.js';

export default class ReportsShow extends QuantlineCommand<'reports:show'> {
  static override summary = 'Show a report: verdict, every figure, what it rests on.';
  static override examples = ['<%= config.bin %> reports show latest', '<%= config.bin %> reports show latest --json'];
  static override args = reference('report');
  static override flags = flagsOf('reports:show');
  protected readonly command = 'reports:show';

  protected async execute({ args, options, runtime }: Context<'reports:show'>): Promise<Outcome> {
    const { showReport } = await import('../../core/stages/reports.js');
    const { artifact, report, tables, notes } = await showReport(args['reference']!, await runtime());
    const { kind, id, path } = artifact;
    const json = { kind, id, path, report };
    if (options.format === 'table') return { text: await reportText(tables, notes), json };
    if (options.format === 'json') return { text: JSON.stringify(json, undefined, 2), json };
    const rows = Object.entries(report.figures);
    return { text: await render({ columns: ['figure', 'value'], rows }, 'csv'), json };
  }
}
