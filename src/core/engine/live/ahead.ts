import {
  type AnnouncedAction,
  type BrokerEvent,
  type ExecutionContext,
  type ExternalHolding,
  inForce,
  type ReconcileOptions,
  type ReconcileResult,
  reconcile,
} from '../../execution/index.js';
import type { CorporateActionRecord, StrategyState } from '../../state/index.js';

/** Longest time for which what a reconciliation found may stand in for another one, ms: a stream can be mute unnoticed. */
const HOLDS_MS = 10_000;

export interface FoundAhead {
  readonly state: ReconcileResult;
  /** What a person or a policy has said about the strategy. */
  readonly standing: StrategyState;
}

interface Found extends FoundAhead {
  /** Slot of the last decision. */
  readonly decided: number;
  /** Just before its first read. */
  readonly time: number;
  /** Newest event of the journal when it was done, before what else is read of it here. */
  readonly head: number;
  readonly actions: ReadonlySet<string>;
}

const keyOf = ({ instrument, date, type }: CorporateActionRecord): string => [instrument, date, type].join('\n');

/**
 * Lets a slot begin with what a reconciliation a moment before it found, so that no read of the venue lies between the
 * last bar and the orders. That holds only as long as nothing can have changed: the venue's stream was connected since
 * before the first read and has said nothing, nobody has written into the journal (an order, a fill, a halt), no order's
 * fate is open, and no corporate action is new. Otherwise the slot reconciles.
 */
export class Ahead {
  private connected = false;
  private found: Found | undefined;
  /** The reconciliation under way, unless an event has come since it began. */
  private running: symbol | undefined;

  /** External units at the last look. */
  private external: readonly ExternalHolding[] = [];

  constructor(private readonly execution: ExecutionContext) {}

  /** To be told at once when an event of the venue arrives, before it is booked. */
  hear(event: BrokerEvent): void {
    this.found = undefined;
    this.running = undefined;
    if (event.type === 'connected') this.connected = true;
    if (event.type === 'disconnected') this.connected = false;
  }

  async reconcile(options: ReconcileOptions): Promise<ReconcileResult> {
    const { journal, scope, clock } = this.execution;
    const run = Symbol('reconciliation');
    const time = clock.now();
    this.found = undefined;
    this.running = this.connected ? run : undefined;
    const actions = new Set<string>();
    const state = await reconcile(this.execution, {
      ...options,
      external: this.external,
      actions: async () => {
        const known = (await options.actions?.()) ?? [];
        for (const action of known) if (inForce(action, time)) actions.add(keyOf(action));
        return known;
      },
    });
    this.external = state.external;
    const settled = state.unresolved.length === 0 && state.resend.length === 0;
    if (this.running !== run || !settled) return state;
    const head = await journal.head();
    const standing = await journal.state(scope);
    const decided = (await journal.lastDecision(scope))?.slot ?? Number.NEGATIVE_INFINITY;
    if (this.running === run) this.found = { state: { ...state, booked: [] }, standing, decided, time, head, actions };
    return state;
  }

  /**
   * What still holds of the last reconciliation for a slot without a decision, once; undefined: another one is needed, or
   * the slot may have one. `actions`: as of now.
   */
  async take(slot: number, actions: () => Promise<readonly AnnouncedAction[]>): Promise<FoundAhead | undefined> {
    const { journal, clock } = this.execution;
    const { found } = this;
    if (found === undefined || slot <= found.decided || clock.now() - found.time >= HOLDS_MS) return undefined;
    if ((await journal.head()) !== found.head) return undefined;
    if ((await actions()).some((action) => !found.actions.has(keyOf(action))) || this.found !== found) return undefined;
    this.found = undefined;
    return found;
  }
}
