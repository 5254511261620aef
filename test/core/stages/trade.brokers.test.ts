import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { LOGIN_MS } from '../../../src/core/clients/schwab/index.js';
import { FAULT_POINTS } from '../../../src/core/execution/index.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { accounts } from '../../../src/core/stages/status.js';
import { hangAfter } from '../../fakes/alpaca/faults.js';
import { listen, readRequest } from '../../fakes/loopback.js';
import { logIn, viewOf as schwabView } from '../../fakes/schwab/rig.js';
import { FakeSchwab } from '../../fakes/schwab/server.js';
import { viewOf as twsView } from '../../fakes/tws/rig.js';
import { FakeTws } from '../../fakes/tws/server.js';
import { errorMessage } from '../../fakes/tws/wire.js';
import { hasDisk, journalOnDisk } from '../../support/disk.js';
import { dailyBars, MONDAY, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** The whole of `trade --once` at the other brokers: bars of Alpaca, orders elsewhere. */
const FRIDAY = '2026-11-27';
let rig: VenueRig;
beforeEach(async () => {
  rig = await VenueRig.start({
    bars: () => dailyBars(walk(60), FRIDAY),
    now: session(FRIDAY).close + 5000,
    overrides: { journal: journalOnDisk() },
  });
});
afterEach(() => rig.close());

/** What two starts in one second come to, in the order in which they get to the lease. */
function oneOfTwo(files: readonly { outcome: string; orders: number; reason: string | null }[]) {
  expect([...files].sort((a, b) => a.outcome.localeCompare(b.outcome))).toMatchObject([
    { outcome: 'decided', orders: 1 },
    { outcome: 'slot-taken', orders: 0, reason: expect.stringContaining('another start holds the lease') },
  ]);
}

const fills = () => rig.journal((journal) => journal.fills());

/** A start that dies at a named point, and two more; gives how many orders these left open or gave up. */
async function killedAt(point: string, given: Record<string, unknown>, runtime: Partial<Runtime> = {}) {
  const faultPoint = (name: string) => {
    if (name === point) throw new Error('killed');
  };
  // Their fills are booked by the start that follows.
  if (point === 'during-fill-booking') await rig.start(given, runtime);
  await expect(rig.start(given, { ...runtime, faultPoint })).rejects.toThrow('killed');
  const again = await rig.start(given, runtime);
  await rig.start(given, runtime);
  return [again.exit, again.session.unresolved];
}
/** These venues keep no id of ours to refuse a second order by: what may have left is told, and not sent again. */
const afterKill = FAULT_POINTS.map((point): [string, string, number] =>
  point === 'before-send' ? [point, 'refused', 0] : [point, 'ok', 1],
);

describe('trade --broker ibkr', () => {
  let tws: FakeTws;
  beforeEach(async () => {
    tws = await FakeTws.start(() => rig.clock.now());
    rig.view = twsView(tws);
  });
  afterEach(async () => {
    tws.disarm();
    await rig.afterFault();
    await tws.close();
  });
  const once = (more: Record<string, unknown> = {}) =>
    rig.once({ broker: 'ibkr', set: { port: String(tws.port), clientId: '5' }, ...more });

  test('decides the slot once, sends whole shares, books the fill with its costs, and adopts what it did', async () => {
    expect(await once()).toMatchObject({ outcome: 'decided', venue: 'ibkr-paper', account: 'DU1234567', orders: 1 });
    const [order] = tws.book.accepted;
    expect(order).toMatchObject({ action: 'BUY', orderType: 'MKT', account: 'DU1234567' });
    expect(Number.isInteger(order!.total)).toBe(true);
    expect(await once()).toMatchObject({ outcome: 'nothing', orders: 0 });
    expect(tws.book.accepted).toHaveLength(1);
    expect(await fills()).toMatchObject([{ quantity: String(order!.total), costs: '1' }]);
  });

  test('F44: the order is taken and the connection dies; the next start adopts it', async () => {
    tws.arm('placeOrder', ({ process, drop }) => {
      process(true);
      drop();
    });
    tws.book.rules.fillMarket = false;
    await once();
    tws.book.fill(tws.book.accepted[0]!);
    await once();
    expect(tws.book.accepted).toHaveLength(1);
    expect(await fills()).toHaveLength(1);
  });

  test('F44: a restart between two starts, order numbers from the beginning: found by its reference, booked once', async () => {
    tws.book.rules.fillMarket = false;
    await once();
    await tws.restart(() => {
      tws.nextId = 1;
      for (const order of tws.book.orders) tws.forgottenIds.add(order);
      tws.book.fill(tws.book.accepted[0]!);
    });
    await once();
    await once();
    expect(tws.book.accepted).toHaveLength(1);
    expect(await fills()).toHaveLength(1);
  });

  test('F44: connectivity lost (1100): nothing is concluded and nothing is sent, exit 7', async () => {
    tws.greeting = [errorMessage(-1, 1100, 'Connectivity between IB and Trader Workstation has been lost.')];
    await expect(once()).rejects.toMatchObject({ exitCode: 7 });
    expect(tws.book.accepted).toEqual([]);
  });

  test('F12: two starts in one second: one places, the other says why not', async () => {
    oneOfTwo(await Promise.all([once(), once()]));
    expect(tws.book.accepted).toHaveLength(1);
    expect(await once()).toMatchObject({ outcome: 'nothing', fills: 1 });
  });

  test('F10: killed as it sends: told, exit code 6, placed no second time; later it is known not to be there', async () => {
    const killed = (name: string) => {
      if (name === 'before-send') throw new Error('killed');
    };
    const given = { broker: 'ibkr', set: { port: String(tws.port), clientId: '5' } };
    await expect(rig.start(given, { faultPoint: killed })).rejects.toThrow('killed');
    const again = await rig.start(given);
    expect([again.exit, again.session.unresolved, again.session.unsent]).toEqual(['refused', 1, 0]);
    expect(rig.said.at(-1)).toMatch(
      /^the buy order for AAPL may or may not be at the venue: .*no second one is placed/,
    );
    rig.clock.set(rig.clock.now() + 600_000);
    const later = await rig.start(given);
    expect([later.exit, later.session.unresolved, later.session.unsent]).toEqual(['refused', 0, 1]);
    expect((await rig.start(given)).exit).toBe('ok');
    expect(tws.book.accepted).toEqual([]);
  });

  test.each(afterKill)(
    'F9, F10: killed at %s: the next start ends with %s, %i placed in all',
    async (point, exit, placed) => {
      const given = { broker: 'ibkr', set: { port: String(tws.port), clientId: '5' } };
      expect(await killedAt(point, given)).toEqual([exit, 1 - placed]);
      expect(tws.book.accepted).toHaveLength(placed);
      expect(await fills()).toHaveLength(placed);
    },
  );

  test('an order that stays partly filled is waited for once', async () => {
    tws.book.rules.fillMarket = false;
    await once();
    rig.clock.set(session(MONDAY).open + 60_000);
    tws.book.fill(tws.book.accepted[0]!, 10);
    const before = rig.clock.now();
    await once({ patience: '20s' });
    expect(rig.clock.now() - before).toBeLessThan(40_000);
    expect(await fills()).toHaveLength(1);
  });

  test('an account with real money is not traded without --live', async () => {
    tws.accounts = ['U7654321'];
    await expect(once()).rejects.toMatchObject({
      code: 'CREDENTIALS',
      exitCode: 3,
      message: expect.stringMatching(/--live was not given/),
    });
    expect(tws.book.accepted).toEqual([]);
  });
});

describe('trade --broker schwab', () => {
  let schwab: FakeSchwab;
  let given: Record<string, unknown>;
  beforeEach(async () => {
    schwab = await FakeSchwab.start(() => rig.clock.now());
    rig.view = schwabView(schwab);
    await logIn(schwab, join(rig.runtime.workspace, 'state'), rig.clock.now());
    const report = await evaluate(optionsOf('evaluate', { run: rig.run.path, gate: 'trades>=0' }), rig.runtime);
    given = { broker: 'schwab', report: report.artifact.id, live: true };
  });
  afterEach(async () => {
    schwab.disarm();
    await rig.afterFault();
    await schwab.close();
  });
  const runtime = () => ({ secrets: { ...rig.runtime.secrets, ...schwab.secrets }, allowLive: '12345678' });

  test('without --live: exit code 3, the simulated venue by name, nothing is sent', async () => {
    await expect(rig.start({ ...given, live: false }, runtime())).rejects.toMatchObject({
      code: 'GUARD',
      exitCode: 3,
      hint: expect.stringContaining('--broker sim'),
    });
    expect(schwab.requests).toEqual([]);
  });

  test('looking at the account needs no --live', async () => {
    const [row] = await accounts(optionsOf('account', { broker: 'schwab' }), { ...rig.runtime, ...runtime() });
    expect(row).toMatchObject({ venue: 'schwab-live', account: '12345678', paper: false });
  });

  test('with another account than the one allowed: nothing is sent', async () => {
    await expect(rig.start(given, { ...runtime(), allowLive: '1' })).rejects.toMatchObject({ code: 'GUARD' });
    expect(schwab.book.roots).toEqual([]);
  });

  test.skipIf(!hasDisk)(
    'with all guards: one order, booked once; a login that ends soon is announced, to people too',
    async () => {
      await logIn(schwab, join(rig.runtime.workspace, 'state'), rig.clock.now() - LOGIN_MS + 3_600_000);
      const told: string[] = [];
      const hook = await listen(async (request, response) => {
        told.push(await readRequest(request));
        response.end();
      });
      onTestFinished(() => hook.close());
      const { secrets, allowLive } = runtime();
      const first = await rig.start(
        { ...given, notify: 'webhook' },
        { secrets: { ...secrets, QUANTLINE_NOTIFY_URL: hook.url }, allowLive },
      );
      expect(told.map((text) => JSON.parse(text))).toMatchObject([
        {
          event: 'token',
          urgent: true,
          text: expect.stringMatching(/login at Schwab ends at .*quantline login schwab/),
        },
      ]);
      expect(first.session).toMatchObject({ outcome: 'decided', venue: 'schwab-live', account: '12345678', orders: 1 });
      expect(rig.said.join('\n')).toMatch(/login at Schwab ends at .*quantline login schwab/);
      expect((await rig.start(given, runtime())).session).toMatchObject({ outcome: 'nothing' });
      expect(schwab.book.roots).toHaveLength(1);
      expect(await fills()).toHaveLength(1);
      expect(schwab.violations).toEqual([]);
      for (const secret of [schwab.app.secret, schwab.accessToken, schwab.refreshToken])
        expect(rig.said.join('\n')).not.toContain(secret);
    },
  );

  test.skipIf(!hasDisk)('F12: two starts in one second: one places, the other says why not', async () => {
    const both = await Promise.all([rig.start(given, runtime()), rig.start(given, runtime())]);
    oneOfTwo(both.map(({ session }) => session));
    expect(schwab.book.roots).toHaveLength(1);
    expect((await rig.start(given, runtime())).session).toMatchObject({ outcome: 'nothing', fills: 1 });
  });

  test.skipIf(!hasDisk).each(afterKill)(
    'F9, F10: killed at %s: the next start ends with %s, %i placed in all',
    async (point, exit, placed) => {
      expect(await killedAt(point, given, runtime())).toEqual([exit, 1 - placed]);
      expect(schwab.book.roots).toHaveLength(placed);
      expect(await fills()).toHaveLength(placed);
    },
  );

  const later = (ms: number) => rig.clock.set(rig.clock.now() + ms);

  test.skipIf(!hasDisk)(
    'F43: the login ends between two starts: exit 3 with the way forward, nothing sent',
    async () => {
      await rig.start(given, runtime());
      later(LOGIN_MS);
      await expect(rig.start(given, runtime())).rejects.toMatchObject({
        code: 'CREDENTIALS',
        exitCode: 3,
        hint: expect.stringContaining('quantline login schwab'),
      });
      expect(schwab.book.roots).toHaveLength(1);
      // Once somebody has logged in again, what had filled is booked.
      await logIn(schwab, join(rig.runtime.workspace, 'state'), rig.clock.now());
    },
  );

  test.skipIf(!hasDisk).each<[string, () => unknown]>([
    ['201 without a Location', () => Object.assign(schwab, { location: 'none' })],
    ['a Location that names another order', () => Object.assign(schwab, { location: 'other' })],
    ['no answer at all', () => schwab.arm('POST /trader/v1/accounts/{hash}/orders', hangAfter)],
  ])('F43: %s: matched by listing, placed once, its fill booked once', async (_, act) => {
    act();
    const set = { timeoutSeconds: '0.2' };
    await rig.start({ ...given, set }, runtime());
    await rig.start(given, runtime());
    expect(schwab.book.roots).toHaveLength(1);
    expect(await fills()).toHaveLength(1);
  });

  test('--broker tdameritrade says where it went', async () => {
    await expect(rig.once({ broker: 'tdameritrade' })).rejects.toMatchObject({
      code: 'CONFIG',
      exitCode: 3,
      message: expect.stringContaining('moved to Charles Schwab'),
      hint: expect.stringContaining('--broker schwab'),
    });
  });
});
