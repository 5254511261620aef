import { absolute, compare, type DecimalText, signOf, subtract, sum } from '../domain/decimal.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import type { PositionRecord } from '../state/index.js';
import type { ExecutionContext } from './context.js';
import { type Difference, differenceTable } from './holdings.js';
import { reconcile } from './reconcile.js';

/** Units of an owned instrument that were traded away elsewhere. Quantities are signed decimal text. */
export interface Disposal {
  readonly instrument: string;
  /** What the strategy owns, and what is left of it. */
  readonly before: DecimalText;
  readonly units: DecimalText;
  /** What all strategies of the account own, and what the venue holds. */
  readonly owned: DecimalText;
  readonly held: DecimalText;
}

export interface Acceptance {
  readonly differences: readonly Difference[];
  readonly disposals: readonly Disposal[];
  /** Orders that the venue had accepted and does not know any more, by client id. */
  readonly lost: readonly string[];
}

/**
 * Asks the venue as a reconciliation does, executions booked first, and says what accepting its figures would change.
 * HALTED, with the table, where a difference is not one of holdings or lost orders alone: fills that are still to come,
 * orders from elsewhere, or another strategy whose working order may explain what is missing.
 */
export async function planAcceptance(context: ExecutionContext): Promise<Acceptance> {
  const { journal, scope } = context;
  const { differences } = await reconcile(context, { onDifference: 'report' });
  const { venue, account } = scope;
  const positions = await journal.positions({ venue, account });
  const working = await journal.orders({ venue, account, open: true });
  const disposals: Disposal[] = [];
  const lost: string[] = [];
  for (const difference of differences) {
    const { kind, instrument, clientOrderId } = difference;
    if (kind === 'fills') throw refusal(differences, `${instrument}: its executions have to be booked first`);
    if (kind === 'order') {
      if (difference.owned === 'none')
        throw refusal(differences, `${instrument}: cancel the order ${clientOrderId} at the venue first`);
      lost.push(clientOrderId!);
      continue;
    }
    const other = working.find((order) => order.instrument === instrument && order.strategy !== scope.strategy);
    if (other !== undefined)
      throw refusal(
        differences,
        `${instrument}: an order of ${other.strategy} works, which may have traded it; start that strategy first`,
      );
    disposals.push(disposalOf(scope.strategy, positions, difference, differences));
  }
  return { differences, disposals, lost };
}

/**
 * Carries a plan out in the journal: what is gone leaves the lots of this strategy, the orders end. Sends nothing. Each
 * instrument is one event; a run that ends in between is completed by the next, which sees what is left.
 */
export async function acceptVenue(context: ExecutionContext, plan: Acceptance, reason: string): Promise<void> {
  const { journal, scope, clock } = context;
  for (const { instrument, units, owned, held } of plan.disposals) {
    const now = clock.now();
    const date = isoTime(now);
    await journal.recordCorporateAction(scope, { type: 'disposal', instrument, date, units, reason, owned, held }, now);
  }
  const given = `given up, the venue does not know it: ${reason}`;
  await journal.recordReports(
    plan.lost.map((clientOrderId) => ({ clientOrderId, status: 'expired' as const, reason: given })),
    clock.now(),
  );
}

/** The strategy bears what is missing, as far as it owns it: never more, and never the other side. */
function disposalOf(
  strategy: string,
  positions: readonly PositionRecord[],
  { instrument, owned, venue: held }: Difference,
  all: readonly Difference[],
): Disposal {
  const before = sum(
    positions.filter((each) => each.instrument === instrument && each.strategy === strategy).map((p) => p.quantity),
  );
  const missing = subtract(owned, held);
  if (signOf(missing) !== signOf(before))
    throw refusal(all, `${instrument}: strategies own both sides of it, so whose part is missing cannot be said`);
  const gone = compare(absolute(missing), absolute(before)) > 0 ? before : missing;
  return { instrument, before, units: subtract(before, gone), owned, held };
}

const refusal = (differences: readonly Difference[], why: string) =>
  new QuantlineError('HALTED', `The venue's figures cannot be accepted: ${why}.\n${differenceTable(differences)}`, {
    hint: 'Nothing was changed; the strategy stays halted.',
    details: { differences, reason: 'reconciliation' },
  });
