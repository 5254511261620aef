import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { count, DAMAGE_COLUMNS, damageRow, filterOf, rowsTable } from '../../shell/series.js';

export default class IngestVerify extends QuantlineCommand<'ingest:verify'> {
  static override summary = 'Read and hash every stored file again, and list those that are damaged.';
  static override description = 'Exit code 4 where something is damaged; ingest repair fetches it again.';
  static override examples = [
    '<%= config.bin %> ingest verify',
    '<%= config.bin %> ingest verify --source alpaca --symbols SPY',
  ];
  static override flags = flagsOf('ingest:verify');
  protected readonly command = 'ingest:verify';

  protected async execute({ options, runtime }: Context<'ingest:verify'>): Promise<Outcome> {
    const { storeVerify } = await import('../../core/stages/store.js');
    const { series, damages } = await storeVerify(filterOf(options), await runtime(), options.store);
    const json = { series, damages: damages.map(damageRow) };
    const { format } = options;
    return {
      text:
        format === 'json'
          ? JSON.stringify(json, undefined, 2)
          : await render(rowsTable(DAMAGE_COLUMNS, json.damages), format),
      json,
      summary: `${count(series, 'series', 'series')} read, ${count(damages.length, 'damaged file')}.`,
      exit: damages.length === 0 ? 'ok' : 'data',
    };
  }
}
