import { type FileHandle, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { allocateBars, BAR_FIELDS, type BarColumns, INTERVALS } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { storageError, writeFileAtomic } from '../../platform/index.js';
import { instrumentSchema, seriesKeySchema } from '../series/index.js';
import type { SeriesMetadata } from '../store.js';

/**
 * A log of bars that are durable but not in the store yet. Each line is a CRC-32 of its text and the text: the header
 * first, then per bar the number of its series and its six values. A line that a crash cut off was never acknowledged.
 */
const headerSchema = z.strictObject({
  schema: z.literal(1),
  /** Who writes it. */
  owner: z.string(),
  /** Store that its bars go to. */
  store: z.string(),
  interval: z.enum(INTERVALS),
  series: z.array(
    z.strictObject({
      key: seriesKeySchema,
      instrument: instrumentSchema,
      basis: z.enum(['raw', 'split', 'total']),
      density: z.enum(['dense', 'sparse']),
    }),
  ),
});
export type TailHeader = Omit<z.infer<typeof headerSchema>, 'series' | 'schema'> & {
  readonly series: readonly SeriesMetadata[];
};

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
const line = (value: unknown): string => {
  const text = JSON.stringify(value);
  return `${checksum(text)} ${text}\n`;
};

/** The writing side: bars are appended, then made durable together. */
export class TailLog {
  private buffer = '';

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly empty: number,
  ) {}

  static async create(folder: string, name: string, header: TailHeader): Promise<TailLog> {
    const path = join(folder, `${name}.log`);
    const text = line({ schema: 1, ...header });
    await writeFileAtomic(path, text, { exclusive: true });
    return new TailLog(path, await open(path, 'a'), Buffer.byteLength(text));
  }

  append(series: number, bars: BarColumns): void {
    for (let i = 0; i < bars.time.length; i++)
      this.buffer += line([series, ...BAR_FIELDS.map((field) => bars[field][i])]);
  }

  /** Writes what was appended; durable when this returns. */
  async flush(): Promise<void> {
    if (this.buffer === '') return;
    const { buffer } = this;
    this.buffer = '';
    try {
      await this.file.appendFile(buffer);
      await this.file.datasync();
    } catch (error) {
      throw storageError(error, this.path);
    }
  }

  /** Forgets all bars: they are in the store. */
  async clear(): Promise<void> {
    await this.file.truncate(this.empty);
    await this.file.datasync();
  }

  async remove(): Promise<void> {
    await this.file.close();
    await unlink(this.path);
  }

  /** Leaves the log for the next start. */
  close(): Promise<void> {
    return this.file.close();
  }
}

export interface TailContents extends TailHeader {
  /** Per series of the header, ascending, of bars of one time the last; undefined where there are none. */
  readonly bars: readonly (BarColumns | undefined)[];
}

/** Paths of the logs in a folder. */
export async function tailLogs(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.log')).map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storageError(error, folder);
  }
}

/**
 * Reads a log. A last line that is cut off or does not fit its checksum is what a crash leaves, and is ignored.
 * @throws QuantlineError STATE where a line before the last one was changed.
 */
export async function readTail(path: string): Promise<TailContents> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  // Every whole line ends with a newline: what stands behind the last one was cut off.
  lines.pop();
  const values: unknown[] = [];
  for (const [i, text] of lines.entries()) {
    const body = text.slice(9);
    if (text[8] === ' ' && text.slice(0, 8) === checksum(body)) values.push(JSON.parse(body));
    else if (i < lines.length - 1)
      throw new QuantlineError(
        'STATE',
        `Line ${i + 1} of a log of followed bars was changed after it was written: ${path}`,
        {
          hint: 'Move the file away and ingest its range again with quantline ingest.',
          details: { path, line: i + 1 },
        },
      );
  }
  const header = headerSchema.safeParse(values[0]);
  if (!header.success)
    throw new QuantlineError('STATE', `This is no log of followed bars, or one of a newer version: ${path}`, {
      hint: 'Update Quantline, or move the file away and ingest its range again.',
      details: { path },
    });
  const { schema: _, ...rest } = header.data;
  const byTime = rest.series.map(() => new Map<number, readonly number[]>());
  for (const [series, ...bar] of values.slice(1) as [number, ...number[]][]) byTime[series]?.set(bar[0]!, bar);
  const bars = byTime.map((rows, k) => {
    if (rows.size === 0) return undefined;
    const sorted = [...rows.values()].sort((a, b) => a[0]! - b[0]!);
    const out = allocateBars(rest.series[k]!.instrument.id, rest.interval, sorted.length);
    BAR_FIELDS.forEach((field, column) => {
      sorted.forEach((row, i) => {
        out[field][i] = row[column]!;
      });
    });
    return out;
  });
  return { ...rest, bars };
}
