import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTail, TailLog, tailLogs } from '../../../../src/core/data/follow/tail.js';
import { recoverTails } from '../../../../src/core/data/follow/writer.js';
import { create } from '../../../../src/core/data/stores/parquet.js';
import { silentLogger, systemClock } from '../../../../src/core/platform/index.js';
import { FakeAlpaca } from '../../../fakes/alpaca/server.js';
import { barsAt, infoFor, keyOf, minutes } from '../store.contract.js';
import { at, minuteBar, Tape } from './tape.js';

const SCRIPT = new URL('./follow.child.mjs', import.meta.url).pathname;
const NOW = at(30);
let workspace: string;
let venue: FakeAlpaca;
let tape: Tape;

beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'quantline-follow-'));
  venue = await FakeAlpaca.start(() => NOW);
  for (const symbol of ['AAPL', 'MSFT']) venue.assets.set(symbol, {});
  tape = new Tape(venue);
});
afterEach(async () => {
  await venue.close();
  await rm(workspace, { recursive: true, force: true });
});

/** One start of the process; `lines` are what it printed. */
class Start {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  private readonly process: ChildProcess;
  private readonly exited: Promise<unknown>;

  constructor(fault?: string, flags: Record<string, unknown> = {}) {
    const argument = {
      ...{ workspace, secrets: venue.secrets, now: NOW },
      flags: { source: 'alpaca', symbols: 'AAPL,MSFT', interval: '1m', follow: true, ...flags },
    };
    this.process = spawn(process.execPath, [SCRIPT, JSON.stringify(argument)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(fault === undefined ? {} : { FAULT_POINT: fault }) },
    });
    this.exited = once(this.process, 'exit');
    createInterface({ input: this.process.stdout! }).on('line', (line) => this.lines.push(line));
    createInterface({ input: this.process.stderr! }).on('line', (line) => this.errors.push(line));
  }

  get acknowledged(): number {
    return Math.max(0, ...this.lines.map((line) => Number(/^took (\d+)/.exec(line)?.[1] ?? 0)));
  }

  async until(what: string, test: () => boolean): Promise<void> {
    for (let i = 0; !test(); i++) {
      if (i > 1500 || this.process.exitCode !== null)
        throw new Error(`${what} did not happen: ${[...this.lines, ...this.errors].join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Waits for the connection and what it asks for first. */
  connected(n = 1): Promise<void> {
    return this.until(
      'connecting',
      () => this.errors.filter((line) => line === 'The stream is connected.').length >= n,
    );
  }

  async ended(): Promise<{ code: number | null; signal: string | null }> {
    await this.exited;
    return { code: this.process.exitCode, signal: this.process.signalCode };
  }

  async terminate(): Promise<void> {
    this.process.kill('SIGTERM');
    expect(await this.ended(), this.errors.join('\n')).toEqual({ code: 0, signal: null });
  }
}

const context = { clock: systemClock, logger: silentLogger };
const store = () => create({ root: join(workspace, 'store') }, context);
const key = (instrument: string) => ({
  ...{ source: 'alpaca', feed: 'sip', scope: 'regular' as const, interval: '1m' as const, instrument },
});
const stored = (symbol: string) => store().read(key(symbol), 0, Number.POSITIVE_INFINITY);
const logs = () => tailLogs(join(workspace, 'state', 'follow'));

describe('a killed ingest --follow', () => {
  it.each([
    ['before the bars are written', 'follow-checked:4', {}],
    ['once they are durable', 'follow-flushed:4', {}],
    ['between two series of a fold', 'follow-put:3', { foldEvery: '1ms' }],
    ['after a fold, before its log is emptied', 'follow-folded:2', { foldEvery: '1ms' }],
  ])('loses no bar and doubles none, killed %s', async (_, fault, flags) => {
    const first = new Start(fault, flags);
    await first.connected();
    const all = [30, 31, 32, 33, 34, 35, 36, 37];
    // Only the stream has these bars: whatever survives, survived in the log.
    for (const k of all) {
      for (const symbol of ['AAPL', 'MSFT']) tape.send(symbol, [k]);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    expect((await first.ended()).signal, first.errors.join('\n')).toBe('SIGKILL');
    const acknowledged = first.acknowledged;

    // The venue has corrected one of them since, and knows now what the stream had lost.
    for (const symbol of ['AAPL', 'MSFT']) tape.keep(symbol, all.slice(4));
    const second = new Start(undefined, flags);
    await second.connected();
    // Of both: the first start may have ended before it had any of MSFT, which has no dataset then.
    tape.send('MSFT', [38]);
    tape.send('AAPL', [38]);
    tape.send('AAPL', [38], 'u', 5);
    await second.until('the last bars', () => second.acknowledged >= 2);
    await second.terminate();

    const bars = { AAPL: await stored('AAPL'), MSFT: await stored('MSFT').catch(() => undefined) };
    const count = bars.AAPL.time.length + (bars.MSFT?.time.length ?? 0);
    expect(count).toBeGreaterThanOrEqual(acknowledged + 1);
    for (const [symbol, columns] of Object.entries(bars)) {
      if (columns === undefined) continue;
      const ks = [...columns.time].map((t) => (t - at(0)) / 60_000);
      expect(new Set(ks).size).toBe(ks.length);
      ks.forEach((k, i) => {
        expect(columns.volume[i]).toBe(minuteBar(symbol, k, k === 38 && symbol === 'AAPL' ? 5 : 0).v);
      });
    }
    expect(await logs()).toEqual([]);
    expect(await store().verify(key('AAPL'))).toEqual([]);
  });

  it('keeps a bar out that the checks refuse, goes on, and ends at SIGTERM with the dataset of what it stored', async () => {
    tape.keep('AAPL', [0, 1, 2]);
    tape.keep('MSFT', [0, 1, 2]);
    const start = new Start();
    await start.connected();
    for (const symbol of ['AAPL', 'MSFT']) tape.print(symbol, [30, 31, 32, 33, 34, 35]);
    venue.streams.sendData([{ T: 'b', S: 'AAPL', ...minuteBar('AAPL', 36), h: 90, n: 1, vw: 1 }]);
    tape.send('AAPL', [37]);
    await start.until('bars', () => start.acknowledged >= 19);
    await start.terminate();
    const path = start.lines.find((line) => line.startsWith('path '))!.slice(5);
    const dataset = JSON.parse(await readFile(join(path, 'dataset.json'), 'utf8'));
    expect(dataset.series.map((one: { pin: { rows: number } }) => one.pin.rows)).toEqual([10, 9]);
    expect((await stored('AAPL')).time.length).toBe(10);
    expect(JSON.parse(start.lines.at(-1)!)).toMatchObject({ streamed: 13, backfilled: 6, refused: 1 });
    expect(start.errors.join('\n')).toMatch(/The bar of 2026-11-23T15:06:00Z is not kept: AAPL failed range/);
    expect(venue.violations).toEqual([]);
  });
});

describe('the log of followed bars', () => {
  const info = infoFor(keyOf('A'));
  const header = { owner: 'nowhere|x/1|1|1', store: 'parquet', interval: '1m', series: [info] } as const;

  it('gives back what was durable, ignores a torn end, and refuses a changed middle', async () => {
    const log = await TailLog.create(workspace, 'a', header);
    log.append(0, barsAt(keyOf('A'), minutes('2024-01-01T00:00Z', 3)));
    await log.flush();
    log.append(0, barsAt(keyOf('A'), minutes('2024-01-01T00:02Z', 2), 2));
    await log.flush();
    await log.close();
    const whole = await readFile(log.path, 'utf8');
    const [bars] = (await readTail(log.path)).bars;
    expect([...bars!.time]).toEqual(minutes('2024-01-01T00:00Z', 4));
    expect(bars!.close[2]).toBe(barsAt(keyOf('A'), minutes('2024-01-01T00:02Z', 1), 2).close[0]);
    for (const cut of [1, 10, 60]) {
      await writeFile(log.path, whole.slice(0, -cut));
      expect((await readTail(log.path)).bars[0]!.time.length).toBe(3);
    }
    await writeFile(log.path, whole.replace(/\[0,1704067260000,/, '[0,1704067260001,'));
    await expect(readTail(log.path)).rejects.toMatchObject({ code: 'STATE', details: { line: 3 } });
  });

  it('is left alone while its process lives, and folded once it is gone', async () => {
    const { currentOwner } = await import('../../../../src/core/state/index.js');
    const bars = barsAt(keyOf('A'), minutes('2024-01-01T00:00Z', 3));
    const gone = currentOwner().split('|');
    for (const [name, owner] of [
      ['alive', currentOwner()],
      ['dead', [gone[0], gone[1], String(2 ** 22 + 1), '1'].join('|')],
    ] as const) {
      const log = await TailLog.create(join(workspace, 'logs'), name, { ...header, owner });
      log.append(0, bars);
      await log.flush();
      await log.close();
    }
    const target = store();
    expect(await recoverTails(join(workspace, 'logs'), async () => target, silentLogger)).toBe(3);
    expect(await recoverTails(join(workspace, 'logs'), async () => target, silentLogger)).toBe(0);
    expect(await readdir(join(workspace, 'logs'))).toEqual(['alive.log']);
    expect((await target.info(keyOf('A')))!.rows).toBe(3);
  });
});
