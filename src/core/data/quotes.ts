import { join } from 'node:path';
import type { Artifact } from '../artifacts/index.js';
import { lowerBound, type QuoteColumns } from '../domain/bars.js';
import { QuantlineError } from '../errors/index.js';
import { canonicalJson, sha256 } from '../platform/index.js';
import { readParquet, writeParquet } from '../platform/parquet.js';
import type { DatasetDescription } from './dataset.js';

/** Best bid and ask of a dataset's instruments, in the dataset's own folder: few sources have them. */
export const QUOTES_FILE = 'quotes.parquet';

/** Quotes by instrument id. */
export type Quotes = ReadonlyMap<string, QuoteColumns>;

/** Rows that have both a bid and an ask. */
export function quotesOf({ time, bid, ask }: QuoteColumns): QuoteColumns {
  const rows = Array.from(bid.keys()).filter((i) => !Number.isNaN(bid[i]! + ask[i]!));
  const column = (of: Float64Array) => Float64Array.from(rows, (i) => of[i]!);
  return { time: column(time), bid: column(bid), ask: column(ask) };
}

/** Those of bars that the dataset has. QUALITY where a bid is not positive or lies above its ask. */
export function quotesWithin(quotes: Quotes, series: DatasetDescription['series']): Quotes {
  const within = new Map<string, QuoteColumns>();
  for (const { instrument, firstTime, lastTime } of series) {
    const own = quotes.get(instrument.id);
    if (own === undefined) continue;
    const from = lowerBound(own.time, firstTime);
    const to = lowerBound(own.time, lastTime + 1);
    const cut = { time: own.time.slice(from, to), bid: own.bid.slice(from, to), ask: own.ask.slice(from, to) };
    const crossed = cut.bid.findIndex((bid, i) => !(bid > 0 && bid <= cut.ask[i]!));
    if (crossed >= 0) {
      const [bid, ask, at] = [cut.bid[crossed]!, cut.ask[crossed]!, new Date(cut.time[crossed]!).toISOString()];
      throw new QuantlineError(
        'QUALITY',
        `${instrument.id}: the quote of ${at} has a bid of ${bid} and an ask of ${ask}.`,
        {
          hint: 'Correct the file, or leave its bid and ask columns out.',
          details: { instrument: instrument.id, time: cut.time[crossed]! },
        },
      );
    }
    if (cut.time.length > 0) within.set(instrument.id, cut);
  }
  return within;
}

/** Hash of the quotes, a part of what the dataset is. */
export const quotesHash = (quotes: Quotes): string =>
  sha256(
    canonicalJson(
      [...quotes].map(([id, { time, bid, ask }]) => [id, ...[time, bid, ask].map((column) => sha256(bytesOf(column)))]),
    ),
  );

const bytesOf = (column: Float64Array): Uint8Array =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);

export async function writeQuotes(folder: string, quotes: Quotes): Promise<void> {
  const all = [...quotes];
  const column = (field: keyof QuoteColumns) => Float64Array.from(all.flatMap(([, own]) => Array.from(own[field])));
  await writeParquet(join(folder, QUOTES_FILE), {
    instrument: all.flatMap(([id, { time }]) => Array.from(time, () => id)),
    ...{ time: column('time'), bid: column('bid'), ask: column('ask') },
  });
}

/** The quotes of these instruments, in order; none of a dataset without quotes. */
export async function readQuotes(
  artifact: Artifact,
  { quotes, series }: Pick<DatasetDescription, 'quotes' | 'series'>,
): Promise<readonly (QuoteColumns | undefined)[]> {
  if (quotes === undefined) return series.map(() => undefined);
  const table = await readParquet(artifact.file(QUOTES_FILE));
  const names = table['instrument'] as readonly string[];
  return series.map(({ instrument }) => {
    const from = names.indexOf(instrument.id);
    if (from < 0) return undefined;
    const to = names.lastIndexOf(instrument.id) + 1;
    const column = (field: string) => (table[field] as Float64Array).slice(from, to);
    return { time: column('time'), bid: column('bid'), ask: column('ask') };
  });
}
