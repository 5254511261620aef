import type { BarColumns, SeriesKey } from '../../domain/index.js';
import { idOf } from '../../platform/index.js';
import { hashBars } from './hash.js';

/** Name of bars put together: the same bars of the same series have the same one. */
export const contentOf = (key: SeriesKey, bars: BarColumns): string => idOf({ key, bars: hashBars(bars) });
