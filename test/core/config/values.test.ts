import { describe, expect, it } from 'vitest';
import {
  parseAmount,
  parseCall,
  parseCommission,
  parseDuration,
  parseFraction,
  parseList,
  parseMoment,
  parseMoney,
  parsePair,
  parseSizing,
  parseSlippage,
} from '../../../src/core/config/index.js';
import type { QuantlineError } from '../../../src/core/errors/index.js';

function failure(run: () => unknown): QuantlineError {
  try {
    run();
  } catch (error) {
    return error as QuantlineError;
  }
  throw new Error('expected an error');
}

describe('amounts', () => {
  it.each([
    ['0.1%', 'fraction', 0.001],
    ['5bp', 'fraction', 0.0005],
    ['5bps', 'fraction', 0.0005],
    ['-20%', 'fraction', -0.2],
    ['$1', 'currency', 1],
    ['-$1.50', 'currency', -1.5],
    ['$0.005/share', 'currency-per-share', 0.005],
    ['$100_000', 'currency', 100000],
    ['0', 'fraction', 0],
  ] as const)('%s', (text, unit, value) => {
    expect(parseAmount(text)).toEqual({ unit, value });
  });

  it('shifts decimals exactly where multiplying by 0.01 would not', () => {
    expect(parseFraction('0.07%')).toBe(0.0007);
    expect(parseFraction('1.1%')).toBe(0.011);
    expect(1.1 * 0.01).not.toBe(0.011);
  });

  it('refuses a number without unit and says how to write it', () => {
    expect(failure(() => parseAmount('0.1')).message).toContain('0.1%, 0.1bp or $0.1');
  });

  it.each(['', '%', '1 %', '$', 'abc', '1%%', '1e', '$1/shares', '--1%', '1,000%'])('refuses %j', (text) => {
    expect(failure(() => parseAmount(text)).code).toBe('USAGE');
  });

  it('holds a fraction to its range', () => {
    expect(parseFraction('100%', { max: 1 })).toBe(1);
    expect(failure(() => parseFraction('0%', { min: 0, above: true })).message).toContain('more than 0%');
    expect(failure(() => parseFraction('101%', { max: 1 })).message).toContain('at most 100%');
    expect(failure(() => parseFraction('$5')).message).toContain('percentage');
  });

  it('reads money', () => {
    expect([parseMoney('100000'), parseMoney('$2_500.50'), parseMoney('1e6')]).toEqual([100000, 2500.5, 1e6]);
    for (const text of ['0', '-5', '1,000', 'x', '']) expect(failure(() => parseMoney(text)).code).toBe('USAGE');
  });
});

describe('calls', () => {
  it('reads name and arguments with their units and columns', () => {
    const call = parseCall(' sizing(10, 2%, $5, word, nested(1,2)) ');
    expect(call.name).toBe('sizing');
    expect(call.args.map(({ value, unit, column }) => [value, unit, column])).toEqual([
      [10, 'none', 9],
      [0.02, 'fraction', 13],
      [5, 'currency', 17],
      ['word', 'none', 21],
      [expect.objectContaining({ name: 'nested' }), 'none', 27],
    ]);
  });

  it.each([
    ['buy-and-hold', 'buy-and-hold', 0],
    ['buy-and-hold()', 'buy-and-hold', 0],
    ['purged:5', 'purged', 1],
    ['walk-forward:252,21', 'walk-forward', 2],
    ['./my-rule.ts', './my-rule.ts', 0],
    ['./my rule.ts(3)', './my rule.ts', 1],
    ['C:\\rules\\mine.ts(3)', 'C:\\rules\\mine.ts', 1],
  ])('%s', (text, name, count) => {
    const call = parseCall(text);
    expect([call.name, call.args.length]).toEqual([name, count]);
  });

  it.each([
    ['sma(10', 4],
    ['sma)', 4],
    ['sma(10))', 8],
    ['sma(10)x', 8],
    ['sma(10,,30)', 8],
    ['sma(10,)', 8],
    ['(10)', 1],
    ['s ma(1)', 2],
    ['a(1,b(2)', 2],
    ['a(1.2.3%)', 3],
  ])('%s points at column %i', (text, column) => {
    expect(failure(() => parseCall(text)).details['column']).toBe(column);
  });
});

