import { readdir, stat } from 'node:fs/promises';
import { BAR_FIELDS, type BarColumns, type SeriesKey } from '../../domain/index.js';
import { invariant, QuantlineError } from '../../errors/index.js';
import { canonicalJson, isoTime, storageError } from '../../platform/index.js';
import type { SeriesInfo } from '../store.js';
import { hashBars } from './hash.js';
import type { SeriesFile, SeriesIndex } from './index.js';

export const fileName = (partition: string, sha256: string): string => `${partition}-${sha256.slice(0, 32)}.parquet`;
export const partitionOfName = (name: string): string => name.slice(0, name.lastIndexOf('-'));

/** The index entry of a file with these bars. */
export const describe = (partition: string, bars: BarColumns): SeriesFile => {
  const sha256 = hashBars(bars);
  return {
    name: fileName(partition, sha256),
    partition,
    rows: bars.time.length,
    firstTime: bars.time[0]!,
    lastTime: bars.time.at(-1)!,
    sha256,
  };
};

export const infoOf = (index: SeriesIndex): SeriesInfo => ({
  key: index.key,
  instrument: index.instrument,
  basis: index.basis,
  density: index.density,
  rows: index.files.reduce((n, file) => n + file.rows, 0),
  firstTime: index.files[0]?.firstTime,
  lastTime: index.files.at(-1)?.lastTime,
  generation: index.generation,
  coverage: index.coverage,
});

export const sameIndex = (a: SeriesIndex, b: SeriesIndex): boolean =>
  canonicalJson({ ...a, generation: 0 }) === canonicalJson({ ...b, generation: 0 });

export function checkColumns(key: SeriesKey, bars: BarColumns): void {
  invariant(
    bars.instrument === key.instrument && bars.interval === key.interval,
    `Bars of ${bars.instrument}, ${bars.interval} put into the series of ${key.instrument}, ${key.interval}.`,
  );
  const { time } = bars;
  for (const field of BAR_FIELDS) {
    const column = bars[field];
    for (let i = 0; i < column.length; i++)
      if (!Number.isFinite(column[i]!))
        throw new QuantlineError('BUG', `Bar ${i} of ${key.instrument} has no finite ${field}.`);
  }
  for (let i = 1; i < time.length; i++)
    if (!(time[i]! > time[i - 1]!))
      throw new QuantlineError('BUG', `Bars of ${key.instrument} go back at ${isoTime(time[i]!)}.`);
}

export const corrupt = (key: SeriesKey, what: string, path: string, cause?: unknown): QuantlineError =>
  new QuantlineError('ARTIFACT_CORRUPT', `Stored bars of ${key.instrument} (${key.interval}): ${what}: ${path}`, {
    hint: 'Run quantline ingest repair, or ingest the range again.',
    details: { path, key },
    cause,
  });

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error) => {
      if (error.code === 'ENOENT') return false;
      throw storageError(error, path);
    },
  );

export async function folders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storageError(error, path);
  }
}
