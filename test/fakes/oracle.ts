import { expect } from 'vitest';
import type { Journal, OrderRecord, StrategyScope } from '../../src/core/state/index.js';

/** What a fake venue tells the oracle. */
export interface VenueView {
  /** Client order ids of our orders that it accepted, one for each acceptance; `orders` are those of the journal. */
  accepted(orders: readonly OrderRecord[]): readonly string[];
  /** Ids of the executions that count, as the journal names them. */
  fills(): readonly string[];
  /** Departures from the vendor's messages. */
  violations(): readonly string[];
  /** What must never be printed. */
  secrets(): readonly string[];
}

/**
 * FAULTS.md, section 1: accepted orders equal the intents that were sent, every fill is booked once, nothing secret is
 * said. Gives how many of each there are, so that a rerun can be held against it.
 */
export async function checkOracle(
  view: VenueView,
  journal: Journal,
  said: readonly string[],
  scope?: StrategyScope,
): Promise<{ readonly accepted: number; readonly fills: number }> {
  const of = scope === undefined ? {} : { scope };
  const orders = await journal.orders(of);
  const accepted = view.accepted(orders);
  expect(new Set(accepted).size, 'two orders for one intent').toBe(accepted.length);
  // What the venue itself has hung on another is no intent; what we put in its place is.
  const intended = orders.filter(({ parent, replaces }) => parent === undefined || replaces !== undefined);
  const sent = intended.filter(({ venueOrderId }) => venueOrderId !== undefined);
  expect([...accepted].sort(), 'accepted orders equal intents').toEqual(
    sent.map(({ clientOrderId }) => clientOrderId).sort(),
  );
  const booked = (await journal.fills(of)).filter((fill) => !fill.void).map(({ executionId }) => executionId);
  expect(booked.sort(), 'every fill booked once').toEqual([...view.fills()].sort());
  expect(view.violations()).toEqual([]);
  // What the journal holds is exported and shown.
  const told = [...said, JSON.stringify(await journal.events())].join('\n');
  for (const secret of view.secrets()) expect(told).not.toContain(secret);
  return { accepted: accepted.length, fills: booked.length };
}
