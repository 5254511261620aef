import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../../src/core/artifacts/index.js';
import { orders } from '../../../../src/core/stages/book.js';
import { flatten } from '../../../../src/core/stages/flatten.js';
import { halt, resume } from '../../../../src/core/stages/halt.js';
import { positions } from '../../../../src/core/stages/positions.js';
import { trade } from '../../../../src/core/stages/trade.js';
import { openJournal, streamOf } from '../../../../src/core/state/index.js';
import * as faults from '../../../fakes/alpaca/faults.js';
import { optionsOf, testRuntime } from '../../../support/workspace.js';
import { order, PaperRig, SCOPE, spyRun } from './fixture.js';

const haltOptions = (more: Record<string, unknown>) => ({
  ...optionsOf('halt', { reason: 'a test', ...more }),
  reason: 'a test',
});

describe('at the simulated venue', () => {
  const runtime = testRuntime({}, true);
  afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
  let run: Artifact;
  beforeAll(async () => {
    run = await spyRun(runtime);
  });
  const start = (strategy: string, more: Record<string, unknown> = {}) =>
    trade(optionsOf('trade', { run: run.path, strategy, set: { account: strategy }, ...more }), runtime);
  const state = async (strategy: string) => {
    const journal = await openJournal(runtime.journal);
    const standing = await journal.state({ venue: 'sim', account: strategy, strategy });
    await journal.close();
    return standing;
  };

  test('a halted strategy decides nothing until it is resumed, and then ends where it would have', async () => {
    await start('a', { until: '2018-11-09' });
    const { rows, exit } = await halt(haltOptions({ strategy: 'a' }), runtime);
    expect(exit).toBe('ok');
    expect(rows).toMatchObject([
      { strategy: 'a', before: 'active', state: 'halted', reason: 'a test', at_venue: null },
    ]);
    const stopped = await start('a');
    expect(stopped).toMatchObject({ exit: 'refused', session: { outcome: 'halted', slots: 0 } });
    expect(stopped.session.reason).toContain('a test');
    expect((await resume(optionsOf('resume', { strategy: 'a' }), runtime)).rows[0]).toMatchObject({ state: 'active' });
    const rest = await start('a');
    const whole = await start('whole');
    expect(rest.session.equity).toBe(whole.session.equity);
    expect(rest.session.fills).toBe(whole.session.fills);
  });

  test('flatten plans, then closes at the next bars; the strategy is halted once it is flat', async () => {
    await start('b', { until: '2018-11-09' });
    const [held] = await positions(optionsOf('positions', { strategy: 'b' }), runtime);
    const planned = await flatten(optionsOf('flatten', { strategy: 'b', dryRun: true }), runtime);
    expect(planned.rows[0]).toMatchObject({ outcome: 'planned', problems: [] });
    expect(planned.rows[0]!.steps).toMatchObject([{ action: 'close', instrument: 'SPY', quantity: held!.quantity }]);
    expect((await state('b')).state).toBe('active');

    const sent = await flatten(optionsOf('flatten', { strategy: 'b', reason: 'enough' }), runtime);
    expect(sent).toMatchObject({ exit: 'ok', rows: [{ outcome: 'closing', problems: [] }] });
    expect(await state('b')).toMatchObject({ state: 'reducing', reason: 'enough' });
    expect(await orders(optionsOf('orders', { strategy: 'b' }), runtime)).toMatchObject([
      { leg: 'exit', side: 'sell' },
    ]);

    const after = await start('b');
    expect(after).toMatchObject({ exit: 'refused', session: { outcome: 'halted', positions: [] } });
    expect(await state('b')).toMatchObject({ state: 'halted', reason: 'enough' });
    expect(await positions(optionsOf('positions', { strategy: 'b' }), runtime)).toEqual([]);
  });

  test('--reduce lets the exit signal close, opens nothing after, and halts when flat', async () => {
    await start('c', { until: '2018-11-09' });
    await halt(haltOptions({ strategy: 'c', reduce: true }), runtime);
    const rest = await start('c');
    expect(rest.session).toMatchObject({ outcome: 'halted', positions: [] });
    const all = await orders(optionsOf('orders', { strategy: 'c', all: true }), runtime);
    expect(all.filter(({ leg }) => leg === 'entry')).toHaveLength(1);
    expect(all.filter(({ leg, status }) => leg === 'exit' && status === 'filled')).toHaveLength(1);
  });

  test('a lasting risk policy reduces, then halts, with its reason in the journal', async () => {
    const risky = await spyRun(runtime, { risk: 'max-drawdown(1%)' });
    const options = { run: risky.path, strategy: 'd', set: { account: 'd' } };
    const result = await trade(optionsOf('trade', options), runtime);
    expect(result).toMatchObject({ exit: 'refused', session: { outcome: 'halted', positions: [] } });
    expect((await state('d')).reason).toMatch(/^risk: max-drawdown, equity [\d.]+, peak [\d.]+$/);
    await resume(optionsOf('resume', { strategy: 'd' }), runtime);
    const again = await trade(optionsOf('trade', options), runtime);
    expect(again.session.slots).toBeGreaterThan(0);
  });

  test('what a limit cuts stands with its reason in the decision', async () => {
    const limited = await spyRun(runtime, { risk: 'max-order($5000),no-short' });
    await trade(optionsOf('trade', { run: limited.path, strategy: 'e', set: { account: 'e' } }), runtime);
    const journal = await openJournal(runtime.journal);
    const decisions = await journal.events({
      scope: { venue: 'sim', account: 'e', strategy: 'e' },
      types: ['decision'],
    });
    await journal.close();
    const verdicts = decisions.flatMap(({ body }) => (body as { body: { verdicts?: unknown[] } }).body.verdicts ?? []);
    expect(verdicts[0]).toMatchObject({
      policy: 'max-order',
      instrument: 'SPY',
      reason: 'an order is worth at most 5000',
    });
    const held = await orders(optionsOf('orders', { strategy: 'e', all: true }), runtime);
    expect(held.find(({ leg }) => leg === 'entry')).toMatchObject({ notional: '5000' });
  });

  test('a switch that turns nothing off says so', async () => {
    await expect(halt(haltOptions({ strategy: 'typo' }), runtime)).rejects.toMatchObject({ code: 'NO_DATA' });
    await expect(flatten(optionsOf('flatten', {}), testRuntime())).rejects.toMatchObject({ code: 'NO_DATA' });
    const refused = await halt(haltOptions({ strategy: 'a', atVenue: true }), runtime);
    expect(refused).toMatchObject({ exit: 'refused', rows: [{ state: 'halted', at_venue: 'sim cannot do that' }] });
  });
});

