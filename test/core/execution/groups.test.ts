import { describe, expect, test } from 'vitest';
import { hangingOn, secondOf } from '../../../src/core/execution/groups.js';
import { compareHoldings } from '../../../src/core/execution/holdings.js';
import { request } from '../state/helpers.js';

describe('the second of a pair of entries', () => {
  const first = { type: 'limit', limitPrice: '90', timeInForce: 'day' } as const;

  test('of one-cancels-other: on its own terms, for as many units, as long as the first', () => {
    const either = { type: 'stop', stopPrice: '110' } as const;
    expect(secondOf(request({ ...first, either }))).toEqual(request({ type: 'stop', stopPrice: '110' }));
  });

  test('of one-triggers-other: for its own units, until the signal changes', () => {
    const triggers = { first: 1, quantity: '4', terms: { type: 'limit', limitPrice: '80' } } as const;
    const second = { type: 'limit', limitPrice: '80', timeInForce: 'gtc' } as const;
    expect(secondOf(request({ ...first, triggers }))).toEqual(request({ ...second, quantity: '4' }));
    expect(secondOf(request({ ...first, triggers: { first: 1, terms: triggers.terms } }))).toEqual(request(second));
  });

  test('a triggered market order is for its day: venues know no other', () => {
    const triggers = { first: 1, terms: { type: 'market' } } as const;
    expect(secondOf(request({ ...first, timeInForce: 'gtc', triggers }))).toEqual(request());
  });

  test('of a single order is none', () => {
    expect(secondOf(request(first))).toBeUndefined();
  });
});

describe('what hangs on an order', () => {
  const takeProfit = { limitPrice: '120' };
  const stopLoss = { stopPrice: '90' };
  const exit = { instrument: 'SPY', side: 'sell', timeInForce: 'day', quantity: '10', opens: false } as const;
  const target = { leg: 'target', request: { ...exit, type: 'limit', limitPrice: '120' } };
  const stop = { leg: 'stop', request: { ...exit, type: 'stop', stopPrice: '90' } };

  test('of an entry: exits on the other side', () => {
    expect(hangingOn(request({ takeProfit, stopLoss }))).toEqual([target, stop]);
    expect(hangingOn(request({ takeProfit }))).toEqual([target]);
    expect(hangingOn(request({ side: 'sell', stopLoss }))).toEqual([
      { leg: 'stop', request: { ...stop.request, side: 'buy' } },
    ]);
  });

  test('of a pair of exits: the stop alone, on the side of the target', () => {
    const pair = request({ side: 'sell', opens: false, type: 'limit', limitPrice: '120', takeProfit, stopLoss });
    expect(hangingOn(pair)).toEqual([stop]);
  });

  test('a stop with a limit is one of that type', () => {
    expect(hangingOn(request({ stopLoss: { stopPrice: '90', limitPrice: '89' } }))).toMatchObject([
      { request: { type: 'stop_limit', stopPrice: '90', limitPrice: '89' } },
    ]);
  });

  test('of the first of two entries: the second', () => {
    const triggers = { first: 1, terms: { type: 'market' } } as const;
    expect(hangingOn(request({ triggers, stopLoss }))).toMatchObject([{ leg: 'entry', request: { type: 'market' } }]);
    expect(hangingOn(request())).toEqual([]);
  });
});

describe('owned plus external is what the venue holds', () => {
  const none = 'the venue holds none of it';
  const less = 'the venue holds less than is owned';
  test.each<[string[], string[], string | undefined, string | undefined]>([
    [['10'], ['10'], undefined, undefined],
    [['10'], ['14'], '4', undefined],
    [['-10'], ['-14'], '-4', undefined],
    [[], ['-3'], '-3', undefined],
    [['10'], ['6'], undefined, less],
    [['-10'], ['-6'], undefined, less],
    [['10'], [], undefined, none],
    // The other side of it, however large.
    [['9'], ['-20'], undefined, less],
    [['-9'], ['20'], undefined, less],
    // Two strategies, and a venue that lists an instrument twice.
    [['4', '6'], ['12'], '2', undefined],
    [['10'], ['4', '6'], undefined, undefined],
    [['4', '-4'], ['1'], '1', undefined],
  ])('owned %j, there %j', (owned, there, external, explanation) => {
    const rows = (list: readonly string[]) => list.map((quantity) => ({ instrument: 'X', quantity }));
    expect(compareHoldings(rows(owned), rows(there) as never)).toMatchObject({
      external: external === undefined ? [] : [{ instrument: 'X', quantity: external }],
      differences: explanation === undefined ? [] : [{ kind: 'position', instrument: 'X', explanation }],
    });
  });
});
