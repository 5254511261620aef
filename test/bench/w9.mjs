/**
 * W9: a CSV file of 1,000,000 bars (58.9 MB) into columns, through the reader that `ingest --source csv` uses.
 * --bars=N, --reps=N.
 */
import { statSync } from 'node:fs';
import { readCsv } from '../../dist/core/data/csv/read.js';
import { arg, bench, emit, version } from './harness.mjs';
import { csvPath } from './inputs.mjs';

const n = arg('bars', 1_000_000);
const path = await csvPath(n);
const options = {
  symbol: 'S01',
  calendar: '24/7',
  calendarZone: 'UTC',
  daily: false,
  dayFirst: false,
  decimalComma: false,
};

let held;
const b = await bench(
  async () => {
    held = undefined;
    held = await readCsv(path, options);
  },
  { reps: arg('reps', 7), warmup: 1 },
);
let close = 0;
let minutes = 0;
let volume = 0;
for (let i = 0; i < held.time.length; i++) {
  close += held.close[i];
  minutes += held.time[i] / 60_000;
  volume += held.volume[i];
}
const result = {
  rows: held.time.length,
  close_sum: Math.round(close * 100) / 100,
  ts_sum: Number(BigInt(minutes) * 60_000n),
  volume_sum: volume,
};
emit(`W9/${n}`, version, b, n, result, { mb_per_s: Math.round(statSync(path).size / 1e5 / b.min) / 10 });
