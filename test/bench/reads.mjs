/**
 * What a read costs beside the disk: Arrow batches as the warehouse sends them into typed arrays, and prices adjusted as
 * of a date beside the raw read. --rows=N, --reps=N.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow';
import { arrowNumbers } from '../../dist/core/clients/google/arrow.js';
import { adjustBars } from '../../dist/core/data/adjust.js';
import { create } from '../../dist/core/data/stores/parquet.js';
import { calendarOf, defaultInstrument } from '../../dist/core/domain/index.js';
import { arg, bench, emit, version } from './harness.mjs';
import { bars } from './inputs.mjs';

const n = arg('rows', 1_000_000);
const reps = arg('reps', 5);
const data = bars(n);
const { time, ...values } = data;

// Batches of the size that the Storage Read API sends; instants are microseconds.
const SIZE = 10_000;
const batches = [];
for (let at = 0; at < n; at += SIZE) {
  const cut = Object.fromEntries(Object.entries(values).map(([name, column]) => [name, column.slice(at, at + SIZE)]));
  const ts = BigInt64Array.from(time.subarray(at, at + SIZE), (ms) => BigInt(ms) * 1000n);
  batches.push(tableToIPC(tableFromArrays({ ts, ...cut }), 'stream'));
}
const arrow = await bench(
  () => {
    const out = Object.fromEntries(['ts', ...Object.keys(values)].map((name) => [name, new Float64Array(n)]));
    let at = 0;
    for (const bytes of batches) {
      const batch = tableFromIPC(bytes);
      for (const name of Object.keys(out)) out[name].set(arrowNumbers(batch.getChild(name), batch.numRows), at);
      at += batch.numRows;
    }
    return { rows: at, same: out.close[n - 1] === data.close[n - 1] && out.ts[n - 1] === time[n - 1] };
  },
  { reps, warmup: 1 },
);
emit(`reads/arrow/${n}`, version, arrow, n);

const folder = mkdtempSync(join(tmpdir(), 'reads-'));
try {
  const store = create({ root: folder }, { clock: { now: () => Date.now() }, logger: console });
  const key = { source: 'bench', feed: '', scope: 'regular', interval: '1m', instrument: 'S' };
  const info = { key, instrument: defaultInstrument('S', '24/7'), basis: 'raw', density: 'dense' };
  await store.put(info, { instrument: 'S', interval: '1m', ...data });
  const read = () => store.read(key, 0, Number.POSITIVE_INFINITY);
  const calendar = calendarOf('24/7');
  const dates = ['2020-03-02', '2020-09-01', '2021-03-01', '2021-09-01'];
  const actions = dates.map((date, i) =>
    i % 2 === 0
      ? { type: 'split', instrument: 'S', date, ratio: 2 }
      : { type: 'dividend', instrument: 'S', date, amount: 0.1 },
  );
  const raw = await bench(read, { reps, warmup: 1 });
  emit(`reads/raw/${n}`, version, raw, n, { rows: raw.result.time.length });
  const adjusted = await bench(async () => adjustBars(await read(), actions, calendar, 'total', time[n - 1]), {
    reps,
    warmup: 1,
  });
  emit(`reads/adjusted/${n}`, version, adjusted, n, {
    rows: adjusted.result.time.length,
    overhead_cpu: Math.round((100 * adjusted.cpu) / raw.cpu - 100) / 100,
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
