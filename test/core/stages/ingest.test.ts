import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LocalArtifactStore } from '../../../src/core/artifacts/index.js';
import { compareOptions, ingestOptions } from '../../../src/core/config/index.js';
import { openDataset } from '../../../src/core/data/open.js';
import { seriesFolder } from '../../../src/core/data/series/layout.js';
import { QuantlineError } from '../../../src/core/errors/index.js';
import { ManualClock, silentLogger, silentProgress } from '../../../src/core/platform/index.js';
import { storeCompare } from '../../../src/core/stages/compare.js';
import { showDataset } from '../../../src/core/stages/datasets.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { storePrune, storeRepair, storeStatus, storeVerify } from '../../../src/core/stages/store.js';

const bars = (name: string) => fileURLToPath(new URL(`../../../fixtures/bars/${name}.csv`, import.meta.url));

async function runtimeOf(workspace?: string, overrides: Partial<Runtime> = {}): Promise<Runtime & { said: string[] }> {
  const root = workspace ?? (await mkdtemp(join(tmpdir(), 'ingest-')));
  const said: string[] = [];
  return {
    workspace: root,
    artifacts: new LocalArtifactStore(root),
    clock: new ManualClock(Date.UTC(2024, 5, 3)),
    logger: { ...silentLogger, warn: (text) => said.push(text) },
    progress: silentProgress,
    signal: new AbortController().signal,
    threads: 1,
    secrets: {},
    libraries: {},
    trialLedger: join(root, 'trials.db'),
    journal: join(root, 'journal.db'),
    said,
    ...overrides,
  };
}

const options = (flags: Record<string, unknown>) => ingestOptions.parse({ source: 'csv', ...flags });
const SPY = { symbols: 'SPY', file: bars('spy-daily-2017-2018') };

