import type { BarColumns } from '../../domain/bars.js';
import { sharedCopy } from '../../platform/index.js';

/** A series in shared memory, for workers to read without a copy of their own. */
export const sharedBars = (bars: BarColumns): BarColumns => ({
  instrument: bars.instrument,
  interval: bars.interval,
  time: sharedCopy(bars.time),
  open: sharedCopy(bars.open),
  high: sharedCopy(bars.high),
  low: sharedCopy(bars.low),
  close: sharedCopy(bars.close),
  volume: sharedCopy(bars.volume),
});
