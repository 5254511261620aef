import { afterEach, describe, expect, test } from 'vitest';
import { dailyBars, session, VenueRig } from '../../support/venue.js';

/** F33 of FAULTS.md at the level of a start of `quantline trade`: shapes of prices, quantities and amounts. */
const FRIDAY = '2026-11-27';
const NOW = session(FRIDAY).close + 5000;

let rig: VenueRig;
afterEach(() => rig.close());

async function begin(last: number) {
  const closes = Array.from({ length: 60 }, (_, i) => (i === 59 ? last : Math.round(last * 10_000) / 10_000));
  rig = await VenueRig.start({
    bars: () => dailyBars(closes, FRIDAY),
    now: NOW,
    backtest: { entry: 'limit(0.5%)', lot: 'whole' },
  });
  rig.clock.set(NOW);
}

describe('F33', () => {
  test.each([
    ['above $1, down to the cent of the order’s own price', 150.123, '149.37'],
    ['crossing $1 from above: the tick is that of the order’s price', 1.003, '0.9979'],
    ['below $1, to a hundredth of a cent', 0.3000000004, '0.2985'],
  ])('a price %s', async (_, close, limit) => {
    await begin(close);
    expect(await rig.once()).toMatchObject({ outcome: 'decided', orders: 1, rejected: 0 });
    expect(rig.venue.book.accepted[0]).toMatchObject({ type: 'limit', limit_price: limit });
    expect(rig.venue.book.accepted[0]!.qty).toMatch(/^\d+$/);
    expect(rig.venue.violations).toEqual([]);
  });

  test('an amount on the command line of any other shape: refused by name, nothing is sent', async () => {
    await begin(100);
    for (const amount of ['$-5', '$0', '$Infinity', '$NaN', '$1,000', '$', '$5 000', '$0x10']) {
      const start = async () => rig.start({ risk: `max-order(${amount})` });
      await expect(start(), amount).rejects.toThrow(/max-order/);
    }
    expect(rig.venue.count('POST /v2/orders')).toBe(0);
    // A number, and too small for any order.
    expect(await rig.once({ risk: 'max-order($1e-7)' })).toMatchObject({ outcome: 'decided', orders: 0 });
    expect(rig.venue.book.accepted).toEqual([]);
  });
});
