import { expect, test } from 'vitest';
import type { TradeEvent } from '../../../../src/core/engine/live/index.js';
import { VenueNews } from '../../../../src/core/engine/live/news.js';
import { silentLogger } from '../../../../src/core/platform/index.js';
import type { DecisionResult, OrderRecord } from '../../../../src/core/state/index.js';

test('that another strategy owns an instrument is told once, until the owner changes or it is ordered', () => {
  const told: string[] = [];
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void warned.push(text) };
  const notify = (event: TradeEvent) => {
    if (event.type === 'verdict') told.push(`${event.instrument} ${event.reason}`);
  };
  const news = new VenueNews(notify, logger);
  const decided = (orders: readonly string[], withheld: DecisionResult['withheld']) =>
    news.decided({
      orders: orders.map((instrument) => ({ instrument }) as OrderRecord),
      ...{ withheld, leaving: new Set<string>(), existed: false },
    });
  const theirs = [{ instrument: 'SPY', owner: 'trend' }];
  for (let slot = 0; slot < 3; slot++) decided(['QQQ'], theirs);
  expect(told).toEqual(['SPY it belongs to trend']);
  expect(warned).toHaveLength(1);
  decided([], [{ instrument: 'SPY', owner: 'swing' }]);
  decided(['SPY'], []);
  decided([], [{ instrument: 'SPY', owner: 'swing' }]);
  expect(told.slice(1)).toEqual(['SPY it belongs to swing', 'SPY it belongs to swing']);
});
