import { type StrategyScope, strategyPrefix } from '../../../../src/core/state/index.js';
import { type Desk, LEASE_MS, type SoakSession, type World } from './world.js';

/** Within this time of a halt, what was on its way may still leave. */
const ON_ITS_WAY_MS = 1000;

/** What other processes and the clock do while a start works, in the middle of anything that it asks the venue. */
export class Others {
  /** Entries that the venue took from a strategy that had been halted. */
  readonly opened: string[] = [];
  private readonly haltedAt = new Map<string, number>();
  private rival: { readonly desk: Desk; readonly session: SoakSession; readonly done: Promise<unknown> } | undefined;
  private halting: Promise<void> | undefined;

  constructor(private readonly world: World) {
    // Elsewhere an order does not say whose it is, or whether it opens.
    if (world.plan.venue !== 'fake') return;
    world.venue.onAccept = ({ opens }, clientOrderId) => {
      for (const [strategy, at] of this.haltedAt)
        if (opens !== false && clientOrderId.startsWith(strategyPrefix(strategy)))
          if (world.clock.now() - at > ON_ITS_WAY_MS) this.opened.push(clientOrderId);
    };
  }

  /** `leaving`: an order is on its way out, which takes no request longer than its time limit. */
  interfere(desk: Desk, leaving: boolean): void {
    const { world } = this;
    if (!world.chance(0.015)) return;
    const what = world.pick(['halt', 'clock', 'another start', leaving ? 'halt' : 'late start'] as const);
    if (what === 'halt') this.halt(desk.scope);
    else if (what === 'clock') world.clock.set(world.clock.now() + world.pick([-3000, -700, 45_000]));
    else this.start(desk, what === 'late start');
  }

  /** `quantline halt`. */
  halt(scope: StrategyScope): void {
    const { journal, clock } = this.world;
    this.halting ??= journal.setState(scope, 'halted', 'a person', clock.now()).then(() => {
      this.haltedAt.set(scope.strategy, clock.now());
    });
  }

  resumed(scope: StrategyScope): void {
    this.haltedAt.delete(scope.strategy);
  }

  /** A second start beside one that works; `late`: when the lease of the first has run out, which does not know it. */
  private start(desk: Desk, late: boolean): void {
    const { world } = this;
    if (this.rival !== undefined || desk.session === undefined) return;
    if (late) world.clock.set(world.clock.now() + LEASE_MS);
    const session = world.begin(desk);
    const done = Promise.race([session.life.death, world.run(desk, session)]).catch((error: unknown) => error);
    this.rival = { desk, session, done };
  }

  /** Before the next start: everything that others have begun is over. */
  async settle(): Promise<void> {
    const { rival, halting } = this;
    this.rival = undefined;
    this.halting = undefined;
    await halting;
    if (rival === undefined) return;
    const outcome = await rival.done;
    await this.world.end(rival.session);
    if (outcome instanceof Error) throw outcome;
    if (outcome === 'killed') await this.world.crash();
  }

  /** The machine dies under them. */
  die(): void {
    this.rival?.session.life.die();
  }
}
