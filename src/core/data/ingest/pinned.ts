import type { SeriesKey } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { DatasetSeries } from '../dataset.js';
import type { QualityFinding } from '../quality.js';
import type { TimeRange } from '../range.js';
import type { BarStore, SeriesInfo } from '../store.js';

/** Pins a stored range and describes it. */
export async function seriesOf(
  store: BarStore,
  key: SeriesKey,
  range: TimeRange,
  quality: readonly QualityFinding[],
): Promise<DatasetSeries> {
  const [info, actions] = await Promise.all([store.info(key), store.actions(key)]);
  const [first, last] = info === undefined ? [] : await endsOf(store, info, range);
  if (info === undefined || first === undefined || last === undefined)
    throw new QuantlineError('NO_DATA', `The store has no bars of ${key.instrument} in that range.`, {
      hint: 'Ingest them first.',
      details: { symbol: key.instrument },
    });
  const pin = await store.pin(key, range.from, range.to);
  const { instrument, basis, density } = info;
  return { instrument, basis, density, firstTime: first, lastTime: last, actions, pin, quality };
}

/** First and last bar of a range; times are read only where the series goes beyond it. */
async function endsOf(
  store: BarStore,
  { key, firstTime, lastTime }: SeriesInfo,
  { from, to }: TimeRange,
): Promise<readonly (number | undefined)[]> {
  if (firstTime !== undefined && lastTime !== undefined && firstTime >= from && lastTime < to)
    return [firstTime, lastTime];
  const times = await store.times(key, from, to);
  return [times[0], times.at(-1)];
}
