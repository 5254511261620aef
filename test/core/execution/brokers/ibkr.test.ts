import { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dayStart, ibkrTime } from '../../../../src/core/clients/ibkr/index.js';
import { create, settings } from '../../../../src/core/execution/brokers/ibkr.js';
import {
  type Broker,
  type BrokerContext,
  type OrderRequest,
  sendOutcome,
} from '../../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import { buy, Rig, T0 } from '../../../fakes/tws/rig.js';
import * as wire from '../../../fakes/tws/wire.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
  rig.venue.book.rules.fillMarket = false;
});
afterAll(() => rig.close());
beforeEach(() => void rig.venue.requests.splice(0));

let id = 0;
const submit = (request: OrderRequest) => rig.broker.submit(request, `test-${++id}`);
const sent = () =>
  rig.venue.requests.filter(({ name }) => name === 'placeOrder').map(({ fields }) => wire.readOrder(fields));
const limit = { type: 'limit', limitPrice: '100' } as const;

describe('orders as TWS takes them', () => {
  const sell = { side: 'sell', timeInForce: 'gtc' } as const;
  it.each<[string, OrderRequest, object]>([
    ['market', buy(), { orderType: 'MKT', total: 10, action: 'BUY', tif: 'DAY', transmit: true, account: 'DU1234567' }],
    ['limit', buy({ ...limit, limitPrice: '100.25' }), { orderType: 'LMT', lmtPrice: 100.25 }],
    ['stop', buy({ ...sell, type: 'stop', stopPrice: '90.01' }), { orderType: 'STP', auxPrice: 90.01, tif: 'GTC' }],
    [
      'stop limit',
      buy({ type: 'stop_limit', stopPrice: '110', limitPrice: '110.5' }),
      { orderType: 'STP LMT', auxPrice: 110, lmtPrice: 110.5 },
    ],
    [
      'trailing stop',
      buy({ ...sell, type: 'trailing_stop', trail: '0.015' }),
      { orderType: 'TRAIL', trailingPercent: 1.5 },
    ],
    ['at the open', buy({ timeInForce: 'opg' }), { orderType: 'MKT', tif: 'OPG' }],
    ['at the close', buy({ timeInForce: 'cls' }), { orderType: 'MOC', tif: 'DAY' }],
    ['at the close with a limit', buy({ ...limit, timeInForce: 'cls' }), { orderType: 'LOC', lmtPrice: 100 }],
    ['extended hours', buy({ ...limit, extendedHours: true }), { outsideRth: true }],
    ['immediate or cancel', buy({ ...limit, timeInForce: 'ioc' }), { tif: 'IOC' }],
  ])('%s', async (_name, request, expected) => {
    const order = await submit(request);
    expect(sent()).toEqual([expect.objectContaining({ ...expected, orderRef: `test-${id}` })]);
    expect(order).toMatchObject({
      clientOrderId: `test-${id}`,
      instrument: 'AAPL',
      side: request.side,
      type: request.type,
    });
  });

  it('an entry with a stop alone has one exit, on the other side, transmitted last', async () => {
    await submit(buy({ ...limit, stopLoss: { stopPrice: '95', limitPrice: '94.5' } }));
    expect(sent().map(({ action, orderType, transmit }) => [action, orderType, transmit])).toEqual([
      ['BUY', 'LMT', false],
      ['SELL', 'STP LMT', true],
    ]);
  });

  it('two entries of which one cancels the other are a group that any fill ends; of which one triggers, a group of its own', async () => {
    const stop = { type: 'stop', stopPrice: '110' } as const;
    await submit(buy({ ...limit, timeInForce: 'gtc', opens: true, either: stop }));
    await submit(buy({ quantity: '4', opens: true, triggers: { first: 0.4, terms: stop, quantity: '6' } }));
    const group = { ocaGroup: `test-${id - 1}`, ocaType: 1, transmit: true, parentId: 0, total: 10, action: 'BUY' };
    const [first, , , last] = sent();
    expect(sent()).toMatchObject([
      { ...group, orderType: 'LMT', orderRef: `test-${id - 1}` },
      { ...group, orderType: 'STP', orderRef: `test-${id - 1}/2` },
      { orderType: 'MKT', ocaGroup: '', total: 4, tif: 'DAY', transmit: false },
      { orderType: 'STP', ocaGroup: '', total: 6, tif: 'GTC', transmit: true, action: 'BUY', auxPrice: 110 },
    ]);
    expect([first!.parentId, last!.parentId]).toEqual([0, sent()[2]!.orderId]);
  });

  it('goes to the smart router with the contract’s own number', async () => {
    await submit(buy({ instrument: 'BRK.B', ...limit }));
    const { fields } = rig.venue.requests.find(({ name }) => name === 'placeOrder')!;
    expect([fields[2], fields[3], fields[9]]).toEqual(['72063691', 'BRK B', 'SMART']);
    expect((await rig.broker.openOrders()).some(({ instrument }) => instrument === 'BRK.B')).toBe(true);
  });

  it('a symbol with two listings needs its primary exchange', async () => {
    rig.venue.contracts.push(
      { conId: 1, symbol: 'TWO', primaryExch: 'NYSE', currency: 'USD' },
      { conId: 2, symbol: 'TWO', primaryExch: 'AMEX', currency: 'USD' },
    );
    await expect(submit(buy({ instrument: 'TWO' }))).rejects.toThrow(
      /more than once \(NYSE, AMEX\).*primaryExchanges=TWO=NYSE/,
    );
    const named = rig.another({ primaryExchanges: 'TWO=AMEX', clientId: 20 });
    await named.submit(buy({ instrument: 'TWO' }), 'two');
    expect(sent()[0]).toMatchObject({ conId: 2 });
    await named.close();
  });
});

