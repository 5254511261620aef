import { expect, it } from 'vitest';
import { calendarOf, defaultInstrument } from '../../../src/core/domain/index.js';
import { toNewIntent } from '../../../src/core/engine/live/requests.js';
import { capabilities as alpaca } from '../../../src/core/execution/brokers/alpaca.js';
import { capabilities as ibkr } from '../../../src/core/execution/brokers/ibkr.js';

it('an amount is cut to whole shares where the venue has no fractions, whatever the strategy wants', () => {
  const planned = {
    action: 'submit',
    reason: 'signal',
    intent: { instrument: 'SPY', side: 'buy', leg: 'entry', type: 'market', notional: 1050 },
  } as const;
  const place = {
    instrument: defaultInstrument('SPY', 'XNYS'),
    fractional: true,
    close: 100,
    calendar: calendarOf('XNYS'),
    now: Date.UTC(2026, 10, 23, 15),
  };
  const request = (capabilities: typeof ibkr) =>
    toNewIntent(planned as unknown as Parameters<typeof toNewIntent>[0], { ...place, capabilities }).request;
  expect(request(ibkr)).toMatchObject({ quantity: '10' });
  expect(request(ibkr).notional).toBeUndefined();
  expect(request(alpaca)).toMatchObject({ notional: '1050' });
});
