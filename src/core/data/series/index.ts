import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { INTERVALS } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { canonicalJson, sha256, storageError, writeFileAtomic } from '../../platform/index.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const seriesKeySchema = z.strictObject({
  source: z.string(),
  feed: z.string(),
  scope: z.enum(['regular', 'extended']),
  interval: z.enum(INTERVALS),
  instrument: z.string(),
});

export const instrumentSchema = z.strictObject({
  id: z.string(),
  class: z.enum(['equity', 'etf', 'index', 'crypto', 'synthetic']),
  calendar: z.enum(['XNYS', '24/7']),
  currency: z.string(),
  tickRule: z.array(z.strictObject({ from: z.number(), tick: z.number() })),
  lot: z.number(),
  fractionable: z.boolean(),
  multiplier: z.number(),
  vendorIds: z.record(z.string(), z.string()),
  validFrom: z.string().exactOptional(),
  validTo: z.string().exactOptional(),
});

export const actionSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('split'), instrument: z.string(), date: z.string(), ratio: z.number() }),
  z.strictObject({ type: z.literal('dividend'), instrument: z.string(), date: z.string(), amount: z.number() }),
  z.strictObject({ type: z.literal('rename'), instrument: z.string(), date: z.string(), becomes: z.string() }),
  z.strictObject({
    type: z.literal('delisting'),
    instrument: z.string(),
    date: z.string(),
    amount: z.number().exactOptional(),
  }),
]);

const fileSchema = z.strictObject({
  name: z.string().regex(/^[\w-]+\.parquet$/),
  partition: z.string(),
  rows: z.int().positive(),
  firstTime: z.number(),
  lastTime: z.number(),
  sha256: hash,
});
export type SeriesFile = z.infer<typeof fileSchema>;

/** The index of one series: which files hold its bars now. */
export const seriesIndexSchema = z.strictObject({
  schema: z.literal(1),
  generation: z.int().positive(),
  key: seriesKeySchema,
  instrument: instrumentSchema,
  basis: z.enum(['raw', 'split', 'total']),
  density: z.enum(['dense', 'sparse']),
  /** Ascending by time. */
  files: z.array(fileSchema),
  actions: z.array(actionSchema),
  coverage: z.array(z.strictObject({ from: z.number(), to: z.number() })),
});
export type SeriesIndex = z.infer<typeof seriesIndexSchema>;

const NAME = /^index-(\d{8})\.json$/;
export const indexName = (generation: number): string => `index-${String(generation).padStart(8, '0')}.json`;

/** Generations in a folder, ascending; none where the folder is absent. */
export async function generations(folder: string): Promise<number[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storageError(error, folder);
  }
  return names
    .flatMap((name) => Number(NAME.exec(name)?.[1] ?? []))
    .filter((n) => n > 0)
    .sort((a, b) => a - b);
}

/** The newest index of a series; undefined for a series that is not there. STATE when it was changed or is newer. */
export async function readIndex(folder: string): Promise<SeriesIndex | undefined> {
  const newest = (await generations(folder)).at(-1);
  if (newest === undefined) return undefined;
  const path = join(folder, indexName(newest));
  const corrupt = (what: string, cause?: unknown) =>
    new QuantlineError('STATE', `The index of a series ${what}: ${path}`, {
      hint: 'Remove that file to fall back to the generation before, then ingest again.',
      details: { path },
      cause,
    });
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw storageError(error, path);
  }
  let value: { checksum?: unknown; body?: unknown };
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt('is not JSON', cause);
  }
  if (sha256(canonicalJson(value.body ?? null)) !== value.checksum)
    throw corrupt('was changed after it was written (its checksum does not match)');
  if (typeof (value.body as SeriesIndex)?.schema === 'number' && (value.body as SeriesIndex).schema > 1)
    throw new QuantlineError('STATE', `The store was written by a newer version of Quantline: ${path}`, {
      hint: 'Update Quantline.',
      details: { path },
    });
  const parsed = seriesIndexSchema.safeParse(value.body);
  if (!parsed.success) throw corrupt('does not follow its schema', parsed.error);
  return parsed.data;
}

/** Commits a generation; false where another process has taken its number. */
export async function commitIndex(folder: string, index: SeriesIndex): Promise<boolean> {
  const text = `${JSON.stringify({ checksum: sha256(canonicalJson(index)), body: index }, null, 1)}\n`;
  try {
    await writeFileAtomic(join(folder, indexName(index.generation)), text, { exclusive: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
