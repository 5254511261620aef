/**
 * Stream ingest: bars through the checks into the durable log, one flush (fsync) a batch, and folded into Parquet at
 * the end. A batch is what a venue sends at the full minute: one bar of each symbol. --symbols=N, --minutes=N, --reps=N.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FollowWriter } from '../../dist/core/data/follow/writer.js';
import { qualityPolicies } from '../../dist/core/data/quality.js';
import { create } from '../../dist/core/data/stores/parquet.js';
import { allocateBars, BAR_FIELDS, defaultInstrument } from '../../dist/core/domain/index.js';
import { arg, bench, emit, version } from './harness.mjs';
import { bars } from './inputs.mjs';

const logger = { debug() {}, info() {}, warn() {} };
const clock = { now: () => Date.now() };
const folder = mkdtempSync(join(tmpdir(), 'follow-'));

/** Minutes of `symbols`, as the events of a stream that brings `group` symbols at once. */
function events(symbols, minutes, group) {
  const data = bars(100_000);
  const out = [];
  for (let k = 0; k < minutes; k++)
    for (let at = 0; at < symbols.length; at += group)
      out.push({
        type: 'bars',
        origin: 'stream',
        bars: symbols.slice(at, at + group).map((symbol) => {
          const one = allocateBars(symbol, '1m', 1);
          for (const field of BAR_FIELDS) one[field][0] = data[field][k];
          return one;
        }),
      });
  return out;
}

let run = 0;
async function measure(symbols, all) {
  const root = join(folder, String(++run));
  const store = create({ root: join(root, 'store') }, { clock, logger });
  const writer = await FollowWriter.open({
    ...{ store, storeName: 'parquet', folder: join(root, 'log'), policies: qualityPolicies(), clock, logger },
    foldMs: 3_600_000,
    series: symbols.map((symbol) => ({
      key: { source: 'bench', feed: '', scope: 'regular', interval: '1m', instrument: symbol },
      ...{ instrument: defaultInstrument(symbol, '24/7'), basis: 'raw', density: 'dense' },
    })),
  });
  const began = performance.now();
  for (const event of all) await writer.take(event);
  const { streamed } = writer.counts;
  const kept = performance.now();
  await writer.close();
  const folded = performance.now();
  const { rows } = await store.info({ source: 'bench', feed: '', scope: 'regular', interval: '1m', instrument: 'S0' });
  const seconds = (ms) => Math.round(ms) / 1000;
  return {
    bars: streamed,
    rows_of_first: rows,
    keep_seconds: seconds(kept - began),
    fold_seconds: seconds(folded - kept),
  };
}

try {
  for (const [n, minutes, group] of [
    [arg('symbols', 500), arg('minutes', 60), arg('symbols', 500)],
    [30, 60, 30],
    [30, 20, 1],
  ]) {
    const symbols = Array.from({ length: n }, (_, i) => `S${i}`);
    const all = events(symbols, minutes, group);
    const b = await bench(() => measure(symbols, all), { reps: arg('reps', 3) });
    emit(`follow/${n}x${minutes}/flush-${group}`, version, b, n * minutes);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
