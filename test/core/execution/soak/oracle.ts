import { expect } from 'vitest';
import { isTerminal, type OrderRecord } from '../../../../src/core/state/index.js';
import type { World } from './world.js';

/** FAULTS.md, section 1: what must hold once everything has come to rest. */
export async function judge(world: World): Promise<void> {
  const { venue, journal, plan, desks } = world;
  for (const { scope } of desks) {
    const { state, reason } = await journal.state(scope);
    if (state !== 'active') expect(reason).toMatch(plan.stopped);
  }
  const orders = await journal.orders();
  expect(world.others?.opened ?? [], 'entries after a halt').toEqual([]);
  if (!plan.beside) expect(venue.doubled, 'two orders for one instrument were alive at once').toEqual([]);
  judgeAccepted(world, orders);
  const booked = await journal.fills();
  const trades = venue.trades.filter(({ venueOrderId }) => venue.orders.get(venueOrderId)!.external !== true);
  expect(booked.map((fill) => fill.executionId).sort()).toEqual(trades.map((t) => t.executionId).sort());
  for (const order of orders) {
    const theirs = world.theirs(order);
    expect(isTerminal(order.status), `${order.clientOrderId} is still ${order.status}`).toBe(true);
    expect(order.filledQuantity, order.clientOrderId).toBe(theirs?.filled ?? '0');
    if (theirs === undefined) expect(['rejected', 'expired', 'canceled']).toContain(order.status);
    else expect(order.venueOrderId).toBe(theirs.venueOrderId);
  }
  const perSlot = new Map<string, number>();
  for (const order of orders) {
    if (order.leg !== 'entry' || order.replaces !== undefined || order.parent !== undefined) continue;
    if (world.theirs(order) === undefined) continue;
    const key = `${order.strategy}/${order.slot}/${order.instrument}`;
    perSlot.set(key, (perSlot.get(key) ?? 0) + 1);
  }
  expect(Math.max(0, ...perSlot.values()), 'two entries in one slot').toBeLessThanOrEqual(1);
  for (const { scope } of desks) {
    const ids = new Set(orders.filter((o) => o.strategy === scope.strategy).map((o) => o.venueOrderId));
    const bought = venue.bought(({ venueOrderId }) => ids.has(venueOrderId));
    const owned = new Map((await journal.positions(scope)).map((each) => [each.instrument, each.quantity]));
    for (const instrument of new Set([...bought.keys(), ...owned.keys()]))
      expect(owned.get(instrument) ?? '0', `${scope.strategy} ${instrument}`).toBe(bought.get(instrument) ?? '0');
  }
  await journal.verify();
}

/** Every order that the venue ever took is one intent's, and no intent has two. */
function judgeAccepted({ venue }: World, orders: readonly OrderRecord[]): void {
  expect(new Set(venue.accepted).size, 'an id was accepted twice').toBe(venue.accepted.length);
  const known = new Map(orders.map(({ clientOrderId, venueOrderId }) => [venueOrderId, clientOrderId]));
  for (const { venueOrderId, clientOrderId, external } of venue.orders.values()) {
    if (external === true || clientOrderId === undefined) continue;
    const id = `${clientOrderId} (${venueOrderId})`;
    expect(known.has(venueOrderId), `${id} is at the venue and not in the journal`).toBe(true);
    if (venue.keepsClientIds) expect(known.get(venueOrderId), id).toBe(clientOrderId);
  }
  const named = orders.flatMap(({ venueOrderId }) => venueOrderId ?? []);
  expect(new Set(named).size, 'two intents for one order').toBe(named.length);
}
