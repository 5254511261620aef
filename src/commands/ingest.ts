import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome } from '../shell/outcome.js';
import { need } from '../shell/prompts.js';

export default class Ingest extends QuantlineCommand<'ingest'> {
  static override summary = 'Store bars of a source and write the dataset that means exactly these bars.';
  static override description =
    'The same input twice changes nothing, overlapping input updates. Prints the path of the dataset.';
  static override examples = [
    '<%= config.bin %> ingest --source csv --file spy.csv --symbols SPY',
    '<%= config.bin %> ingest --source alpaca --symbols SPY,QQQ --interval 1d --from 2015-01-01',
    '<%= config.bin %> ingest --source alpaca --symbols SPY,QQQ --interval 1m --follow',
    '<%= config.bin %> ingest --source synthetic --symbols AAA,BBB --set seed=7 --set edge=none',
  ];
  static override flags = flagsOf('ingest');
  protected readonly command = 'ingest';

  protected async execute(context: Context<'ingest'>): Promise<Outcome> {
    const options = await need('ingest', context, 'source', 'symbols');
    const { ingest } = await import('../core/stages/ingest.js');
    const { artifact, reused, symbols, failures, followed } = await ingest(options, await context.runtime());
    const lines = symbols.map(
      ({ symbol, rows, inserted, updated }) => `${symbol}: ${rows} bars, ${inserted} new, ${updated} changed`,
    );
    for (const { symbol, message } of failures) lines.push(`${symbol}: failed: ${message}`);
    if (followed !== undefined) {
      const { streamed, restated, backfilled, refused } = followed;
      lines.push(`${streamed} bars streamed, ${restated} restated, ${backfilled} fetched, ${refused} refused`);
    }
    return artifactOutcome(artifact, reused, { symbols, failures, ...(followed && { followed }) }, lines);
  }
}
