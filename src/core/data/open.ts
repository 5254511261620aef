import type { Artifact } from '../artifacts/index.js';
import { type BarColumns, calendarOf, knownAt } from '../domain/index.js';
import { isQuantlineError, type QuantlineError } from '../errors/index.js';
import type { DatasetContext, DatasetDescription, OpenDataset } from './dataset.js';
import { placesOf } from './places.js';
import { readQuotes } from './quotes.js';
import type { BarStore } from './store.js';
import { openStore, storeRoot } from './stores.js';

/** Series read at once: enough to keep the disk and two cores busy, few enough that what is read twice stays small. */
const AT_ONCE = 8;

/**
 * Opens by path, id, tag or `latest`, or an artefact already opened, from the first of its places that has its bars.
 * ARTIFACT_CORRUPT when stored bars differ from what the dataset pinned; NO_DATA when it is empty.
 */
export async function openDataset(context: DatasetContext, reference: string | Artifact): Promise<OpenDataset> {
  const artifact = typeof reference === 'string' ? await context.artifacts.open('dataset', reference) : reference;
  let first: QuantlineError | undefined;
  for (const place of await placesOf(artifact)) {
    try {
      return await read(context, artifact, place);
    } catch (error) {
      if (!isQuantlineError(error) || error.code === 'INTERRUPTED' || error.code === 'BUG') throw first ?? error;
      first ??= error;
      context.logger.debug(`The dataset ${artifact.id} cannot be read from ${place.store}: ${error.message}`);
    }
  }
  throw first!;
}

async function read(
  context: DatasetContext,
  artifact: Artifact,
  description: DatasetDescription,
): Promise<OpenDataset> {
  const store = await openDatasetStore(context, artifact, description);
  try {
    const bars: BarColumns[] = [];
    for (let at = 0; at < description.series.length; at += AT_ONCE) {
      const some = description.series.slice(at, at + AT_ONCE);
      bars.push(...(await Promise.all(some.map(({ pin }) => store.readPin(pin)))));
    }
    const calendars = description.series.map(({ instrument }) => calendarOf(instrument.calendar));
    return {
      ...description,
      artifact,
      manifest: artifact.manifest,
      instruments: description.series.map(({ instrument }) => instrument),
      calendars,
      bars,
      quoteColumns: await readQuotes(artifact, description),
      knownAt: bars.map((columns, i) => knownAt(columns, calendars[i]!, description.delayMs)),
    };
  } finally {
    await store.close();
  }
}

/** The store that holds a dataset's bars: that of the artefact's own workspace, or a warehouse by its address. */
export function openDatasetStore(
  context: Pick<DatasetContext, 'clock' | 'logger'>,
  artifact: Artifact,
  description: Pick<DatasetDescription, 'store'>,
): Promise<BarStore> {
  return openStore(description.store, storeRoot(artifact.workspace), context);
}