describe('lists and pairs', () => {
  it('splits at commas outside parentheses', () => {
    expect(parseList('ret(5), zscore(20,close) ,SPY')).toEqual(['ret(5)', 'zscore(20,close)', 'SPY']);
  });

  it.each([
    ['SPY,,QQQ', 5],
    ['SPY,', 5],
    [',SPY', 1],
    ['SPY,QQQ, SPY', 10],
  ])('refuses %s at column %i', (text, column) => {
    expect(failure(() => parseList(text)).details['column']).toBe(column);
  });

  it('reads key=value', () => {
    expect(parsePair(' a = b=c ')).toEqual(['a', 'b=c']);
    for (const text of ['a', '=b', '']) expect(failure(() => parsePair(text)).code).toBe('USAGE');
  });
});

describe('moments and durations', () => {
  it('reads dates and instants', () => {
    expect(parseMoment('2024-02-29')).toEqual({ kind: 'date', date: '2024-02-29' });
    const t = Date.UTC(2024, 2, 1, 14, 30);
    for (const text of [
      '2024-03-01T14:30:00Z',
      '2024-03-01 14:30Z',
      '2024-03-01T09:30:00-05:00',
      '2024-03-01T09:30-0500',
    ]) {
      expect(parseMoment(text)).toEqual({ kind: 'instant', time: t });
    }
  });

  it('refuses an instant without zone, and days that do not exist', () => {
    expect(failure(() => parseMoment('2024-03-01T14:30')).message).toContain('needs its zone');
    for (const text of ['2023-02-29', '2024-13-01', '2023-02-29T00:00Z', '2024-03-01T25:00Z', '01.03.2024', '']) {
      expect(failure(() => parseMoment(text)).code).toBe('USAGE');
    }
  });

  it('reads lengths of time', () => {
    expect(['90d', '12h', '1h30m', '500ms', '1.5s', '2w'].map(parseDuration)).toEqual([
      7776e6, 432e5, 54e5, 500, 1500, 12096e5,
    ]);
    for (const text of ['90', 'd', '1y', '1h 30m', '-1d'])
      expect(failure(() => parseDuration(text)).code).toBe('USAGE');
  });
});

describe('costs', () => {
  const none = {
    ...{ percent: 0, perShare: 0, perOrder: 0, minimum: 0, maximumPercent: Number.POSITIVE_INFINITY },
    schedule: [],
  };
  it.each([
    ['0.1%', { ...none, percent: 0.001 }],
    ['$1', { ...none, perOrder: 1 }],
    ['$0.005/share', { ...none, perShare: 0.005 }],
    ['0.1%+$1', { ...none, percent: 0.001, perOrder: 1 }],
    ['$0.005/share min $1 max 1%', { ...none, perShare: 0.005, minimum: 1, maximumPercent: 0.01 }],
    ['0', none],
  ])('%s', (text, expected) => {
    expect(parseCommission(text)).toEqual(expected);
  });

  it.each(['1', '-0.1%', '0.1% min 1%', '$1 max $5', '$1 or so', '$1 min', '$1+'])('refuses commission %s', (text) => {
    expect(failure(() => parseCommission(text)).code).toBe('USAGE');
  });

  it('reads slippage', () => {
    expect(parseSlippage('5bp')).toEqual({ kind: 'fixed', fraction: 0.0005 });
    expect(parseSlippage('volume-share(1%,0.2)')).toEqual({ kind: 'volume-share', limit: 0.01, impact: 0.2 });
    expect(parseSlippage('volume-share')).toEqual({ kind: 'volume-share', limit: 0.025, impact: 0.1 });
    for (const text of ['$1', '-5bp', 'other(1)', 'volume-share(150%)', 'volume-share(1%,x)', 'volume-share(1%,1,1)']) {
      expect(failure(() => parseSlippage(text)).code).toBe('USAGE');
    }
  });

  it('reads sizing', () => {
    expect(parseSizing('equal')).toEqual({ kind: 'equal', fraction: 1 });
    expect(parseSizing('fraction(10%)')).toEqual({ kind: 'fraction', fraction: 0.1 });
    expect(parseSizing('cash($5000)')).toEqual({ kind: 'cash', amount: 5000 });
    expect(parseSizing('volatility(15%)')).toEqual({ kind: 'volatility', target: 0.15, window: 20 });
    expect(parseSizing('atr-risk(1%,3,10)')).toEqual({ kind: 'atr-risk', risk: 0.01, multiple: 3, window: 10 });
    for (const text of ['half', 'fraction', 'fraction(0.1)', 'cash(5%)', 'volatility(15%,2.5)', 'equal(1%,2)']) {
      expect(failure(() => parseSizing(text)).code).toBe('USAGE');
    }
    expect(failure(() => parseSizing('atr-risk(1%,x)')).details['column']).toBe(13);
  });
});
