import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { render } from '../shell/output.js';
import { rowsTable } from '../shell/series.js';

const COLUMNS = ['status', 'check', 'detail', 'hint'];

export default class Doctor extends QuantlineCommand<'doctor'> {
  static override summary = 'Check keys, entitlements, clocks, disk, journal, calendar, notifications and engines.';
  static override description =
    'Changes nothing, sends no order and no message. Exit code 0, or that of the worst failure: 2 for a broker that is none, 3 for keys, clocks and engines that a setting names, 4 for disk and journal, 6 for a blocked account, 7 for a service that does not answer. Warnings do not count.';
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --broker alpaca --live --json'];
  static override flags = flagsOf('doctor');
  protected readonly command = 'doctor';

  protected async execute(context: Context<'doctor'>): Promise<Outcome> {
    const { doctor } = await import('../core/stages/doctor.js');
    const { findings, exit } = await doctor(context.options, await context.runtime());
    const rows = findings.map(({ exit: _, ...row }) => row);
    const { format } = context.options;
    const text =
      format === 'json' ? JSON.stringify(rows, undefined, 2) : await render(rowsTable(COLUMNS, rows), format);
    return { text, json: rows, exit };
  }
}