it('messages leave as they are written: the exits of a bracket do not wait for TWS to acknowledge the entry', async () => {
  const noDelay = vi.spyOn(Socket.prototype, 'setNoDelay');
  const other = rig.another({ clientId: 21 });
  await other.clock();
  const set = noDelay.mock.contexts.filter((socket) => (socket as Socket).remotePort === rig.venue.port);
  expect(set).toHaveLength(1);
  expect(noDelay.mock.lastCall).toEqual([true]);
  await other.close();
  noDelay.mockRestore();
});

describe('F33 what TWS would refuse is refused before the network', () => {
  it.each<[string, OrderRequest, RegExp]>([
    ['off the tick', buy({ ...limit, limitPrice: '150.123' }), /not on the tick/],
    ['an exponent', buy({ ...limit, limitPrice: '1e-7' }), /not a positive decimal/],
    ['separators', buy({ quantity: '1,000' }), /not a positive decimal/],
    ['negative', buy({ quantity: '-5' }), /not a positive decimal/],
    ['a fraction', buy({ quantity: '0.5' }), /fractions are not traded/],
    [
      'an amount',
      { instrument: 'AAPL', side: 'buy', type: 'market', timeInForce: 'day', notional: '100' },
      /by amount/,
    ],
    ['a stop on the winning side', buy({ ...limit, stopLoss: { stopPrice: '101' } }), /losing side/],
    ['exits for an auction', buy({ timeInForce: 'opg', stopLoss: { stopPrice: '90' } }), /day or gtc/],
    ['a stop in an auction', buy({ type: 'stop', stopPrice: '90', timeInForce: 'cls' }), /market and limit orders/],
    ['fill or kill at the market', buy({ timeInForce: 'fok' }), /limit orders/],
  ])('%s', async (_name, request, message) => {
    const error: unknown = await submit(request).catch((e: unknown) => e);
    expect(sendOutcome(error)).toBe('rejected');
    expect((error as Error).message).toMatch(message);
    expect(sent()).toEqual([]);
  });
});

