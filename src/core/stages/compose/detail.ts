import { z } from 'zod';
import type { Artifact } from '../../artifacts/index.js';
import { type OpenDataset, pinOf, pinSchema, serialPin } from '../../data/dataset.js';
import { openDatasetStore } from '../../data/open.js';
import type { SeriesPin } from '../../data/store.js';
import type { BarColumns, Interval } from '../../domain/index.js';
import { INTERVALS } from '../../domain/index.js';
import { type DetailColumns, layDetail } from '../../engine/detail.js';
import { QuantlineError } from '../../errors/index.js';
import type { Runtime } from '../runtime.js';

/** Which finer bars decided the order of fills inside a run's bars; a series without any is null. */
export const detailSchema = z.strictObject({
  interval: z.enum(INTERVALS),
  series: z.array(pinSchema.nullable()),
});
export type Detail = z.output<typeof detailSchema>;

/** What the engine takes of them, by instrument. */
export type LaidDetail = readonly (DetailColumns | undefined)[];

/**
 * Pins the finer bars of the dataset's own source and feed that its store holds now. USAGE for an interval that is not
 * finer, NO_DATA where no instrument has any, MISMATCH for prices of another basis.
 */
export async function pinDetail(runtime: Runtime, dataset: OpenDataset, interval: Interval): Promise<Detail> {
  if (INTERVALS.indexOf(interval) >= INTERVALS.indexOf(dataset.interval)) {
    throw new QuantlineError(
      'USAGE',
      `--detail ${interval} is not finer than the bars of the dataset, ${dataset.interval}.`,
      {
        hint:
          dataset.interval === INTERVALS[0]
            ? 'There are no finer bars than these.'
            : `Name a shorter interval, such as --detail ${INTERVALS[0]}.`,
      },
    );
  }
  const store = await openDatasetStore(runtime, dataset.artifact, dataset);
  try {
    const series = await Promise.all(
      dataset.series.map(async ({ pin, basis, firstTime }, j) => {
        const key = { ...pin.key, interval };
        const info = await store.info(key);
        if (info === undefined || info.rows === 0) return null;
        if (info.basis !== basis) {
          throw new QuantlineError(
            'MISMATCH',
            `${key.instrument}: ${interval} bars have ${info.basis} prices, the dataset's ${basis} ones.`,
            {
              hint: 'Ingest both from one source in one basis.',
            },
          );
        }
        return serialPin(await store.pin(key, firstTime, dataset.knownAt[j]!.at(-1)!));
      }),
    );
    if (series.some((pin) => pin !== null && pin.rows > 0)) return { interval, series };
    const { source, scope } = dataset.series[0]!.pin.key;
    throw new QuantlineError(
      'NO_DATA',
      `The store has no ${interval} bars of ${source} for the instruments of the dataset.`,
      {
        hint: `Ingest them first: quantline ingest --source ${source} --interval ${interval} --session ${scope} …`,
      },
    );
  } finally {
    await store.close();
  }
}

/**
 * The finer bars that a run was filled by, on a dataset: the run's pins where it is the run's own, otherwise (newer bars) what
 * the store holds now. undefined for a run without.
 */
export async function detailOf(
  runtime: Runtime,
  dataset: OpenDataset,
  run: { readonly artifact: Artifact; readonly run: { readonly detail: Detail | null } },
): Promise<LaidDetail | undefined> {
  const { detail } = run.run;
  if (detail === null) return undefined;
  const own = run.artifact.manifest.inputs.some(({ id }) => id === dataset.artifact.id);
  return openDetail(runtime, dataset, own ? detail : await pinDetail(runtime, dataset, detail.interval));
}

/** Reads the pinned bars and lays them into the dataset's. */
export async function openDetail(
  runtime: Pick<Runtime, 'clock' | 'logger'>,
  dataset: OpenDataset,
  detail: Detail,
): Promise<LaidDetail> {
  const store = await openDatasetStore(runtime, dataset.artifact, dataset);
  try {
    const read = async (pin: SeriesPin, bars: BarColumns, j: number) =>
      layDetail(bars, dataset.knownAt[j]!, await store.readPin(pin));
    return await Promise.all(
      dataset.bars.map((bars, j) => {
        const pin = detail.series[j];
        return pin === null || pin === undefined ? undefined : read(pinOf(pin), bars, j);
      }),
    );
  } finally {
    await store.close();
  }
}
