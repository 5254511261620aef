import type { SeriesKey } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { DatasetSeries } from '../dataset.js';
import type { QualityFinding } from '../quality.js';
import type { TimeRange } from '../range.js';
import type { BarStore } from '../store.js';

/** Pins a stored range and describes it. */
export async function seriesOf(
  store: BarStore,
  key: SeriesKey,
  range: TimeRange,
  quality: readonly QualityFinding[],
): Promise<DatasetSeries> {
  const [info, actions, times] = await Promise.all([
    store.info(key),
    store.actions(key),
    store.times(key, range.from, range.to),
  ]);
  if (info === undefined || times.length === 0)
    throw new QuantlineError('NO_DATA', `The store has no bars of ${key.instrument} in that range.`, {
      hint: 'Ingest them first.',
      details: { symbol: key.instrument },
    });
  const pin = await store.pin(key, range.from, range.to);
  const { instrument, basis, density } = info;
  return { instrument, basis, density, firstTime: times[0]!, lastTime: times.at(-1)!, actions, pin, quality };
}