/** Every file below a folder with its bytes, but not the pointer to the latest artefact. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && entry.name !== 'latest.json')
      out[join(entry.parentPath, entry.name)] = (await readFile(join(entry.parentPath, entry.name))).toString('base64');
  return out;
}

describe('ingest', () => {
  it('writes a dataset that opens verified, with knownAt', async () => {
    const runtime = await runtimeOf();
    const result = await ingest(
      options({ symbols: 'SPX,MSFT', file: `${bars('sp500-daily-1999-2020')},${bars('msft-daily-1990-2022')}` }),
      runtime,
    );
    expect(result).toMatchObject({
      reused: false,
      failures: [],
      symbols: [
        { symbol: 'SPX', rows: 5285, inserted: 5285, updated: 0 },
        { symbol: 'MSFT', rows: 8111, inserted: 8111, updated: 0 },
      ],
    });
    expect(runtime.said).toEqual([expect.stringMatching(/^MSFT: zero_volume: 506 found, at 1990-01-02/)]);
    const dataset = await openDataset(runtime, 'latest');
    expect(dataset.instruments.map((instrument) => instrument.id)).toEqual(['MSFT', 'SPX']);
    expect(dataset.bars.map((one) => one.time.length)).toEqual([8111, 5285]);
    expect(dataset.bars[1]!.close.at(-1)).toBe(3426.96);
    expect(dataset.bars[0]!.close.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(dataset.knownAt[0]![0]! - dataset.bars[0]!.time[0]!).toBe(6.5 * 3_600_000);
    expect(dataset.manifest.summary).toMatchObject({
      interval: '1d',
      rows: 13396,
      quality: { MSFT: { zero_volume: 506 } },
    });
    const view = await showDataset(runtime, dataset.artifact.id);
    expect(view.series[0]).toMatchObject({
      instrument: 'MSFT',
      source: 'csv',
      rows: 8111,
      from: '1990-01-02T14:30:00Z',
    });
  });

  it('changes nothing the second time, whatever the order of symbols', async () => {
    const runtime = await runtimeOf();
    const flags = { symbols: 'SPY,SPX', file: [bars('spy-daily-2017-2018'), bars('sp500-daily-1999-2020')] };
    const first = await ingest(options(flags), runtime);
    const before = await snapshot(runtime.workspace);
    const swapped = { symbols: 'SPX,SPY', file: [bars('sp500-daily-1999-2020'), bars('spy-daily-2017-2018')] };
    for (const again of [flags, swapped, { ...flags, force: true }]) {
      const result = await ingest(options(again), runtime);
      expect(result.artifact.id).toBe(first.artifact.id);
      expect(result.reused).toBe(true);
      expect(result.symbols.every(({ inserted, updated }) => inserted + updated === 0)).toBe(true);
    }
    expect(await snapshot(runtime.workspace)).toEqual(before);
  });

  it('gives one id for equal bars in different workspaces, and another for other bars', async () => {
    const [a, b] = [await runtimeOf(), await runtimeOf()];
    const one = await ingest(options(SPY), a);
    const two = await ingest(options({ ...SPY, from: '2017-01-01' }), b);
    expect(two.artifact.id).toBe(one.artifact.id);
    const fewer = await ingest(options({ ...SPY, to: '2018-12-28' }), b);
    expect(fewer.artifact.id).not.toBe(one.artifact.id);
  });

  it('updates what overlaps; an older dataset keeps its bars', async () => {
    const runtime = await runtimeOf();
    const head = 'date,open,high,low,close,volume\n';
    const file = join(runtime.workspace, 'a.csv');
    await writeFile(file, `${head}2024-05-01,10,11,9,10,1\n2024-05-02,10,11,9,10,2\n`);
    const old = await ingest(options({ symbols: 'A', file }), runtime);
    await writeFile(file, `${head}2024-05-02,10,11,9,10.5,2\n2024-05-03,10,11,9,10,3\n`);
    const next = await ingest(options({ symbols: 'A', file, from: '2024-05-01', to: '2024-05-03' }), runtime);
    expect(next.symbols).toEqual([{ symbol: 'A', rows: 2, inserted: 1, updated: 1 }]);
    const closes = async (id: string) => [...(await openDataset(runtime, id)).bars[0]!.close];
    expect(await closes(old.artifact.id)).toEqual([10, 10]);
    expect(await closes(next.artifact.id)).toEqual([10, 10.5, 10]);
  });

  it('reads dates as sessions, both inclusive', async () => {
    const runtime = await runtimeOf();
    const range = async (flags: object) => {
      const { artifact } = await ingest(options({ ...SPY, ...flags }), runtime);
      const { series } = await showDataset(runtime, artifact.id);
      return [series[0]!.rows, series[0]!.from.slice(0, 10), series[0]!.to.slice(0, 10)];
    };
    expect(await range({ from: '2017-07-03', to: '2017-07-05' })).toEqual([2, '2017-07-03', '2017-07-05']);
    expect(await range({ from: '2017-07-04', to: '2017-07-08' })).toEqual([3, '2017-07-05', '2017-07-07']);
    expect(await range({ from: '2018-12-01T00:00:00Z' })).toEqual([19, '2018-12-03', '2018-12-31']);
    await expect(ingest(options({ ...SPY, from: '2017-07-04', to: '2017-07-04' }), runtime)).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringMatching(/no session of XNYS from 2017-07-04 to 2017-07-04/),
    });
    await expect(ingest(options({ ...SPY, from: '2030-01-02' }), runtime)).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringMatching(/in the future/),
    });
  });

  it('drops, counts and names the minute stamped 16:00', async () => {
    const runtime = await runtimeOf();
    const flags = { symbols: 'SPY', file: bars('spy-minute-2020-12'), interval: '1m', timezone: 'America/New_York' };
    const { symbols, artifact } = await ingest(options(flags), runtime);
    expect(symbols[0]).toMatchObject({ rows: 1560 });
    expect((await showDataset(runtime, artifact.id)).series[0]!.quality).toEqual([
      { check: 'session', policy: 'drop', count: 4, examples: expect.arrayContaining(['2020-12-15T21:00:00Z']) },
    ]);
    expect((await ingest(options({ ...flags, session: 'extended' }), runtime)).symbols[0]).toMatchObject({
      rows: 1564,
    });
  });

  it('ingests a synthetic market by flags', async () => {
    const runtime = await runtimeOf();
    const flags = { source: 'synthetic', symbols: 'A,B', from: '2024-01-01', to: '2024-03-28', interval: '1h' };
    const one = await ingest(options({ ...flags, seed: 3, edge: '1.5' }), runtime);
    const two = await ingest(options({ ...flags, set: ['seed=3', 'edge=1.5'] }), runtime);
    const none = await ingest(options({ ...flags, seed: 3, edge: 'none' }), runtime);
    expect(one.symbols[0]).toMatchObject({ rows: 61 * 7, inserted: 61 * 7 });
    expect([two.artifact.id, none.artifact.id === one.artifact.id]).toEqual([one.artifact.id, false]);
    await expect(ingest(options({ ...SPY, seed: 3 }), runtime)).rejects.toThrow(
      /--seed does not apply to the source csv/,
    );
  });

  it('keeps what two ingests at once brought', async () => {
    const runtime = await runtimeOf();
    const flags = { source: 'synthetic', symbols: 'A', interval: '1d' };
    const halves = [
      { from: '2020-01-01', to: '2021-12-31' },
      { from: '2021-06-01', to: '2023-12-29' },
    ];
    await Promise.all(halves.map((half) => ingest(options({ ...flags, ...half }), runtime)));
    const all = await ingest(options({ ...flags, from: '2020-01-01', to: '2023-12-29' }), runtime);
    expect(all.symbols).toEqual([{ symbol: 'A', rows: 1006, inserted: 0, updated: 0 }]);
  });
});

describe('the store of a workspace', () => {
  it('is shown, verified, repaired and pruned', async () => {
    const runtime = await runtimeOf();
    const flags = { source: 'synthetic', symbols: 'A,B', from: '2023-01-01', to: '2023-12-29', seed: 4 };
    const { artifact } = await ingest(options(flags), runtime);
    const status = await storeStatus({ symbols: ['B'] }, runtime);
    expect(status).toMatchObject([{ info: { rows: 250, key: { instrument: 'B' } }, gaps: 0 }]);
    expect(status[0]!.staleSessions[0]).toBe('2024-01-02');
    const { key } = status[0]!.info;
    const folder = seriesFolder(join(runtime.workspace, 'store'), key);
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.parquet'))!;
    const bytes = await readFile(join(folder, name));
    bytes[bytes.length >> 1]! ^= 16;
    await writeFile(join(folder, name), bytes);
    expect(await storeVerify({}, runtime)).toMatchObject({ series: 2, damages: [{ file: name, key }] });
    expect(await storeRepair(options({ source: 'synthetic', seed: 4 }), {}, runtime)).toMatchObject({
      repaired: [{ file: name }],
      lost: [],
    });
    expect(await storeVerify({}, runtime)).toEqual({ series: 2, damages: [] });
    expect((await openDataset(runtime, artifact.id)).bars.map((one) => one.time.length)).toEqual([250, 250]);
    expect(await storePrune(runtime)).toEqual({ files: 0, bytes: 0 });
    const compare = { source: 'synthetic', against: 'synthetic', symbols: 'A', tolerance: '0%' };
    const [same] = await storeCompare(compareOptions.parse(compare), runtime);
    expect(same).toMatchObject({
      agree: true,
      comparison: { compared: 250, differing: 0, onlyInA: 0, onlyInB: 0 },
    });
  });

  it('repairs each symbol from its own file, whichever are damaged, and gives nothing up without them', async () => {
    const runtime = await runtimeOf();
    const files = `${bars('spy-daily-2017-2018')},${bars('msft-daily-1990-2022')}`;
    await ingest(options({ symbols: 'SPY,MSFT', file: files, basis: 'split' }), runtime);
    const [status] = await storeStatus({ symbols: ['MSFT'] }, runtime);
    const folder = seriesFolder(join(runtime.workspace, 'store'), status!.info.key);
    const path = join(folder, (await readdir(folder)).find((entry) => entry.endsWith('.parquet'))!);
    const before = await readFile(path);
    const bytes = Buffer.from(before);
    bytes[bytes.length >> 1]! ^= 16;
    await writeFile(path, bytes);
    // Two files, but not whose they are.
    await expect(storeRepair(options({ file: files, basis: 'split' }), {}, runtime)).rejects.toMatchObject({
      code: 'USAGE',
    });
    expect(await readFile(path)).toEqual(bytes);
    const flags = { symbols: 'SPY,MSFT', file: files, basis: 'split' };
    expect(await storeRepair(options(flags), {}, runtime)).toMatchObject({ series: 2, lost: [] });
    expect(await readFile(path)).toEqual(before);
  });

  it('takes a universe file where symbols are, and marks one without dates', async () => {
    const runtime = await runtimeOf();
    const file = join(runtime.workspace, 'universe.csv');
    await writeFile(file, 'symbol,from,to\nA,2023-03-01,\nB,,2023-06-30\nC,,\n');
    const flags = { source: 'synthetic', symbols: `@${file}`, from: '2023-01-01', to: '2023-12-29' };
    const { artifact, symbols } = await ingest(options(flags), runtime);
    expect(symbols.map(({ symbol, rows }) => [symbol, rows])).toEqual([
      ['A', 211],
      ['B', 124],
      ['C', 250],
    ]);
    expect(artifact.manifest.summary).toMatchObject({ universe: { dated: false, size: 3 } });
    expect((await openDataset(runtime, artifact)).instruments[0]).toMatchObject({ validFrom: '2023-03-01' });
  });
});

describe('ingest that fails', () => {
  const failure = async (flags: Record<string, unknown>, runtime?: Runtime) => {
    const used = runtime ?? (await runtimeOf());
    return ingest(options(flags), used).then(
      () => expect.fail('it did not fail'),
      (error) => error as QuantlineError,
    );
  };

  it('stores the good symbols, lists the others and exits with 4, or 0 where that is allowed', async () => {
    const runtime = await runtimeOf();
    const flags = {
      symbols: 'SPY,NO,BAD',
      file: [bars('spy-daily-2017-2018'), '/no/such.csv', bars('../bars/spy-minute-2020-12')],
      interval: '1d',
    };
    const bad = join(runtime.workspace, 'bad.csv');
    await writeFile(bad, 'date,open,high,low,close\n2024-05-01,1,2,3,x\n');
    flags.file[2] = bad;
    const error = await failure(flags, runtime);
    expect(error).toMatchObject({ code: 'NO_DATA', exitCode: 4 });
    expect(error.message).toMatch(
      /2 of 3 symbols failed, 1 were stored:\n {2}NO: No such file.*\n {2}BAD: .*line 2, column close: "x"/,
    );
    const result = await ingest(options({ ...flags, allowMissing: 2 }), runtime);
    expect(result.symbols).toEqual([{ symbol: 'SPY', rows: 502, inserted: 0, updated: 0 }]);
    expect(result.failures.map(({ symbol, code }) => [symbol, code])).toEqual([
      ['NO', 'INPUT'],
      ['BAD', 'INPUT'],
    ]);
  });

  it('reports one symbol’s own error', async () => {
    expect(await failure({ symbols: 'A', file: '/no/such.csv' })).toMatchObject({ code: 'INPUT', exitCode: 4 });
    expect(await failure({ symbols: 'A' })).toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/csv, file/),
    });
    expect(await failure({ symbols: 'A,B', file: '/a.csv' })).toMatchObject({ code: 'USAGE' });
    expect(await failure({ ...SPY, feed: 'iex' })).toMatchObject({ code: 'USAGE' });
    expect(await failure({ ...SPY, last: '30d', from: '2017-01-01' })).toMatchObject({ code: 'USAGE' });
    expect(await failure({ ...SPY, quality: 'gap=warn' })).toMatchObject({ code: 'USAGE' });
    expect(await failure({ ...SPY, source: 'cvs' })).toMatchObject({
      code: 'USAGE',
      hint: expect.stringMatching(/csv/),
    });
  });

  it('leaves store and artefacts as they were when data is refused', async () => {
    const runtime = await runtimeOf();
    const file = join(runtime.workspace, 'a.csv');
    const rows = Array.from({ length: 20 }, (_, i) => `2024-04-${String(i + 1).padStart(2, '0')},10,11,9,10,1`)
      .filter((row) => ![6, 7, 13, 14, 20].includes(Number(row.slice(8, 10))))
      .join('\n');
    await writeFile(file, `date,open,high,low,close,volume\n${rows}\n`);
    await ingest(options({ symbols: 'A', file }), runtime);
    const before = await snapshot(join(runtime.workspace, 'store'));
    await writeFile(
      file,
      `date,open,high,low,close,volume\n${rows}\n`.replace('2024-04-10,10,11', '2024-04-10,10,1100'),
    );
    const error = await failure({ symbols: 'A', file }, runtime);
    expect(error).toMatchObject({ code: 'QUALITY', hint: expect.stringMatching(/--quality outliers=drop/) });
    expect(error.message).toMatch(/A failed outliers .*: 1, at 2024-04-10T13:30:00Z/);
    expect(await snapshot(join(runtime.workspace, 'store'))).toEqual(before);
    const kept = await ingest(options({ symbols: 'A', file, quality: 'outliers=warn' }), runtime);
    expect(kept.symbols[0]).toMatchObject({ updated: 1 });
  });

  it('stops on a signal between symbols, keeps what is whole, and completes later', async () => {
    const control = new AbortController();
    const runtime = await runtimeOf();
    const flags = { source: 'synthetic', symbols: 'A,B,C', from: '2024-01-01', to: '2024-01-31' };
    const progress = {
      update: (_: string, done?: number) => {
        if (done === 1) control.abort(new QuantlineError('INTERRUPTED', 'Interrupted by SIGINT.'));
      },
      end() {},
    };
    const error = await failure(flags, { ...runtime, signal: control.signal, progress });
    expect(error).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(await runtime.artifacts.list('dataset')).toEqual([]);
    const result = await ingest(options(flags), runtime);
    expect(result.symbols.map(({ inserted }) => inserted)).toEqual([0, 21, 21]);
  });

  it('notices a byte that changed in stored bars or in the dataset', async () => {
    const runtime = await runtimeOf();
    const { artifact } = await ingest(options(SPY), runtime);
    const folder = join(runtime.workspace, 'store', 'csv', '~', 'regular', '1d', 'SPY');
    const name = (await readdir(folder)).find((entry) => entry.endsWith('.parquet'))!;
    const bytes = await readFile(join(folder, name));
    bytes[Math.floor(bytes.length / 2)]! ^= 4;
    await writeFile(join(folder, name), bytes);
    await expect(openDataset(runtime, artifact.id)).rejects.toMatchObject({
      code: 'ARTIFACT_CORRUPT',
      exitCode: 4,
      message: expect.stringContaining(join(folder, name)),
    });
    expect(await failure(SPY, runtime)).toMatchObject({
      code: 'ARTIFACT_CORRUPT',
      hint: expect.stringMatching(/repair/),
    });
    const payload = artifact.file('dataset.json');
    await writeFile(payload, (await readFile(payload, 'utf8')).replace('"1d"', '"1h"'));
    await expect(openDataset(runtime, artifact.id)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });
});
