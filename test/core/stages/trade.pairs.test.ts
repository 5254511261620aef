import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { hangAfter } from '../../fakes/alpaca/faults.js';
import { logIn } from '../../fakes/schwab/rig.js';
import { FakeSchwab } from '../../fakes/schwab/server.js';
import { FakeTws } from '../../fakes/tws/server.js';
import { hasDisk, journalOnDisk } from '../../support/disk.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** Runs that enter by pairs of orders, at the brokers that tie two orders together. */
const FRIDAY = '2026-11-27';
const MINUTE = 60_000;
const history = minuteBars(walk(42), FRIDAY, 5);
const LAST = history.at(-1)!.c;
const at = (offset: number) => LAST * (1 + offset);

let rig: VenueRig;
const start = async (entry: string, more: Record<string, unknown> = {}) => {
  rig = await VenueRig.start({
    interval: '5m',
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', entry, ...more },
    bars: () => history,
    now: session(FRIDAY).close + MINUTE,
    overrides: { journal: journalOnDisk() },
  });
  rig.venue.market.set('5Min', 'AAPL', [...history, ...minuteBars([LAST, LAST, LAST, LAST], MONDAY, 5)]);
  rig.clock.set(session(MONDAY).open + 5 * MINUTE + 5000);
};
/** The next slot. */
const nextSlot = () => rig.clock.set(rig.clock.now() + 5 * MINUTE);
const journaled = () =>
  rig.journal(async (journal) => ({
    held: (await journal.positions((await journal.orders())[0]!)).map(({ quantity }) => Number(quantity)),
    open: (await journal.orders({ open: true })).map(({ leg, request }) => `${leg} ${request.type}`).sort(),
    filled: (await journal.fills()).length,
    state: (await journal.state((await journal.orders())[0]!)).state,
  }));
afterEach(() => rig.close());

const OCO = 'oco(limit(1%),stop(1%))';
const OTO = 'oto(limit(1%),limit(2%),40%)';

describe('trade --broker ibkr', () => {
  let tws: FakeTws;
  const open = async (entry: string, more: Record<string, unknown> = {}) => {
    await start(entry, more);
    tws = await FakeTws.start(() => rig.clock.now());
    tws.book.prices.set('AAPL', LAST);
  };
  afterEach(() => tws.close());
  const once = (more: Record<string, unknown> = {}) =>
    rig.once({ broker: 'ibkr', set: { port: String(tws.port) }, ...more });
  const resting = () => tws.book.open().map(({ orderType, action, total }) => `${action} ${orderType} ${total}`);

  test('one cancels the other: both rest under one intent, one fills, and its exits stand for what was filled', async () => {
    await open(OCO, { stopLoss: '2%', takeProfit: '4%' });
    expect(await once()).toMatchObject({ outcome: 'decided', orders: 1 });
    const { total } = tws.book.accepted[0]!;
    expect(resting()).toEqual([`BUY LMT ${total}`, `BUY STP ${total}`]);
    await once();
    expect(tws.book.accepted).toHaveLength(2);
    tws.book.trade('AAPL', at(0.011));
    await once();
    expect(resting()).toEqual([`SELL LMT ${total}`, `SELL STP ${total}`]);
    expect(await journaled()).toMatchObject({ held: [total], open: ['stop stop', 'target limit'], filled: 1 });
  });

  test.each([1, 2])('the connection dies after %i of the two orders: nothing is sent twice', async (arrived) => {
    await open(OCO);
    tws.arm('placeOrder', ({ process }) => process(false));
    tws.arm('placeOrder', ({ process, drop }) => {
      if (arrived === 2) process(true);
      drop();
    });
    await once();
    await once();
    expect(tws.book.accepted).toHaveLength(arrived);
    // Half a pair is not what was evaluated: it does not stay.
    nextSlot();
    await once();
    if (arrived === 1) expect(tws.book.accepted[0]).toMatchObject({ status: 'Cancelled' });
    else expect(resting()).toHaveLength(2);
  });

  test('a part of one fills: the other ends, at the venue and in the journal', async () => {
    await open(OCO);
    await once();
    const [limit] = tws.book.open();
    tws.book.fill(limit!, 1);
    await once();
    expect(resting()).toEqual([`BUY LMT ${limit!.total}`]);
    expect(await journaled()).toMatchObject({ held: [1], open: ['entry limit'], filled: 1 });
  });

  test('one triggers the other: protected beside what rests, and again as it grows; a stop takes the rest along', async () => {
    await open(OTO, { stopLoss: '2%', takeProfit: '4%' });
    await once();
    const [first, second] = tws.book.accepted;
    expect(first!.total).toBe(Math.floor((first!.total + second!.total) * 0.4));
    tws.book.fill(first!);
    await once();
    expect(resting().sort()).toEqual([
      `BUY LMT ${second!.total}`,
      `SELL LMT ${first!.total}`,
      `SELL STP ${first!.total}`,
    ]);
    tws.book.fill(second!, 1);
    await once();
    expect(resting()).toContain(`SELL STP ${first!.total + 1}`);
    const stop = tws.book.open().find(({ orderType }) => orderType === 'STP')!;
    tws.book.fill(stop);
    await once();
    expect(resting()).toEqual([]);
    expect(await journaled()).toMatchObject({ held: [], open: [] });
  });

  test('the kill switch takes both orders of a pair', async () => {
    await open(OCO);
    await once();
    await rig.journal(async (journal) =>
      journal.setState((await journal.orders())[0]!, 'reducing', 'a person', rig.clock.now()),
    );
    nextSlot();
    await once().catch(() => undefined);
    await once().catch(() => undefined);
    expect(resting()).toEqual([]);
    expect(await journaled()).toMatchObject({ held: [], open: [] });
  });
});

