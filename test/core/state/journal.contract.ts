import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Journal, type Lease, type NewIntent, streamOf } from '../../../src/core/state/index.js';
import { entry, failure, fill, request, SCOPE, T0 } from './helpers.js';

/** What every journal has to do. `open` gives a connection to the same fresh journal each time within one test. */
export function journalContract(
  name: string,
  setup: () => Promise<{ open: () => Promise<Journal>; end: () => Promise<void> }>,
) {
  describe(`journal contract: ${name}`, () => {
    let open: () => Promise<Journal>;
    let end: () => Promise<void>;
    let journal: Journal;
    let lease: Lease;

    beforeEach(async () => {
      ({ open, end } = await setup());
      journal = await open();
      lease = (await journal.acquireLease(streamOf(SCOPE), 'me', T0, 60_000))!;
    });
    afterEach(async () => {
      await journal.verify();
      await journal.close();
      await end();
    });

    const decide = async (intents = [entry()], slot = T0) =>
      journal.recordDecision(SCOPE, lease, { slot, report: 'r1', time: T0, body: { targets: { SPY: 10 } } }, intents);
    const placed = async (slot = T0) => (await decide([entry()], slot)).orders[0]!.clientOrderId;
    const accepted = async (slot = T0) => {
      const id = await placed(slot);
      await journal.markSending([id], lease, T0 + 1);
      await journal.recordReports([{ clientOrderId: id, status: 'accepted', venueOrderId: `v-${slot}` }], T0 + 2);
      return id;
    };

    describe('leases', () => {
      test('one holder at a time, free again after release or deadline, tokens grow', async () => {
        const other = await open();
        expect(await other.acquireLease(streamOf(SCOPE), 'you', T0 + 59_999, 60_000)).toBeUndefined();
        expect(await other.leaseHolder(streamOf(SCOPE), T0)).toEqual(lease);
        const taken = await other.acquireLease(streamOf(SCOPE), 'you', T0 + 60_000, 60_000);
        expect(taken?.token).toBe(lease.token + 1);
        await journal.releaseLease(lease);
        expect((await other.leaseHolder(streamOf(SCOPE), T0 + 60_001))?.owner).toBe('you');
        await other.releaseLease(taken!);
        expect(await other.leaseHolder(streamOf(SCOPE), T0 + 60_001)).toBeUndefined();
        expect((await journal.acquireLease(streamOf(SCOPE), 'me', T0, 1))?.token).toBe(lease.token + 2);
        await other.close();
      });

      test('a dead holder is taken over before its deadline', async () => {
        expect(await journal.acquireLease(streamOf(SCOPE), 'you', T0, 60_000, (o) => o === 'me')).toMatchObject({
          owner: 'you',
          token: 2,
        });
      });

      test('one that was given back, or was had again since, is void, and gives nothing back', async () => {
        expect(await journal.leaseHolder(streamOf(SCOPE), T0 + 60_000)).toBeUndefined();
        await journal.releaseLease(lease);
        expect((await failure(journal.renewLease(lease, T0 + 1, 1))).message).toContain('it was released');
        const again = (await journal.acquireLease(streamOf(SCOPE), 'me', T0 + 2, 60_000))!;
        expect((await failure(journal.renewLease(lease, T0 + 3, 1))).message).toContain('me holds it now');
        await journal.releaseLease(lease);
        expect(await journal.leaseHolder(streamOf(SCOPE), T0 + 4)).toEqual(again);
      });

      test('renewal moves the deadline, never back; a lost lease cannot be renewed', async () => {
        expect(await journal.renewLease(lease, T0 + 1, 0)).toEqual(lease);
        const renewed = await journal.renewLease(lease, T0 + 30_000, 60_000);
        expect(renewed).toEqual({ ...lease, deadline: T0 + 90_000 });
        expect((await failure(journal.renewLease(renewed, T0 + 90_000, 1))).code).toBe('STATE');
        await journal.acquireLease(streamOf(SCOPE), 'you', T0 + 90_000, 60_000);
        expect((await failure(journal.renewLease(renewed, T0 + 91_000, 1))).message).toContain('you holds it now');
      });

      test('twenty at once: exactly one wins', async () => {
        const all = await Promise.all(Array.from({ length: 4 }, open));
        const wins = await Promise.all(
          Array.from({ length: 20 }, (_, i) => all[i % 4]!.acquireLease('race', `p${i}`, T0, 1000)),
        );
        expect(wins.filter((won) => won !== undefined)).toHaveLength(1);
        for (const each of all) await each.close();
      });
    });

    describe('decisions and intents', () => {
      test('one decision a slot; ids follow from what is ordered', async () => {
        const first = await decide([entry(), { leg: 'exit', request: request({ side: 'sell' }) }]);
        expect(first.existed).toBe(false);
        expect(first.orders.map((o) => [o.leg, o.revision, o.status, o.filledQuantity])).toEqual([
          ['entry', 0, 'intended', '0'],
          ['exit', 0, 'intended', '0'],
        ]);
        expect(new Set(first.orders.map((o) => o.clientOrderId)).size).toBe(2);
        expect(first.orders[0]!.clientOrderId).toMatch(/^ql-swing-[0-9a-f]{20}$/);
        const again = await decide([entry({ quantity: '99' })]);
        expect(again.existed).toBe(true);
        expect(again.orders).toEqual(first.orders);
        expect(await journal.decision(SCOPE, T0)).toEqual({
          slot: T0,
          report: 'r1',
          time: T0,
          body: { targets: { SPY: 10 } },
        });
        expect(await journal.lastDecision(SCOPE)).toMatchObject({ slot: T0 });
        expect(await journal.decision(SCOPE, T0 + 1)).toBeUndefined();
      });

      test('nothing of a decision is recorded when one of its intents is refused', async () => {
        expect((await failure(decide([entry(), entry()]))).code).toBe('MISMATCH');
        expect(await journal.orders()).toEqual([]);
        expect(await journal.decision(SCOPE, T0)).toBeUndefined();
        expect(await journal.events()).toEqual([]);
      });

      test('what leaves at once is marked with its decision, unless the strategy is halted', async () => {
        const intents = [entry(), { leg: 'exit' as const, request: request({ side: 'sell', instrument: 'QQQ' }) }];
        const leaves = ({ leg }: NewIntent) => leg === 'exit';
        const record = (slot: number) =>
          journal.recordDecision(SCOPE, lease, { slot, report: 'r1', time: slot, body: {} }, intents, { leaves });
        const { orders, leaving } = await record(T0);
        expect(orders.map(({ status, sentAt }) => [status, sentAt])).toEqual([
          ['intended', undefined],
          ['sending', T0],
        ]);
        expect([...leaving]).toEqual([orders[1]!.clientOrderId]);
        expect(await journal.orders()).toEqual(orders);
        expect((await journal.events({ types: ['sending'] })).map(({ body }) => body)).toEqual([
          { orders: [...leaving], token: lease.token },
        ]);
        expect((await record(T0)).leaving.size).toBe(0);
        await journal.setState(SCOPE, 'reducing', 'enough', T0);
        expect((await record(T0 + 1)).orders.map(({ status }) => status)).toEqual(['intended', 'intended']);
      });

      test('a revision is raised only after the previous one is over, or by the order that replaces it', async () => {
        const id = await accepted();
        const next = () => journal.recordIntents(SCOPE, lease, T0, [entry({ quantity: '5' })], T0 + 3);
        expect((await failure(next())).message).toContain('still accepted');
        await journal.recordReports([{ clientOrderId: id, status: 'unknown' }], T0 + 3);
        expect((await failure(next())).code).toBe('MISMATCH');
        const replacing = { ...entry({ quantity: '7' }), replaces: id };
        const [second] = await journal.recordIntents(SCOPE, lease, T0, [replacing], T0 + 3);
        expect(second).toMatchObject({ revision: 1, replaces: id });
        expect(second!.clientOrderId).not.toBe(id);
        await journal.recordReports([{ clientOrderId: second!.clientOrderId, status: 'rejected' }], T0 + 4);
        expect((await next())[0]).toMatchObject({ revision: 2 });
      });

      test('recording needs the strategy’s own, current lease', async () => {
        const foreign = (await journal.acquireLease('fake/A1/other', 'me', T0, 60_000))!;
        expect((await failure(journal.recordIntents(SCOPE, foreign, T0, [entry()], T0))).code).toBe('BUG');
        expect((await failure(journal.recordIntents(SCOPE, lease, T0, [entry()], T0 + 60_000))).code).toBe('STATE');
      });

      test('entries are decided again where another strategy of the account has ordered since it was looked at', async () => {
        const scope = { ...SCOPE, strategy: 'other' };
        const seen = await journal.head();
        // Another process: its own connection.
        const second = await open();
        const theirs = (await second.acquireLease(streamOf(scope), 'x', T0, 60_000))!;
        const elsewhere = { ...scope, account: 'A2' };
        const far = (await second.acquireLease(streamOf(elsewhere), 'x', T0, 60_000))!;
        const decision = { slot: T0, report: 'r1', time: T0, body: null };
        const mine = (intents = [entry()], since = seen, slot = T0) =>
          journal.recordDecision(SCOPE, lease, { ...decision, slot }, intents, { seen: since });
        // Orders of another account, and decisions without orders, do not matter; nor do its own.
        await second.recordDecision(elsewhere, far, decision, [entry()]);
        await second.recordDecision(scope, theirs, decision, []);
        expect((await mine()).orders).toHaveLength(1);
        expect((await mine([entry({ instrument: 'IWM' })], seen, T0 + 1)).orders).toHaveLength(1);
        await second.recordDecision(scope, theirs, { ...decision, slot: T0 + 1 }, [entry({ instrument: 'QQQ' })]);
        const moved = await failure(mine([entry({ instrument: 'GLD' })], seen, T0 + 2));
        expect([moved.code, moved.details['reason']]).toEqual(['MISMATCH', 'account_moved']);
        expect(await journal.decision(SCOPE, T0 + 2)).toBeUndefined();
        // Exits pass, and entries by what is known now.
        const exit = { leg: 'exit' as const, request: request({ side: 'sell' }) };
        expect((await mine([exit], seen, T0 + 2)).orders).toHaveLength(1);
        expect((await mine([entry({ instrument: 'GLD' })], await journal.head(), T0 + 3)).orders).toHaveLength(1);
        await second.close();
      });

      test('of two that record at once after the same look, one records', async () => {
        const scope = { ...SCOPE, strategy: 'other' };
        const second = await open();
        const theirs = (await second.acquireLease(streamOf(scope), 'x', T0, 60_000))!;
        const decision = { slot: T0, report: 'r1', time: T0, body: null };
        const seen = await journal.head();
        const both = await Promise.allSettled([
          journal.recordDecision(SCOPE, lease, decision, [entry()], { seen }),
          second.recordDecision(scope, theirs, decision, [entry({ instrument: 'QQQ' })], { seen }),
        ]);
        expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
        expect(await journal.orders()).toHaveLength(1);
        await second.close();
      });

      test('an instrument belongs to one strategy of an account at a time', async () => {
        const id = await accepted();
        const scope = { ...SCOPE, strategy: 'other' };
        const theirs = (await journal.acquireLease(streamOf(scope), 'x', T0, 60_000))!;
        const attempt = () => journal.recordIntents(scope, theirs, T0, [entry()], T0);
        expect((await failure(attempt())).message).toContain('belongs to the strategy swing');
        await journal.recordExecutions([fill(id, 'e1', '10', '100')], T0);
        expect((await failure(attempt())).message).toContain('belongs to the strategy swing');
        // Of a decision it is left out, and the rest is recorded.
        const mixed = [entry(), entry({ instrument: 'QQQ' }), { leg: 'exit' as const, request: request() }];
        const decided = await journal.recordDecision(
          scope,
          theirs,
          { slot: T0 - 1, report: 'r', time: T0, body: 0 },
          mixed,
        );
        expect(decided.withheld).toEqual([{ instrument: 'SPY', owner: 'swing' }]);
        expect(decided.orders.map(({ leg, instrument }) => [leg, instrument])).toEqual([
          ['entry', 'QQQ'],
          ['exit', 'SPY'],
        ]);
        const over = decided.orders.map(({ clientOrderId }) => ({ clientOrderId, status: 'expired' as const }));
        await journal.recordReports(over, T0);
        const exit = { leg: 'exit' as const, request: request({ side: 'sell' }) };
        const [out] = await journal.recordIntents(SCOPE, lease, T0, [exit], T0);
        await journal.recordExecutions([fill(out!.clientOrderId, 'e2', '10', '101', { side: 'sell' })], T0);
        const [bought] = await attempt();
        // The exit is taken back: both own it now, and each closes and protects its own, and opens nothing.
        await journal.recordExecutions([fill(bought!.clientOrderId, 'e3', '10', '100')], T0);
        const bust = { kind: 'bust', refersTo: 'e2', side: 'sell' } as const;
        await journal.recordExecutions([fill(out!.clientOrderId, 'b2', '10', '101', bust)], T0);
        expect(await journal.recordIntents(SCOPE, lease, T0 + 1, [exit, { ...exit, leg: 'stop' }], T0)).toHaveLength(2);
        expect((await failure(journal.recordIntents(SCOPE, lease, T0 + 2, [entry()], T0))).code).toBe('MISMATCH');
      });
    });

    describe('sending', () => {
      test('marks all or none, under the fence', async () => {
        const { orders } = await decide([entry(), { leg: 'entry', request: request({ instrument: 'QQQ' }) }]);
        const ids = orders.map((o) => o.clientOrderId);
        await journal.markSending(ids, lease, T0 + 5);
        expect((await journal.orders()).map((o) => [o.status, o.sentAt])).toEqual([
          ['sending', T0 + 5],
          ['sending', T0 + 5],
        ]);
        await journal.recordReports([{ clientOrderId: ids[0]!, status: 'accepted', venueOrderId: 'v1' }], T0 + 6);
        expect((await failure(journal.markSending(ids, lease, T0 + 7))).code).toBe('MISMATCH');
        await journal.markSending([ids[1]!], lease, T0 + 7);
        expect((await journal.order(ids[1]!))?.sentAt).toBe(T0 + 7);
      });

      test('a passed deadline or a newer holder aborts before anything is marked', async () => {
        const id = await placed();
        const late = await failure(journal.markSending([id], lease, T0 + 60_000));
        expect([late.code, late.details['reason']]).toEqual(['STATE', 'lease_lost']);
        await journal.acquireLease(streamOf(SCOPE), 'you', T0, 60_000, () => true);
        expect((await failure(journal.markSending([id], lease, T0 + 1))).message).toContain('you holds it now');
        expect((await journal.order(id))?.status).toBe('intended');
      });
    });

    describe('reports and executions', () => {
      test('an order fills by its executions, each booked once, in any order', async () => {
        const id = await placed();
        await journal.markSending([id], lease, T0);
        expect(await journal.recordExecutions([fill(id, 'e2', '4', '101')], T0 + 1)).toHaveLength(1);
        expect((await journal.order(id))?.status).toBe('partially_filled');
        await journal.recordReports([{ clientOrderId: id, status: 'accepted', venueOrderId: 'v1' }], T0 + 2);
        expect((await journal.order(id))?.status).toBe('partially_filled');
        expect(
          await journal.recordExecutions([fill(id, 'e1', '6', '100'), fill(id, 'e2', '4', '101')], T0 + 3),
        ).toEqual([fill(id, 'e1', '6', '100')]);
        expect(await journal.order(id)).toMatchObject({
          status: 'filled',
          filledQuantity: '10',
          averagePrice: '100.4',
        });
        expect(await journal.position(SCOPE, 'SPY')).toMatchObject({
          quantity: '10',
          averagePrice: '100.4',
          realised: '0',
        });
        expect((await journal.fills({ clientOrderId: id })).map((f) => f.executionId)).toEqual(['e2', 'e1']);
        expect((await journal.fills({ scope: SCOPE, executionId: 'e1' })).map((f) => f.executionId)).toEqual(['e1']);
        expect((await journal.orderByVenueId('fake', 'A1', 'v1'))?.clientOrderId).toBe(id);
        expect([...(await journal.ordersByVenueId('fake', 'A1', ['v0', 'v1'])).keys()]).toEqual(['v1']);
        expect((await journal.ordersByVenueId('fake', 'A2', ['v1'])).size).toBe(0);
      });

      test('a final status waits for the executions that it counts', async () => {
        const id = await accepted();
        await journal.recordReports([{ clientOrderId: id, status: 'canceled', reportedQuantity: '4' }], T0 + 3);
        expect(await journal.order(id)).toMatchObject({ status: 'accepted', closing: 'canceled' });
        expect(await journal.orders({ open: true })).toHaveLength(1);
        await journal.recordExecutions([fill(id, 'e1', '4', '100')], T0 + 4);
        expect(await journal.order(id)).toMatchObject({ status: 'canceled', closing: undefined, filledQuantity: '4' });
        expect(await journal.orders({ open: true })).toEqual([]);
      });

      test('repeated and late reports append nothing', async () => {
        const id = await accepted();
        await journal.recordExecutions([fill(id, 'e1', '10', '100')], T0 + 3);
        const before = await journal.events();
        await journal.recordReports([{ clientOrderId: id, status: 'accepted', venueOrderId: `v-${T0}` }], T0 + 4);
        await journal.recordReports([{ clientOrderId: id, status: 'canceled' }], T0 + 5);
        await journal.recordExecutions([fill(id, 'e1', '10', '100')], T0 + 6);
        expect(await journal.events()).toEqual(before);
        expect((await journal.order(id))?.status).toBe('filled');
      });

      test('busts take back, corrections replace, whichever comes first', async () => {
        const id = await accepted();
        await journal.recordExecutions([fill(id, 'b1', '3', '100', { kind: 'bust', refersTo: 'e1' })], T0 + 3);
        await journal.recordExecutions(
          [fill(id, 'e1', '3', '100'), fill(id, 'e2', '5', '100', { costs: '1' })],
          T0 + 4,
        );
        expect(await journal.order(id)).toMatchObject({ filledQuantity: '5', status: 'partially_filled' });
        await journal.recordExecutions(
          [fill(id, 'c1', '4', '110', { kind: 'correction', refersTo: 'e2', costs: '2' })],
          T0 + 5,
        );
        expect(await journal.order(id)).toMatchObject({ filledQuantity: '4', averagePrice: '110' });
        expect(await journal.position(SCOPE, 'SPY')).toMatchObject({
          quantity: '4',
          averagePrice: '110',
          realised: '-2',
        });
        expect((await journal.fills()).filter((f) => !f.void).map((f) => f.executionId)).toEqual(['c1']);
      });

      test('executions of unknown orders are refused, together with their batch', async () => {
        const id = await accepted();
        const batch = [fill(id, 'e1', '1', '100'), fill('stranger', 'e2', '1', '100')];
        expect((await failure(journal.recordExecutions(batch, T0))).code).toBe('MISMATCH');
        expect(await journal.fills()).toEqual([]);
      });

      test('exits attached by the venue become the strategy’s orders', async () => {
        const id = await accepted();
        const stop = {
          clientOrderId: 'venue-made',
          venueOrderId: 'v9',
          leg: 'stop' as const,
          request: request({ side: 'sell' }),
        };
        await journal.recordAttached(id, [stop], T0 + 3);
        await journal.recordAttached(id, [stop], T0 + 4);
        expect(await journal.order('venue-made')).toMatchObject({
          status: 'accepted',
          parent: id,
          slot: T0,
          revision: 0,
        });
        await journal.recordExecutions([fill(id, 'e1', '10', '100')], T0 + 5);
        await journal.recordExecutions([fill('venue-made', 'e2', '10', '90', { side: 'sell' })], T0 + 6);
        expect(await journal.position(SCOPE, 'SPY')).toMatchObject({
          quantity: '0',
          averagePrice: undefined,
          realised: '-100',
        });
        expect(await journal.positions(SCOPE)).toEqual([]);
      });
    });

    test('corporate actions apply once to lots and resting orders', async () => {
      const id = await accepted();
      await journal.recordExecutions([fill(id, 'e1', '10', '100')], T0);
      const stop = { leg: 'stop' as const, request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) };
      const [order] = await journal.recordIntents(SCOPE, lease, T0, [stop], T0);
      const split = { instrument: 'SPY', date: '2026-01-06', type: 'split' as const, value: '4' };
      expect(await journal.recordCorporateAction(SCOPE, split, T0 + 1)).toBe(true);
      expect(await journal.recordCorporateAction(SCOPE, split, T0 + 2)).toBe(false);
      expect((await journal.position(SCOPE, 'SPY'))?.lots).toEqual([
        { executionId: 'e1', leg: 'entry', quantity: '40', price: '25', time: T0 },
      ]);
      expect((await journal.order(order!.clientOrderId))?.request).toMatchObject({ quantity: '40', stopPrice: '22.5' });
      expect(await journal.recordedRequest(SCOPE, order!.clientOrderId)).toEqual(stop.request);
      expect(await journal.recordedRequest(SCOPE, 'none')).toBeUndefined();
      await journal.recordCorporateAction(SCOPE, { ...split, type: 'dividend', value: '0.5' }, T0 + 3);
      await journal.recordCorporateAction(
        SCOPE,
        { instrument: 'SPY', date: '2026-01-07', type: 'rename', becomes: 'SPX' },
        T0 + 4,
      );
      expect(await journal.positions(SCOPE)).toMatchObject([{ instrument: 'SPX', quantity: '40', realised: '20' }]);
      await journal.recordCorporateAction(
        SCOPE,
        { instrument: 'SPX', date: '2026-01-08', type: 'delisting', value: '5' },
        T0 + 5,
      );
      expect(await journal.position(SCOPE, 'SPX')).toMatchObject({ quantity: '0', realised: '-780' });
    });

    test('a disposal takes the oldest lots, at cost, and computing the tables again gives the same', async () => {
      const id = await accepted();
      await journal.recordExecutions([fill(id, 'e1', '4', '100'), fill(id, 'e2', '6', '110')], T0);
      const gone = { instrument: 'SPY', date: '2026-01-06', type: 'disposal' as const, units: '5' };
      await journal.recordCorporateAction(SCOPE, { ...gone, reason: 'by hand', owned: '10', held: '5' }, T0 + 1);
      expect(await journal.position(SCOPE, 'SPY')).toMatchObject({
        ...{ quantity: '5', realised: '0' },
        lots: [{ executionId: 'e2', quantity: '5', price: '110' }],
      });
      await journal.verify();
      // A bust computes what is held again: what is gone stays gone.
      await journal.recordExecutions([fill(id, 'b1', '4', '100', { kind: 'bust', refersTo: 'e1' })], T0 + 2);
      expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: '5', realised: '0' });
      await journal.verify();
    });

    test('a split scales every order of a resting group', async () => {
      const group = {
        ...{ type: 'limit' as const, limitPrice: '120', takeProfit: { limitPrice: '140' } },
        stopLoss: { stopPrice: '90', limitPrice: '88' },
        either: { type: 'stop' as const, stopPrice: '110' },
        triggers: { first: 0.4, quantity: '6', terms: { type: 'limit' as const, limitPrice: '80' } },
      };
      const [order] = await journal.recordIntents(SCOPE, lease, T0, [entry({ quantity: '4', ...group })], T0);
      const split = { instrument: 'SPY', date: '2026-01-06', type: 'split' as const, value: '4' };
      await journal.recordCorporateAction(SCOPE, split, T0 + 1);
      expect((await journal.order(order!.clientOrderId))?.request).toEqual({
        ...request({ type: 'limit', quantity: '16', limitPrice: '30' }),
        takeProfit: { limitPrice: '35' },
        stopLoss: { stopPrice: '22.5', limitPrice: '22' },
        either: { type: 'stop', stopPrice: '27.5' },
        triggers: { first: 0.4, quantity: '24', terms: { type: 'limit', limitPrice: '20' } },
      });
    });

    test('actions out of order: what counts is when they come into force', async () => {
      const id = await accepted();
      const more = (time: number) => ({ time, side: 'buy' as const });
      await journal.recordExecutions([fill(id, 'new', '2', '50', more(T0 + 20))], T0 + 30);
      const split = { instrument: 'SPY', date: '2026-01-06', type: 'split' as const, value: '0.5', from: T0 + 10 };
      await journal.recordCorporateAction(SCOPE, { ...split, lot: '1', price: '200' }, T0 + 40);
      expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: '2', averagePrice: '50' });
      await journal.recordExecutions([fill(id, 'old', '5', '100', more(T0))], T0 + 50);
      // Five old ones are two and a half new ones; the half is paid out.
      expect(await journal.position(SCOPE, 'SPY')).toMatchObject({ quantity: '4', realised: '0' });
      const rename = { instrument: 'SPY', date: '2026-01-07', type: 'rename' as const, becomes: 'SPX', from: T0 + 60 };
      const stop = { leg: 'stop' as const, request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) };
      const [order] = await journal.recordIntents(SCOPE, lease, T0, [stop], T0 + 60);
      await journal.recordCorporateAction(SCOPE, rename, T0 + 70);
      expect(await journal.position(SCOPE, 'SPX')).toMatchObject({ quantity: '4' });
      expect(await journal.order(order!.clientOrderId)).toMatchObject({
        instrument: 'SPX',
        request: { instrument: 'SPX', stopPrice: '90' },
      });
    });

    test('an order under the old name beside one that was renamed has an id of its own', async () => {
      await accepted();
      const stop = { leg: 'stop' as const, request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) };
      const [first] = await journal.recordIntents(SCOPE, lease, T0, [stop], T0 + 1);
      const rename = { instrument: 'SPY', date: '2026-01-07', type: 'rename' as const, becomes: 'SPX', from: T0 + 4 };
      await journal.recordCorporateAction(SCOPE, rename, T0 + 5);
      const [second] = await journal.recordIntents(SCOPE, lease, T0, [stop], T0 + 6);
      expect(second).toMatchObject({ instrument: 'SPY', revision: 1 });
      expect(second!.clientOrderId).not.toBe(first!.clientOrderId);
      expect(await journal.order(first!.clientOrderId)).toMatchObject({ instrument: 'SPX', revision: 0 });
      await journal.verify();
    });

    test('exits that the venue attaches after a rename are counted beside those that were open then', async () => {
      const id = await accepted();
      const stop = { leg: 'stop' as const, request: request({ side: 'sell', type: 'stop', stopPrice: '90' }) };
      const [first] = await journal.recordIntents(SCOPE, lease, T0, [stop], T0 + 1);
      await journal.recordReports([{ clientOrderId: first!.clientOrderId, status: 'canceled' }], T0 + 2);
      const [second] = await journal.recordIntents(SCOPE, lease, T0, [stop], T0 + 3);
      const rename = { instrument: 'SPY', date: '2026-01-07', type: 'rename' as const, becomes: 'SPX', from: T0 + 4 };
      await journal.recordCorporateAction(SCOPE, rename, T0 + 5);
      expect(await journal.order(second!.clientOrderId)).toMatchObject({ instrument: 'SPX', revision: 1 });
      const attached = { ...stop, clientOrderId: 'venue-made', venueOrderId: 'v9' };
      const renamed = { ...attached, request: { ...stop.request, instrument: 'SPX' } };
      expect(await journal.recordAttached(id, [renamed], T0 + 6)).toMatchObject([{ instrument: 'SPX', revision: 2 }]);
      await journal.verify();
    });

    test('states, sessions, cursors and notes are remembered', async () => {
      expect(await journal.state(SCOPE)).toEqual({ state: 'active', reason: undefined, since: undefined });
      await journal.setState(SCOPE, 'halted', 'drawdown', T0 + 1);
      expect(await journal.state(SCOPE)).toEqual({ state: 'halted', reason: 'drawdown', since: T0 + 1 });
      await journal.setCursor(SCOPE, 'page-2', T0 + 2);
      await journal.setCursor(SCOPE, 'page-2', T0 + 3);
      expect(await journal.cursor(SCOPE)).toBe('page-2');
      await journal.recordSession(SCOPE, 's1', 'started', { token: 1 }, T0 + 4);
      await journal.recordSession(SCOPE, 's1', 'ended', { outcome: 'ok' }, T0 + 5);
      await journal.note(SCOPE, 'exposed', { seconds: 3 }, T0 + 6);
      expect((await journal.events({ scope: SCOPE })).map((e) => [e.sequence, e.type])).toEqual([
        [1, 'state'],
        [2, 'cursor'],
        [3, 'session'],
        [4, 'session'],
        [5, 'note:exposed'],
      ]);
      expect(await journal.events({ types: ['session'], limit: 1 })).toHaveLength(1);
      expect(await journal.scopes()).toEqual([SCOPE]);
      await journal.note({ ...SCOPE, strategy: 'a' }, 'x', null, T0 + 7);
      await journal.note({ ...SCOPE, strategy: 'z' }, 'x', null, T0 + 7);
      expect((await journal.scopes()).map(({ strategy }) => strategy)).toEqual(['a', 'swing', 'z']);
    });

    test('what was recorded is there after reopening, and the tables follow from the events', async () => {
      const id = await accepted();
      await journal.recordExecutions([fill(id, 'e1', '4', '100')], T0 + 3);
      const second = await accepted(T0 + 1000).catch((e: Error) => e);
      expect(second).not.toBeInstanceOf(Error);
      const orders = await journal.orders();
      const positions = await journal.positions(SCOPE);
      await journal.close();
      journal = await open();
      await journal.rebuild();
      expect(await journal.orders()).toEqual(orders);
      expect(await journal.positions(SCOPE)).toEqual(positions);
      expect(await journal.orders({ scope: SCOPE, slot: T0 })).toHaveLength(1);
      expect((await journal.orders({ limit: 1 }))[0]?.slot).toBe(T0 + 1000);
      expect((await journal.orders({ scope: SCOPE, fromSlot: T0 + 1 })).map((o) => o.slot)).toEqual([T0 + 1000]);
    });
  });
}
