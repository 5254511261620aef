import type { FlattenOptions } from '../config/index.js';
import { QuantlineError } from '../errors/index.js';
import { type Broker, type ExecutionContext, flatten as flattenScope, planFlatten } from '../execution/index.js';
import { isoTime } from '../platform/index.js';
import { currentOwner, type Journal, type Lease, ownerIsGone, type StrategyScope, streamOf } from '../state/index.js';
import { noStrategy, someScopes, withJournal } from './compose/journal.js';
import { adapterOfVenue, openVenue } from './compose/venues.js';
import { placeOf, suspendAll } from './halt.js';
import type { Runtime } from './runtime.js';

/** One order or position and what was, or would be, done with it. Quantities are decimal text. */
export interface FlattenStep {
  readonly action: 'cancel' | 'close';
  readonly instrument: string;
  readonly quantity: string | null;
  /** Bought or ordered by no strategy of this journal. */
  readonly external: boolean;
  readonly outcome: string;
}

export interface FlattenRow {
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  /** `planned` under --dry-run; `closing`: exits work and will fill later; `problem`: see `problems`. */
  readonly outcome: 'planned' | 'flat' | 'closing' | 'problem';
  readonly steps: readonly FlattenStep[];
  readonly problems: readonly string[];
  /** When the market opens, where exits wait for that; null otherwise. */
  readonly opens_at: string | null;
}

export interface FlattenReport {
  readonly rows: readonly FlattenRow[];
  /** `refused` (exit 6) where something did not go as asked. */
  readonly exit: 'ok' | 'refused';
}

/** Beside the time that is waited for the venue. */
const LEASE_MS = 60_000;
/** What a runner whose lease was taken may still have on its way. */
const IN_FLIGHT_MS = 2_000;

/**
 * `quantline flatten`: takes the right to trade from whoever has it, refuses entries, cancels all orders, closes all
 * positions, and halts the strategy once it is flat.
 */
export function flatten(options: FlattenOptions, runtime: Runtime): Promise<FlattenReport> {
  return withJournal(
    runtime,
    () => Promise.reject(noStrategy(options, [])),
    async (journal) => {
      const scopes = await someScopes(journal, options);
      if (!options.dryRun) for (const scope of scopes) checkLive(scope, options, runtime);
      const rows: FlattenRow[] = [];
      for (const scope of scopes) rows.push(await flattenOne(scope, options, journal, runtime));
      if (options.atVenue && !options.dryRun) {
        const told = await suspendAll(scopes, true, options.set, journal, runtime);
        rows.forEach((row, i) => {
          const answer = told.get(placeOf(row))!;
          if (answer !== 'blocked') rows[i] = { ...row, outcome: 'problem', problems: [...row.problems, answer] };
        });
      }
      return { rows, exit: rows.some(({ outcome }) => outcome === 'problem') ? ('refused' as const) : ('ok' as const) };
    },
  );
}

/** Real money moves only where flag, environment and account agree. */
function checkLive({ venue, account }: StrategyScope, options: FlattenOptions, runtime: Runtime): void {
  if (!adapterOfVenue(venue).live) return;
  if (options.live && runtime.allowLive === account) return;
  throw new QuantlineError('GUARD', `${venue} is real money: nothing was sent.`, {
    hint: `Add --live, with QUANTLINE_ALLOW_LIVE=${account} in the environment; --dry-run shows what would be done.`,
  });
}

