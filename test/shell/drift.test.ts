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

test('trades whose sums differ in their last digits are the same; other quantities, prices and costs are not', async () => {
  const order = { instrument: 'AAPL', leg: 'entry', side: 1, slot: 0, quantity: 101, price: 98.81, costs: 1, time: 0 };
  const trade = { instrument: 'AAPL', leg: 'entry', side: 1, slippage: 0, cost: 0 };
  const others = [{ quantity: 100 }, { price: 98.82 }, { costs: 2 }];
  const { summary, text } = await driftOutcome({
    scope: { venue: 'sim', account: 'a', strategy: 's' },
    ...{ sources: ['r'], from: 0, to: 1, slots: 1, missed: [], exit: 'ok' },
    trades: [
      { ...trade, slippage: 1.4e-16, expected: { ...order, price: 98.80999999999999 }, actual: order },
      ...others.map((other) => ({ ...trade, expected: order, actual: { ...order, ...other } })),
    ],
    figures: {} as never,
    verdict: { gate: 'g', pass: true, failed: [] } as never,
  });
  expect(summary).toContain('4 trades, 3 of them differ');
  expect(text.match(/matched/g)).toHaveLength(3);
});