describe.skipIf(!hasDisk)('trade --broker schwab', () => {
  let schwab: FakeSchwab;
  let once: (set?: Record<string, string>) => Promise<unknown>;
  const open = async (entry: string, more: Record<string, unknown> = {}) => {
    await start(entry, more);
    schwab = await FakeSchwab.start(() => rig.clock.now());
    schwab.book.prices.set('AAPL', LAST);
    await logIn(schwab, join(rig.runtime.workspace, 'state'), rig.clock.now());
    const report = await evaluate(optionsOf('evaluate', { run: rig.run.path, gate: 'trades>=0' }), rig.runtime);
    const given = { broker: 'schwab', report: report.artifact.id, live: true };
    const runtime = { secrets: { ...rig.runtime.secrets, ...schwab.secrets }, allowLive: '12345678' };
    once = async (set) => (await rig.start({ ...given, ...(set && { set }) }, runtime)).session;
  };
  afterEach(async () => {
    expect(schwab.violations).toEqual([]);
    await schwab.close();
  });
  const working = () => schwab.book.all.filter(({ status, wire }) => status === 'WORKING' && wire.orderType);

  test('the answer to a pair never comes: it is matched as a whole, placed once, and one of it fills', async () => {
    await open(OCO);
    schwab.arm('POST /trader/v1/accounts/{hash}/orders', hangAfter);
    await once({ timeoutSeconds: '0.2' });
    await once();
    expect(schwab.book.roots).toHaveLength(1);
    schwab.book.trade('AAPL', at(-0.011));
    await once();
    expect(working()).toEqual([]);
    expect(await journaled()).toMatchObject({ open: [], filled: 1 });
  });

  test('a part of one fills and the other stays at the venue: it is cancelled there', async () => {
    await open(OCO);
    await once();
    const [limit, stop] = working();
    schwab.book.fill(limit!, 1);
    await once();
    expect(stop!.status).toBe('CANCELED');
    expect(working()).toEqual([limit]);
  });

  test('both fill before anybody looks: said, and from there on the strategy only reduces', async () => {
    await open(OCO);
    await once();
    const [limit, stop] = working();
    schwab.book.fill(limit!, 1);
    schwab.book.fill(stop!);
    expect(await once()).toMatchObject({ outcome: 'halted' });
    expect(rig.said.join()).toMatch(/AAPL is not managed: both orders of its pair of entries have filled/);
    expect(await journaled()).toMatchObject({ state: 'reducing' });
  });

  test('one triggers the other', async () => {
    await open(OTO);
    await once();
    const [root] = schwab.book.roots;
    schwab.book.fill(root!);
    await once();
    expect(working()).toEqual(root!.children);
    schwab.book.fill(root!.children[0]!);
    await once();
    const { held, open: left } = await journaled();
    expect([held, left]).toEqual([[schwab.book.positions.get('AAPL')!.quantity], []]);
  });
});

test('alpaca takes no pairs of entries: refused before anything is sent, naming the brokers that do', async () => {
  await start(OCO);
  await expect(rig.once()).rejects.toMatchObject({
    code: 'CONFIG',
    exitCode: 3,
    hint: expect.stringMatching(/ibkr, schwab, sim/),
  });
  expect(rig.venue.book.accepted).toEqual([]);
});
