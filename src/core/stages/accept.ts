import type { ResumeOptions } from '../config/index.js';
import { QuantlineError } from '../errors/index.js';
import { acceptVenue, type Disposal, type ExecutionContext, planAcceptance } from '../execution/index.js';
import type { Journal, StrategyScope } from '../state/index.js';
import { streamOf } from '../state/index.js';
import { someScopes } from './compose/journal.js';
import { adapterOfVenue, openVenue } from './compose/venues.js';
import type { Runtime } from './runtime.js';
import { HeldLease } from './trade/lease.js';

/** A difference between journal and venue that is, or would be, settled as the venue has it. */
export interface AcceptedRow {
  readonly instrument: string;
  /** Client id of an order that the venue does not know any more; null for a holding. */
  readonly order: string | null;
  /** What the journal says of it, all strategies of the account together, and what the venue says. */
  readonly owned: string;
  readonly venue: string;
  /** What the strategy itself owns before and after, as decimal text; null for an order. */
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * `quantline resume --accept-venue`: takes over the venue's figures for what the strategy owns. Only after a halt by
 * reconciliation, which knows the corporate actions that this does not ask for (USAGE), and while nobody trades it
 * (HALTED). The state is left as it is.
 */
export async function accept(
  options: ResumeOptions & { readonly acceptVenue: string },
  journal: Journal,
  runtime: Runtime,
): Promise<readonly AcceptedRow[]> {
  const scopes = await someScopes(journal, options);
  const [scope] = scopes;
  if (scope === undefined || scopes.length > 1)
    throw new QuantlineError('USAGE', `--accept-venue is for one strategy, and ${scopes.length} are meant.`, {
      hint: 'Name it with --strategy, and its venue with --broker.',
    });
  const { state, reason } = await journal.state(scope);
  if (state !== 'halted' || !reason?.startsWith('reconciliation:'))
    throw new QuantlineError(
      'USAGE',
      `${scope.strategy} is ${state}, not halted by reconciliation: nothing is accepted.`,
      {
        hint: 'A start of `quantline trade` compares journal and venue; without --accept-venue, `resume` lifts other halts.',
      },
    );
  const lease = await HeldLease.take(journal, streamOf(scope), runtime.clock.now());
  if (lease === undefined)
    throw new QuantlineError('HALTED', `${scope.strategy} is being traded by another process; nothing was changed.`, {
      hint: 'Wait until it has ended.',
    });
  try {
    return await settle(scope, lease, options, journal, runtime);
  } finally {
    await lease.release();
  }
}

async function settle(
  scope: StrategyScope,
  lease: HeldLease,
  options: ResumeOptions & { readonly acceptVenue: string },
  journal: Journal,
  runtime: Runtime,
): Promise<readonly AcceptedRow[]> {
  const { name, live } = adapterOfVenue(scope.venue);
  const broker = await openVenue({ broker: name, live, set: options.set, scope }, journal, runtime);
  try {
    const { clock, logger, signal } = runtime;
    const context: ExecutionContext = { journal, broker, scope, clock, logger, signal };
    const plan = await planAcceptance(context);
    // The venue may have been slow: whoever has taken the lease meanwhile is not to be written over.
    if (!options.dryRun) {
      await lease.watch(clock.now());
      await acceptVenue(context, plan, options.acceptVenue);
    }
    const disposals = new Map<string, Disposal>(plan.disposals.map((each) => [each.instrument, each]));
    return plan.differences.map(({ kind, instrument, clientOrderId, owned, venue }) => {
      const disposal = kind === 'position' ? disposals.get(instrument) : undefined;
      const [before, after] = [disposal?.before ?? null, disposal?.units ?? null];
      return { instrument, order: clientOrderId ?? null, owned, venue, before, after };
    });
  } finally {
    await broker.close();
  }
}
