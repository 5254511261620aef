import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { isZero } from '../../../src/core/domain/decimal.js';
import { type Random, seededRandom } from '../../../src/core/domain/random.js';
import { isQuantlineError } from '../../../src/core/errors/index.js';
import {
  awaitOutcome,
  type Broker,
  cancelOrder,
  commitDecision,
  type ExecutionContext,
  type FaultPoint,
  reconcile,
  replaceOrder,
  submitOrders,
} from '../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../src/core/platform/index.js';
import {
  isTerminal,
  type Journal,
  type Lease,
  type NewIntent,
  type OrderRecord,
  openJournal,
  streamOf,
} from '../../../src/core/state/index.js';
import { SCOPE, T0 } from '../state/helpers.js';
import { FakeVenue, type Fault, type Operation } from './fakeVenue.js';

const INSTRUMENTS = ['SPY', 'QQQ', 'IWM'];
const READ_FAULTS: readonly Fault[] = ['fail'];
const SEND_FAULTS: readonly Fault[] = ['lost-before', 'lost-after', 'lost-after', 'reject', 'throttle'];
const SLOT_MS = 300_000;

/** A start that is killed: from that moment its calls never return. */
class Life {
  alive = true;
  die!: () => void;
  readonly death = new Promise<'killed'>((resolve) => {
    this.die = () => {
      this.alive = false;
      resolve('killed');
    };
  });

  /** The object as this life sees it: nothing happens any more once it is over. */
  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value = Reflect.get(object, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (!this.alive) return new Promise(() => {});
          const result = value.apply(object, args);
          return result instanceof Promise ? result.then((x) => (this.alive ? x : new Promise(() => {}))) : result;
        };
      },
    });
  }
}

class World {
  readonly random: Random;
  readonly clock = new ManualClock(T0);
  readonly venue = new FakeVenue(this.clock);
  journal!: Journal;
  starts = 0;
  kills = 0;

  constructor(
    seed: number,
    private readonly path: string,
  ) {
    this.random = seededRandom(seed);
  }

