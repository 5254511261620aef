import type { HaltOptions, ResumeOptions } from '../config/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import type { Journal, StrategyScope, TradingState } from '../state/index.js';
import { type AcceptedRow, accept } from './accept.js';
import { noStrategy, someScopes, withJournal } from './compose/journal.js';
import { adapterOfVenue, openVenue } from './compose/venues.js';
import type { Runtime } from './runtime.js';

/** What became of one strategy. */
export interface StandingRow {
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  readonly before: TradingState;
  readonly state: TradingState;
  readonly reason: string;
  readonly since: string;
  /** With --at-venue: `blocked`, `allowed`, or why not; null where it was not asked for. */
  readonly at_venue: string | null;
  /** With --accept-venue: the differences that were, or with --dry-run would be, accepted; null without. */
  readonly accepted: readonly AcceptedRow[] | null;
}

export interface StandingResult {
  readonly rows: readonly StandingRow[];
  /** `refused` (exit 6): a venue did not do what --at-venue asked for; the journal has the state all the same. */
  readonly exit: 'ok' | 'refused';
}

/** `quantline halt`: the strategies decide nothing more, from the next decision on, running or started later. */
export function halt(options: HaltOptions & { readonly reason: string }, runtime: Runtime): Promise<StandingResult> {
  return setStanding(options, options.reduce ? 'reducing' : 'halted', options.reason, runtime);
}

/** `quantline resume`: they trade again; drawdown and daily loss count from then on. */
export async function resume(options: ResumeOptions, runtime: Runtime): Promise<StandingResult> {
  const { acceptVenue, dryRun } = options;
  if (acceptVenue === undefined) {
    if (dryRun) throw new QuantlineError('USAGE', '--dry-run shows what --accept-venue would do, and needs it.');
    return setStanding(options, 'active', options.reason ?? 'resumed', runtime);
  }
  const { accepted, rows } = await withJournal(
    runtime,
    () => Promise.reject(noStrategy(options, [])),
    async (journal) => {
      const accepted = await accept({ ...options, acceptVenue }, journal, runtime);
      const [scope] = await someScopes(journal, options);
      const { state, reason, since } = await journal.state(scope!);
      const { strategy, venue, account } = scope!;
      const shown = { state, reason: reason ?? '', since: isoTime(since ?? runtime.clock.now()) };
      return { accepted, rows: [{ strategy, venue, account, before: state, ...shown, at_venue: null, accepted }] };
    },
  );
  if (dryRun) return { rows, exit: 'ok' };
  const result = await setStanding(options, 'active', options.reason ?? acceptVenue, runtime);
  return { ...result, rows: result.rows.map((row) => ({ ...row, accepted })) };
}

async function setStanding(
  options: HaltOptions | ResumeOptions,
  state: TradingState,
  reason: string,
  runtime: Runtime,
): Promise<StandingResult> {
  return withJournal(
    runtime,
    () => Promise.reject(noStrategy(options, [])),
    async (journal) => {
      const scopes = await someScopes(journal, options);
      const rows: StandingRow[] = [];
      // All states are durable before the first venue is asked: that may take long, or fail.
      for (const scope of scopes) {
        const { venue, account, strategy } = scope;
        const before = (await journal.state(scope)).state;
        const now = runtime.clock.now();
        await journal.setState(scope, state, reason, now);
        rows.push({
          strategy,
          venue,
          account,
          before,
          state,
          reason,
          since: isoTime(now),
          at_venue: null,
          accepted: null,
        });
      }
      if (!options.atVenue) return { rows, exit: 'ok' as const };
      const told = await suspendAll(scopes, state !== 'active', options.set, journal, runtime);
      const done = state === 'active' ? 'allowed' : 'blocked';
      const shown = rows.map((row) => ({ ...row, at_venue: told.get(placeOf(row)) ?? null }));
      return {
        rows: shown,
        exit: shown.every((row) => row.at_venue === done) ? ('ok' as const) : ('refused' as const),
      };
    },
  );
}

/** Names an account. */
export const placeOf = ({ venue, account }: { readonly venue: string; readonly account: string }): string =>
  `${venue}\n${account}`;

/** Blocks or allows new orders in each account, once; what became of it by account. */
export async function suspendAll(
  scopes: readonly StrategyScope[],
  on: boolean,
  set: Readonly<Record<string, string>>,
  journal: Journal,
  runtime: Runtime,
): Promise<ReadonlyMap<string, string>> {
  const told = new Map<string, string>();
  for (const scope of scopes) {
    if (told.has(placeOf(scope))) continue;
    told.set(placeOf(scope), await suspend(scope, on, set, journal, runtime));
  }
  return told;
}

async function suspend(
  scope: StrategyScope,
  on: boolean,
  set: Readonly<Record<string, string>>,
  journal: Journal,
  runtime: Runtime,
): Promise<string> {
  const { name, live } = adapterOfVenue(scope.venue);
  try {
    const broker = await openVenue({ broker: name, live, set, scope }, journal, runtime);
    try {
      if (broker.suspend === undefined) return `${scope.venue} cannot do that`;
      const { id } = await broker.account();
      if (id !== scope.account) return `the keys belong to account ${id}`;
      await broker.suspend(on);
      await journal.note(scope, 'suspend', { on }, runtime.clock.now());
      return on ? 'blocked' : 'allowed';
    } finally {
      await broker.close();
    }
  } catch (error) {
    if (!isQuantlineError(error)) throw error;
    return error.message;
  }
}
