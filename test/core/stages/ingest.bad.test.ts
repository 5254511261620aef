import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { calendarOf } from '../../../src/core/domain/index.js';
import { isQuantlineError, type QuantlineError } from '../../../src/core/errors/index.js';
import { ManualClock, silentLogger } from '../../../src/core/platform/index.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { storeInit, storeStatus } from '../../../src/core/stages/store.js';
import { storeSync } from '../../../src/core/stages/warehouse/sync.js';
import type { FakeBar } from '../../fakes/alpaca/market.js';
import { FakeAlpaca } from '../../fakes/alpaca/server.js';
import { FakeBigQuery } from '../../fakes/bigquery/server.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const NOW = Date.UTC(2026, 10, 23, 22);
let venue: FakeAlpaca;
let warehouse: FakeBigQuery;
beforeAll(async () => {
  process.env['METADATA_SERVER_DETECTION'] = 'none';
  venue = await FakeAlpaca.start(() => NOW);
  venue.assets.set('AAPL', {}).set('OLD', { status: 'inactive', tradable: false });
  for (const symbol of ['AAPL', 'OLD']) {
    const last = symbol === 'OLD' ? Date.UTC(2026, 9, 16) : NOW;
    const sessions = calendarOf('XNYS').sessionsBetween(Date.UTC(2026, 8, 1), last);
    venue.market.set(
      '1Day',
      symbol,
      sessions.map(({ date }) => bar(`${date}T05:00:00Z`)),
    );
    venue.market.set(
      '1Min',
      symbol,
      sessions.flatMap(({ open, close }, k) =>
        Array.from({ length: k + 1 < sessions.length ? 2 : (close - open) / 60_000 }, (_, i) =>
          bar(iso(open + i * 60_000)),
        ),
      ),
    );
  }
});
afterAll(() => venue.close());
beforeEach(() => {
  venue.limit = undefined;
  venue.market.entitled = true;
  venue.market.pageSize = 10_000;
});

const iso = (time: number) => new Date(time).toISOString().replace('.000', '');
const bar = (t: string): FakeBar => ({ t, o: 10, h: 11, l: 9, c: 10, v: 100 });

const runtimeOf = (more: Partial<Runtime> = {}): Runtime & { readonly said: string[] } => {
  const said: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void said.push(text) };
  const secrets = venue.secrets;
  return { ...testRuntime({ clock: new ManualClock(NOW), logger, secrets, ...more }), said };
};
const run = (flags: Record<string, unknown>, runtime: Runtime) =>
  ingest(
    optionsOf('ingest', { source: 'alpaca', symbols: 'AAPL', interval: '1d', from: '2026-09-01', ...flags }),
    runtime,
  );
const failure = async (flags: Record<string, unknown>, runtime: Runtime): Promise<QuantlineError> => {
  const error: unknown = await run(flags, runtime).catch((e: unknown) => e);
  if (!isQuantlineError(error)) throw new Error(`it did not fail as it should: ${String(error)}`);
  expect(error.hint).toBeTruthy();
  return error;
};
/** Everything stored, by name and contents. */
const stored = ({ workspace }: Runtime) =>
  readdirSync(join(workspace, 'store'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name)).toString('base64')]);

