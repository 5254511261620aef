import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isQuantlineError } from '../../../../src/core/errors/index.js';
import { create } from '../../../../src/core/execution/brokers/alpaca.js';
import { type BrokerContext, type OrderRequest, sendOutcome } from '../../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import { buy, Rig, T0 } from '../../../fakes/alpaca/rig.js';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.start();
});
afterEach(() => rig.close());

let id = 0;
const submit = (request: OrderRequest) => rig.broker.submit(request, `test-${++id}`);
const body = () => rig.venue.requests.findLast(({ method }) => method === 'POST')?.body;
const refused = async (request: OrderRequest): Promise<string> => {
  const before = rig.venue.requests.length;
  const error: unknown = await submit(request).catch((e: unknown) => e);
  expect(sendOutcome(error)).toBe('rejected');
  expect(rig.venue.requests.length, 'something was sent').toBe(before);
  return (error as Error).message;
};

describe('orders as Alpaca takes them', () => {
  const cases: [string, OrderRequest, Record<string, unknown>][] = [
    ['market', buy(), { type: 'market', qty: '10', side: 'buy', time_in_force: 'day' }],
    ['limit', buy({ type: 'limit', limitPrice: '100.25' }), { limit_price: '100.25' }],
    [
      'stop',
      buy({ side: 'sell', type: 'stop', stopPrice: '90.01', timeInForce: 'gtc' }),
      { stop_price: '90.01', time_in_force: 'gtc' },
    ],
    [
      'stop limit',
      buy({ type: 'stop_limit', stopPrice: '110', limitPrice: '110.5' }),
      { stop_price: '110', limit_price: '110.5' },
    ],
    ['below a dollar', buy({ type: 'limit', limitPrice: '0.1234' }), { limit_price: '0.1234' }],
    ['at the open', buy({ timeInForce: 'opg' }), { time_in_force: 'opg' }],
    ['extended hours', buy({ type: 'limit', limitPrice: '100', extendedHours: true }), { extended_hours: true }],
    [
      'trailing stop',
      buy({ side: 'sell', type: 'trailing_stop', trail: '0.015', timeInForce: 'gtc' }),
      { trail_percent: '1.5', type: 'trailing_stop' },
    ],
    ['a fraction', buy({ quantity: '0.123456789' }), { qty: '0.123456789' }],
    [
      'an amount',
      { instrument: 'AAPL', side: 'buy', type: 'market', timeInForce: 'day', notional: '100.50' },
      { notional: '100.50' },
    ],
    [
      'bracket',
      buy({
        type: 'limit',
        limitPrice: '100',
        takeProfit: { limitPrice: '110' },
        stopLoss: { stopPrice: '95', limitPrice: '94.5' },
      }),
      {
        order_class: 'bracket',
        take_profit: { limit_price: '110' },
        stop_loss: { stop_price: '95', limit_price: '94.5' },
      },
    ],
    [
      'a bracket with one leg goes as oto',
      buy({ stopLoss: { stopPrice: '95' } }),
      { order_class: 'oto', stop_loss: { stop_price: '95' } },
    ],
    [
      'two exits of which one cancels the other',
      buy({
        side: 'sell',
        type: 'limit',
        opens: false,
        timeInForce: 'gtc',
        takeProfit: { limitPrice: '110' },
        stopLoss: { stopPrice: '95' },
      }),
      {
        order_class: 'oco',
        type: 'limit',
        limit_price: '110',
        take_profit: { limit_price: '110' },
        stop_loss: { stop_price: '95' },
      },
    ],
    [
      'exits of a short position',
      buy({
        side: 'sell',
        type: 'limit',
        limitPrice: '100',
        takeProfit: { limitPrice: '90' },
        stopLoss: { stopPrice: '105' },
      }),
      { order_class: 'bracket', side: 'sell', take_profit: { limit_price: '90' }, stop_loss: { stop_price: '105' } },
    ],
    [
      'crypto, which has no day',
      { instrument: 'BTC/USD', side: 'buy', type: 'market', timeInForce: 'day', quantity: '0.0001' },
      { symbol: 'BTC/USD', time_in_force: 'gtc' },
    ],
  ];
  it.each(cases)('%s', async (_name, request, expected) => {
    const order = await submit(request);
    expect(body()).toMatchObject({ ...expected, client_order_id: `test-${id}` });
    expect(order).toMatchObject({
      clientOrderId: `test-${id}`,
      instrument: request.instrument,
      side: request.side,
      type: request.type,
    });
    expect(rig.venue.violations).toEqual([]);
  });
});

