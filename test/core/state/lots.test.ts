import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, compare, multiply, negate, round, signOf, subtract, sum } from '../../../src/core/domain/decimal.js';
import {
  applyAction,
  applyFill,
  averagePriceOf,
  EMPTY_HOLDING,
  type Holding,
  mergeHoldings,
  quantityOf,
} from '../../../src/core/state/lots.js';

const fill = (side: 'buy' | 'sell', quantity: string, price: string, costs?: string) => ({
  executionId: `${side}${quantity}@${price}`,
  leg: 'entry' as const,
  side,
  quantity,
  price,
  time: 0,
  ...(costs === undefined ? {} : { costs }),
});
const after = (...fills: ReturnType<typeof fill>[]): Holding => fills.reduce(applyFill, EMPTY_HOLDING);

describe('first in, first out', () => {
  test.each([
    ['buys add up', [fill('buy', '10', '100'), fill('buy', '30', '120')], '40', '115', '0'],
    [
      'a sale closes the oldest',
      [fill('buy', '10', '100'), fill('buy', '10', '120'), fill('sell', '15', '130')],
      '5',
      '120',
      '350',
    ],
    ['shorts', [fill('sell', '10', '100'), fill('buy', '4', '90')], '-6', '100', '40'],
    ['across zero', [fill('buy', '10', '100'), fill('sell', '15', '110')], '-5', '110', '100'],
    ['costs', [fill('buy', '10', '100', '1'), fill('sell', '10', '100', '2')], '0', undefined, '-3'],
    [
      'fractions stay exact',
      [fill('buy', '0.1', '3'), fill('buy', '0.2', '3'), fill('sell', '0.3', '3')],
      '0',
      undefined,
      '0',
    ],
  ])('%s', (_, fills, quantity, average, realised) => {
    const holding = after(...fills);
    expect([quantityOf(holding), averagePriceOf(holding), holding.realised]).toEqual([quantity, average, realised]);
  });
});

test('corporate actions', () => {
  const held = after(fill('buy', '10', '100'), fill('buy', '5', '110'));
  const action = { instrument: 'X', date: '2026-01-05' };
  const split = applyAction(held, { ...action, type: 'split', value: '2' });
  expect(split.lots.map((lot) => [lot.quantity, lot.price])).toEqual([
    ['20', '50'],
    ['10', '55'],
  ]);
  expect(applyAction(held, { ...action, type: 'dividend', value: '0.4' }).realised).toBe('6');
  expect(applyAction(after(fill('sell', '10', '5')), { ...action, type: 'dividend', value: '1' }).realised).toBe('-10');
  expect(applyAction(held, { ...action, type: 'delisting', value: '90' })).toEqual({ lots: [], realised: '-200' });
});

test.each([
  ['a long', 'buy', '7', '5', '20'],
  ['a short', 'sell', '-7', '-5', '-20'],
] as const)('what a split of %s leaves beyond whole lots is paid out', (_, side, whole, half, money) => {
  const held = after(fill(side, '15', '10'));
  const split = { instrument: 'X', date: '', type: 'split' as const, value: '0.5', price: '60' };
  const kept = (more: object) => {
    const holding = applyAction(held, { ...split, ...more });
    return [quantityOf(holding), holding.realised];
  };
  // Half a share, for 60 where 20 was paid.
  expect(kept({ lot: '1' })).toEqual([whole, money]);
  expect(kept({ lot: '0.5' })).toEqual([side === 'buy' ? '7.5' : '-7.5', '0']);
  expect(kept({ units: half })[0]).toBe(half);
  expect(kept({})).toEqual([side === 'buy' ? '7.5' : '-7.5', '0']);
});

test('holdings that a rename brings together: the older lots first, then the cheaper', () => {
  const lot = (price: string, time: number) => ({
    executionId: price,
    leg: 'entry' as const,
    quantity: '1',
    price,
    time,
  });
  const merged = mergeHoldings(
    { lots: [lot('3', 2), lot('9', 5)], realised: '1' },
    { lots: [lot('8', 1), lot('2', 5)], realised: '2' },
  );
  expect(merged.lots.map(({ price }) => price)).toEqual(['8', '3', '2', '9']);
  expect(merged.realised).toBe('3');
});

test('a fee in kind cuts to what is left, and never adds: its purchase may be taken back', () => {
  const fee = { instrument: 'BTC/USD', date: '', type: 'fee' as const, price: '0', units: '0.9975' };
  const held = after(fill('buy', '1', '100'));
  expect(applyAction(held, fee)).toMatchObject({ lots: [{ quantity: '0.9975' }], realised: '-0.25' });
  expect(applyAction(EMPTY_HOLDING, fee)).toEqual(EMPTY_HOLDING);
});

test('property: cash flow = realised + cost of what is open; lots have one sign', () => {
  const anyFill = fc.record({
    side: fc.constantFrom('buy' as const, 'sell' as const),
    quantity: fc.integer({ min: 1, max: 50 }),
    price: fc.integer({ min: 1, max: 100_000 }),
    costs: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(anyFill, { maxLength: 40 }), (raw) => {
      const fills = raw.map((f) => fill(f.side, String(f.quantity), `${f.price / 100}`, `${f.costs / 100}`));
      const holding = after(...fills);
      const paid = sum(
        fills.map((f) => add(multiply(f.side === 'buy' ? f.quantity : negate(f.quantity), f.price), f.costs ?? '0')),
      );
      const open = sum(holding.lots.map((lot) => multiply(lot.quantity, lot.price)));
      expect(round(subtract(open, paid), 8)).toBe(round(holding.realised, 8));
      expect(quantityOf(holding)).toBe(sum(fills.map((f) => (f.side === 'buy' ? f.quantity : negate(f.quantity)))));
      expect(new Set(holding.lots.map((lot) => signOf(lot.quantity))).size).toBeLessThanOrEqual(1);
      for (const lot of holding.lots) expect(compare(lot.price, '0')).toBe(1);
    }),
    { numRuns: 500, seed: 5 },
  );
});

test('a disposal leaves so many units of either side at cost, and never adds', () => {
  const gone = { instrument: 'SPY', date: '', type: 'disposal' as const, units: '-4' };
  const lot = { executionId: 'e1', leg: 'entry' as const, price: '100', time: 0 };
  const short = {
    lots: [
      { ...lot, quantity: '-3' },
      { ...lot, quantity: '-6' },
    ],
    realised: '1',
  };
  expect(applyAction(short, gone)).toEqual({ lots: [{ ...lot, quantity: '-4' }], realised: '1' });
  expect(applyAction(short, { ...gone, units: '0' })).toEqual({ lots: [], realised: '1' });
  expect(applyAction(short, { ...gone, units: '-10' })).toBe(short);
  expect(applyAction(EMPTY_HOLDING, gone)).toBe(EMPTY_HOLDING);
});
