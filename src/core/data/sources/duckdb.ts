import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import { literal } from '../../platform/duckdb.js';
import type { MarketDataSource, SourceContext } from '../source.js';
import { TableSource } from '../sql.js';

export const name = 'duckdb';
export const summary = 'Any SQL that DuckDB can run over local files and that yields the columns of a bar.';

const list = z.union([z.string().transform((text) => text.split(',').map((item) => item.trim())), z.array(z.string())]);

export const settings = z.strictObject({
  /** One SELECT; `$symbol` stands for the symbol, e.g. SELECT * FROM 'bars/*.parquet' WHERE ticker = $symbol. */
  sql: z.string(),
  symbols: list,
  timezone: z.string().optional(),
  calendar: z.enum(['XNYS', '24/7']).default('XNYS'),
  basis: z.enum(['raw', 'split', 'total']).default('raw'),
  density: z.enum(['dense', 'sparse']).default('dense'),
});
export type DuckdbSettings = z.output<typeof settings>;

export function create(options: DuckdbSettings, context: SourceContext): MarketDataSource {
  const sql = options.sql.trim().replace(/;\s*$/, '');
  if (!/^(select|with|from|values)\b/i.test(sql))
    throw new QuantlineError(
      'USAGE',
      'duckdb, sql: one query is needed that begins with SELECT, WITH, FROM or VALUES.',
      {
        hint: 'For example --set "sql=SELECT * FROM \'bars.parquet\' WHERE ticker = $symbol".',
      },
    );
  // The query is the user's own; the symbol enters it as a literal, never as text.
  return new TableSource(options, context, (symbol) => ({
    relation: `(${sql.replaceAll('$symbol', () => literal(symbol))})`,
    label: 'duckdb, sql',
  }));
}
