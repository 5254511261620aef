import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as decimal from '../../../src/core/domain/decimal.js';
import { defaultInstrument, US_EQUITY_TICKS } from '../../../src/core/domain/instrument.js';
import type { OrderIntent } from '../../../src/core/domain/orders.js';
import {
  parsePositive,
  quantiseOrder,
  quantisePrice,
  quantiseQuantity,
  tickAt,
} from '../../../src/core/domain/quantise.js';

const SPY = defaultInstrument('SPY', 'XNYS');
const BTC = defaultInstrument('BTC', '24/7');
const intent = (more: Partial<OrderIntent>): OrderIntent => ({
  instrument: 'SPY',
  side: 'buy',
  leg: 'entry',
  type: 'limit',
  ...more,
});

describe('decimal text', () => {
  test.each([
    ['0.1', '0.2', '0.3'],
    ['-5', '5', '0'],
    ['9007199254740993', '1', '9007199254740994'],
    ['0.000000001', '0', '0.000000001'],
    ['1.50', '0', '1.5'],
  ])('%s + %s = %s', (a, b, c) => expect(decimal.add(a, b)).toBe(c));

  test('never an exponent, never minus zero', () => {
    expect(decimal.decimalText(1e-7)).toBe('0.0000001');
    expect(decimal.decimalText(1e21)).toBe('1000000000000000000000');
    expect(decimal.decimalText(-0)).toBe('0');
    expect(decimal.negate('0')).toBe('0');
    expect(decimal.multiply('0.00001', '0.00001')).toBe('0.0000000001');
    expect(() => decimal.decimalText(Number.NaN)).toThrow(RangeError);
  });

  test.each(['1,000', '1e-7', 'Infinity', 'NaN', '', ' 1', '0x10', '1.2.3', '+1', '--1', '.'])('refuses %j', (text) => {
    expect(() => decimal.parseDecimal(text)).toThrow(/not a decimal/);
    expect(decimal.isDecimal(text)).toBe(false);
  });

  test('division, comparison, rounding', () => {
    expect(decimal.divide('1', '3')).toBe('0.33333333333333333333');
    expect(() => decimal.divide('1', '0')).toThrow(RangeError);
    expect(decimal.compare('10', '9.99')).toBe(1);
    expect(decimal.round('2.675', 2)).toBe('2.68');
    expect(decimal.round('2.679', 2, 'down')).toBe('2.67');
    expect(decimal.sum(['0.1', '0.2', '-0.3'])).toBe('0');
  });
});

