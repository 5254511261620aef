import { expect, test } from 'vitest';
import { driftOutcome } from '../../src/shell/drift.js';

test('a drift has rounded numbers for people and exact ones for machines', async () => {
  const order = { instrument: 'AAPL', leg: 'entry', side: 1, slot: 0, quantity: 10, price: 104.5, costs: 0, time: 0 };
  const trade = { instrument: 'AAPL', leg: 'entry', side: 1, expected: order, slippage: 0.1 + 0.2, cost: 3 };
  const { text, json } = await driftOutcome({
    scope: { venue: 'sim', account: 'a', strategy: 's' },
    ...{ sources: ['r'], from: 0, to: 1, slots: 1, missed: [], exit: 'ok' },
    trades: [{ ...trade, actual: { ...order, price: 104.71000000000001 } }],
    figures: {} as never,
    verdict: { gate: 'g', pass: true, failed: [] } as never,
  });
  expect(text).toMatch(/ 104\.5 .* 104\.71 .* 0\.3 .* 3/);
  expect(json).toMatchObject({ trades: [{ price: 104.71000000000001, slippage: 0.1 + 0.2 }] });
});
