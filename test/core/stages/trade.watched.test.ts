import { afterEach, describe, expect, test } from 'vitest';
import type { FakeBar } from '../../fakes/alpaca/market.js';
import { VenueRig, walk } from '../../support/venue.js';

/** Exits that no venue holds (crypto at Alpaca) are watched by our own bars. */
const HOUR = 3_600_000;
const END = Date.UTC(2026, 10, 23, 12);
const BTC = 'BTC/USD';
const closes = walk(24 * 30);
const LAST = closes.at(-1)!;

/** Bars that close at `prices`, the newest at `END` plus `extra` hours; a low may be given for each. */
const bars = (prices: readonly number[], extra = 0, lows: Readonly<Record<number, number>> = {}): FakeBar[] =>
  prices.map((c, i) => {
    const o = i === 0 ? c : prices[i - 1]!;
    const t = new Date(END + extra * HOUR - (prices.length - i) * HOUR).toISOString();
    return { t, o, h: Math.max(o, c), l: Math.min(o, c, lows[i] ?? c), c, v: 1000 };
  });

let rig: VenueRig;
afterEach(() => rig.close());

async function begin(backtest: Record<string, unknown>) {
  rig = await VenueRig.start({
    symbols: [BTC],
    interval: '1h',
    backtest: { sizing: 'fraction(10%)', ...backtest },
    bars: () => bars(closes),
    now: END + 5000,
  });
  rig.clock.set(END + 5000);
}

/** A start some seconds after `later` have closed, one an hour; the venue trades at the last of them. */
function at(later: readonly number[], low?: number) {
  const prices = [...closes, ...later];
  rig.clock.set(END + later.length * HOUR + 5000);
  rig.venue.market.set('1Hour', BTC, bars(prices, later.length, low === undefined ? {} : { [prices.length - 1]: low }));
  rig.venue.book.prices.set(BTC, prices.at(-1)!);
  return rig.start();
}
const held = () => rig.venue.book.positions.get(BTC)?.qty ?? 0;
const sent = () => rig.venue.book.accepted.map(({ side, type, time_in_force }) => [side, type, time_in_force]);

describe('crypto at Alpaca', () => {
  test('a low from before the fill closes nothing; one after it does, once, and it is not entered again', async () => {
    await begin({ stopLoss: '2%' });
    // The bar on which it was decided had fallen far below what the stop will be.
    await at([LAST], LAST * 0.9);
    expect(held()).toBeGreaterThan(0);
    await rig.converges();
    await at([LAST, LAST * 0.99]);
    expect(held()).toBeGreaterThan(0);
    expect((await at([LAST, LAST * 0.99, LAST], LAST * 0.97)).session.positions).toEqual([]);
    expect(sent()).toEqual([
      ['buy', 'market', 'gtc'],
      ['sell', 'market', 'gtc'],
    ]);
    await rig.converges();
    await at([LAST, LAST * 0.99, LAST, LAST]);
    expect(sent()).toHaveLength(2);
    const notes = await rig.journal((journal) => journal.events({ types: ['note:exposed'] }));
    expect(notes).toHaveLength(1);
  });

  test('a target is taken', async () => {
    await begin({ takeProfit: '3%' });
    await at([LAST]);
    await at([LAST, LAST * 1.04]);
    expect(held()).toBe(0);
    await rig.converges();
    expect(sent()).toHaveLength(2);
  });
});