async function flattenOne(
  scope: StrategyScope,
  options: FlattenOptions,
  journal: Journal,
  runtime: Runtime,
): Promise<FlattenRow> {
  const { name, live } = adapterOfVenue(scope.venue);
  const broker = await openVenue({ broker: name, live, set: options.set, scope }, journal, runtime);
  try {
    const { id } = await broker.account();
    if (id !== scope.account) {
      throw new QuantlineError('CREDENTIALS', `The keys belong to account ${id}, not to ${scope.account}.`, {
        hint: `Use the keys of ${scope.account}, or name the strategy with --strategy.`,
      });
    }
    const { clock, logger, signal, faultPoint } = runtime;
    const context: ExecutionContext = {
      ...{ journal, broker, scope, clock, logger, signal },
      ...(faultPoint !== undefined && { faultPoint }),
    };
    return options.dryRun ? await plan(context, options.all) : await act(context, options, runtime);
  } finally {
    await broker.close();
  }
}

async function plan(context: ExecutionContext, all: boolean): Promise<FlattenRow> {
  const { cancel, close, cancelExternal, closeExternal } = await planFlatten(context, all);
  const step =
    (action: FlattenStep['action'], external: boolean) =>
    (what: { readonly instrument: string; readonly quantity?: string | undefined }) => ({
      ...{ action, instrument: what.instrument, quantity: what.quantity ?? null, external, outcome: 'planned' },
    });
  const steps = [
    ...cancel.map(({ instrument, request }) => step('cancel', false)({ instrument, quantity: request.quantity })),
    ...close.map(step('close', false)),
    ...cancelExternal.map(step('cancel', true)),
    ...closeExternal.map(step('close', true)),
  ];
  return { ...nameOf(context.scope), outcome: 'planned', steps, problems: [], opens_at: null };
}

const nameOf = ({ strategy, venue, account }: StrategyScope) => ({ strategy, venue, account });

async function act(context: ExecutionContext, options: FlattenOptions, runtime: Runtime): Promise<FlattenRow> {
  const { journal, scope, clock } = context;
  const reason = options.reason ?? 'flattened';
  await journal.setState(scope, 'reducing', reason, clock.now());
  const lease = await takeOver(journal, scope, context.broker, LEASE_MS + options.wait, runtime);
  try {
    const slot = (await journal.lastDecision(scope))?.slot ?? clock.now();
    const result = await flattenScope(context, lease, slot, { until: clock.now() + options.wait, all: options.all });
    if (result.flat) await journal.setState(scope, 'halted', reason, clock.now());
    const ours: FlattenStep[] = [
      ...result.cancelled.map(({ instrument, request, status }) => ({
        ...{
          action: 'cancel' as const,
          instrument,
          quantity: request.quantity ?? null,
          external: false,
          outcome: status,
        },
      })),
      ...result.exits.map(({ instrument, request, status }) => ({
        ...{
          action: 'close' as const,
          instrument,
          quantity: request.quantity ?? null,
          external: false,
          outcome: status,
        },
      })),
    ];
    const others = result.external.map(({ quantity, ...step }) => ({
      ...step,
      quantity: quantity ?? null,
      external: true,
    }));
    const opens_at = result.opensAt === undefined ? null : isoTime(result.opensAt);
    const outcome = result.problems.length > 0 ? 'problem' : result.flat ? 'flat' : 'closing';
    return { ...nameOf(scope), outcome, steps: [...ours, ...others], problems: result.problems, opens_at };
  } finally {
    await journal.releaseLease(lease).catch(() => {});
  }
}

/** The lease, from a live holder too: its token is void then, so that it can mark nothing as leaving any more. */
async function takeOver(
  journal: Journal,
  scope: StrategyScope,
  broker: Broker,
  ttl: number,
  runtime: Runtime,
): Promise<Lease> {
  const { clock, logger, signal } = runtime;
  const name = streamOf(scope);
  const own = await journal.acquireLease(name, currentOwner(), clock.now(), ttl, ownerIsGone);
  if (own !== undefined) return own;
  const taken = (await journal.acquireLease(name, currentOwner(), clock.now(), ttl, () => true))!;
  logger.warn(`Took the right to trade ${scope.strategy} from a running process; it stops within seconds.`);
  if (broker.onTick === undefined) await clock.sleep(IN_FLIGHT_MS, signal);
  return taken;
}
