import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TradeEvent } from '../../../src/core/engine/live/index.js';
import { FAULT_POINTS } from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { reply } from '../../fakes/alpaca/faults.js';
import { MONDAY, minuteBars, session, VenueRig, walk } from '../../support/venue.js';
import { optionsOf } from '../../support/workspace.js';

/** Faults that meet: a kill and another report, clocks that jump, a venue that answers for somebody else. */
const FRIDAY = '2026-11-27';
const MINUTE = 60_000;
const history = minuteBars(walk(42), FRIDAY, 5);
const LAST = history.at(-1)!.c;
const settings = { from: FRIDAY, lot: 'whole', sizing: 'fraction(10%)' };

let rig: VenueRig;
let clock: ManualClock;
beforeEach(async () => {
  const now = session(FRIDAY).close + MINUTE;
  rig = await VenueRig.start({ interval: '5m', trainer: 'momentum(1)', backtest: settings, bars: () => history, now });
  clock = rig.clock as ManualClock;
  clock.set(now);
  at([LAST, LAST + 1]);
});
afterEach(() => rig.close());

/** Five seconds after bar n of Monday, which closed at the last of `closes`. */
function at(closes: readonly number[]) {
  clock.set(session(MONDAY).open + closes.length * 5 * MINUTE + 5000);
  rig.venue.market.set('5Min', 'AAPL', [...history, ...minuteBars(closes, MONDAY, 5)]);
  rig.venue.book.prices.set('AAPL', closes.at(-1)!);
}
const accepted = () => rig.venue.book.accepted.map(({ side, qty }) => `${side} ${qty}`);

describe('F9, F10: killed', () => {
  test.each(FAULT_POINTS)(
    'at %s, the next start has a report of twice the size: what was decided is sent as it was decided, once',
    async (point) => {
      const killed = (name: string) => {
        if (name === point) throw new Error('killed');
      };
      await rig.start({}, { faultPoint: killed }).catch(() => undefined);
      const run = await backtest(
        optionsOf('backtest', {
          model: (await rig.runtime.artifacts.list('model'))[0]!.id,
          ...settings,
          sizing: 'fraction(20%)',
        }),
        rig.runtime,
      );
      const other = await evaluate(optionsOf('evaluate', { run: run.artifact.path }), rig.runtime);
      await rig.start({ report: other.artifact.id });
      expect(accepted()).toHaveLength(1);
      const [order] = await rig.journal((journal) => journal.orders());
      expect(accepted()).toEqual([`buy ${order!.request.quantity}`]);
      expect(Number(order!.request.quantity)).toBeLessThan(150);
      await rig.converges();
    },
  );
});

test('F7: the venue is busy for an hour: the order is not sent, which the exit code says, the words and the news', async () => {
  const reset = String(Math.floor(clock.now() / 1000) + 3600);
  rig.venue.arm('POST /v2/orders', reply(429, { message: 'too many requests' }, { 'x-ratelimit-reset': reset }), 9);
  const news: TradeEvent[] = [];
  const { session: file, exit } = await rig.start({}, {}, { hooks: { notify: (event) => void news.push(event) } });
  expect([exit, file.outcome, file.orders, file.unsent]).toEqual(['refused', 'decided', 1, 1]);
  expect(rig.said.join('\n')).toMatch(
    /the buy order for AAPL was not sent: .*too many requests.*free again at 2026-11-30T15:4/,
  );
  expect(news).toMatchObject([{ type: 'reject', order: { instrument: 'AAPL', status: 'expired' } }]);
  expect(accepted()).toEqual([]);
});

describe('clocks that jump', () => {
  test('the machine sleeps between the decision and its order: nothing is sent, and nothing is by the next start', async () => {
    const sleeps = (name: string) => {
      if (name === 'after-intent') clock.set(clock.now() + 3 * 60 * MINUTE);
    };
    await rig.start({}, { faultPoint: sleeps }).catch(() => undefined);
    expect(accepted()).toEqual([]);
    await rig.start().catch(() => undefined);
    expect(accepted()).toEqual([]);
    expect(rig.said.join('\n')).toMatch(/the buy order for AAPL was not sent: its decision expired/);
    expect(await rig.journal((journal) => journal.orders({ open: true }))).toEqual([]);
  });

  test('the machine sleeps while its order is on its way: taken once, adopted, and no older slot is decided', async () => {
    rig.venue.arm('POST /v2/orders', ({ process, destroy }) => {
      process();
      clock.set(clock.now() + 3 * 60 * MINUTE);
      destroy();
    });
    await rig.start().catch(() => undefined);
    await rig.start().catch(() => undefined);
    expect(accepted()).toHaveLength(1);
    await rig.oracle();
  });

  test('the clock goes back beyond the slot that was decided: nothing is decided twice', async () => {
    await rig.once();
    at([LAST, LAST + 1, LAST]);
    await rig.once();
    const before = accepted();
    at([LAST, LAST + 1]);
    const { session: file } = await rig.start();
    expect([file.outcome, file.orders, accepted()]).toEqual(['nothing', 0, before]);
    await rig.oracle();
  });
});

test('the venue answers for another account in the middle of a run: nothing is concluded from it', async () => {
  await rig.once();
  at([LAST, LAST + 1, LAST]);
  let asked = 0;
  rig.venue.arm(
    'GET /v2/account',
    ({ process, send }) => {
      const answer = process();
      send(
        asked++ === 0 ? answer : { ...answer, body: { ...(answer.body as object), account_number: 'PA9OTHER0009' } },
      );
    },
    9,
  );
  await expect(rig.start()).rejects.toMatchObject({
    code: 'CREDENTIALS',
    message: expect.stringMatching(/belong to account PA9OTHER0009/),
  });
  expect(accepted()).toHaveLength(1);
});
