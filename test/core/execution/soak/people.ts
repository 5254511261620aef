import { expect } from 'vitest';
import type { CorporateAction } from '../../../../src/core/domain/bars.js';
import { absolute, add, compare, isZero, signOf, subtract, sum } from '../../../../src/core/domain/decimal.js';
import { isQuantlineError } from '../../../../src/core/errors/index.js';
import { flatten } from '../../../../src/core/execution/index.js';
import { silentLogger } from '../../../../src/core/platform/index.js';
import { isTerminal, type StrategyScope, streamOf } from '../../../../src/core/state/index.js';
import type { Booked, VenueAction } from '../fakeBook.js';
import { SLOT_MS } from './market.js';
import type { World } from './world.js';

const DAY = 86_400_000;

/** What people and companies do in an account beside its strategies, and what must hold of those all the same. */
export class People {
  /** Positions without exits for all of them, as the last look left them. */
  private bare: readonly string[] = [];
  /** What was bought back in this round. */
  private readonly covered = new Set<string>();

  constructor(private readonly world: World) {}

  /** Between two starts. */
  async meddle(): Promise<void> {
    const { world } = this;
    const { venue, plan } = world;
    this.covered.clear();
    if (world.chance(0.12)) this.trade();
    if (world.chance(0.06)) venue.byHand(world.pick(plan.instruments), world.pick(['buy', 'sell']), '3');
    const open = venue.open().filter((order) => venue.works(order));
    if (open.length > 0 && world.chance(0.1)) venue.end(world.pick(open), 'canceled');
    if (plan.actions.length < 3 && world.chance(0.1)) this.act();
    if (world.chance(0.12)) await this.command();
  }

  /** Before a fill: whether the venue is quick to cancel the other one of a pair. */
  pair(): void {
    const { venue } = this.world;
    venue.races = this.world.chance(0.05);
    venue.endsEarly = this.world.chance(0.3);
  }

  /** Bought or sold by hand: at times of what a strategy holds. */
  private trade(): void {
    const { world } = this;
    const instrument = world.pick(world.plan.instruments);
    const units = String(Math.floor(world.random.next() * 9) - 3);
    world.venue.external.set(instrument, add(world.venue.external.get(instrument) ?? '0', units));
  }

  /** Comes into force with the next slot, in which the market is closed. */
  private act(): void {
    const { world } = this;
    const { plan, clock, venue } = world;
    const slot = (Math.floor(clock.now() / SLOT_MS) + 1) * SLOT_MS;
    const ended = new Set(plan.actions.filter(({ action }) => isEnding(action)).map(({ action }) => action.instrument));
    const alive = plan.instruments.filter((name) => name !== 'NEW' && !ended.has(name));
    const action = this.actionOf(
      world.pick(alive),
      new Date(slot + plan.actions.length * DAY).toISOString().slice(0, 10),
    );
    clock.set(slot + 1000);
    plan.actions.push({ action, slot });
    if (action.type !== 'dividend') venue.act(venueAction(action), world.chance(0.4));
  }

  private actionOf(instrument: string, date: string): CorporateAction {
    const { world } = this;
    const kind = world.pick(['split', 'split', 'split', 'dividend', 'rename', 'delisting'] as const);
    if (kind === 'split') return { type: kind, instrument, date, ratio: world.pick([2, 3, 0.5]) };
    if (kind === 'dividend') return { type: kind, instrument, date, amount: 1.5 };
    if (kind === 'delisting') return { type: kind, instrument, date, amount: 3000 };
    const taken = world.plan.actions.some(({ action }) => action.type === 'rename' && action.becomes === 'NEW');
    return { type: kind, instrument, date, becomes: taken || instrument !== 'SPY' ? `${instrument}X` : 'NEW' };
  }

  /** `quantline halt`, `resume` or `flatten`. */
  private async command(): Promise<void> {
    const { world } = this;
    const { journal, clock } = world;
    const { scope } = world.pick(world.desks);
    const what = world.pick(['halted', 'reducing', 'active', 'active', 'flatten'] as const);
    if (what === 'flatten') await this.flatten(scope);
    else if (what === 'active') await world.resume(scope);
    else await journal.setState(scope, what, 'a person', clock.now());
  }

  /** Its steps as the command takes them; what it cannot do now is done by repeating it. */
  private async flatten(scope: StrategyScope): Promise<boolean> {
    const { journal, clock } = this.world;
    await journal.setState(scope, 'reducing', 'a person flattens', clock.now());
    const lease = (await journal.acquireLease(streamOf(scope), 'person', clock.now(), 600_000, () => true))!;
    try {
      const slot = (await journal.lastDecision(scope))?.slot ?? clock.now();
      const context = { journal, broker: this.world.broker(), scope, clock, logger: silentLogger };
      const { flat } = await flatten(context, lease, slot, { until: clock.now() + 3000, all: false });
      if (flat) await journal.setState(scope, 'halted', 'a person has flattened it', clock.now());
      return flat;
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
      return false;
    } finally {
      await journal.releaseLease(lease);
    }
  }