describe('F33 price and quantity shapes', () => {
  test.each([
    // price, side, wanted
    [150.123, 'buy', '150.12'],
    [150.123, 'sell', '150.13'],
    [150.13, 'buy', '150.13'],
    [150.13, 'sell', '150.13'],
    [0.1 + 0.2, 'buy', '0.3'],
    [0.1 + 0.2, 'sell', '0.3'],
    [1.1 * 3, 'sell', '3.3'],
    [0.00105, 'buy', '0.001'],
    [0.0010500000000000002, 'sell', '0.0011'],
    [0.99999, 'buy', '0.9999'],
    [0.99999, 'sell', '1'],
    [1.0001, 'buy', '1'],
    [1.0001, 'sell', '1.01'],
    [0.9999, 'sell', '0.9999'],
    [123456.789, 'buy', '123456.78'],
  ] as const)('%d %s → %s', (price, side, wanted) => {
    expect(decimal.decimalText(quantisePrice(price, US_EQUITY_TICKS, side))).toBe(wanted);
  });

  test('the tick is that of the order’s own price', () => {
    expect(tickAt(US_EQUITY_TICKS, 0.9999)).toBe(0.0001);
    expect(tickAt(US_EQUITY_TICKS, 1)).toBe(0.01);
  });

  test.each([
    [2.9999999999999996, SPY, false, '3'],
    [2.999999, SPY, false, '2'],
    [1e-7, SPY, false, '0'],
    [1e-7, SPY, true, '0.0000001'],
    [1.23456789049, SPY, true, '1.23456789'],
    [0.123456789123, BTC, true, '0.123456789'],
    [100.7, { ...SPY, fractionable: false }, true, '100'],
    [250, { ...SPY, lot: 100 }, false, '200'],
  ] as const)('quantity %d → %s', (quantity, instrument, fractional, wanted) => {
    expect(decimal.decimalText(quantiseQuantity(quantity, instrument, fractional))).toBe(wanted);
  });

  test.each([
    ['quantity', { quantity: -5 }],
    ['quantity', { quantity: 0 }],
    ['quantity', { quantity: Number.POSITIVE_INFINITY }],
    ['quantity', { quantity: Number.NaN }],
    ['quantity', { quantity: 0.5 }],
    ['limit price', { quantity: 1, limitPrice: Number.NaN }],
    ['limit price', { quantity: 1, limitPrice: -1 }],
    ['limit price', { quantity: 1, limitPrice: 1e-7 }],
    ['stop price', { quantity: 1, stopPrice: 0 }],
    ['notional', { notional: 0.001 }],
  ])('a bad %s is refused before the network', (field, more) => {
    expect(() => quantiseOrder(intent(more), SPY, false, 2)).toThrow(
      expect.objectContaining({ code: 'REFUSED', message: expect.stringContaining(field) }),
    );
  });

  test('an order comes out as text', () => {
    const order = intent({ side: 'sell', quantity: 10.9, limitPrice: 0.999949, stopPrice: 1.0001 });
    expect(quantiseOrder(order, SPY, false)).toEqual({ quantity: '10', limitPrice: '1', stopPrice: '1.01' });
    expect(quantiseOrder(intent({ type: 'market', notional: 1000.999 }), SPY, true, 2)).toEqual({
      notional: '1000.99',
    });
    expect(quantiseOrder(intent({ type: 'market', notional: 1000 / 3 }), SPY, true)).toEqual({
      notional: `${1000 / 3}`,
    });
  });

  test.each(['1,000', '-5', '0', '0.00', 'Infinity', '1e-7'])('a person’s %s is a usage error', (text) => {
    expect(() => parsePositive(text, 'quantity')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

test('property: on the grid, idempotent, never worse, less than a tick away', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.0002, max: 1e6, noNaN: true }), fc.constantFrom('buy', 'sell'), (price, side) => {
      const q = quantisePrice(price, US_EQUITY_TICKS, side as 'buy' | 'sell');
      const tick = tickAt(US_EQUITY_TICKS, q);
      const text = decimal.decimalText(q);
      const decimals = text.includes('.') ? text.split('.')[1]!.length : 0;
      expect(decimals).toBeLessThanOrEqual(tick === 0.01 ? 2 : 4);
      expect(quantisePrice(q, US_EQUITY_TICKS, side as 'buy' | 'sell')).toBe(q);
      const noise = 1e-9 * tick + 1e-15 * price;
      if (side === 'buy') expect(q).toBeLessThanOrEqual(price + noise);
      else expect(q).toBeGreaterThanOrEqual(price - noise);
      expect(Math.abs(q - price)).toBeLessThan(tick + noise);
    }),
    { numRuns: 2000, seed: 33 },
  );
});

test('property: agrees with exact decimal arithmetic on any decimal step', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: 0, max: 6 }),
      (m, s, mantissa, places) => {
        const step = Number(`${m}e-${s}`);
        const value = Number(`${mantissa}e-${places}`);
        const got = decimal.decimalText(quantisePrice(value, [{ from: 0, tick: step }], 'buy'));
        const k = decimal.round(decimal.divide(decimal.decimalText(value), decimal.decimalText(step)), 0, 'down');
        expect(got).toBe(decimal.multiply(k, decimal.decimalText(step)));
      },
    ),
    { numRuns: 2000, seed: 34 },
  );
});