describe('an ingest that cannot be right names what is wrong, and leaves what was stored', () => {
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(venue.secrets).filter(([name]) => !names.includes(name)));
  const live = 'https://api.alpaca.markets';

  it.each([
    ['an unknown symbol', { symbols: 'NOPE' }, {}, 'INPUT', 4, /does not know the symbol NOPE/, /written/],
    [
      'a range after a delisting',
      { symbols: 'OLD', from: '2026-11-02' },
      {},
      'NO_DATA',
      4,
      /no 1d bars of OLD in that range/,
      /delisted symbol/,
    ],
    [
      'a range without a session',
      { from: '2026-11-21', to: '2026-11-22' },
      {},
      'NO_DATA',
      4,
      /no session of XNYS from 2026-11-21 to 2026-11-22/,
      /--to is inclusive/,
    ],
    [
      'a range that ends before it begins',
      { from: '2026-11-20', to: '2026-11-10' },
      {},
      'NO_DATA',
      4,
      /no session of XNYS/,
      /range/,
    ],
    [
      'a date in the future',
      { from: '2027-01-04' },
      {},
      'NO_DATA',
      4,
      /2027-01-04 lies in the future: it is 2026-11-23/,
      /has begun/,
    ],
    [
      'no keys',
      {},
      () => without('APCA_API_KEY_ID', 'APCA_API_SECRET_KEY'),
      'CREDENTIALS',
      3,
      /APCA_API_KEY_ID and APCA_API_SECRET_KEY/,
      /app.alpaca.markets/,
    ],
    [
      'half a pair of keys',
      {},
      () => without('APCA_API_SECRET_KEY'),
      'CREDENTIALS',
      3,
      /Alpaca needs APCA_API_SECRET_KEY/,
      /both/,
    ],
    [
      'keys that are not accepted',
      {},
      () => ({ ...venue.secrets, APCA_API_SECRET_KEY: 'another-one' }),
      'CREDENTIALS',
      3,
      /does not accept these keys \(401/,
      /right environment/,
    ],
    [
      'keys of the other environment',
      {},
      () => ({ ...venue.secrets, APCA_API_BASE_URL: live }),
      'CREDENTIALS',
      3,
      /names the live host, but paper/,
      /Remove the variable/,
    ],
  ] as const)('%s', async (_, flags, secrets, code, exitCode, message, hint) => {
    const runtime = runtimeOf();
    await run({}, runtime);
    const before = stored(runtime);
    const given = typeof secrets === 'function' ? { ...runtime, secrets: secrets() } : runtime;
    const error = await failure({ refetch: true, ...flags }, given);
    expect([error.code, error.exitCode]).toEqual([code, exitCode]);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(error.message + error.hint).not.toContain(venue.keys.secret);
    expect(stored(runtime)).toEqual(before);
  });

  it('a missing entitlement', async () => {
    const runtime = runtimeOf();
    await run({ to: '2026-11-20' }, runtime);
    const before = stored(runtime);
    venue.market.entitled = false;
    const error = await failure({ update: true, from: undefined }, runtime);
    expect([error.code, error.exitCode]).toEqual(['CREDENTIALS', 3]);
    expect(error.message).toMatch(/subscription/);
    expect(error.hint).toMatch(/--source iex .*--feed delayed_sip/);
    expect(stored(runtime)).toEqual(before);
    // What the hint says works.
    const { symbols } = await run({ feed: 'delayed_sip' }, runtime);
    expect(symbols[0]!.rows).toBeGreaterThan(50);
  });

  it('a delisted symbol: its history is stored, its end is said, and --update finds nothing wrong', async () => {
    const runtime = runtimeOf();
    const { symbols } = await run({ symbols: 'OLD' }, runtime);
    expect(symbols[0]!.rows).toBe(32);
    expect(runtime.said.join('\n')).toMatch(/OLD is no longer traded; its history ends/);
    expect(runtime.said.join('\n')).toMatch(/OLD: stale: 27 found, at 2026-10-16/);
    expect((await run({ symbols: 'OLD', update: true, from: undefined }, runtime)).symbols[0]!.inserted).toBe(0);
  });

  it('an unknown symbol among known ones: those are stored, that one is named', async () => {
    const runtime = runtimeOf();
    const error = await failure({ symbols: 'AAPL,NOPE' }, runtime);
    expect([error.code, error.exitCode]).toEqual(['NO_DATA', 4]);
    expect(error.message).toMatch(/1 of 2 symbols failed, 1 were stored:\n {2}NOPE: Alpaca does not know/);
    expect((await run({ symbols: 'AAPL,NOPE', allowMissing: 1 }, runtime)).symbols).toMatchObject([
      { symbol: 'AAPL', inserted: 0 },
    ]);
  });

  it('a quota that is used up half-way: whole months stay, and the same command goes on behind them', async () => {
    const runtime = runtimeOf();
    venue.market.pageSize = 44;
    // Assets, three months at once and the actions; then pages of the months.
    venue.limit = { remaining: 7, headers: () => ({ 'x-ratelimit-reset': String(NOW / 1000 + 86_400) }) };
    const error = await failure({ interval: '1m' }, runtime);
    expect([error.code, error.exitCode]).toEqual(['UNAVAILABLE', 7]);
    expect(error.message).toMatch(/429|too many|limit/i);
    venue.limit = undefined;
    const before = await storeStatus({}, runtime);
    expect(before).toMatchObject([{ gaps: expect.any(Number) }]);
    const coverage = before[0]!.info.coverage!;
    expect(coverage.map(({ to }) => iso(to).slice(0, 7))).toEqual(['2026-10']);
    venue.requests.length = 0;
    const { artifact } = await run({ interval: '1m' }, runtime);
    const starts = venue.requests
      .filter(({ path }) => path === '/v2/stocks/bars')
      .map(({ query }) => query.get('start')!);
    expect(Date.parse(starts.sort()[0]!)).toBe(coverage[0]!.to);
    const whole = await run({ interval: '1m' }, runtimeOf());
    expect(artifact.id).toBe(whole.artifact.id);
  });

  it('a zone that does not exist', async () => {
    const runtime = runtimeOf();
    const csv = { source: 'csv', symbols: 'SPY', file: fixture('bars/spy-daily-2017-2018.csv'), from: undefined };
    await run(csv, runtime);
    const before = stored(runtime);
    const error = await failure({ ...csv, timezone: 'Mars/Olympus' }, runtime);
    expect([error.code, error.exitCode]).toEqual(['USAGE', 2]);
    expect(error.message).toMatch(/Mars\/Olympus/);
    expect(stored(runtime)).toEqual(before);
  });
});

