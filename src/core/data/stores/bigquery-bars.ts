import { BAR_FIELDS, type BarColumns, type SeriesKey } from '../../domain/index.js';
import { invariant, QuantlineError } from '../../errors/index.js';
import { isoTime } from '../../platform/index.js';
import { sharedBars } from '../series/memory.js';
import type { SeriesPin } from '../store.js';

/** Checks on bars that go to the warehouse and come back from it. */
export function verifyPin(pin: SeriesPin, rows: number, sha256: string): void {
  if (rows === pin.rows && sha256 === pin.sha256) return;
  throw new QuantlineError(
    'ARTIFACT_CORRUPT',
    `The pinned bars of ${pin.key.instrument} (${pin.key.interval}) are not what they were: ${rows} of ${pin.rows} bars${rows === pin.rows ? ', with other values' : ''}.`,
    { hint: 'Make the dataset again.', details: { key: pin.key } },
  );
}

/** A read session keeps no order. */
export function sorted(bars: BarColumns): BarColumns {
  const { time } = bars;
  let ascending = true;
  for (let i = 1; i < time.length && ascending; i++) ascending = time[i]! > time[i - 1]!;
  if (ascending) return bars;
  const order = Uint32Array.from(time.keys()).sort((a, b) => time[a]! - time[b]!);
  const out = sharedBars(bars.instrument, bars.interval, time.length);
  for (const field of BAR_FIELDS) for (let i = 0; i < order.length; i++) out[field][i] = bars[field][order[i]!]!;
  return out;
}

export function checkColumns(key: SeriesKey, bars: BarColumns): void {
  invariant(
    bars.instrument === key.instrument && bars.interval === key.interval,
    `Bars of ${bars.instrument}, ${bars.interval} put into the series of ${key.instrument}, ${key.interval}.`,
  );
  const { time } = bars;
  for (const field of BAR_FIELDS)
    for (let i = 0; i < time.length; i++)
      invariant(Number.isFinite(bars[field][i]!), `Bar ${i} of ${key.instrument} has no finite ${field}.`);
  for (let i = 1; i < time.length; i++)
    invariant(time[i]! > time[i - 1]!, `Bars of ${key.instrument} go back at ${isoTime(time[i]!)}.`);
}