describe('F33 numbers are checked before the network', () => {
  it.each([
    ['150.123', /limit price 150.123 is not on the tick/],
    ['0.12345', /not on the tick/],
    ['1.0001', /not on the tick/],
    ['-5', /not a positive decimal/],
    ['0', /not a positive decimal/],
    ['1e-7', /not a positive decimal/],
    ['Infinity', /not a positive decimal/],
    ['NaN', /not a positive decimal/],
    ['1,000', /not a positive decimal/],
    ['', /not a positive decimal/],
  ])('price %s', async (limitPrice, message) => {
    expect(await refused(buy({ type: 'limit', limitPrice }))).toMatch(message);
  });

  it.each([
    ['0.30000000000000004', /more than 9 decimals/],
    ['-5', /not a positive decimal/],
    ['0', /not a positive decimal/],
    ['1e3', /not a positive decimal/],
  ])('quantity %s', async (quantity, message) => {
    expect(await refused(buy({ quantity }))).toMatch(message);
  });

  it('the tick follows the order’s own price across $1', async () => {
    await submit(buy({ type: 'limit', limitPrice: '0.9999' }));
    await submit(buy({ type: 'limit', limitPrice: '1.01' }));
    expect(await refused(buy({ type: 'limit', limitPrice: '1.0150' }))).toMatch(/tick/);
    expect(rig.venue.book.accepted.map((order) => order.limit_price)).toEqual(['0.9999', '1.01']);
  });

  const limit = { type: 'limit', limitPrice: '100' } as const;
  it.each<[string, OrderRequest, RegExp]>([
    ['both quantity and amount', { ...buy(), notional: '100' }, /quantity or a notional/],
    [
      'an amount below a dollar',
      { instrument: 'AAPL', side: 'buy', type: 'market', timeInForce: 'day', notional: '0.5' },
      /at least \$1/,
    ],
    [
      'an amount with three decimals',
      { instrument: 'AAPL', side: 'buy', type: 'market', timeInForce: 'day', notional: '100.505' },
      /2 decimals/,
    ],
    [
      'an amount with a limit',
      { instrument: 'AAPL', side: 'buy', ...limit, timeInForce: 'day', notional: '100' },
      /market order/,
    ],
    ['a fraction that is good till cancelled', buy({ quantity: '0.5', timeInForce: 'gtc' }), /for the day only/],
    ['a fraction with exits', buy({ quantity: '0.5', stopLoss: { stopPrice: '90' } }), /cannot have attached exits/],
    ['a limit order without a limit', buy({ type: 'limit' }), /needs a limit price/],
    ['a market order with a limit', buy({ limitPrice: '100' }), /has no limit price/],
    ['a stop without a stop price', buy({ type: 'stop' }), /needs a stop price/],
    ['extended hours at the market', buy({ extendedHours: true }), /extended hours/],
    [
      'extended hours with exits',
      buy({ ...limit, extendedHours: true, stopLoss: { stopPrice: '90' } }),
      /extended hours/,
    ],
    ['exits for an auction', buy({ timeInForce: 'opg', stopLoss: { stopPrice: '90' } }), /for the day or gtc/],
    [
      'a target below the stop',
      buy({ ...limit, takeProfit: { limitPrice: '94' }, stopLoss: { stopPrice: '95' } }),
      /losing side/,
    ],
    ['a stop nearer than a cent', buy({ ...limit, stopLoss: { stopPrice: '100' } }), /losing side/],
    [
      'a short’s stop below its target',
      buy({ ...limit, side: 'sell', takeProfit: { limitPrice: '110' }, stopLoss: { stopPrice: '105' } }),
      /losing side/,
    ],
    ['exits off the tick', buy({ ...limit, takeProfit: { limitPrice: '110.001' } }), /take-profit price .* tick/],
    ['a trail of 150 %', buy({ side: 'sell', type: 'trailing_stop', trail: '1.5' }), /fraction between 0 and 1/],
    ['a trail on a limit order', buy({ ...limit, trail: '0.1' }), /only a trailing stop trails/],
    [
      'crypto for the day',
      { instrument: 'BTC/USD', side: 'buy', type: 'limit', timeInForce: 'day', quantity: '1', limitPrice: '99' },
      /not taken for crypto/,
    ],
  ])('%s', async (_name, request, message) => {
    expect(await refused(request)).toMatch(message);
  });

  it('an id that Alpaca would not take', async () => {
    await expect(rig.broker.submit(buy(), 'x'.repeat(129))).rejects.toThrow(/1 to 128 characters/);
  });
});

