import { expect, test } from 'vitest';
import { capabilities as alpaca } from '../../../src/core/execution/brokers/alpaca.js';
import { capabilities as ibkr } from '../../../src/core/execution/brokers/ibkr.js';
import { capabilities as schwab } from '../../../src/core/execution/brokers/schwab.js';
import type { Broker } from '../../../src/core/execution/index.js';
import { entryOf } from '../../../src/core/stages/compose/entry.js';
import { checkEntries } from '../../../src/core/stages/trade/guards.js';
import { strategy } from '../../support/market.js';

const limit = { type: 'limit', offset: 0.005 };
const stop = { type: 'stop', offset: 0.01 };

test.each([
  ['market', { type: 'market' }],
  ['limit(0.5%)', limit],
  ['stop:1%', stop],
  ['stop-limit(0.5%,0.8%)', { type: 'stop_limit', offset: 0.005, limit: 0.008 }],
  ['oco(limit(0.5%),stop(1%))', { type: 'oco', orders: [limit, stop] }],
  ['oto(market,limit(0.5%))', { type: 'oto', orders: [{ type: 'market' }, limit], share: 0.5 }],
  ['oto(stop(1%), limit(0.5%), 30%)', { type: 'oto', orders: [stop, limit], share: 0.3 }],
])('--entry %s', (text, expected) => {
  expect(entryOf(text)).toEqual(expected);
});

test.each([
  'limit',
  'market(1%)',
  'stop-limit(1%)',
  'oco(market,stop(1%))',
  'oco(limit(1%))',
  'oco(limit(1%),stop-limit(1%,2%))',
  'oto(market,limit(1%),100%)',
  'oto(market,limit(1%),50%,1)',
  'twap(5)',
])('--entry %s is refused, with what there is', (text) => {
  expect(() => entryOf(text)).toThrow(
    expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('oco(') }),
  );
});

test('a venue that takes no pairs of entries refuses the run before anything is traded, and names those that do', () => {
  const venue = (capabilities: object) => ({ venue: 'alpaca-paper', capabilities }) as Broker;
  const paired = strategy({ entry: entryOf('oco(limit(0.5%),stop(1%))') });
  expect(() => checkEntries(venue(alpaca), paired)).toThrow(
    expect.objectContaining({ code: 'CONFIG', hint: expect.stringContaining('ibkr, schwab, sim') }),
  );
  for (const one of [ibkr, schwab]) checkEntries(venue(one), paired);
  checkEntries(venue(alpaca), strategy());
});
