import { z } from 'zod';
import { QuantlineError } from '../../errors/index.js';
import { pathLiteral } from '../../platform/duckdb.js';
import { assertReadable } from '../../platform/parquet.js';
import type { MarketDataSource, SourceContext } from '../source.js';
import { TableSource } from '../sql.js';

export const name = 'parquet';
export const summary = "Parquet files of one's own: one per symbol, or one with a symbol column.";

const list = z.union([z.string().transform((text) => text.split(',').map((item) => item.trim())), z.array(z.string())]);

export const settings = z.strictObject({
  /** One file per symbol, in order; or one that holds all of them in a column named symbol or ticker. */
  file: list,
  symbols: list,
  timezone: z.string().optional(),
  calendar: z.enum(['XNYS', '24/7']).default('XNYS'),
  basis: z.enum(['raw', 'split', 'total']).default('raw'),
  density: z.enum(['dense', 'sparse']).default('dense'),
});
export type ParquetSettings = z.output<typeof settings>;

export function create(options: ParquetSettings, context: SourceContext): MarketDataSource {
  const { file, symbols } = options;
  if (file.length !== symbols.length && file.length !== 1)
    throw new QuantlineError('USAGE', `${symbols.length} symbols but ${file.length} files.`, {
      hint: 'Give one --file per symbol of --symbols, in order, or one with a symbol column.',
    });
  return new TableSource(options, context, (symbol) => {
    const at = symbols.indexOf(symbol);
    if (at === -1)
      throw new QuantlineError('INPUT', `No file was given for ${symbol}.`, {
        hint: `There are files for ${symbols.join(', ')}.`,
        details: { symbol },
      });
    const path = file.length === 1 ? file[0]! : file[at]!;
    assertReadable(path);
    return { relation: `read_parquet(${pathLiteral(path)}, hive_partitioning = false)`, label: path };
  });
}
