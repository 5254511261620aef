import { QuantlineError } from '../../errors/index.js';
import { cancelOrder, type ExecutionContext } from '../../execution/index.js';
import type { RiskPolicy } from '../../risk/index.js';
import type { OrderRecord, StrategyState } from '../../state/index.js';
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

/** A policy's halt in the journal: for good as a state, for the session as a note. Returns its reason. */
export async function recordHalt(
  { journal, scope, clock }: ExecutionContext,
  by: Pick<RiskPolicy, 'name' | 'lasting'>,
  { equity, peak }: Pick<RunnerMemory, 'equity' | 'peak'>,
  active: boolean,
): Promise<string> {
  const reason = `risk: ${by.name}, equity ${equity.toFixed(2)}, peak ${peak.toFixed(2)}`;
  if (by.lasting && active) await journal.setState(scope, 'reducing', reason, clock.now());
  else if (!by.lasting) await journal.note(scope, 'risk-halt', { policy: by.name, reason }, clock.now());
  return reason;
}

/** Refuses entries while the strategy is not active. The first policy of a live strategy; the backtest has none. */
export class StandingPolicy implements RiskPolicy {
  readonly name = 'reducing';
  active = true;

  review({ weight }: { readonly weight: number }): number {
    return this.active ? weight : 0;
  }
}