describe('a warehouse that is not what it should be', () => {
  beforeEach(async () => {
    warehouse = await FakeBigQuery.start();
    return () => warehouse.close();
  });
  const files = async () => {
    const runtime = runtimeOf();
    await run({}, runtime);
    return runtime;
  };
  const refused = async (promise: Promise<unknown>) => {
    const error: unknown = await promise.catch((e: unknown) => e);
    if (!isQuantlineError(error)) throw new Error(`it did not fail as it should: ${String(error)}`);
    expect(error.hint).toBeTruthy();
    return error;
  };
  const sync = (store: string, runtime: Runtime) => storeSync(optionsOf('store:sync', { store }), runtime);

  it('a table with another schema: nothing is loaded', async () => {
    const runtime = await files();
    await storeInit(warehouse.address(), runtime);
    const table = warehouse.tables.get('bars') as { schema: { fields: { name: string; type: string }[] } };
    table.schema.fields = table.schema.fields.filter(({ name }) => name !== 'generation');
    const jobs = warehouse.jobs.length;
    for (const call of [() => sync(warehouse.address(), runtime), () => run({ store: warehouse.address() }, runtime)]) {
      const error = await refused(call());
      expect([error.code, error.exitCode]).toEqual(['MISMATCH', 4]);
      expect(error.message).toMatch(/bars_eu.bars has another schema: column generation is missing instead of INT64/);
      expect(error.hint).toMatch(/another dataset/);
    }
    expect(warehouse.jobs.slice(jobs)).toEqual([]);
  });

  it('a dataset in another region than its address says', async () => {
    const runtime = await files();
    const address = warehouse.address('&location=us-east1');
    for (const call of [() => storeInit(address, runtime), () => sync(address, runtime)]) {
      const error = await refused(call());
      expect([error.code, error.exitCode]).toEqual(['CONFIG', 3]);
      expect(error.message).toMatch(/The dataset bars_eu is in EU, not in us-east1/);
      expect(error.hint).toMatch(/Leave location out/);
    }
    expect([warehouse.jobs, warehouse.tables.size]).toEqual([[], 0]);
    await storeInit(warehouse.address('&location=eu'), runtime);
  });

  it('a bucket in another region than the dataset', async () => {
    const runtime = await files();
    warehouse.failures.push({
      match: /^POST .*jobs/,
      ...{ status: 400, reason: 'invalid', times: 99 },
      message: 'Cannot read and write in different locations: source: US, destination: EU',
    });
    const error = await refused(sync(warehouse.address(), runtime));
    expect([error.code, error.exitCode]).toEqual(['CONFIG', 3]);
    expect(error.hint).toMatch(/region of the dataset/);
  });

  it('a quota of loads that is used up half-way: the same command goes on', async () => {
    const runtime = await files();
    await run({ interval: '1m' }, runtime);
    let loads = 0;
    warehouse.onLoad = async () => {
      if (++loads === 2)
        warehouse.failures.push({
          match: /^POST .*jobs/,
          ...{ status: 403, reason: 'quotaExceeded', times: 99 },
          message: 'Quota exceeded: Your project exceeded quota for imports',
        });
    };
    const error = await refused(sync(warehouse.address(), runtime));
    expect([error.code, error.exitCode]).toEqual(['UNAVAILABLE', 7]);
    expect(error.message).toMatch(/A quota is used up/);
    expect(error.hint).toMatch(/run the same command again/);
    warehouse.failures.length = 0;
    const done = warehouse.jobs.filter(({ configuration }) => configuration.load !== undefined).map(({ id }) => id);
    await sync(warehouse.address(), runtime);
    const all = warehouse.jobs.filter(({ configuration }) => configuration.load !== undefined).map(({ id }) => id);
    expect(all.slice(0, done.length)).toEqual(done);
    expect(new Set(all).size).toBe(all.length);
    expect(warehouse.violations).toEqual([]);
  });
});

describe('a delayed feed', () => {
  it('is known sixteen minutes after each bar: 15 of the vendor, one for clocks', async () => {
    const runtime = runtimeOf({ clock: new ManualClock(Date.UTC(2026, 10, 23, 14, 46, 30)) });
    const { artifact } = await run({ interval: '1m', feed: 'delayed_sip', from: '2026-11-20' }, runtime);
    const dataset = JSON.parse(readFileSync(artifact.file('dataset.json'), 'utf8')) as { delayMs: number };
    expect(dataset.delayMs).toBe(960_000);
    const [status] = await storeStatus({}, runtime);
    // 14:30 is over at 14:31 and known at 14:47.
    expect(iso(status!.info.lastTime!)).toBe('2026-11-20T14:31:00Z');
    expect(status!.info.coverage!.at(-1)!.to).toBeLessThanOrEqual(Date.UTC(2026, 10, 23, 14, 30));
  });
});
