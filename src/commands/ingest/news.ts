import { isoTime } from '../../core/platform/index.js';
import { type Context, type Outcome, QuantlineCommand } from '../../shell/base.js';
import { flagsOf } from '../../shell/flags.js';
import { render } from '../../shell/output.js';
import { need } from '../../shell/prompts.js';
import { count, rowsTable } from '../../shell/series.js';

export default class IngestNews extends QuantlineCommand<'ingest:news'> {
  static override summary = 'Fetch news of symbols, each with the instant from which it may be used.';
  static override description =
    'A corrected article is kept beside the former one and known from its correction on. The same command twice changes nothing.';
  static override examples = [
    '<%= config.bin %> ingest news --symbols AAPL,MSFT --from 2024-01-01',
    '<%= config.bin %> ingest news --symbols @universe.csv --update',
  ];
  static override flags = flagsOf('ingest:news');
  protected readonly command = 'ingest:news';

  protected async execute(context: Context<'ingest:news'>): Promise<Outcome> {
    const options = await need('ingest:news', context, 'symbols');
    const { news } = await import('../../core/stages/news.js');
    const { source, from, to, symbols } = await news(options, await context.runtime());
    const json = { source, from: isoTime(from), to: isoTime(to), symbols: symbols.map((one) => ({ ...one })) };
    const { format } = options;
    const added = symbols.reduce((n, one) => n + one.added, 0);
    return {
      text:
        format === 'json'
          ? JSON.stringify(json, undefined, 2)
          : await render(rowsTable(['symbol', 'articles', 'added'], json.symbols), format),
      json,
      summary: `${count(added, 'new article')} from ${source}.`,
    };
  }
}
