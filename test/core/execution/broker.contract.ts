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
      await broker.close();
      await rig.end();
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
  });
}
