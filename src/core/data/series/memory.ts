import { BAR_FIELDS, type BarColumns, type Interval } from '../../domain/index.js';

/** Zero-filled columns in shared memory, so that workers and kernels see them without a copy. */
export function sharedBars(instrument: string, interval: Interval, n: number): BarColumns {
  const column = () => new Float64Array(new SharedArrayBuffer(n * 8));
  return {
    instrument,
    interval,
    time: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
  };
}

/** Parts one after another in shared memory; a single part stays as it is. */
export function joinBars(instrument: string, interval: Interval, parts: readonly BarColumns[]): BarColumns {
  if (parts.length === 1) return parts[0]!;
  const out = sharedBars(
    instrument,
    interval,
    parts.reduce((n, part) => n + part.time.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    for (const field of BAR_FIELDS) out[field].set(part[field], at);
    at += part.time.length;
  }
  return out;
}
