import { isoTime } from '../../core/platform/index.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { filterOf, keyRow, rowsTable } from '../../shell/series.js';

const COLUMNS = [
  ...['symbol', 'source', 'feed', 'session', 'interval', 'basis', 'density', 'rows', 'from', 'to', 'gaps'],
  'stale_sessions',
];

export default class IngestStatus extends QuantlineCommand<'ingest:status'> {
  static override summary = 'Show what the store holds: ranges, gaps and how old the last bar is.';
  static override description =
    'stale_sessions counts the finished sessions after the last bar. Gaps are counted against the calendar; a sparse series has none.';
  static override examples = [
    '<%= config.bin %> ingest status',
    '<%= config.bin %> ingest status --symbols SPY,QQQ --interval 1m --format csv',
  ];
  static override flags = flagsOf('ingest:status');
  protected readonly command = 'ingest:status';

  protected async execute({ options, runtime }: Context<'ingest:status'>): Promise<Outcome> {
    const { storeStatus } = await import('../../core/stages/store.js');
    const found = await storeStatus(filterOf(options), await runtime(), options.store);
    const at = (time: number | undefined) => (time === undefined ? null : isoTime(time));
    const json = found.map(({ info, gaps, gapExamples, staleSessions }) => ({
      ...keyRow(info.key),
      ...{ basis: info.basis, density: info.density, rows: info.rows },
      ...{ from: at(info.firstTime), to: at(info.lastTime) },
      ...{ gaps, gap_examples: gapExamples, stale_sessions: staleSessions },
    }));
    const { format } = options;
    return {
      text: format === 'json' ? JSON.stringify(json, undefined, 2) : await render(rowsTable(COLUMNS, json), format),
      json,
      ...(found.length === 0 ? { summary: 'The store is empty.' } : {}),
    };
  }
}
