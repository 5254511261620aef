import { QuantlineError } from '../../errors/index.js';
import { cancelOrder, type ExecutionContext } from '../../execution/index.js';
import type { RiskDesk, RiskPolicy } from '../../risk/index.js';
import type { OrderRecord, StrategyState } from '../../state/index.js';
import type { TradeHooks } from './hooks.js';
import type { RunnerMemory } from './memory.js';

/**
 * What a person or a policy has said about the strategy. Kept in the journal and read before every decision, so that
 * `quantline halt` reaches a runner that is on its way.
 *
 * active → reducing (entries are refused, exits go on) → halted (nothing is decided), once nothing is held any more.
 */
export async function readStanding(execution: ExecutionContext, open: readonly OrderRecord[]): Promise<StrategyState> {
  const { journal, scope, clock } = execution;
  const standing = await journal.state(scope);
  if (standing.state === 'active') return standing;
  const entries = open.filter((order) => order.leg === 'entry');
  for (const { clientOrderId } of entries) await cancelOrder(execution, clientOrderId);
  const over = open.length === 0 && (await journal.positions(scope)).length === 0;
  if (standing.state === 'reducing' && over) {
    await journal.setState(scope, 'halted', standing.reason ?? 'nothing is held any more', clock.now());
  } else if (standing.state === 'reducing') return standing;
  throw new QuantlineError('HALTED', `${scope.strategy} is halted: ${standing.reason ?? 'no reason was given'}.`, {
    hint: 'Look at it with `quantline status`; `quantline resume` lets it trade again.',
    details: { reason: standing.reason ?? null, strategy: scope.strategy },
  });
}

/** Halts of policies: in the journal, and told, as they begin, once a session by whichever process. */
export class PolicyHalts {
  private told: string | undefined;

  constructor(
    private readonly execution: ExecutionContext,
    private readonly notify: TradeHooks['notify'],
  ) {}

  /** What an earlier process has told, and goes on. */
  recall({ haltedBy, session }: RunnerMemory, risk: RiskDesk): void {
    if (haltedBy === undefined) return;
    this.told = keyOf(haltedBy, session);
    risk.recallHalt(haltedBy, session);
  }

  /** After each look at what risk says: for good as a state, for the session as a note. */
  async hear(by: RiskPolicy | undefined, memory: RunnerMemory, active: boolean): Promise<void> {
    if (by === undefined) delete memory.haltedBy;
    else memory.haltedBy = by.name;
    const key = by === undefined ? undefined : keyOf(by.name, memory.session);
    const begins = key !== this.told;
    this.told = key;
    if (by === undefined || !begins) return;
    const { journal, scope, clock } = this.execution;
    const reason = `risk: ${by.name}, equity ${memory.equity.toFixed(2)}, peak ${memory.peak.toFixed(2)}`;
    if (by.lasting && active) await journal.setState(scope, 'reducing', reason, clock.now());
    else if (!by.lasting) await journal.note(scope, 'risk-halt', { policy: by.name, reason }, clock.now());
    this.notify?.({ type: 'halt', reason });
  }
}

const keyOf = (policy: string, session: number): string => `${policy} ${session}`;

/** Refuses entries while the strategy is not active. The first policy of a live strategy; the backtest has none. */
export class StandingPolicy implements RiskPolicy {
  readonly name = 'reducing';
  active = true;

  review({ weight }: { readonly weight: number }): number {
    return this.active ? weight : 0;
  }
}