  /** A halt by reconciliation is right only where somebody has traded away what was owned. It is bought back. */
  async look(message: string): Promise<void> {
    const { journal, desks, venue } = this.world;
    const held = (await Promise.all(desks.map(({ scope }) => journal.positions(scope)))).flat();
    // An execution was taken back after another strategy had taken the instrument over.
    const shared = held.filter(({ instrument }, i) =>
      held.some((other, k) => k > i && other.instrument === instrument),
    );
    // So it was, and its owner has not heard of it yet.
    const booked = new Set((await journal.fills()).map(({ executionId }) => executionId));
    const unheard = venue.trades.filter(({ kind, executionId }) => kind === 'bust' && !booked.has(executionId));
    // Both orders of a pair filled at once, and the pair is not known to have been taken.
    const raced = venue.trades.filter(({ venueOrderId, executionId }) => {
      const { parent } = venue.orders.get(venueOrderId)!;
      return parent?.request.opens === false && parent.filled !== '0' && !booked.has(executionId);
    });
    // Another strategy had taken over what came back to its owner so, and has not heard of all of its own yet.
    const theirs = venue.trades.filter(({ instrument, venueOrderId, executionId }) => {
      const order = venue.orders.get(venueOrderId)!;
      const id = order.clientOrderId ?? order.parent?.clientOrderId ?? '';
      const other = held.filter(({ strategy }) => !id.startsWith(`ql-${strategy}-`));
      return id !== '' && !booked.has(executionId) && other.some((each) => each.instrument === instrument);
    });
    // Another start had seen the same before it was bought back.
    const seen = [...this.covered].filter((instrument) => message.includes(`\n${instrument} `));
    expect([...this.uncovered(), ...shared, ...unheard, ...raced, ...theirs, ...seen], message).not.toEqual([]);
    this.cover();
  }

  private uncovered(): readonly string[] {
    const { venue } = this.world;
    return [...this.owned()].flatMap(([instrument, owned]) => {
      const there = venue.held(instrument);
      const covered = signOf(owned) === signOf(there) && compare(absolute(there), absolute(owned)) >= 0;
      return isZero(owned) || covered ? [] : [instrument];
    });
  }

  private owned(): ReadonlyMap<string, string> {
    return this.world.venue.bought(({ external }) => external !== true);
  }

  private cover(): void {
    const { venue } = this.world;
    for (const instrument of this.uncovered()) {
      this.covered.add(instrument);
      const rest = subtract(venue.held(instrument), this.owned().get(instrument)!);
      venue.external.set(instrument, subtract(venue.external.get(instrument) ?? '0', rest));
    }
  }

  /** A round without faults: people look at what is halted, and close what nothing decides about. */
  async settle(): Promise<void> {
    const { world } = this;
    this.cover();
    for (const { scope, instruments } of world.desks) {
      const unmanaged = (await world.journal.positions(scope)).some((each) => !instruments.includes(each.instrument));
      if (unmanaged && world.chance(0.5)) await this.flatten(scope);
      await world.resume(scope);
    }
  }

  /** After a look without faults: no exits for more than is held, and where exits belong, for all of it. */
  async check(): Promise<void> {
    const { world } = this;
    const { journal, venue } = world;
    const bare: string[] = [];
    for (const { scope, strategy, instruments } of world.desks) {
      // What a halt has stopped is looked at by the next round.
      if (world.halted.has(scope.strategy)) continue;
      const { state } = await journal.state(scope);
      const orders = await journal.orders({ scope, open: true });
      for (const instrument of new Set([...orders, ...(await journal.positions(scope))].map((o) => o.instrument))) {
        const held = (await journal.position(scope, instrument))?.quantity ?? '0';
        const own = orders.filter((order) => order.instrument === instrument);
        const theirs = own.flatMap((order) => world.theirs(order) ?? []).filter(({ status }) => !isTerminal(status));
        const exits = theirs.filter((order) => isExit(order) && venue.works(order));
        const tied = (order: Booked) =>
          exits.find(
            (each) =>
              each === order.parent ||
              (order.parent !== undefined &&
                each.parent === order.parent &&
                each !== order &&
                exits.indexOf(each) < exits.indexOf(order)),
          );
        const units = sum(exits.filter((order) => tied(order) === undefined).map(left));
        const what = `${scope.strategy} ${instrument}: exits for ${units} of ${held}`;
        expect(compare(units, absolute(held)), what).toBeLessThanOrEqual(0);
        const entering = own.some(({ leg, parent }) => leg === 'entry' && parent === undefined);
        if (strategy.protection === undefined || state !== 'active' || entering || isZero(held)) continue;
        const underway = own.some(({ leg, status }) => leg === 'exit' || status === 'pending_cancel');
        if (!instruments.includes(instrument) || underway) continue;
        // What was booked while it looked is seen to by the next look.
        if (units !== absolute(held)) bare.push(what);
      }
    }
    expect(bare.filter((what) => this.bare.includes(what))).toEqual([]);
    this.bare = bare;
  }
}

const left = ({ request, filled }: Booked): string => subtract(request.quantity!, filled);

/** Not an entry: it was sent to close, or hangs on an entry on the other side of it. */
const isExit = ({ request, parent }: Booked): boolean =>
  parent === undefined
    ? request.opens === false
    : parent.request.opens === false || parent.request.side !== request.side;

const isEnding = ({ type }: CorporateAction): boolean => type === 'delisting' || type === 'rename';

const venueAction = (action: CorporateAction): VenueAction => ({
  instrument: action.instrument,
  ...(action.type === 'split' && { ratio: String(action.ratio) }),
  ...(action.type === 'rename' && { becomes: action.becomes }),
});
