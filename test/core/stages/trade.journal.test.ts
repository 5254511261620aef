import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ManualClock, systemClock } from '../../../src/core/platform/index.js';
import { describeWith } from '../../support/require.js';
import { Resident } from '../../support/resident.js';
import { dailyBars, MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';
import { startPostgres } from '../state/postgresServer.js';

/** A journal that another process keeps locked, or whose server goes away, at each point of a slot. */
const FRIDAY = '2026-11-27';
const NOW = session(FRIDAY).close + 5000;
const FIVE = 5 * 60_000;
const WAIT = { timeout: 15_000, interval: 20 };
const POINTS = ['after-intent', 'after-send', 'during-fill-booking'] as const;

let rig: VenueRig;
beforeEach(async () => {
  rig = await VenueRig.start({ bars: () => dailyBars(walk(60), FRIDAY), now: NOW });
  (rig.clock as ManualClock).set(NOW);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rig.close();
});

/** Time for whoever waits runs a thousand times as fast. */
function hurry() {
  const { monotonic } = systemClock;
  const from = monotonic();
  vi.spyOn(systemClock, 'monotonic').mockImplementation(() => from + (monotonic() - from) * 1000);
}

/** At the first passing of a point. */
const at = (point: string, act: () => void) => {
  let done = false;
  return (name: string) => {
    if (name !== point || done) return;
    done = true;
    act();
  };
};

/** What the rerun of a start that failed makes of it: the lease of one that could not give it back runs out first. */
async function converges(fills = 1) {
  rig.clock.set(rig.clock.now() + 61_000);
  await rig.start();
  await rig.converges();
  expect(await rig.oracle()).toEqual({ accepted: 1, fills });
}

describe('SQLite', () => {
  /** Another process in the middle of a write. */
  async function lock(path: string) {
    const { default: Libsql } = (await import('libsql')) as unknown as {
      default: new (path: string) => { exec(sql: string): void; close(): void };
    };
    const other = new Libsql(path);
    const end = () => {
      other.exec('ROLLBACK');
      other.close();
    };
    return { begin: () => other.exec('BEGIN IMMEDIATE'), end };
  }

  test.each(['before the start', ...POINTS])(
    'locked for longer than the wait, %s: exit 7, named, and a rerun places and books once',
    async (point) => {
      await rig.journal(async () => {});
      if (point === 'during-fill-booking') await rig.once();
      const other = await lock(rig.runtime.journal);
      hurry();
      if (point === 'before the start') other.begin();
      await expect(rig.start({}, { faultPoint: at(point, other.begin) })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        exitCode: 7,
        message: expect.stringMatching(/Another process keeps the database locked: .*journal\.sqlite/),
      });
      other.end();
      vi.restoreAllMocks();
      await converges();
    },
  );
});

/** A way to a server that can be cut and mended. */
async function cable(port: number) {
  const sockets = new Set<Socket>();
  let cut = false;
  const server: Server = createServer((near) => {
    if (cut) return near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut: () => {
      cut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => {
      cut = false;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const server = await startPostgres();
if (server !== undefined) afterAll(server.stop);

describeWith('postgres', server !== undefined)('PostgreSQL', () => {
  let databases = 0;
  let way: Awaited<ReturnType<typeof cable>>;
  let direct: string;
  let journal: string;
  beforeEach(async () => {
    direct = await server!.create(`trading${++databases}`);
    const url = new URL(direct);
    way = await cable(Number(url.port));
    url.port = String(way.port);
    journal = url.href;
    Object.assign(rig, { runtime: { ...rig.runtime, journal } });
  });
  afterEach(() => way.close());

  test.each(['before the start', 'after-send'])(
    'the server goes away %s and comes back: exit 7, named, and a rerun places and books once',
    async (point) => {
      if (point === 'during-fill-booking') await rig.once();
      if (point === 'before the start') way.cut();
      await expect(rig.start({}, { faultPoint: at(point, way.cut) })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        exitCode: 7,
        message: expect.stringMatching(/The database server does not answer: postgres:/),
      });
      way.mend();
      await converges();
    },
  );

  test('a resident session lives through it: in a slot, as fills come, as its lease is to be renewed', async () => {
    const { open } = session(MONDAY);
    const minutes = (n: number) =>
      minuteBars(
        Array.from({ length: n }, (_, i) => 100 + (i % 2)),
        MONDAY,
        5,
      );
    const resident = await Resident.rig({
      interval: '5m',
      trainer: 'momentum(1)',
      backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)' },
      bars: () => minuteBars(walk(42), FRIDAY, 5),
      now: NOW,
    });
    onTestFinished(() => resident.close());
    Object.assign(resident.rig, { runtime: { ...resident.rig.runtime, journal } });
    const { venue, said } = resident.rig;
    /** Just behind the end of bar n of the day. */
    const slot = (n: number) => {
      venue.market.set('5Min', 'AAPL', [...minuteBars(walk(42), FRIDAY, 5), ...minutes(n)]);
      resident.clock.set(open + n * FIVE + 3100);
    };
    slot(1);
    await resident.begin({}, { faultPoint: at('after-send', way.cut) });
    slot(2);
    await resident.accepted(1);
    await vi.waitFor(() => expect(said.join('\n')).toMatch(/does not answer.*The slot is tried again/), WAIT);
    // Longer than the lease lasts without being renewed.
    for (let i = 0; i < 5; i++) resident.clock.set(resident.clock.now() + 16_000);
    way.mend();
    resident.clock.set(resident.clock.now() + 16_000);
    await resident.booked(1);
    slot(3);
    await resident.accepted(2);
    await resident.booked(2);
    expect(await resident.end()).toMatchObject({ outcome: 'decided', reason: 'interrupted', positions: [], fills: 2 });
    expect(await resident.rig.oracle()).toEqual({ accepted: 2, fills: 2 });
  });

  test('another process that keeps the writers’ lock is waited for in bounds', async () => {
    const { openPostgres } = await import('../../../src/core/state/postgres.js');
    const held = await openPostgres(direct);
    const mine = await openPostgres(journal);
    const short = "SET lock_timeout = '50ms'";
    await mine.read((sql) => sql.all(short), { single: true });
    await held.write(async () => {
      await expect(mine.write(async () => {})).rejects.toMatchObject({ code: 'UNAVAILABLE', exitCode: 7 });
    });
    await expect(mine.write(async (sql) => sql.all('SHOW lock_timeout'))).resolves.toEqual([{ lock_timeout: '50ms' }]);
    await mine.close();
    await held.close();
  });
});
