import type { AccountOptions, StatusOptions } from '../config/index.js';
import { absolute, divide, isZero } from '../domain/decimal.js';
import { decisionBodySchema } from '../engine/live/memory.js';
import { isoTime } from '../platform/index.js';
import { isUnresolved, type Journal, ownerIsGone, type StrategyScope, streamOf } from '../state/index.js';
import { askVenues } from './compose/ask.js';
import { scopesOf, withJournal, withJournalOf } from './compose/journal.js';
import { positionRows, total } from './positions.js';
import type { Runtime } from './runtime.js';

/** One account. Money is decimal text in `currency`; what only a venue can tell is null without --broker. */
export interface AccountRow {
  readonly venue: string;
  readonly account: string;
  /** `venue`: asked now; `journal`: as of the last decision. */
  readonly source: 'venue' | 'journal';
  readonly currency: string | null;
  readonly equity: string | null;
  readonly last_equity: string | null;
  readonly cash: string | null;
  readonly buying_power: string | null;
  /** Sum of |value| of all positions, and as a fraction of equity. */
  readonly gross: string;
  readonly exposure: number | null;
  readonly unrealised: string;
  /** Of all strategies of the journal. */
  readonly realised: string;
  readonly strategies: string;
  readonly paper: boolean | null;
  readonly shorting: boolean | null;
  readonly blocked: string | null;
}

/** One strategy at a venue. */
export interface StatusRow {
  readonly strategy: string;
  readonly venue: string;
  readonly account: string;
  readonly state: string;
  readonly reason: string | null;
  readonly since: string | null;
  /** Who has the right to trade now; null: nobody runs. */
  readonly running: string | null;
  readonly last_slot: string | null;
  readonly last_decision: string | null;
  readonly report: string | null;
  readonly open_orders: number;
  /** Orders that may or may not be at the venue. */
  readonly unresolved: number;
  readonly positions: number;
  readonly equity: number | null;
  readonly drawdown: number | null;
  /** Slots that passed without a decision since the first. */
  readonly missed_slots: number;
}

/** `quantline account`. */
export async function accounts(options: AccountOptions, runtime: Runtime): Promise<readonly AccountRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    const views = await askVenues(options, scopes, journal, runtime);
    const all = await scopesOf(journal, { ...options, strategy: undefined });
    const held = await positionRows({ ...options, strategy: undefined }, journal, all, views, runtime);
    const rows: AccountRow[] = [];
    const places = new Map(scopes.map((scope) => [`${scope.venue}\n${scope.account}`, scope]));
    for (const { venue, account } of views) {
      places.set(`${venue}\n${account.id}`, { venue, account: account.id, strategy: '' });
    }
    for (const place of places.values()) {
      const at = (each: { readonly venue: string; readonly account: string }) =>
        each.venue === place.venue && each.account === place.account;
      const view = views.find(({ venue, account }) => at({ venue, account: account.id }));
      const own = scopes.filter(at);
      const known = view === undefined ? await lastEquity(journal, own) : undefined;
      const equity = view?.account.equity ?? known ?? null;
      const here = held.filter(at);
      const gross = total(here.map(({ value }) => (value === null ? null : absolute(value))));
      const realised: string[] = [];
      for (const scope of own) realised.push(await realisedOf(journal, scope));
      rows.push({
        ...{ venue: place.venue, account: place.account, source: view === undefined ? 'journal' : 'venue' },
        ...{ currency: view?.account.currency ?? null, equity, last_equity: view?.account.lastEquity ?? null },
        ...{ cash: view?.account.cash ?? null, buying_power: view?.account.buyingPower ?? null, gross },
        exposure: equity === null || isZero(equity) ? null : Number(divide(gross, equity)),
        ...{ unrealised: total(here.map((row) => row.unrealised)), realised: total(realised) },
        strategies: own.map(({ strategy }) => strategy).join(' '),
        ...{ paper: view?.account.paper ?? null, shorting: view?.account.shortingEnabled ?? null },
        blocked: view?.account.blocked ? (view.account.reason ?? 'yes') : null,
      });
    }
    return rows;
  });
}

/** Of flat positions too: the journal lists instruments by its orders. */
async function realisedOf(journal: Journal, scope: StrategyScope): Promise<string> {
  const instruments = new Set((await journal.orders({ scope })).map(({ instrument }) => instrument));
  const out: string[] = [];
  for (const instrument of instruments) out.push((await journal.position(scope, instrument))?.realised ?? '0');
  return total(out);
}

async function lastEquity(journal: Journal, scopes: readonly StrategyScope[]): Promise<string | undefined> {
  let newest: { time: number; equity: number } | undefined;
  for (const scope of scopes) {
    const last = await journal.lastDecision(scope);
    const body = decisionBodySchema.safeParse(last?.body);
    if (last === undefined || !body.success || (newest !== undefined && newest.time >= last.time)) continue;
    newest = { time: last.time, equity: body.data.memory.equity };
  }
  return newest === undefined ? undefined : String(newest.equity);
}

/** `quantline status`: what each strategy is doing. */
export async function status(options: StatusOptions, runtime: Runtime): Promise<readonly StatusRow[]> {
  return withJournal(runtime, [], async (journal) => {
    const rows: StatusRow[] = [];
    for (const scope of await scopesOf(journal, options))
      rows.push(await statusOf(journal, scope, runtime.clock.now()));
    return rows;
  });
}

async function statusOf(journal: Journal, scope: StrategyScope, now: number): Promise<StatusRow> {
  const { state, reason, since } = await journal.state(scope);
  const holder = await journal.leaseHolder(streamOf(scope), now);
  const last = await journal.lastDecision(scope);
  const body = decisionBodySchema.safeParse(last?.body);
  const memory = body.success ? body.data.memory : undefined;
  const open = await journal.orders({ scope, open: true });
  const missed = await journal.events({ scope, types: ['note:missed-slots'] });
  return {
    ...{ strategy: scope.strategy, venue: scope.venue, account: scope.account },
    ...{ state, reason: reason ?? null, since: since === undefined ? null : isoTime(since) },
    // One that was killed on this machine holds its lease until that ends, and does not run.
    running: holder === undefined || ownerIsGone(holder.owner) ? null : holder.owner,
    last_slot: last === undefined ? null : isoTime(last.slot),
    last_decision: last === undefined ? null : isoTime(last.time),
    report: last?.report ?? null,
    open_orders: open.length,
    unresolved: open.filter(isUnresolved).length,
    positions: (await journal.positions(scope)).length,
    equity: memory?.equity ?? null,
    drawdown: memory === undefined || !(memory.peak > 0) ? null : memory.equity / memory.peak - 1,
    missed_slots: missed.reduce((sum, { body }) => sum + ((body as { count?: number }).count ?? 0), 0),
  };
}