it('quotes without a subscription are delayed and dated so; an instrument without any is said and left out', async () => {
  const { venue, broker } = rig;
  venue.delayed = true;
  try {
    const [quote, ...rest] = await broker.quotes!(['AAPL', 'BRK.B']);
    expect(rest).toEqual([]);
    expect(quote).toEqual({
      instrument: 'AAPL',
      bid: '99.95',
      ask: '100.05',
      last: '100',
      time: rig.clock.now() - 900_000,
      lastTime: rig.clock.now() - 900_000,
    });
    expect(rig.said.join()).toMatch(/BRK\.B: .*not subscribed/);
  } finally {
    venue.delayed = false;
  }
});

it('day trades of the account, by hand too, from those that TWS says are left', async () => {
  const counted: unknown[] = [];
  for (const left of ['-1', '3', '1', '0']) {
    rig.venue.dayTradesRemaining = left;
    counted.push((await rig.broker.account()).dayTrades);
  }
  expect(counted).toEqual([undefined, 0, 2, 3]);
});

it('reads TWS’s times: with a zone, in UTC, without one; the day begins at midnight of the zone', () => {
  const ny = 'America/New_York';
  expect(ibkrTime('20261123 10:30:00 US/Eastern', ny)).toBe(Date.UTC(2026, 10, 23, 15, 30));
  expect(ibkrTime('20260715 10:30:00 US/Eastern', ny)).toBe(Date.UTC(2026, 6, 15, 14, 30));
  expect(ibkrTime('20261123-15:30:00', ny)).toBe(Date.UTC(2026, 10, 23, 15, 30));
  expect(ibkrTime('20261123  16:30:00', 'Europe/Berlin')).toBe(Date.UTC(2026, 10, 23, 15, 30));
  expect(ibkrTime('20261123 10:30:00 EST', ny)).toBe(Date.UTC(2026, 10, 23, 15, 30));
  expect(ibkrTime('soon', ny)).toBeUndefined();
  expect(dayStart(Date.UTC(2026, 10, 24, 3), ny)).toBe(Date.UTC(2026, 10, 23, 5));
});

it('takes host, port and client id from the vendor’s variables; a setting goes before them', async () => {
  const context = (secrets: Record<string, string>): BrokerContext => ({
    clock: new ManualClock(T0),
    logger: silentLogger,
    secrets,
    live: false,
    stateDir: '/nonexistent',
  });
  const variables = { IB_HOST: '127.0.0.1', IB_PORT: String(rig.venue.port), IB_CLIENT_ID: '41' };
  const broker = create(settings.parse({}), context(variables));
  expect((await broker.account()).id).toBe('DU1234567');
  expect(rig.venue.requests.find(({ name }) => name === 'startApi')?.fields[2]).toBe('41');
  await broker.close();
  const wrong = create(settings.parse({}), context({ ...variables, IB_PORT: 'four' }));
  await expect(wrong.account()).rejects.toMatchObject({ code: 'CONFIG', message: 'IB_PORT is not a number.' });
});

it.each<[string, wire.MessageName, (broker: Broker) => Promise<unknown>]>([
  ['a handshake', 'startApi', (broker) => broker.account()],
  ['a question', 'reqAccountSummary', (broker) => broker.account()],
  ['an order', 'placeOrder', (broker) => broker.submit(buy(), 'test-ending')],
])('F45: %s that TWS does not answer has three seconds left as the command ends', async (_, message, ask) => {
  const ending = new AbortController();
  const broker = create(settings.parse({ host: '127.0.0.1', port: rig.venue.port, clientId: 42 }), {
    ...{ clock: new ManualClock(T0), logger: silentLogger, secrets: {}, live: false, stateDir: '/nonexistent' },
    ending: ending.signal,
  });
  rig.venue.arm(message, () => {});
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let error: unknown;
    const asked = ask(broker).catch((given: unknown) => void (error = given));
    while (rig.venue.count(message) === 0) {
      await new Promise(setImmediate);
      vi.advanceTimersByTime(1);
    }
    ending.abort();
    vi.advanceTimersByTime(2900);
    await new Promise(setImmediate);
    expect(error).toBeUndefined();
    vi.advanceTimersByTime(100);
    await asked;
    expect((error as Error).message).toMatch(/before the end/);
  } finally {
    vi.useRealTimers();
    rig.venue.disarm();
    await broker.close();
  }
});
