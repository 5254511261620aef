import type { HaltOptions, ResumeOptions } from '../config/index.js';
import { isQuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import type { Journal, StrategyScope, TradingState } from '../state/index.js';
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
export function resume(options: ResumeOptions, runtime: Runtime): Promise<StandingResult> {
  return setStanding(options, 'active', options.reason ?? 'resumed', runtime);
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
        rows.push({ strategy, venue, account, before, state, reason, since: isoTime(now), at_venue: null });
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
