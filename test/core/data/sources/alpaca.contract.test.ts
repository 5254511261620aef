import { afterAll, beforeAll } from 'vitest';
import { create } from '../../../../src/core/data/sources/alpaca.js';
import { create as createIex } from '../../../../src/core/data/sources/iex.js';
import type { Interval } from '../../../../src/core/domain/index.js';
import { FakeAlpaca } from '../../../fakes/alpaca/server.js';
import { NOW, type PlainBar, sourceContract } from '../source.contract.js';

let venue: FakeAlpaca;
beforeAll(async () => {
  venue = await FakeAlpaca.start(() => NOW);
});
afterAll(async () => {
  await venue.close();
});

const frame = (interval: Interval): string =>
  interval === '1d' ? '1Day' : interval === '1h' ? '1Hour' : `${interval.slice(0, -1)}Min`;
/** Alpaca stamps a daily bar midnight New York. */
const stamp = (time: number, interval: Interval): string => {
  if (interval !== '1d') return new Date(time).toISOString().replace('.000', '');
  const hour = new Date(time).getUTCHours();
  return `${new Date(time).toISOString().slice(0, 10)}T0${hour === 13 ? 4 : 5}:00:00Z`;
};

const CASES = [
  ['sip', '1m', 10_000],
  ['sip', '15m', 50],
  ['sip', '1d', 7],
  ['delayed_sip', '15m', 10_000],
  ['iex', '15m', 77],
  ['iex', '1d', 10_000],
] as const;

for (const [feed, interval, pageSize] of CASES)
  sourceContract({
    name: `alpaca ${feed} ${interval}, pages of ${pageSize}`,
    interval,
    symbols: ['AAPL', 'MSFT', 'SPY'],
    async open(series, context) {
      venue.market.bars.clear();
      venue.market.pageSize = pageSize;
      for (const symbol of ['AAPL', 'MSFT', 'SPY']) venue.assets.set(symbol, {});
      for (const [symbol, bars] of Object.entries(series))
        venue.market.set(
          frame(interval),
          symbol,
          bars.map((bar: PlainBar) => ({
            t: stamp(bar.time, interval),
            o: bar.open,
            h: bar.high,
            l: bar.low,
            c: bar.close,
            v: bar.volume,
          })),
        );
      const withKeys = { ...context, secrets: venue.secrets };
      return feed === 'iex' ? createIex({}, withKeys) : create({ feed }, withKeys);
    },
    close: async () => {},
  });
