import { expect } from 'vitest';
import { type Random, seededRandom } from '../../../../src/core/domain/random.js';
import type { LiveRunner } from '../../../../src/core/engine/live/index.js';
import { isQuantlineError, QuantlineError } from '../../../../src/core/errors/index.js';
import {
  awaitOutcome,
  type Broker,
  bookEvent,
  cancelOrder,
  type ExecutionContext,
  type FaultPoint,
  replaceOrder,
} from '../../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import {
  isTerminal,
  type Journal,
  type Lease,
  type OrderRecord,
  openJournal,
  type StrategyScope,
  streamOf,
} from '../../../../src/core/state/index.js';
import { T0 } from '../../state/helpers.js';
import type { Booked } from '../fakeBook.js';
import { FakeVenue, type Fault, type Operation } from '../fakeVenue.js';
import { ibkrBroker, type OrderNumbers, TWS_NAMES } from './ibkr.js';
import { Life } from './life.js';
import { SLOT_MS, SlotMarket } from './market.js';
import { Others } from './others.js';
import { People } from './people.js';
import type { DeskPlan, Plan } from './plan.js';
import { SCHWAB_NAMES, schwabBroker } from './schwab.js';

const READ_FAULTS: readonly Fault[] = ['fail'];
const SEND_FAULTS: readonly Fault[] = ['lost-before', 'lost-after', 'lost-after', 'reject', 'throttle'];
export const LEASE_MS = 600_000;

type Outcome = 'killed' | 'ended' | 'stays';

export interface SoakSession {
  readonly life: Life;
  readonly context: ExecutionContext;
  readonly runner: LiveRunner;
  readonly owner: string;
  lease?: Lease | undefined;
  /** How much of what the venue's stream says was heard; undefined: it is not connected. */
  heard?: number | undefined;
}

/** One strategy in the account. */
export interface Desk extends DeskPlan {
  readonly market: SlotMarket;
  session: SoakSession | undefined;
}

export class World {
  readonly random: Random;
  readonly clock = new ManualClock(T0);
  readonly venue = new FakeVenue(this.clock);
  journal!: Journal;
  starts = 0;
  kills = 0;
  /** Slots that the runner got through. */
  decided = 0;
  /** Strategies that were halted in this round. */
  readonly halted = new Set<string>();
  private faulty = true;
  readonly desks: readonly Desk[];
  private readonly people: People | undefined;
  readonly others: Others | undefined;
  private readonly numbers: OrderNumbers = new Map();
  /** Owners of leases whose process lives. */
  private readonly alive = new Set<string>();

