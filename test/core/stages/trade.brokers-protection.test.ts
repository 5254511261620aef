import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { logIn } from '../../fakes/schwab/rig.js';
import { FakeSchwab } from '../../fakes/schwab/server.js';
import { FakeTws } from '../../fakes/tws/server.js';
import { hasDisk, journalOnDisk } from '../../support/disk.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** Stops and targets of a strategy, held at Interactive Brokers and at Schwab. */
const FRIDAY = '2026-11-27';
const MINUTE = 60_000;
const history = minuteBars(walk(42), FRIDAY, 5);
const LAST = history.at(-1)!.c;
const cents = (price: number) => Math.ceil(Math.round(price * 1e6) / 1e4) / 100;

let rig: VenueRig;
beforeEach(async () => {
  rig = await VenueRig.start({
    interval: '5m',
    backtest: { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)', stopLoss: '2%', takeProfit: '4%' },
    bars: () => history,
    now: session(FRIDAY).close + MINUTE,
    overrides: { journal: journalOnDisk() },
  });
  rig.venue.market.set('5Min', 'AAPL', [...history, ...minuteBars([LAST], MONDAY, 5)]);
  rig.clock.set(session(MONDAY).open + 5 * MINUTE + 5000);
});
afterEach(() => rig.close());

describe('exits are held at the venue, sized to the fill and at their distance from it', () => {
  test('ibkr', async () => {
    const tws = await FakeTws.start(() => rig.clock.now());
    tws.book.prices.set('AAPL', LAST + 0.5);
    const once = () => rig.once({ broker: 'ibkr', set: { port: String(tws.port) } });
    try {
      expect((await once()).outcome).toBe('decided');
      const exits = () =>
        tws.book
          .open()
          .map(({ orderType, action, lmtPrice, auxPrice, total }) => [orderType, action, lmtPrice ?? auxPrice, total]);
      const filled = tws.book.executions[0]!.shares;
      const wanted = [
        ['LMT', 'SELL', cents((LAST + 0.5) * 1.04), filled],
        ['STP', 'SELL', cents((LAST + 0.5) * 0.98), filled],
      ];
      expect(exits().sort()).toEqual(wanted);
      const orders = tws.book.orders.length;
      await once();
      expect(tws.book.orders).toHaveLength(orders);
      expect(exits().sort()).toEqual(wanted);
      tws.book.trade('AAPL', (LAST + 0.5) * 0.97);
      await once();
      expect(exits()).toEqual([]);
      expect([...tws.book.positions.values()].map(({ quantity }) => quantity)).toEqual([0]);
    } finally {
      await tws.close();
    }
  });

  // How Schwab answers a PUT on one leg of a pair is not public: each answer must leave the position protected.
  test.skipIf(!hasDisk).each(['moves', 'refused', 'ends the pair'] as const)(
    'schwab, a leg’s PUT %s',
    async (legPut) => {
      const schwab = await FakeSchwab.start(() => rig.clock.now());
      schwab.legPut = legPut;
      schwab.book.prices.set('AAPL', LAST + 0.5);
      await logIn(schwab, join(rig.runtime.workspace, 'state'), rig.clock.now());
      const report = await evaluate(optionsOf('evaluate', { run: rig.run.path, gate: 'trades>=0' }), rig.runtime);
      const given = { broker: 'schwab', report: report.artifact.id, live: true };
      const runtime = { secrets: { ...rig.runtime.secrets, ...schwab.secrets }, allowLive: '12345678' };
      const once = async () => (await rig.start(given, runtime)).session;
      try {
        expect((await once()).outcome).toBe('decided');
        const exits = () =>
          schwab.book.all
            .filter(({ status, wire }) => status === 'WORKING' && wire.orderStrategyType !== 'OCO')
            .map(({ wire }) => [
              wire.orderType,
              Number(wire.price ?? wire.stopPrice),
              wire.orderLegCollection![0]!.quantity,
            ]);
        const filled = schwab.book.all[0]!.filled;
        const entered = legPut === 'refused' ? LAST : LAST + 0.5;
        const wanted = [
          ['LIMIT', cents(entered * 1.04), filled],
          ['STOP', cents(entered * 0.98), filled],
        ];
        if (legPut === 'ends the pair') await once();
        expect(exits().sort()).toEqual(wanted);
        if (legPut === 'refused') expect(rig.said.join()).toMatch(/AAPL: the stop was not moved: .*cannot be replaced/);
        const orders = schwab.book.all.length;
        await once();
        if (legPut !== 'refused') expect(schwab.book.all).toHaveLength(orders);
        expect(exits().sort()).toEqual(wanted);
        schwab.book.trade('AAPL', (LAST + 0.5) * 1.05);
        await once();
        expect(exits()).toEqual([]);
        expect(schwab.book.positions.get('AAPL')?.quantity).toBe(0);
        expect(schwab.violations).toEqual([]);
      } finally {
        await schwab.close();
      }
    },
  );
});
