import { isoTime } from '../../core/platform/index.js';
import type { ComparedSymbol } from '../../core/stages/compare.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { need } from '../../shell/prompts.js';
import { rowsTable } from '../../shell/series.js';

export default class IngestCompare extends QuantlineCommand<'ingest:compare'> {
  static override summary = 'Compare the stored bars of two sources and list what differs.';
  static override description =
    'Over the time that both have, unless --from or --to say otherwise. Exit code 4 where a value is further apart than the tolerance, or a dense series lacks a bar that the other has.';
  static override examples = [
    '<%= config.bin %> ingest compare --source alpaca/sip --against yahoo --symbols SPY',
    '<%= config.bin %> ingest compare --source csv --against yahoo --tolerance 5bp --volume-tolerance 10%',
  ];
  static override flags = flagsOf('ingest:compare');
  protected readonly command = 'ingest:compare';

  protected async execute(context: Context<'ingest:compare'>): Promise<Outcome> {
    const options = await need('ingest:compare', context, 'source', 'against');
    const { storeCompare } = await import('../../core/stages/compare.js');
    const compared = await storeCompare(options, await context.runtime());
    const symbols = compared.map((one) => ({
      ...{ symbol: one.symbol, source: options.source, against: options.against },
      ...documentOf(one),
    }));
    const agree = symbols.every((one) => one.agree);
    const json = {
      ...{ agree, tolerance: options.tolerance, volume_tolerance: options.volumeTolerance ?? null },
      symbols,
    };
    const rows = symbols.flatMap(({ symbol, differences }) => differences.map((row) => ({ symbol, ...row })));
    const { format } = options;
    return {
      text:
        format === 'json'
          ? JSON.stringify(json, undefined, 2)
          : await render(rowsTable(['symbol', 'time', 'field', 'source', 'against'], rows), format),
      json,
      summary: symbols.map(line).join('\n'),
      exit: agree ? 'ok' : 'data',
    };
  }
}

function documentOf({ comparison, range, agree }: ComparedSymbol) {
  const { compared, onlyInA, onlyInB, differing, largest, examples } = comparison;
  return {
    ...{ from: isoTime(range.from), to: isoTime(range.to - 1), agree, compared },
    ...{ only_in_source: onlyInA, only_in_against: onlyInB, differing, largest },
    differences: examples.map(({ time, field, a, b }) => ({ time, field, source: a ?? null, against: b ?? null })),
  };
}

function line(row: { readonly symbol: string } & ReturnType<typeof documentOf>): string {
  const most = Object.entries(row.largest).filter(([field]) => field !== 'volume');
  const percent = (100 * Math.max(...most.map(([, value]) => value))).toPrecision(3);
  const missing = `${row.only_in_source} only in the first, ${row.only_in_against} only in the second`;
  return `${row.symbol}: ${row.compared} bars compared, ${row.differing} differ, ${missing}; prices at most ${Number(percent)}% apart`;
}
