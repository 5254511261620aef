import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { need } from '../../shell/prompts.js';
import { count, DAMAGE_COLUMNS, damageRow, filterOf, rowsTable } from '../../shell/series.js';

export default class IngestRepair extends QuantlineCommand<'ingest:repair'> {
  static override summary = 'Give the damaged files of a source up and fetch their bars again.';
  static override description =
    'Takes the flags that the series were ingested with. What cannot be fetched is a gap then, listed as lost, with exit code 4.';
  static override examples = [
    '<%= config.bin %> ingest repair --source alpaca',
    '<%= config.bin %> ingest repair --source csv --symbols SPY --file spy.csv',
  ];
  static override flags = flagsOf('ingest:repair');
  protected readonly command = 'ingest:repair';

  protected async execute(context: Context<'ingest:repair'>): Promise<Outcome> {
    const options = await need('ingest:repair', context, 'source');
    const { storeRepair } = await import('../../core/stages/store.js');
    const filter = filterOf({ ...options, source: [options.source] });
    const { series, repaired, lost } = await storeRepair(options, filter, await context.runtime());
    const json = {
      series,
      repaired: repaired.map(damageRow),
      lost: lost.map(({ damage, reason, hint }) => ({ ...damageRow(damage), reason, hint: hint ?? null })),
    };
    const rows = [
      ...json.repaired.map((row) => ({ ...row, outcome: 'repaired' })),
      ...json.lost.map((row) => ({ ...row, outcome: `lost: ${row.reason}` })),
    ];
    const { format } = options;
    const read = count(series, 'series', 'series');
    const hint = lost.length === 0 ? '' : ' Ingest the ranges that were lost again.';
    return {
      text:
        format === 'json'
          ? JSON.stringify(json, undefined, 2)
          : await render(rowsTable([...DAMAGE_COLUMNS, 'outcome'], rows), format),
      json,
      summary: `${read} read, ${count(repaired.length, 'file')} repaired, ${lost.length} lost.${hint}`,
      exit: lost.length === 0 ? 'ok' : 'data',
    };
  }
}
