/**
 * W8: 10 symbols of 1,000,000 bars as one Parquet file each, written durably (fsync, rename), then read back into typed
 * arrays. W8-store: the same through the bar store, with its checks, hashes and index, a month a file.
 * --reps=N, --symbols=N, --store (the store's lines too).
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '../../dist/core/data/stores/parquet.js';
import { defaultInstrument } from '../../dist/core/domain/index.js';
import { readParquet, writeParquet } from '../../dist/core/platform/parquet.js';
import { arg, bench, emit, flag, version } from './harness.mjs';
import { bars } from './inputs.mjs';

const N = 1_000_000;
const symbols = Array.from({ length: arg('symbols', 10) }, (_, i) => `S${String(i + 1).padStart(2, '0')}`);
const data = symbols.map((_, i) => bars(N, i + 1));
const folder = mkdtempSync(join(tmpdir(), 'w8-'));
const rows = symbols.length * N;

const sizeOf = (path) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

/** Proves that every value came back: all lengths, and exact sums of times and closes. */
function check(all) {
  let closes = 0;
  let times = 0n;
  for (const one of all) {
    for (const column of Object.values(one))
      if (column.length !== N) throw new Error(`A column has ${column.length} rows.`);
    let sum = 0;
    for (const close of one.close) sum += close;
    closes += sum;
    let milliseconds = 0;
    for (const time of one.time) milliseconds += time / 60_000;
    times += BigInt(milliseconds) * 60_000n;
  }
  return { rows: all.length * N, close_sum: Math.round(closes * 100) / 100, ts_sum: Number(times) };
}

const path = (symbol) => join(folder, `${symbol}.parquet`);
try {
  const write = await bench(
    () => Promise.all(symbols.map((symbol, i) => writeParquet(path(symbol), data[i], { timestamps: ['time'] }))),
    { reps: arg('reps', 3) },
  );
  emit('W8-write/10M', version, write, rows, { megabytes: Math.round(sizeOf(folder) / 1e5) / 10 });
  let held;
  const read = await bench(
    async () => {
      held = undefined;
      held = await Promise.all(symbols.map((symbol) => readParquet(path(symbol))));
    },
    { reps: arg('reps', 5), warmup: 1 },
  );
  emit('W8-read/10M', version, read, rows, check(held));
  held = undefined;

  if (flag('store')) {
    const root = join(folder, 'store');
    const context = { clock: { now: () => Date.now() }, logger: console };
    const key = (instrument) => ({ source: 'bench', feed: '', scope: 'regular', interval: '1m', instrument });
    const put = async () => {
      rmSync(root, { recursive: true, force: true });
      const store = create({ root }, context);
      await Promise.all(
        symbols.map((symbol, i) =>
          store.put(
            { key: key(symbol), instrument: defaultInstrument(symbol, '24/7'), basis: 'raw', density: 'dense' },
            { instrument: symbol, interval: '1m', ...data[i] },
          ),
        ),
      );
    };
    emit('W8-store-put/10M', version, await bench(put, { reps: 2 }), rows, {
      megabytes: Math.round(sizeOf(root) / 1e5) / 10,
    });
    const store = create({ root }, context);
    const get = await bench(() => Promise.all(symbols.map((symbol) => store.read(key(symbol), 0, Infinity))), {
      reps: 3,
    });
    emit(
      'W8-store-read/10M',
      version,
      get,
      rows,
      check(get.result.map(({ instrument, interval, ...columns }) => columns)),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