  chance(p: number): boolean {
    return this.random.next() < p;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random.next() * list.length)]!;
  }

  async reopen(): Promise<void> {
    await this.journal?.close();
    this.journal = await openJournal(this.path);
  }

  /** The market and other people, between two starts. */
  happen(): void {
    const { venue } = this;
    this.clock.set(this.clock.now() + Math.floor(this.random.next() * (this.chance(0.5) ? 20_000 : 200_000)));
    venue.invisible = this.chance(0.4) ? Math.floor(this.random.next() * 60_000) : 0;
    for (const order of venue.open()) {
      if (this.chance(0.6)) venue.fill(order, String(1 + Math.floor(this.random.next() * 18)), '101.5');
      if (order.status === 'pending_cancel' && this.chance(0.6)) order.status = 'canceled';
      else if (!isTerminal(order.status) && this.chance(0.05)) order.status = 'expired';
    }
    if (this.chance(0.1)) venue.external.set('GLD', String(Math.floor(this.random.next() * 9)));
    if (this.chance(0.1)) venue.lagging = 1 + Math.floor(this.random.next() * 2);
    const last = venue.trades.at(-1);
    if (last?.kind === 'fill' && this.chance(0.03)) venue.bust(last);
  }

  /** One start of the runner, with faults and perhaps a kill. */
  async start(faults: boolean): Promise<void> {
    this.starts++;
    const life = new Life();
    const rate = faults ? 0.12 : 0;
    this.venue.fault = (operation: Operation) => {
      if (!this.chance(rate)) return undefined;
      return this.pick(['submit', 'cancel', 'replace'].includes(operation) ? SEND_FAULTS : READ_FAULTS);
    };
    const kill = (_: FaultPoint) => {
      if (!faults || !this.chance(0.06)) return;
      this.kills++;
      life.die();
      throw new Error('killed');
    };
    const context: ExecutionContext = {
      journal: life.guard(this.journal),
      broker: life.guard<Broker>(this.venue),
      scope: SCOPE,
      clock: this.clock,
      logger: silentLogger,
      limits: { concurrency: 2 },
      faultPoint: kill,
    };
    const outcome = await Promise.race([life.death, this.run(context, `p${this.starts}`, faults)]);
    if (outcome === 'killed') await this.reopen();
    this.venue.fault = () => undefined;
  }

  private async run(context: ExecutionContext, owner: string, trades: boolean): Promise<'done'> {
    const { journal, clock } = context;
    try {
      const lease = await journal.acquireLease(streamOf(SCOPE), owner, clock.now(), 600_000, () => true);
      if (lease === undefined) return 'done';
      const slot = Math.floor(clock.now() / SLOT_MS) * SLOT_MS;
      const sendable = (order: OrderRecord) => clock.now() < order.slot + SLOT_MS / 2;
      const state = await reconcile(context, { sendable });
      await submitOrders(context, lease, state.resend, { validUntil: slot + SLOT_MS / 2 });
      if (trades) await this.trade(context, lease, slot);
      await journal.releaseLease(lease);
    } catch (error) {
      const expected = isQuantlineError(error) ? error.code : String(error);
      // A lease that ran out while faults were waited for is as good as a late start.
      if (!['UNAVAILABLE', 'STATE', 'Error: killed', 'MISMATCH', 'REFUSED'].includes(expected)) throw error;
    }
    return 'done';
  }

  private async trade(context: ExecutionContext, lease: Lease, slot: number): Promise<void> {
    const { journal, clock } = context;
    const decision = { slot, report: 'r', time: clock.now(), body: null };
    const { orders, existed } = await commitDecision(context, lease, decision, await this.intents(context));
    if (!existed) {
      const sent = await submitOrders(context, lease, orders, { validUntil: slot + SLOT_MS / 2 });
      await awaitOutcome(
        context,
        sent.map((order) => order.clientOrderId),
        clock.now() + 3000,
      );
    }
    for (const order of await journal.orders({ scope: SCOPE, open: true })) {
      const settled = order.status === 'accepted' || order.status === 'partially_filled';
      if (settled && this.chance(0.2)) await cancelOrder(context, order.clientOrderId);
      else if (settled && this.chance(0.1)) {
        const request = { ...order.request, quantity: String(1 + Math.floor(this.random.next() * 12)) };
        const { leg } = order;
        await replaceOrder(context, lease, order.clientOrderId, { leg, request }, clock.now() + 3000);
      }
    }
  }

  /** Flat: enter; held: exit; anything open: wait. */
  private async intents(context: ExecutionContext): Promise<readonly NewIntent[]> {
    const open = await context.journal.orders({ scope: SCOPE, open: true });
    const held = new Map((await context.journal.positions(SCOPE)).map((p) => [p.instrument, p.quantity]));
    return INSTRUMENTS.flatMap((instrument): NewIntent[] => {
      if (open.some((order) => order.instrument === instrument) || this.chance(0.3)) return [];
      const quantity = held.get(instrument) ?? '0';
      const common = { instrument, type: 'market', timeInForce: 'day' } as const;
      if (isZero(quantity)) return [{ leg: 'entry', request: { ...common, side: 'buy', quantity: '10' } }];
      const short = quantity.startsWith('-');
      const exit = { side: short ? 'buy' : 'sell', quantity: quantity.replace('-', ''), opens: false } as const;
      return [{ leg: 'exit', request: { ...common, ...exit } }];
    });
  }

  /** No more faults: everything comes to rest. */
  async settle(): Promise<void> {
    this.venue.invisible = 0;
    for (let round = 0; round < 12; round++) {
      this.clock.set(this.clock.now() + SLOT_MS);
      for (const order of this.venue.open()) {
        if (order.status === 'pending_cancel') order.status = 'canceled';
        else this.venue.fill(order, '1000');
      }
      this.venue.lagging = 0;
      await this.start(false);
    }
  }

  /** FAULTS.md, section 1: the oracle. */
  async judge(): Promise<void> {
    const { venue, journal } = this;
    expect(await journal.state(SCOPE)).toMatchObject({ state: 'active' });
    const orders = await journal.orders();
    const known = new Map(orders.map((order) => [order.clientOrderId, order]));
    expect(new Set(venue.accepted).size, 'an id was accepted twice').toBe(venue.accepted.length);
    expect(venue.doubled, 'two orders for one instrument were alive at once').toEqual([]);
    for (const id of venue.accepted) expect(known.has(id), `${id} is at the venue and not in the journal`).toBe(true);
    const booked = await journal.fills();
    expect(booked.map((fill) => fill.executionId).sort()).toEqual(venue.trades.map((t) => t.executionId).sort());
    for (const order of orders) {
      const theirs = venue.find(order.clientOrderId);
      expect(isTerminal(order.status), `${order.clientOrderId} is still ${order.status}`).toBe(true);
      expect(order.filledQuantity, order.clientOrderId).toBe(theirs?.filled ?? '0');
      if (theirs === undefined) expect(['rejected', 'expired', 'canceled']).toContain(order.status);
      else expect(order.venueOrderId).toBe(theirs.venueOrderId);
    }
    const perSlot = new Map<string, number>();
    for (const order of orders) {
      if (order.leg !== 'entry' || order.replaces !== undefined || venue.find(order.clientOrderId) === undefined)
        continue;
      const key = `${order.slot}/${order.instrument}`;
      perSlot.set(key, (perSlot.get(key) ?? 0) + 1);
    }
    expect(Math.max(0, ...perSlot.values()), 'two entries in one slot').toBeLessThanOrEqual(1);
    for (const instrument of INSTRUMENTS) {
      const owned = (await journal.position(SCOPE, instrument))?.quantity ?? '0';
      expect(owned, instrument).toBe(venue.held(instrument));
    }
    await journal.verify();
  }
}

/** One random sequence of starts, faults and kills; throws where the oracle is not satisfied. */
export async function soak(seed: number): Promise<{ readonly kills: number; readonly accepted: number }> {
  // Crashes of this process are played, not real: memory is as durable as a disk here, and faster.
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'quantline-soak-'));
  const world = new World(seed, join(folder, 'journal.db'));
  try {
    await world.reopen();
    const starts = 4 + Math.floor(world.random.next() * 8);
    for (let i = 0; i < starts; i++) {
      await world.start(true);
      world.happen();
    }
    await world.settle();
    await world.judge();
    return { kills: world.kills, accepted: world.venue.accepted.length };
  } finally {
    await world.journal.close();
    await rm(folder, { recursive: true, force: true });
  }
}
