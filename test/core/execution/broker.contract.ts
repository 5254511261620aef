import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isDecimal, sum } from '../../../src/core/domain/decimal.js';
import {
  type Broker,
  type BrokerExecution,
  type OrderRequest,
  sendOutcome,
} from '../../../src/core/execution/index.js';
import { isTerminal } from '../../../src/core/state/index.js';

/** One venue under test, with a hand on its market. */
export interface BrokerRig {
  readonly broker: Broker;
  /** Two instruments that the venue trades. */
  readonly instruments: readonly [string, string];
  /** Whether the account is one without real money; default: yes. */
  readonly paper?: boolean;
  /** The market trades at this price: market orders fill, resting orders that it crosses too. */
  trade(instrument: string, price: number): Promise<void>;
  /** Connections that were opened to the venue, where it is called over HTTP. */
  readonly connections?: () => number;
  end(): Promise<void>;
}

/** What every broker has to do. `make` starts from an account without positions and orders. */
export function brokerContract(name: string, make: () => Promise<BrokerRig>) {
  describe(`broker contract: ${name}`, () => {
    let rig: BrokerRig;
    let broker: Broker;
    let symbol: string;
    let ids = 0;

    beforeEach(async () => {
      rig = await make();
      broker = rig.broker;
      symbol = rig.instruments[0];
    });
    afterEach(async () => {
      await rig.end();
      await broker.close();
    });

    const nextId = () => `ql-contract-${String(++ids).padStart(16, '0')}`;
    const market = (more: Partial<OrderRequest> = {}): OrderRequest => ({
      instrument: symbol,
      side: 'buy',
      type: 'market',
      timeInForce: 'day',
      quantity: '10',
      ...more,
    });
    const limit = (limitPrice: string, more: Partial<OrderRequest> = {}) =>
      market({ type: 'limit', limitPrice, ...more });
    const executions = async (from?: string) => {
      const all: BrokerExecution[] = [];
      let cursor = from;
      for (let page = 0; page < 50; page++) {
        const read = await broker.executions(cursor);
        // An overlap may be read again; the id is what counts.
        all.push(...read.executions.filter((one) => !all.some((known) => known.executionId === one.executionId)));
        if (read.executions.length === 0 || read.cursor === cursor) return { all, cursor: read.cursor };
        cursor = read.cursor;
      }
      throw new Error('executions never end');
    };
    /** Ambiguous answers aside, the order as the venue shows it. */
    const shown = async (id: string, request: OrderRequest, venueOrderId: string) =>
      broker.orderByClientId(id, { request, sentAt: 0, venueOrderId });

    test('the account states its money as decimal text', async () => {
      const account = await broker.account();
      expect(account.id).not.toBe('');
      for (const text of [account.cash, account.equity, account.buyingPower]) expect(isDecimal(text)).toBe(true);
      expect(account.blocked).toBe(false);
      expect(account.paper).toBe(rig.paper ?? true);
    });

    test('the clock has a sane time and session', async () => {
      const clock = await broker.clock();
      expect(clock.now).toBeGreaterThan(Date.UTC(2000, 0, 1));
      if (clock.nextClose !== undefined && clock.open) expect(clock.nextClose).toBeGreaterThan(clock.now);
      expect(await broker.asset(symbol)).toMatchObject({ instrument: symbol, tradable: true });
    });

    test('quotes, where the venue has them, are decimal text in their order, with their time', async () => {
      await rig.trade(symbol, 100);
      const quotes = (await broker.quotes?.([symbol, 'NOSUCH'])) ?? [];
      expect(quotes.map(({ instrument }) => instrument)).toEqual(broker.quotes === undefined ? [] : [symbol]);
      for (const { bid, ask, last, time } of quotes) {
        expect([bid, ask, last].every(isDecimal)).toBe(true);
        expect([Number(bid), Number(last), Number(ask)]).toEqual([99.95, 100, 100.05]);
        expect(Math.abs(time - (await broker.clock()).now)).toBeLessThan(5000);
      }
    });

    test('an empty account is empty', async () => {
      expect(await broker.positions()).toEqual([]);
      expect(await broker.openOrders()).toEqual([]);
      expect((await executions()).all).toEqual([]);
    });

    test('an accepted order is found by both ids, fills, and becomes a position', async () => {
      const id = nextId();
      const request = market();
      const sent = await broker.submit(request, id);
      expect(sent.instrument).toBe(symbol);
      expect(sent.venueOrderId).not.toBe('');
      if (broker.capabilities.clientOrderIds) expect(sent.clientOrderId).toBe(id);
      expect(await shown(id, request, sent.venueOrderId)).toMatchObject({
        venueOrderId: sent.venueOrderId,
        side: 'buy',
      });
      expect((await broker.orderByVenueId(sent.venueOrderId))?.venueOrderId).toBe(sent.venueOrderId);
      await rig.trade(symbol, 100);
      const filled = await broker.orderByVenueId(sent.venueOrderId);
      expect(filled).toMatchObject({ status: 'filled', filledQuantity: '10', quantity: '10' });
      const { all } = await executions();
      expect(sum(all.map((e) => e.quantity))).toBe('10');
      for (const execution of all) {
        expect(execution).toMatchObject({
          venueOrderId: sent.venueOrderId,
          instrument: symbol,
          side: 'buy',
          kind: 'fill',
        });
        expect(isDecimal(execution.price) && isDecimal(execution.quantity)).toBe(true);
      }
      expect((await broker.positions()).map((p) => [p.instrument, p.quantity])).toEqual([[symbol, '10']]);
      expect(await broker.openOrders()).toEqual([]);
    });

    test('a resting order is listed open, cancelled once, and cancelling again is harmless', async () => {
      const id = nextId();
      const request = limit('50');
      const sent = await broker.submit(request, id);
      await rig.trade(symbol, 100);
      const open = await broker.openOrders();
      expect(open.map((order) => [order.venueOrderId, order.type, order.limitPrice])).toEqual([
        [sent.venueOrderId, 'limit', '50'],
      ]);
      await broker.cancel(sent.venueOrderId);
      expect((await broker.orderByVenueId(sent.venueOrderId))?.status).toBe('canceled');
      await broker.cancel(sent.venueOrderId);
      expect(await broker.openOrders()).toEqual([]);
      await rig.trade(symbol, 40);
      expect(await broker.positions()).toEqual([]);
    });

    test('reading executions goes on where it stopped, and repeats nothing', async () => {
      await broker.submit(market(), nextId());
      await rig.trade(symbol, 100);
      const first = await executions();
      await broker.submit(market({ side: 'sell', opens: false }), nextId());
      await rig.trade(symbol, 101);
      const second = await executions(first.cursor);
      const everything = await executions();
      const known = new Set(first.all.map((e) => e.executionId));
      expect(sum(second.all.filter((e) => !known.has(e.executionId)).map((e) => e.quantity))).toBe('10');
      expect(new Set(everything.all.map((e) => e.executionId)).size).toBe(everything.all.length);
      expect(await broker.positions()).toEqual([]);
    });

    test('two instruments do not mix', async () => {
      await broker.submit(market({ quantity: '3' }), nextId());
      await broker.submit(market({ instrument: rig.instruments[1], quantity: '4' }), nextId());
      await rig.trade(symbol, 100);
      await rig.trade(rig.instruments[1], 200);
      const held = Object.fromEntries((await broker.positions()).map((p) => [p.instrument, p.quantity]));
      expect(held).toEqual({ [symbol]: '3', [rig.instruments[1]]: '4' });
    });

    test('what it does not know is undefined, not an error', async () => {
      expect(await broker.orderByVenueId('00000000-0000-4000-8000-00000000dead')).toBeUndefined();
      if (broker.capabilities.clientOrderIds) expect(await broker.orderByClientId(nextId())).toBeUndefined();
    });

    test('a refusal says so, and leaves no order', async () => {
      const error = await broker.submit(market({ instrument: 'NOSUCHTHING' }), nextId()).catch((e: unknown) => e);
      expect(sendOutcome(error)).toBe('rejected');
      expect(error).toMatchObject({ code: 'REFUSED' });
      expect(await broker.openOrders()).toEqual([]);
    });

    test('orders leave on the connections that were opened ahead', async (context) => {
      const { connections } = rig;
      if (connections === undefined) return context.skip();
      await broker.prepare!(4);
      await Promise.all([1, 2, 3].map(() => broker.submit(market(), nextId())));
      // Three where none had been opened ahead, seven where those had not been used.
      expect(connections()).toBe(4);
    });

    test('a client order id counts once', async (context) => {
      if (!broker.capabilities.clientOrderIds) return context.skip();
      const id = nextId();
      await broker.submit(market(), id);
      expect(sendOutcome(await broker.submit(market(), id).catch((e: unknown) => e))).toBe('duplicate');
      await rig.trade(symbol, 100);
      expect(sendOutcome(await broker.submit(market(), id).catch((e: unknown) => e))).toBe('duplicate');
      expect((await broker.positions()).map((p) => p.quantity)).toEqual(['10']);
    });

    test('a replaced order lives on under the new id', async (context) => {
      if (broker.replace === undefined) return context.skip();
      const [id, next] = [nextId(), nextId()];
      const sent = await broker.submit(limit('50'), id);
      const changed = await broker.replace(sent.venueOrderId, limit('51', { quantity: '7' }), next);
      expect(changed).toMatchObject({ quantity: '7', limitPrice: '51' });
      const old = await broker.orderByVenueId(sent.venueOrderId);
      expect(old === undefined || isTerminal(old.status) || old.venueOrderId === changed.venueOrderId).toBe(true);
      await rig.trade(symbol, 45);
      expect((await broker.positions()).map((p) => p.quantity)).toEqual(['7']);
    });

    test('a resting order moves in place', async (context) => {
      if (broker.amend === undefined) return context.skip();
      const sent = await broker.submit(limit('50'), nextId());
      const { venueOrderId, clientOrderId } = sent;
      // Twice: an answer that was lost is asked for again.
      for (let k = 0; k < 2; k++)
        expect(await broker.amend(venueOrderId, limit('51'))).toMatchObject({ venueOrderId, limitPrice: '51' });
      expect(await broker.openOrders()).toMatchObject([{ venueOrderId, clientOrderId, limitPrice: '51' }]);
      expect(sendOutcome(await broker.amend(venueOrderId, limit('-1')).catch((e: unknown) => e))).toBe('rejected');
      await rig.trade(symbol, 51);
      expect((await broker.positions()).map((p) => p.quantity)).toEqual(['10']);
      expect(sendOutcome(await broker.amend(venueOrderId, limit('52')).catch((e: unknown) => e))).toBe('rejected');
    });

    test('a leg of a pair of exits moves in place', async (context) => {
      if (!broker.capabilities.replace || !broker.capabilities.oco) return context.skip();
      await broker.submit(market(), nextId());
      await rig.trade(symbol, 100);
      const exits = { takeProfit: { limitPrice: '120' }, stopLoss: { stopPrice: '90' } };
      await broker.submit(limit('120', { side: 'sell', timeInForce: 'gtc', opens: false, ...exits }), nextId());
      const stopOf = async () => (await broker.openOrders()).find(({ type }) => type === 'stop')!;
      const request = market({ side: 'sell', type: 'stop', timeInForce: 'gtc', opens: false, stopPrice: '95' });
      const { venueOrderId, venueStatus } = await stopOf();
      // Held behind its sibling, it is not moved by itself.
      if (venueStatus === 'held') return context.skip();
      if (broker.amend === undefined) await broker.replace!(venueOrderId, request, nextId());
      else await broker.amend(venueOrderId, request);
      expect(await stopOf()).toMatchObject({ stopPrice: '95' });
      await rig.trade(symbol, 94);
      expect(await broker.positions()).toEqual([]);
      expect(await broker.openOrders()).toEqual([]);
    });

    test('an instrument that it does not trade is not tradable', async () => {
      expect(await broker.asset('NOSUCHTHING')).toMatchObject({ instrument: 'NOSUCHTHING', tradable: false });
    });

    test.each<[string, Partial<OrderRequest>]>([
      ['a negative quantity', { quantity: '-5' }],
      ['nothing', { quantity: '0' }],
      ['an exponent', { quantity: '1e3' }],
      ['separators', { quantity: '1,000' }],
      ['no number', { quantity: 'NaN' }],
      ['a limit order without its limit', { type: 'limit' }],
      ['a negative limit', { type: 'limit', limitPrice: '-1' }],
      ['a stop without its price', { type: 'stop' }],
    ])('F33 %s is refused, and leaves no order', async (_name, more) => {
      expect(sendOutcome(await broker.submit(market(more), nextId()).catch((e: unknown) => e))).toBe('rejected');
      await rig.trade(symbol, 100);
      expect(await broker.openOrders()).toEqual([]);
      expect(await broker.positions()).toEqual([]);
    });

    test('executions keep their ids, and reads at one time do not disturb each other', async () => {
      await broker.submit(market(), nextId());
      await rig.trade(symbol, 100);
      const [first, second, positions, open, account] = await Promise.all([
        executions(),
        executions(),
        broker.positions(),
        broker.openOrders(),
        broker.account(),
        broker.clock(),
        broker.asset(symbol),
      ]);
      expect(first.all.map((e) => e.executionId)).toEqual(second.all.map((e) => e.executionId));
      expect(first.all.length).toBeGreaterThan(0);
      expect(positions.map((p) => p.quantity)).toEqual(['10']);
      expect(open).toEqual([]);
      expect(account.id).not.toBe('');
    });

    test('a short position is negative', async (context) => {
      if (!broker.capabilities.short) return context.skip();
      await broker.submit(market({ side: 'sell', quantity: '4' }), nextId());
      await rig.trade(symbol, 100);
      expect((await broker.positions()).map((p) => [p.instrument, p.quantity])).toEqual([[symbol, '-4']]);
      await broker.submit(market({ side: 'buy', quantity: '4', opens: false }), nextId());
      await rig.trade(symbol, 100);
      expect(await broker.positions()).toEqual([]);
    });

    const bracket = () =>
      limit('100', { timeInForce: 'gtc', takeProfit: { limitPrice: '110' }, stopLoss: { stopPrice: '90' } });

    test('an entry shows its exits; they end with it', async (context) => {
      if (!broker.capabilities.attachedProtection) return context.skip();
      const sent = await broker.submit(bracket(), nextId());
      const shown = await broker.orderByVenueId(sent.venueOrderId);
      expect(shown?.legs?.map((leg) => [leg.side, leg.type, leg.limitPrice ?? leg.stopPrice]).sort()).toEqual([
        ['sell', 'limit', '110'],
        ['sell', 'stop', '90'],
      ]);
      expect(new Set((await broker.openOrders()).map((order) => order.venueOrderId)).size).toBe(3);
      await broker.cancel(sent.venueOrderId);
      expect(await broker.openOrders()).toEqual([]);
    });

    test('of the exits of a filled entry one ends the other', async (context) => {
      if (!broker.capabilities.attachedProtection) return context.skip();
      const sent = await broker.submit(bracket(), nextId());
      await rig.trade(symbol, 99);
      expect((await broker.positions()).map((p) => p.quantity)).toEqual(['10']);
      expect((await broker.openOrders()).map((order) => order.type).sort()).toEqual(['limit', 'stop']);
      await rig.trade(symbol, 111);
      expect(await broker.positions()).toEqual([]);
      expect(await broker.openOrders()).toEqual([]);
      const legs = (await broker.orderByVenueId(sent.venueOrderId))?.legs ?? [];
      expect(legs.map((leg) => [leg.type, leg.status]).sort()).toEqual([
        ['limit', 'filled'],
        ['stop', 'canceled'],
      ]);
      const sold = (await executions()).all.filter((e) => e.side === 'sell');
      expect(legs.map((leg) => leg.venueOrderId)).toContain(sold[0]?.venueOrderId);
    });

    test('an entry with a stop alone leaves it resting once it has filled', async (context) => {
      if (!broker.capabilities.attachedProtection) return context.skip();
      await broker.submit(limit('100', { timeInForce: 'gtc', stopLoss: { stopPrice: '90' } }), nextId());
      await rig.trade(symbol, 99);
      expect((await broker.openOrders()).map((order) => [order.type, order.side, order.stopPrice])).toEqual([
        ['stop', 'sell', '90'],
      ]);
    });

    const paired = (terms: Partial<OrderRequest>) => limit('90', { timeInForce: 'gtc', opens: true, ...terms });
    const oco = () => paired({ quantity: '10', either: { type: 'stop', stopPrice: '110' } });
    const oto = () =>
      broker.capabilities.pairedEntries === 'two-orders'
        ? paired({ quantity: '4', triggers: { first: 0.4, terms: { type: 'limit', limitPrice: '85' }, quantity: '6' } })
        : paired({ quantity: '10', triggers: { first: 0.4, terms: { type: 'limit', limitPrice: '85' } } });
    const held = async () => (await broker.positions()).map(({ quantity }) => quantity);

    test('a pair of entries is taken or refused as the capabilities say', async () => {
      const taken = broker.capabilities.pairedEntries !== undefined;
      for (const request of [oco(), oto()]) {
        const sent = await broker.submit(request, nextId()).catch(sendOutcome);
        if (!taken) expect(sent).toBe('rejected');
      }
      expect((await broker.openOrders()).length > 0).toBe(taken);
    });

    test.each<[string, number, number]>([
      ['the limit', 89, 112],
      ['the stop', 111, 88],
    ])('of two entries of which one cancels the other, %s fills, and never both', async (_name, one, other) => {
      if (broker.capabilities.pairedEntries === undefined) return;
      await rig.trade(symbol, 100);
      await broker.submit(oco(), nextId());
      await rig.trade(symbol, one);
      expect(await held()).toEqual(['10']);
      expect(await broker.openOrders()).toEqual([]);
      await rig.trade(symbol, other);
      expect(await held()).toEqual(['10']);
    });

    test('an entry triggers another, which works once the first has filled', async () => {
      if (broker.capabilities.pairedEntries === undefined) return;
      await rig.trade(symbol, 100);
      const id = nextId();
      const sent = await broker.submit(oto(), id);
      await rig.trade(symbol, 89);
      expect(await held()).toEqual(['4']);
      expect((await broker.openOrders()).map(({ side, limitPrice }) => [side, limitPrice])).toEqual([['buy', '85']]);
      await rig.trade(symbol, 84);
      expect(await held()).toEqual(['10']);
      expect(await broker.openOrders()).toEqual([]);
      expect(await broker.orderByVenueId(sent.venueOrderId)).toMatchObject({ status: 'filled' });
    });

    test('a pair of entries is cancelled as one, and what was triggered by itself', async () => {
      if (broker.capabilities.pairedEntries === undefined) return;
      await rig.trade(symbol, 100);
      for (const request of [oco(), oto()]) {
        const sent = await broker.submit(request, nextId());
        await broker.cancel(sent.venueOrderId);
        expect(await broker.openOrders()).toEqual([]);
      }
      await broker.submit(oto(), nextId());
      await rig.trade(symbol, 89);
      for (const { venueOrderId } of await broker.openOrders()) await broker.cancel(venueOrderId);
      expect(await broker.openOrders()).toEqual([]);
      await rig.trade(symbol, 84);
      expect(await held()).toEqual(['4']);
    });

    test('a trailing stop rests until it is cancelled', async (context) => {
      if (!broker.capabilities.trailingStop) return context.skip();
      await broker.submit(market(), nextId());
      await rig.trade(symbol, 100);
      const trail = market({ side: 'sell', type: 'trailing_stop', timeInForce: 'gtc', trail: '0.05', opens: false });
      const sent = await broker.submit(trail, nextId());
      expect((await broker.openOrders()).map((order) => [order.type, order.side])).toEqual([['trailing_stop', 'sell']]);
      await broker.cancel(sent.venueOrderId);
      expect(await broker.openOrders()).toEqual([]);
    });

    test('a pair of exits: the target fills under its own id, the stop ends', async (context) => {
      if (!broker.capabilities.oco) return context.skip();
      await broker.submit(market(), nextId());
      await rig.trade(symbol, 100);
      const pair = market({
        side: 'sell',
        type: 'limit',
        timeInForce: 'gtc',
        opens: false,
        takeProfit: { limitPrice: '110' },
        stopLoss: { stopPrice: '90' },
      });
      const sent = await broker.submit(pair, nextId());
      expect(sent).toMatchObject({ type: 'limit', side: 'sell', limitPrice: '110' });
      expect(sent.legs?.map((leg) => [leg.type, leg.stopPrice])).toEqual([['stop', '90']]);
      expect((await broker.openOrders()).length).toBe(2);
      await rig.trade(symbol, 111);
      expect(await broker.openOrders()).toEqual([]);
      expect(await broker.orderByVenueId(sent.venueOrderId)).toMatchObject({ status: 'filled', filledQuantity: '10' });
      const sold = (await executions()).all.filter((e) => e.side === 'sell');
      expect(sold.map((e) => [e.venueOrderId, e.quantity])).toEqual([[sent.venueOrderId, '10']]);
    });

    test('a pair of exits is cancelled as one', async (context) => {
      if (!broker.capabilities.oco) return context.skip();
      await broker.submit(market(), nextId());
      await rig.trade(symbol, 100);
      const pair = market({
        side: 'sell',
        type: 'limit',
        timeInForce: 'gtc',
        opens: false,
        takeProfit: { limitPrice: '110' },
        stopLoss: { stopPrice: '90' },
      });
      const sent = await broker.submit(pair, nextId());
      await broker.cancel(sent.venueOrderId);
      expect(await broker.openOrders()).toEqual([]);
    });

    test('events end when they are aborted, and closing twice is harmless', async () => {
      if (broker.events !== undefined) {
        const stop = new AbortController();
        for await (const event of broker.events(stop.signal)) {
          expect(event.type).toBe('connected');
          stop.abort();
        }
      }
      await broker.close();
      await broker.close();
    });
  });
}
