import { afterAll, beforeAll } from 'vitest';
import { create } from '../../../../src/core/data/sources/yahoo.js';
import { FakeYahoo } from '../../../fakes/yahoo/server.js';
import { sourceContract } from '../source.contract.js';

let yahoo: FakeYahoo;
beforeAll(async () => {
  yahoo = await FakeYahoo.start();
});
afterAll(() => yahoo.close());

for (const basis of ['raw', 'split'] as const)
  for (const [interval, unit] of [
    ['1h', '1h'],
    ['1d', '1d'],
  ] as const)
    sourceContract({
      name: `yahoo ${interval}, basis ${basis}`,
      interval,
      symbols: ['AAPL', 'MSFT'],
      async open(series, context) {
        yahoo.tickers.clear();
        for (const [symbol, bars] of Object.entries(series)) {
          const quotes = bars.map(({ time, open, high, low, close, volume }) => ({
            t: time / 1000,
            o: open,
            h: high,
            l: low,
            c: close,
            v: volume,
          }));
          yahoo.tickers.set(symbol, { quotes: { [unit]: quotes } });
        }
        return create({ basis, baseUrl: yahoo.url }, context);
      },
      close: async () => {},
    });