describe('F38 paper and live', () => {
  const context = (more: Partial<BrokerContext>): BrokerContext => ({
    clock: new ManualClock(T0),
    logger: silentLogger,
    secrets: rig.venue.secrets,
    live: false,
    stateDir: '/nonexistent',
    instruments: [],
    ...more,
  });
  const settings = { pollSeconds: 30, timeoutSeconds: 5 };

  it('refuses keys and hosts of the other environment before anything is sent', () => {
    const attempt = (more: Partial<BrokerContext>) => () => create(settings, context(more));
    expect(attempt({ live: true })).toThrow(/belong to the paper environment/);
    const live = { ...rig.venue.secrets, APCA_API_KEY_ID: 'AKABCDEFGHIJKLMNOPQR' };
    expect(attempt({ secrets: live })).toThrow(/belong to the live environment/);
    expect(attempt({ secrets: { ...rig.venue.secrets, APCA_API_BASE_URL: 'https://api.alpaca.markets' } })).toThrow(
      /live host/,
    );
    expect(attempt({ secrets: {} })).toThrow(/APCA_API_KEY_ID and APCA_API_SECRET_KEY/);
    for (const make of [attempt({ live: true }), attempt({ secrets: live })])
      try {
        make();
      } catch (error) {
        expect(isQuantlineError(error) && error.exitCode).toBe(3);
      }
  });

  it('is paper by default, by name too', async () => {
    expect(rig.broker.venue).toBe('alpaca-paper');
    expect(await rig.broker.account()).toMatchObject({
      id: 'PA3FAKE00001',
      paper: true,
      blocked: false,
      cash: '100000',
    });
  });
});

describe('assets', () => {
  it('says what can be sold short and traded in fractions', async () => {
    rig.venue.assets.set('HARD', { shortable: true, borrow_status: 'hard_to_borrow' });
    rig.venue.assets.set('NOT', { shortable: false, fractionable: false, tradable: false });
    expect(await rig.broker.asset('AAPL')).toEqual({
      instrument: 'AAPL',
      tradable: true,
      shortable: true,
      fractionable: true,
    });
    expect(await rig.broker.asset('HARD')).toMatchObject({ tradable: true, shortable: false });
    expect(await rig.broker.asset('NOT')).toMatchObject({ tradable: false, shortable: false, fractionable: false });
    expect(await rig.broker.asset('NONE')).toMatchObject({ tradable: false });
    expect(rig.venue.violations).toEqual([]);
  });
});

describe('cancel', () => {
  it('is taken when the order is done already, and refused for an order that does not exist', async () => {
    const order = await submit(buy());
    await rig.broker.cancel(order.venueOrderId);
    await expect(rig.broker.cancel('00000000-0000-0000-0000-000000000000')).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('asks again after an answer that says nothing', async () => {
    const order = await submit(buy({ type: 'limit', limitPrice: '50' }));
    rig.venue.arm('DELETE /v2/orders/{id}', ({ response }) => void response.writeHead(503).end(), 2);
    await rig.broker.cancel(order.venueOrderId);
    expect((await rig.broker.orderByVenueId(order.venueOrderId))?.status).toBe('canceled');
  });
});