  constructor(
    readonly seed: number,
    private readonly path: string,
    readonly plan: Plan,
  ) {
    this.random = seededRandom(seed);
    const { instruments, actions } = plan;
    this.desks = plan.desks.map((desk) => ({
      ...desk,
      market: new SlotMarket(seed, desk, this.clock, instruments, actions),
      session: undefined,
    }));
    this.venue.capabilities = { ...this.venue.capabilities, notional: false, ...plan.capabilities };
    if (plan.venue === 'ibkr') {
      this.venue.names = TWS_NAMES;
      this.venue.cancelsGroups = true;
    }
    if (plan.venue === 'schwab') {
      this.venue.names = SCHWAB_NAMES;
      this.venue.keepsClientIds = false;
      this.venue.cancelsGroups = true;
    }
    this.people = plan.people ? new People(this) : undefined;
    this.others = plan.people ? new Others(this) : undefined;
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
  async happen(): Promise<void> {
    const { venue } = this;
    this.clock.set(this.clock.now() + Math.floor(this.random.next() * (this.chance(0.4) ? 20_000 : 400_000)));
    venue.invisible = this.chance(0.4) ? Math.floor(this.random.next() * 60_000) : 0;
    this.trade(0.6);
    if (this.chance(0.1)) venue.external.set('GLD', String(Math.floor(this.random.next() * 9)));
    if (this.chance(0.1)) venue.lagging = 1 + Math.floor(this.random.next() * 2);
    const last = venue.trades.at(-1);
    if (this.plan.venue === 'fake' && last?.kind === 'fill' && this.chance(0.03)) venue.bust(last);
    await this.people?.meddle();
  }

  /** Orders fill, cancels get through, and some expire. */
  private trade(rate: number): void {
    const { venue } = this;
    for (const order of venue.open()) {
      if (isTerminal(order.status) || !venue.works(order)) continue;
      if (this.people !== undefined) this.people.pair();
      if (this.chance(rate)) venue.fill(order, String(1 + Math.floor(this.random.next() * 18)), '101.5');
      if (order.status === 'pending_cancel' && this.chance(rate)) {
        order.status = 'canceled';
        venue.tell(order);
      } else if (!isTerminal(order.status) && this.chance(rate / 12)) venue.end(order, 'expired');
    }
  }

  /** A start of each runner, or the next slot of one that stays, with faults and perhaps a kill. */
  async start(faults: boolean): Promise<void> {
    const rate = faults ? 0.12 : 0;
    let working: Desk | undefined;
    this.venue.throttledFor = this.chance(0.2) ? 8000 : 50;
    this.venue.fault = (operation: Operation) => {
      const writes = ['submit', 'cancel', 'replace'].includes(operation);
      if (faults && working !== undefined) this.others?.interfere(working, writes);
      if (!this.chance(rate)) return undefined;
      if (!writes) return this.pick(READ_FAULTS);
      const parts = this.plan.people && this.plan.venue !== 'schwab' && operation === 'submit';
      const fault = this.pick(parts ? [...SEND_FAULTS, 'half' as const] : SEND_FAULTS);
      if (fault === 'throttle' && working !== undefined && this.chance(0.3)) this.others?.halt(working.scope);
      return fault;
    };
    this.faulty = faults;
    this.halted.clear();
    for (const desk of this.desks) {
      const session = (desk.session ??= this.begin(desk));
      working = desk;
      const outcome = await Promise.race([session.life.death, this.run(desk, session)]);
      working = undefined;
      if (outcome === 'killed') this.others?.die();
      await this.others?.settle();
      if (outcome === 'killed') await this.crash();
      else if (desk.session !== undefined && (outcome !== 'stays' || this.chance(0.5))) {
        desk.session = undefined;
        await this.end(session);
      }
    }
    this.venue.fault = () => undefined;
  }

  begin({ scope, market }: Desk): SoakSession {
    this.starts++;
    const life = new Life();
    const kill = (_: FaultPoint) => {
      if (!this.faulty || !this.chance(0.06)) return;
      this.kills++;
      life.die();
      throw new Error('killed');
    };
    const context: ExecutionContext = {
      journal: life.guard(this.unreliable(this.journal)),
      broker: life.guard<Broker>(this.broker(life)),
      scope,
      clock: this.clock,
      logger: silentLogger,
      limits: { concurrency: 2 },
      faultPoint: kill,
    };
    const owner = `p${this.starts}`;
    this.alive.add(owner);
    return { life, context, runner: market.runner(context), owner };
  }

  /** What a process of its own speaks to the venue by. */
  broker(life = new Life()): Broker {
    if (this.plan.venue === 'fake') return this.venue;
    if (this.plan.venue === 'ibkr') return ibkrBroker(this.venue, this.clock, life, this.numbers, this);
    const wrong = () =>
      this.faulty && this.chance(0.1) ? this.pick(['no location', 'another location'] as const) : undefined;
    return schwabBroker(this.venue, this.clock, life, wrong);
  }

  /** A journal on a server that goes away at times: before it was told, or before it could answer. */
  private unreliable(journal: Journal): Journal {
    const lost = () => Promise.reject(new QuantlineError('UNAVAILABLE', 'The database server does not answer.'));
    return new Proxy(journal, {
      get: (object, key) => {
        const value = Reflect.get(object, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const fails = this.plan.outages && this.faulty && this.chance(0.004);
          if (fails && this.chance(0.5)) return lost();
          const result = value.apply(object, args);
          return fails ? Promise.resolve(result).then(lost) : result;
        };
      },
    });
  }

  /** The machine dies, and every runner on it. */
  async crash(): Promise<void> {
    this.alive.clear();
    for (const desk of this.desks) {
      desk.session?.life.die();
      desk.session = undefined;
    }
    await this.reopen();
  }

  async end({ life, lease, owner }: SoakSession): Promise<void> {
    life.die();
    this.alive.delete(owner);
    if (lease !== undefined) await this.journal.releaseLease(lease).catch(() => {});
  }

  /** As a session does it: the lease, the slot that is due (or a look at the venue), the wait for its orders. */
  async run({ scope, market }: Desk, session: SoakSession): Promise<Outcome> {
    const { context, runner, owner } = session;
    const { journal, clock } = context;
    try {
      const gone = (holder: string) => holder === owner || !this.alive.has(holder);
      session.lease = await journal.acquireLease(streamOf(scope), owner, clock.now(), LEASE_MS, gone);
      const { lease } = session;
      if (lease === undefined) return 'ended';
      const tick = this.faulty ? await market.next(Number.NEGATIVE_INFINITY) : undefined;
      if (tick === undefined) await runner.maintain(lease);
      else {
        if (this.plan.streams) await this.listen(session, lease);
        await runner.tick(tick, lease);
        this.decided++;
        const open = await journal.orders({ scope, open: true });
        const ids = open.map(({ clientOrderId }) => clientOrderId);
        await awaitOutcome(context, ids, clock.now() + 3000);
        await this.meddle(context, lease);
      }
      return 'stays';
    } catch (error) {
      const code = isQuantlineError(error) ? error.code : String(error);
      if (code === 'HALTED') {
        this.halted.add(scope.strategy);
        if ((error as QuantlineError).details['reason'] === 'reconciliation')
          await this.people?.look((error as QuantlineError).message);
        await this.resume(scope);
      }
      // One that stays tries again.
      else if (code === 'UNAVAILABLE' && this.chance(0.5)) return 'stays';
      // A lease that ran out while faults were waited for is as good as a late start.
      else if (!['UNAVAILABLE', 'STATE', 'Error: killed', 'MISMATCH', 'REFUSED'].includes(code)) throw error;
      return 'ended';
    }
  }

  /**
   * What a session with a stream does between two slots: hears what was said since, in any order and twice at times,
   * looks at the venue ahead of the slot, and hears what happens after that.
   */
  private async listen(session: SoakSession, lease: Lease): Promise<void> {
    const { runner } = session;
    if (session.heard === undefined) {
      if (this.chance(0.3)) return;
      session.heard = this.venue.told.length;
      runner.hear({ type: 'connected' });
      await runner.maintain(lease);
    }
    await this.hear(session, lease);
    if (this.chance(0.6)) {
      await runner.maintain(lease);
      if (this.chance(0.5)) this.trade(0.3);
      await this.hear(session, lease);
    }
    if (!this.chance(0.15)) return;
    session.heard = undefined;
    runner.hear({ type: 'disconnected', reason: 'dropped' });
  }

  private async hear(session: SoakSession, lease: Lease): Promise<void> {
    const { runner } = session;
    const said = this.venue.told.slice(session.heard);
    session.heard = this.venue.told.length;
    const heard = said.flatMap((event) => (this.chance(0.2) ? [event, event] : [event]));
    for (let i = heard.length - 1; i > 0 && this.chance(0.8); i--) {
      const j = Math.floor(this.random.next() * (i + 1));
      [heard[i], heard[j]] = [heard[j]!, heard[i]!];
    }
    // Heard as they come, booked one after another.
    for (const event of heard) runner.hear(event);
    for (const event of heard) if (!(await bookEvent(runner.execution, event))) await runner.maintain(lease);
  }

  /** A person looks and lets it go on. */
  async resume(scope: StrategyScope): Promise<void> {
    const { state, reason } = await this.journal.state(scope);
    if (state === 'active') return;
    expect(reason, state).toMatch(this.plan.stopped);
    await this.journal.setState(scope, 'active', 'looked at', this.clock.now());
    this.others?.resumed(scope);
  }

  /** Orders that were placed are cancelled or replaced at times. */
  private async meddle(context: ExecutionContext, lease: Lease): Promise<void> {
    const { journal, clock, scope } = context;
    for (const order of await journal.orders({ scope, open: true })) {
      const settled = order.status === 'accepted' || order.status === 'partially_filled';
      if (settled && this.chance(0.2)) await cancelOrder(context, order.clientOrderId);
      else if (settled && order.leg === 'entry' && this.chance(0.1)) {
        const request = { ...order.request, quantity: String(1 + Math.floor(this.random.next() * 12)) };
        await replaceOrder(context, lease, order.clientOrderId, { leg: 'entry', request }, clock.now() + 3000);
      }
    }
  }

  /** No more faults: everything comes to rest. */
  async settle(): Promise<void> {
    this.venue.invisible = 0;
    for (let round = 0; round < 12; round++) {
      this.clock.set(this.clock.now() + SLOT_MS);
      await this.people?.settle();
      for (const order of this.venue.open()) {
        if (order.status === 'pending_cancel') order.status = 'canceled';
        else if (!isTerminal(order.status) && this.venue.works(order)) this.venue.fill(order, '1000');
      }
      this.venue.lagging = 0;
      await this.start(false);
      await this.people?.check();
    }
  }

  /** The venue's order of one of the journal, which hangs on another where it has no id of its own. */
  theirs({ clientOrderId, venueOrderId }: OrderRecord): Booked | undefined {
    return this.venue.find(clientOrderId) ?? this.venue.orders.get(venueOrderId ?? '');
  }
}
