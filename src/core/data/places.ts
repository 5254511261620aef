import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Artifact } from '../artifacts/index.js';
import { writeFileAtomic } from '../platform/index.js';
import { type DatasetDescription, describeDataset, pinOf, pinSchema, serialPin } from './dataset.js';

/**
 * Where a dataset's bars lie. A dataset is what its bars are, not where they are: ingested into files and into a
 * warehouse it is one dataset. Its artefact names the first place; further ones stand beside the workspace's state, the
 * one ingested last first. Whichever is read, its bars are held against the dataset's hashes.
 */
const placesSchema = z.strictObject({
  schema: z.literal(1),
  places: z.array(z.strictObject({ store: z.string(), pins: z.array(pinSchema) })),
});
type Places = z.infer<typeof placesSchema>['places'];

const fileOf = ({ workspace, id }: Artifact): string => join(workspace, 'state', 'places', `${id}.json`);

async function noted(artifact: Artifact): Promise<Places> {
  try {
    const parsed = placesSchema.safeParse(JSON.parse(await readFile(fileOf(artifact), 'utf8')));
    return parsed.data?.places ?? [];
  } catch {
    // Without the note the artefact's own place is left, which is always right.
    return [];
  }
}

/** The dataset by each of its places, the one to read first first. */
export async function placesOf(artifact: Artifact): Promise<readonly DatasetDescription[]> {
  const own = await describeDataset(artifact);
  const others = (await noted(artifact)).filter(({ pins }) => pins.length === own.series.length);
  const all = others.map(({ store, pins }) => ({
    ...own,
    store,
    series: own.series.map((one, i) => ({ ...one, pin: pinOf(pins[i]!) })),
  }));
  return all.some(({ store }) => store === own.store) ? all : [...all, own];
}

/** Notes that a dataset which exists has been ingested into this place too. */
export async function notePlace(artifact: Artifact, { store, series }: DatasetDescription): Promise<void> {
  const before = await noted(artifact);
  if (before.length === 0 && (await describeDataset(artifact)).store === store) return;
  const place = { store, pins: series.map(({ pin }) => serialPin(pin)) };
  const places = [place, ...before.filter((one) => one.store !== store)];
  await writeFileAtomic(fileOf(artifact), `${JSON.stringify({ schema: 1, places }, null, 1)}\n`);
}
