import { describe, expect, test } from 'vitest';
import { type AccountParts, openMoney, othersOf, workingEntries } from '../../../../src/core/engine/live/others.js';
import type { BrokerOrder } from '../../../../src/core/execution/index.js';
import type { ExecutionRecord, OrderRecord, OrderRequest } from '../../../../src/core/state/index.js';
import { fill, request, SCOPE, T0 } from '../../state/helpers.js';

/** `quantity: undefined` leaves it out. */
type Terms = { readonly [K in keyof OrderRequest]?: OrderRequest[K] | undefined };

const order = (of: Terms, more: Partial<OrderRecord> = {}): OrderRecord =>
  ({
    ...{ ...SCOPE, clientOrderId: 'one', slot: T0, leg: 'entry', revision: 0, status: 'accepted' },
    ...{ filledQuantity: '0', createdAt: T0, sentAt: T0, venueOrderId: 'v1', ...more },
    request: request(of as Partial<OrderRequest>),
    instrument: of.instrument ?? 'SPY',
  }) as OrderRecord;
const atVenue = (more: Partial<BrokerOrder>): BrokerOrder =>
  ({ venueOrderId: 'v9', instrument: 'SPY', side: 'buy', quantity: '10', filledQuantity: '0', ...more }) as BrokerOrder;
const held = (quantity: string, instrument = 'SPY') => ({
  ...{ instrument, quantity, averagePrice: undefined, marketPrice: undefined },
});

describe('money that an entry may still spend', () => {
  test.each<[string, Terms, Partial<OrderRecord>, number]>([
    ['units at the last price', {}, {}, 1000],
    ['at the limit', { limitPrice: '95' }, {}, 950],
    ['at the stop', { stopPrice: '105' }, {}, 1050],
    ['a limit goes before its stop', { limitPrice: '106', stopPrice: '105' }, {}, 1060],
    ['what is not filled', { limitPrice: '95' }, { filledQuantity: '4', averagePrice: '94' }, 570],
    [
      'the rest of an amount',
      { quantity: undefined, notional: '1000' },
      { filledQuantity: '4', averagePrice: '94' },
      624,
    ],
    ['no less than nothing', { quantity: undefined, notional: '300' }, { filledQuantity: '4', averagePrice: '94' }, 0],
    ['with what it triggers', { triggers: { first: 0.5, terms: { type: 'market' }, quantity: '6' } }, {}, 1600],
    ['nothing, whatever the price', { quantity: '4' }, { filledQuantity: '4' }, 0],
  ])('%s', (_, of, more, money) => {
    expect(openMoney(order(of, more), 100)).toBe(money);
  });

  test('unknown where no price is known', () => {
    expect(openMoney(order({}), Number.NaN)).toBeNaN();
  });

  test('an entry that hangs on one that works is counted with it; exits are none', () => {
    const open = [
      order({}, { clientOrderId: 'a' }),
      order({}, { clientOrderId: 'b', parent: 'a' }),
      order({}, { clientOrderId: 'c', parent: 'gone' }),
      order({ side: 'sell' }, { clientOrderId: 'd', leg: 'exit' }),
      order({ side: 'sell' }, { clientOrderId: 'e', leg: 'stop' }),
    ];
    expect(workingEntries(open).map(({ clientOrderId }) => clientOrderId)).toEqual(['a', 'c']);
  });
});

describe('what others hold and have ordered', () => {
  const others = (more: {
    owned?: Record<string, number>;
    state?: Partial<AccountParts['state']>;
    orders?: readonly OrderRecord[];
    fills?: readonly ExecutionRecord[];
    price?: number;
  }) =>
    othersOf({
      owned: new Map(Object.entries(more.owned ?? {})),
      state: { positions: [], externalOrders: [], listed: [], listedAt: T0, ...more.state },
      orders: more.orders ?? [],
      fills: more.fills ?? [],
      price: () => more.price ?? 100,
    });

  test('nobody', () => {
    expect(others({ owned: { SPY: 5 }, state: { positions: [held('5')] } })).toMatchObject({ gross: 0, net: 0 });
  });

  test('longs and shorts beyond what is owned', () => {
    const positions = [held('15'), held('-3', 'QQQ')];
    expect(others({ owned: { SPY: 5 }, state: { positions } })).toEqual({
      ...{ gross: 1300, net: 700, buying: 0, selling: 0 },
      of: new Map([
        ['SPY', 1000],
        ['QQQ', 300],
      ]),
    });
  });

  test('entries count with what they can make of the position', () => {
    const orders = [order({ quantity: '4' }, { clientOrderId: 'a' }), order({ side: 'sell' }, { clientOrderId: 'b' })];
    const state = { positions: [held('5')] };
    // 5 held, 4 more bought are 9; 10 sold would be 5 short.
    expect(others({ orders, state })).toMatchObject({ gross: 900, net: 500, buying: 400, selling: 1000 });
  });

  const sent = (sentAt: number | undefined, more: Partial<OrderRecord> = {}) => [order({}, { sentAt, ...more })];
  test.each<[string, readonly OrderRecord[], readonly BrokerOrder[], number]>([
    ['not sent yet', sent(undefined, { venueOrderId: undefined }), [], 1000],
    ['sent long ago, and nobody knows whether it got there', sent(T0 - 60_000, { venueOrderId: undefined }), [], 1000],
    ['sent a moment before the venue was asked', sent(T0 - 10_000), [], 1000],
    ['listed under our id', sent(T0 - 60_000), [atVenue({ clientOrderId: 'one' })], 1000],
    ['listed under the id of the venue', sent(T0 - 60_000), [atVenue({ venueOrderId: 'v1' })], 1000],
    ['not listed any more', sent(T0 - 10_001), [atVenue({})], 0],
  ])('an order of another strategy that is %s', (_, orders, listed, buying) => {
    expect(others({ orders, state: { listed } }).buying).toBe(buying);
  });

  test('a fill that the venue may not show yet is added where that is more', () => {
    const state = { positions: [held('5')] };
    const late = (time: number, side: 'buy' | 'sell' = 'buy') => [fill('o', 'e', '4', '100', { time, side })];
    expect(others({ state, fills: late(T0 - 10_000) }).gross).toBe(900);
    expect(others({ state, fills: late(T0 - 10_001) }).gross).toBe(500);
    expect(others({ state, fills: late(T0, 'sell') }).gross).toBe(500);
  });

  test('orders of people count at their price, what hangs on them does not', () => {
    const leg = atVenue({ venueOrderId: 'leg', side: 'sell' });
    const limit = { limitPrice: '90', filledQuantity: '3' };
    const byMoney = { quantity: undefined, notional: '500', instrument: 'QQQ' };
    const externalOrders = [atVenue({ ...limit, legs: [leg] }), leg, atVenue({ ...byMoney, side: 'sell' })];
    expect(others({ state: { externalOrders } })).toMatchObject({ gross: 1130, buying: 630, selling: 500 });
  });

  test('without a price nothing is known', () => {
    expect(others({ state: { positions: [held('1')] }, price: Number.NaN }).gross).toBeNaN();
  });
});
