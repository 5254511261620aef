import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seriesFolder } from '../../../../src/core/data/series/layout.js';
import type { BarStore } from '../../../../src/core/data/store.js';
import { create } from '../../../../src/core/data/stores/parquet.js';
import { BAR_FIELDS } from '../../../../src/core/domain/index.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { barsAt, describeBarStore, expectBars, infoFor, keyOf, minutes } from '../store.contract.js';

const context = { clock: systemClock, logger: silentLogger };
const folder = () => mkdtemp(join(tmpdir(), 'store-'));
const open = (root: string): BarStore => create({ root }, context);

describeBarStore('parquet', async () => {
  const root = await folder();
  return { open: async () => open(root) };
});

const key = keyOf('A');
const EVER = [0, Number.POSITIVE_INFINITY] as const;

describe('the Parquet store', () => {
  it('is the union of overlapping puts, the last one counting, in whatever order and cut', async () => {
    const base = Date.parse('2024-01-31T23:50Z');
    const put = fc.record({
      from: fc.nat(30),
      length: fc.integer({ min: 1, max: 20 }),
      step: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(5),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(put, { minLength: 1, maxLength: 5 }), async (puts) => {
        const store = open(await folder());
        const expected = new Map<number, number>();
        for (const { from, length, step, seed } of puts) {
          const times = Array.from({ length }, (_, i) => base + (from + i * step) * 60_000);
          let [inserted, updated] = [0, 0];
          for (const time of times) {
            if (!expected.has(time)) inserted++;
            else if (expected.get(time) !== seed) updated++;
            expected.set(time, seed);
          }
          expect(await store.put(infoFor(key), barsAt(key, times, seed))).toMatchObject({ inserted, updated });
        }
        const bars = await store.read(key, ...EVER);
        const sorted = [...expected].sort(([a], [b]) => a - b);
        expect([...bars.time]).toEqual(sorted.map(([time]) => time));
        expect([...bars.close]).toEqual(sorted.map(([time, seed]) => barsAt(key, [time], seed).close[0]));
      }),
      { numRuns: 25 },
    );
  });

  it('loses nothing to puts of several processes', async () => {
    const root = await folder();
    const script = join(root, 'put.mjs');
    const core = new URL('../../../../dist/core/', import.meta.url).href;
    await writeFile(
      script,
      `import { create } from '${core}data/stores/parquet.js';
       import { allocateBars, defaultInstrument } from '${core}domain/index.js';
       const store = create({ root: ${JSON.stringify(root)} }, { clock: { now: () => Date.now() }, logger: console });
       const worker = Number(process.argv[2]);
       const key = ${JSON.stringify(key)};
       for (let round = 0; round < 8; round++) {
         const bars = allocateBars('A', '1m', 1);
         bars.time[0] = (round * 4 + worker) * 60000;
         for (const name of ['open', 'high', 'low', 'close']) bars[name][0] = 1 + worker;
         await store.put({ key, instrument: defaultInstrument('A', '24/7'), basis: 'raw', density: 'dense' }, bars);
       }`,
    );
    const run = promisify(execFile);
    await Promise.all([0, 1, 2, 3].map((worker) => run(process.execPath, [script, String(worker)])));
    const bars = await open(root).read(key, ...EVER);
    expect([...bars.time]).toEqual(Array.from({ length: 32 }, (_, i) => i * 60_000));
    expect([...bars.close]).toEqual(Array.from({ length: 32 }, (_, i) => 1 + (i % 4)));
    expect((await open(root).info(key))!.generation).toBe(32);
  });

  it('notices a changed byte, in a file and in the index', async () => {
    const root = await folder();
    const store = open(root);
    await store.put(infoFor(key), barsAt(key, minutes('2024-01-31T20:00Z', 500)));
    const pin = await store.pin(key, ...EVER);
    const dir = seriesFolder(root, key);
    const [damaged, intact] = (await readdir(dir)).filter((name) => name.endsWith('.parquet')).sort();
    const original = await readFile(join(dir, damaged!));
    for (const at of [Math.floor(original.length / 3), Math.floor(original.length / 2)]) {
      const bytes = Buffer.from(original);
      bytes[at]! ^= 1;
      await writeFile(join(dir, damaged!), bytes);
      await expect(store.readPin(pin)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
      await expect(store.read(key, ...EVER)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    }
    const damages = await store.verify(key);
    expect(damages.map((damage) => damage.file)).toEqual([damaged]);

    await store.discard(damages[0]!);
    expect((await readdir(dir)).filter((name) => name.endsWith('.parquet'))).toEqual([intact]);
    await store.put(infoFor(key), barsAt(key, minutes('2024-01-31T20:00Z', 500)));
    expectBars(await store.readPin(pin), barsAt(key, minutes('2024-01-31T20:00Z', 500)));

    const index = join(dir, 'index-00000003.json');
    await writeFile(index, (await readFile(index, 'utf8')).replace('"raw"', '"split"'));
    await expect(store.read(key, ...EVER)).rejects.toMatchObject({ code: 'STATE' });
    await rm(index);
    expect((await store.info(key))!.generation).toBe(2);
  });

  it('says which file of a pin is gone', async () => {
    const root = await folder();
    const store = open(root);
    await store.put(infoFor(key), barsAt(key, minutes('2024-01-01T00:00Z', 5)));
    const pin = await store.pin(key, ...EVER);
    await rm(join(seriesFolder(root, key), pin.reference[0]!));
    await expect(store.readPin(pin)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });

  it('stays as it was when a process dies before the commit, and cleans up', async () => {
    const root = await folder();
    const store = open(root);
    const bars = barsAt(key, minutes('2024-01-01T00:00Z', 5));
    await store.put(infoFor(key), bars);
    const pin = await store.pin(key, ...EVER);
    const dir = seriesFolder(root, key);
    // What a crash leaves: half a temporary file, a data file no index names, a temporary index.
    for (const name of ['2024-01-00.parquet', '2024-01-00.parquet.1.aa.tmp', 'index-00000002.json.1.bb.tmp'])
      await writeFile(join(dir, name), 'half');
    expectBars(await store.read(key, ...EVER), bars);
    await store.put(infoFor(key), barsAt(key, minutes('2024-01-01T00:00Z', 5), 2));
    expect(await store.prune([pin])).toEqual({ files: 0, bytes: 0 });
    const old = new Date(systemClock.now() - 2 * 3_600_000);
    for (const name of await readdir(dir)) await utimes(join(dir, name), old, old);
    expect(await store.prune([pin])).toMatchObject({ files: 4 });
    expectBars(await store.readPin(pin), bars);
    expect(await store.prune([])).toMatchObject({ files: 1 });
    expect((await store.read(key, ...EVER)).time.length).toBe(5);
  });

  it('stays as it was when the disk is full in the middle of a write', async (context) => {
    const root = await folder();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', root], { stdio: 'ignore' });
    } catch {
      context.skip('mounting a small disk needs root');
    }
    try {
      const store = open(root);
      const bars = barsAt(key, minutes('2024-01-01T00:00Z', 500));
      await store.put(infoFor(key), bars);
      const before = await readdir(seriesFolder(root, key));
      const error = await store
        .put(infoFor(key), barsAt(key, minutes('2024-01-01T00:00Z', 40_000), 2))
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'STORAGE',
        exitCode: 4,
        message: expect.stringMatching(/^The disk is full: /),
        hint: expect.stringMatching(/nothing was changed/),
      });
      expect(await readdir(seriesFolder(root, key))).toEqual(before);
      expectBars(await store.read(key, ...EVER), bars);
      await store.put(infoFor(key), barsAt(key, minutes('2024-01-01T08:20Z', 10)));
      expect((await store.info(key))!.rows).toBe(510);
    } finally {
      execFileSync('umount', [root]);
    }
  });

  it('writes files of the size of their interval', async () => {
    const root = await folder();
    const store = open(root);
    for (const [interval, step] of [
      ['1m', 1],
      ['1h', 60],
      ['1d', 1440],
    ] as const) {
      const one = keyOf('A', interval);
      await store.put(infoFor(one), barsAt(one, minutes('2023-12-30T00:00Z', (4 * 1440) / step, step)));
      const names = (await readdir(seriesFolder(root, one))).filter((name) => name.endsWith('.parquet'));
      expect(names.map((name) => name.replace(/-[0-9a-f]{32}\.parquet$/, '')).sort()).toEqual(
        { '1m': ['2023-12', '2024-01'], '1h': ['2023', '2024'], '1d': ['all'] }[interval],
      );
    }
    expect(BAR_FIELDS.length).toBe(6);
  });
});