describe('at Alpaca', () => {
  let rig: PaperRig;
  afterEach(() => rig.venue.close());
  const flat = (more: Record<string, unknown> = {}) =>
    flatten(optionsOf('flatten', { strategy: 'swing', wait: '5s', ...more }), rig.runtime);

  test('flatten closes what the strategy owns and leaves the rest alone', async () => {
    rig = await PaperRig.start();
    await rig.trade(order(), order({ instrument: 'MSFT', type: 'limit', limitPrice: '150', quantity: '3' }));
    rig.byHand({ symbol: 'AAPL', qty: '4' });
    rig.byHand({ symbol: 'MSFT', qty: '7', type: 'limit', limit_price: '140' });
    const { rows, exit } = await flat();
    expect(rows[0]).toMatchObject({ outcome: 'flat', problems: [] });
    expect(exit).toBe('ok');
    expect(rows[0]!.steps).toMatchObject([
      { action: 'cancel', instrument: 'MSFT', quantity: '3', outcome: 'canceled' },
      { action: 'close', instrument: 'AAPL', quantity: '10', outcome: 'filled' },
    ]);
    expect(rig.venue.book.positions.get('AAPL')!.qty).toBe(4);
    expect([...rig.venue.book.orders.values()].filter(({ status }) => status === 'new')).toHaveLength(1);
    expect(rig.venue.violations).toEqual([]);
    const journal = await openJournal(rig.runtime.journal);
    expect(await journal.state(SCOPE)).toMatchObject({ state: 'halted', reason: 'flattened' });
    // Its exits belong to the slot of the last decision: of a replay that is years before the time of the command.
    expect(new Set((await journal.orders()).map(({ slot }) => slot)).size).toBe(1);
    await journal.close();
    expect((await flat()).rows[0]).toMatchObject({ outcome: 'flat', steps: [] });
  });

  test('F37 a cancel that the venue does not take is asked for again; what is open still says why', async () => {
    rig = await PaperRig.start();
    await rig.trade(order({ instrument: 'MSFT', type: 'limit', limitPrice: '150', quantity: '3' }));
    const refuse = faults.reply(422, { code: 42210000, message: 'order is being worked on' });
    rig.venue.arm('DELETE /v2/orders/{id}', refuse, 99);
    const { rows, exit } = await flat();
    expect([exit, rows[0]!.problems]).toEqual([
      'refused',
      [expect.stringMatching(/still accepted; .*being worked on/)],
    ]);
    rig.venue.disarm();
    rig.venue.arm('DELETE /v2/orders/{id}', refuse, 1);
    expect((await flat({ wait: '20s' })).rows[0]).toMatchObject({ outcome: 'flat', problems: [] });
  });

  test('a wait that is longer than a start may trade for: what is closed after it is still sent', async () => {
    rig = await PaperRig.start();
    await rig.trade(order(), order({ instrument: 'MSFT', type: 'limit', limitPrice: '150', quantity: '3' }));
    rig.venue.arm('DELETE /v2/orders/{id}', faults.reply(422, { message: 'order is being worked on' }), 999);
    const { rows } = await flat({ wait: '90s' });
    expect(rows[0]!.steps).toMatchObject([{ action: 'close', instrument: 'AAPL', outcome: 'filled' }]);
    expect(rows[0]!.problems).toHaveLength(1);
  });

  test('an exit that is not sent is a problem, not one that is under way', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    const later = faults.reply(429, { message: 'too many requests' });
    rig.venue.arm('POST /v2/orders', later, 99);
    const { rows, exit } = await flat();
    expect([exit, rows[0]!.problems]).toEqual(['refused', [expect.stringMatching(/the exit is expired, not sent/)]]);
    rig.venue.disarm();
    expect((await flat()).rows[0]).toMatchObject({ outcome: 'flat' });
  });

  test('--all plans and takes down what others did, too', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    rig.byHand({ symbol: 'AAPL', qty: '4' });
    rig.byHand({ symbol: 'MSFT', qty: '7', type: 'limit', limit_price: '140' });
    const before = rig.venue.book.accepted.length;
    const planned = await flat({ dryRun: true, all: true });
    expect(
      planned.rows[0]!.steps.map(({ action, instrument, quantity, external }) => [
        action,
        instrument,
        quantity,
        external,
      ]),
    ).toEqual([
      ['close', 'AAPL', '10', false],
      ['cancel', 'MSFT', '7', true],
      ['close', 'AAPL', '4', true],
    ]);
    expect(rig.venue.book.accepted).toHaveLength(before);
    const { rows, exit } = await flat({ all: true });
    expect(rows[0]!.steps.map(({ action, external }) => [action, external])).toEqual([
      ['close', false],
      ['cancel', true],
      ['close', true],
    ]);
    expect(rows[0]!.problems).toEqual([]);
    expect(exit).toBe('ok');
    expect(rig.venue.book.positions.get('AAPL')?.qty ?? 0).toBe(0);
    expect([...rig.venue.book.orders.values()].filter(({ status }) => status === 'new')).toEqual([]);
  });

  test('a plan knows of fills that are not booked yet: they are ours, and the rest is external', async () => {
    rig = await PaperRig.start();
    rig.venue.book.rules.fillMarket = false;
    await rig.trade(order());
    rig.venue.book.trade('AAPL', 100);
    rig.byHand({ symbol: 'AAPL', qty: '4' });
    rig.venue.book.trade('AAPL', 100);
    const plan = async (all: boolean) =>
      (await flat({ dryRun: true, all })).rows[0]!.steps.filter(({ action }) => action === 'close').map(
        ({ instrument, quantity, external }) => [instrument, quantity, external],
      );
    expect(await plan(false)).toEqual([['AAPL', '10', false]]);
    expect(await plan(true)).toEqual([
      ['AAPL', '10', false],
      ['AAPL', '4', true],
    ]);
  });

  test('F47: never more is closed than the venue still holds; what is missing is said, exit 6', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    rig.byHand({ symbol: 'AAPL', qty: '4', side: 'sell' });
    const { rows, exit } = await flat();
    expect(exit).toBe('refused');
    expect(rows[0]!.problems.join()).toMatch(/AAPL: .*journal 10, venue 6/);
    expect(rows[0]!.steps).toMatchObject([{ action: 'close', instrument: 'AAPL', quantity: '6', outcome: 'filled' }]);
    expect(rig.venue.book.positions.get('AAPL')?.qty ?? 0).toBe(0);
  });

  test('a refused exit is a result with exit 6, and the strategy stays reducing', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    rig.venue.book.rules.refuse = { status: 403, code: 40310000, message: 'insufficient qty available' };
    const { rows, exit } = await flat();
    expect(exit).toBe('refused');
    expect(rows[0]).toMatchObject({ outcome: 'problem', problems: [expect.stringContaining('insufficient qty')] });
    rig.venue.book.rules.refuse = undefined;
    expect((await flat()).rows[0]).toMatchObject({ outcome: 'flat' });
  });

  test('while the market is closed the exits are placed, when it opens is said, and nobody waits for that', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    rig.venue.isOpen = false;
    rig.venue.book.rules.fillMarket = false;
    const before = rig.clock.now();
    const { rows, exit } = await flat({ wait: '60s' });
    expect([exit, rows[0]!.outcome, rows[0]!.problems]).toEqual(['ok', 'closing', []]);
    expect(rows[0]!.opens_at).toMatch(/^2026-\d\d-\d\dT/);
    expect(rig.clock.now() - before).toBeLessThan(7000);
    rig.venue.book.trade('AAPL', 100);
    rig.venue.isOpen = true;
    expect((await flat()).rows[0]).toMatchObject({ outcome: 'flat', opens_at: null });
  });

  test('a running process loses its right to trade', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    const journal = await openJournal(rig.runtime.journal);
    const lease = (await journal.acquireLease(streamOf(SCOPE), 'elsewhere', rig.clock.now(), 600_000))!;
    expect((await flat()).rows[0]).toMatchObject({ outcome: 'flat' });
    await expect(journal.renewLease(lease, rig.clock.now(), 1000)).rejects.toMatchObject({ code: 'STATE' });
    await journal.close();
  });

  test('halt and resume block and allow the account at the venue', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    const blocked = await halt(haltOptions({ broker: 'alpaca', atVenue: true }), rig.runtime);
    expect(blocked).toMatchObject({ exit: 'ok', rows: [{ state: 'halted', at_venue: 'blocked' }] });
    expect(rig.venue.requests.at(-1)).toMatchObject({ method: 'PATCH', body: { suspend_trade: true } });
    const allowed = await resume(optionsOf('resume', { atVenue: true }), rig.runtime);
    expect(allowed).toMatchObject({ exit: 'ok', rows: [{ state: 'active', at_venue: 'allowed' }] });
    expect(rig.venue.requests.at(-1)).toMatchObject({ method: 'PATCH', body: { suspend_trade: false } });
    const journal = await openJournal(rig.runtime.journal);
    const notes = await journal.events({ types: ['note:suspend'] });
    expect(notes.map(({ body }) => body)).toEqual([{ on: true }, { on: false }]);
    await journal.close();
    expect(rig.venue.violations).toEqual([]);
  });

  test('an account of two strategies is blocked once; one that the keys do not belong to is not, exit 6', async () => {
    rig = await PaperRig.start();
    const journal = await openJournal(rig.runtime.journal);
    for (const strategy of ['swing', 'trend']) await journal.setState({ ...SCOPE, strategy }, 'active', 'seen', 1);
    await journal.setState({ ...SCOPE, account: 'PA3FAKE00002' }, 'active', 'seen', 1);
    await journal.close();
    const { rows, exit } = await halt(haltOptions({ atVenue: true }), rig.runtime);
    expect(rows.map(({ account, strategy, at_venue }) => [account, strategy, at_venue])).toEqual([
      ['PA3FAKE00001', 'swing', 'blocked'],
      ['PA3FAKE00001', 'trend', 'blocked'],
      ['PA3FAKE00002', 'swing', 'the keys belong to account PA3FAKE00001'],
    ]);
    expect(exit).toBe('refused');
    expect(rig.venue.count('PATCH /v2/account/configurations')).toBe(1);
  });

  test.each<[string, Record<string, unknown>, string | undefined]>([
    ['all of them', {}, undefined],
    ['the variable', { live: true }, undefined],
    ['the flag', {}, SCOPE.account],
    ['the right account', { live: true }, 'PA3FAKE00002'],
  ])('real money needs its guards: without %s nothing is sent, exit 3', async (_, given, allowLive) => {
    rig = await PaperRig.start();
    const journal = await openJournal(rig.runtime.journal);
    await journal.setState({ ...SCOPE, venue: 'alpaca-live' }, 'active', 'seen', rig.clock.now());
    await journal.close();
    Object.assign(rig.runtime, { allowLive });
    await expect(flat(given)).rejects.toMatchObject({
      code: 'GUARD',
      exitCode: 3,
      hint: expect.stringContaining(`QUANTLINE_ALLOW_LIVE=${SCOPE.account}`),
    });
    expect(rig.venue.requests).toEqual([]);
  });

  test('a plan needs none of them: it sends nothing', async () => {
    rig = await PaperRig.start();
    const journal = await openJournal(rig.runtime.journal);
    const account = '900000001';
    await journal.setState({ ...SCOPE, venue: 'alpaca-live', account }, 'active', 'seen', rig.clock.now());
    await journal.close();
    rig.venue.account['account_number'] = account;
    rig.venue.keys.id = 'AKFAKEFAKEFAKE000001';
    Object.assign(rig.runtime, { secrets: { ...rig.venue.secrets, APCA_API_KEY_ID: rig.venue.keys.id } });
    expect(await flat({ dryRun: true })).toMatchObject({ exit: 'ok', rows: [{ outcome: 'planned', steps: [] }] });
    expect(new Set(rig.venue.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  test.each([false, true])('keys of another account flatten and plan nothing: exit 3 (%s)', async (dryRun) => {
    rig = await PaperRig.start();
    await rig.trade(order());
    rig.venue.account['account_number'] = 'PA3FAKE00002';
    const before = rig.venue.book.accepted.length;
    await expect(flat({ dryRun })).rejects.toMatchObject({
      code: 'CREDENTIALS',
      exitCode: 3,
      message: expect.stringMatching(/PA3FAKE00002/),
    });
    expect(rig.venue.book.accepted).toHaveLength(before);
  });

  test('with --at-venue the account is blocked there after it, and a plan blocks nothing', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    await flat({ atVenue: true, dryRun: true });
    expect(rig.venue.count('PATCH /v2/account/configurations')).toBe(0);
    expect(await flat({ atVenue: true })).toMatchObject({ exit: 'ok', rows: [{ outcome: 'flat' }] });
    expect(rig.venue.count('PATCH /v2/account/configurations')).toBe(1);
  });

  test('an account that the venue does not block is a problem with its reason, exit 6', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    rig.venue.arm('PATCH /v2/account/configurations', faults.reply(403, { message: 'not for this account' }), 99);
    const { rows, exit } = await flat({ atVenue: true });
    expect([exit, rows[0]!.outcome, rows[0]!.problems]).toEqual([
      'refused',
      'problem',
      [expect.stringContaining('not for this account')],
    ]);
    expect(rows[0]!.steps).toMatchObject([{ action: 'close', outcome: 'filled' }]);
  });

  test('a flattened strategy gives its lease back; a taken one is given time for what it had on its way', async () => {
    rig = await PaperRig.start();
    await rig.trade(order());
    const journal = await openJournal(rig.runtime.journal);
    await journal.acquireLease(streamOf(SCOPE), 'elsewhere', rig.clock.now(), 600_000);
    const before = rig.clock.now();
    await flat();
    expect(rig.clock.now() - before).toBeGreaterThanOrEqual(2000);
    expect(await journal.leaseHolder(streamOf(SCOPE), rig.clock.now())).toBeUndefined();
    await journal.close();
  });
});
