import type { PositionsOptions } from '../config/index.js';
import { absolute, add, decimalText, divide, isZero, multiply, round, subtract, sum } from '../domain/decimal.js';
import { decisionBodySchema } from '../engine/live/memory.js';
import { compareHoldings } from '../execution/index.js';
import { isoTime } from '../platform/index.js';
import type { Journal, OrderRecord, PositionRecord, StrategyScope } from '../state/index.js';
import { askVenues, type VenueView } from './compose/ask.js';
import { scopesOf, withJournalOf } from './compose/journal.js';
import { type PriceNow, sourcePrices, venuePrices } from './compose/prices.js';
import type { Runtime } from './runtime.js';

/** What is held of one instrument. Quantities, prices and money are decimal text, times ISO 8601 in UTC. */
export interface PositionRow {
  /** null: bought by no strategy of this journal. */
  readonly strategy: string | null;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  /** Signed. */
  readonly quantity: string;
  readonly average_price: string | null;
  /** By the best quote that can be had, otherwise a bar, otherwise the close of the last decision. */
  readonly market_price: string | null;
  readonly bid: string | null;
  readonly ask: string | null;
  readonly price_kind: PriceNow['kind'] | null;
  /** Source or venue of the price. */
  readonly price_source: string | null;
  /** The instant of that price. */
  readonly priced_at: string | null;
  readonly value: string | null;
  /** Profit at the market price, costs of the entry not taken off. */
  readonly unrealised: string | null;
  /** Profit of what was closed, first in first out, costs included; null for what is not ours. */
  readonly realised: string | null;
  /** |value| as a fraction of the account's equity. */
  readonly exposure: number | null;
  /** Prices of the exits that work for it. */
  readonly stop: string | null;
  readonly target: string | null;
  /** Quantity at the venue of all strategies and others together; null without --broker. */
  readonly venue_quantity: string | null;
  /** What is wrong between journal and venue. */
  readonly problem: string | null;
  readonly updated_at: string | null;
}

/** `quantline positions`: what is held. Reads beside a running `trade`; asks the venue itself under --broker. */
export async function positions(options: PositionsOptions, runtime: Runtime): Promise<readonly PositionRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    return positionRows(options, journal, scopes, await askVenues(options, scopes, journal, runtime), runtime);
  });
}

/** The same with venues that were asked already. */
export async function positionRows(
  options: PositionsOptions,
  journal: Journal,
  scopes: readonly StrategyScope[],
  views: readonly VenueView[],
  runtime: Runtime,
): Promise<readonly PositionRow[]> {
  const owned: Owned[] = [];
  for (const scope of scopes) {
    const held = await journal.positions(scope);
    if (held.length > 0) owned.push({ scope, held, ...(await lastKnown(journal, scope)) });
  }
  const price = await pricing(options, owned, views, runtime);
  const rows: PositionRow[] = [];
  for (const { scope, held, equity, closes } of owned) {
    const view = views.find((each) => each.venue === scope.venue && each.account.id === scope.account);
    const open = await journal.orders({ scope, open: true });
    for (const position of held) {
      const now = price(scope.venue, position.instrument) ?? closes.get(position.instrument);
      const exits = await exitPrices(journal, position, open, view);
      rows.push({ ...ownRow(position, view, now, view?.account.equity ?? equity), ...exits });
    }
  }
  for (const view of views) rows.push(...(await venueRows(journal, view, rows, price, options.strategy === undefined)));
  return rows;
}

/** What a strategy holds, with equity and closes of its last decision. */
interface Owned {
  readonly scope: StrategyScope;
  readonly held: readonly PositionRecord[];
  readonly equity?: string;
  readonly closes: ReadonlyMap<string, PriceNow>;
}

async function lastKnown(journal: Journal, scope: StrategyScope): Promise<Pick<Owned, 'equity' | 'closes'>> {
  const decision = await journal.lastDecision(scope);
  const last = decisionBodySchema.safeParse(decision?.body);
  if (decision === undefined || !last.success) return { closes: new Map() };
  const { equity, closes } = last.data.memory;
  const at = { time: decision.slot, kind: 'decision', source: scope.venue } as const;
  const prices = Object.entries(closes).map(([name, close]) => [name, { price: String(close), ...at }] as const);
  return { equity: String(equity), closes: new Map(prices) };
}

type Pricing = (venue: string, instrument: string) => PriceNow | undefined;

/** What a unit is worth: by the source that was named, else by the venue where it is held. */
async function pricing(
  options: PositionsOptions,
  owned: readonly Owned[],
  views: readonly VenueView[],
  runtime: Runtime,
): Promise<Pricing> {
  const held = new Map<string, Set<string>>();
  const note = (venue: string, names: readonly string[]) =>
    void held.set(venue, new Set([...(held.get(venue) ?? []), ...names]));
  for (const { venue, positions } of views)
    note(
      venue,
      positions.map(({ instrument }) => instrument),
    );
  for (const { scope, held } of owned)
    note(
      scope.venue,
      held.map(({ instrument }) => instrument),
    );
  const names = [...new Set([...held.values()].flatMap((each) => [...each]))];
  const bySource = await sourcePrices(options, names, runtime);
  const missing = new Map(
    [...held].map(([venue, names]) => [venue, [...names].filter((name) => !bySource.has(name))] as const),
  );
  const byVenue = await venuePrices(options, missing, views, runtime);
  return (venue, instrument) => bySource.get(instrument) ?? byVenue.get(venue)?.get(instrument);
}

function ownRow(
  position: PositionRecord,
  view: VenueView | undefined,
  price: PriceNow | undefined,
  equity: string | undefined,
): Omit<PositionRow, 'stop' | 'target'> {
  const { instrument, quantity, averagePrice } = position;
  const there = view?.positions.find((each) => each.instrument === instrument);
  return {
    ...{ strategy: position.strategy, venue: position.venue, account: position.account, instrument, quantity },
    ...money(quantity, averagePrice, price, equity),
    realised: position.realised,
    venue_quantity: view === undefined ? null : (there?.quantity ?? '0'),
    problem: null,
    updated_at: isoTime(position.updatedAt),
  };
}

/** Where the exits that work for a position stand: as ordered, as the venue shows them, or relative to the entry. */
async function exitPrices(
  journal: Journal,
  { instrument, quantity }: PositionRecord,
  open: readonly OrderRecord[],
  view: VenueView | undefined,
): Promise<Pick<PositionRow, 'stop' | 'target'>> {
  const price = async (leg: 'stop' | 'target'): Promise<string | null> => {
    const order = open.find((each) => each.instrument === instrument && each.leg === leg);
    if (order === undefined) return null;
    const there = view?.orders.find(({ venueOrderId }) => venueOrderId === order.venueOrderId);
    const field = leg === 'stop' ? 'stopPrice' : 'limitPrice';
    const known = order.request[field] ?? there?.[field];
    if (known !== undefined) return known;
    const entry = order.parent === undefined ? undefined : await journal.order(order.parent);
    const protection = entry?.request.protection;
    const distance = leg === 'stop' ? protection?.stopLoss : protection?.takeProfit;
    if (distance === undefined || entry?.averagePrice === undefined) return null;
    const away = (leg === 'stop') === quantity.startsWith('-') ? decimalText(distance) : `-${decimalText(distance)}`;
    return multiply(entry.averagePrice, add('1', away));
  };
  return { stop: await price('stop'), target: await price('target') };
}

/** An average price may be cut after twenty decimals: what is cut off must not show in the profit. */
const profit = (quantity: string, price: string, average: string): string =>
  round(multiply(quantity, subtract(price, average)), 10);

/** What follows from a quantity and two prices. */
function money(quantity: string, average: string | undefined, now: PriceNow | undefined, equity: string | undefined) {
  const price = now?.price;
  const value = price === undefined ? undefined : multiply(quantity, price);
  const known = value !== undefined && equity !== undefined && !isZero(equity);
  return {
    average_price: average ?? null,
    market_price: price ?? null,
    ...{ bid: now?.bid ?? null, ask: now?.ask ?? null },
    ...{ price_kind: now?.kind ?? null, price_source: now?.source ?? null },
    priced_at: now === undefined ? null : isoTime(now.time),
    value: value ?? null,
    unrealised: average === undefined || price === undefined ? null : profit(quantity, price, average),
    exposure: known ? Number(divide(absolute(value), equity)) : null,
  };
}

/** What the venue holds beyond the strategies' positions, and what it lacks. Differences are marked on our own rows. */
async function venueRows(
  journal: Journal,
  view: VenueView,
  rows: PositionRow[],
  price: Pricing,
  external: boolean,
): Promise<readonly PositionRow[]> {
  const { venue, account, positions } = view;
  const owned = await journal.positions({ venue, account: account.id });
  const compared = compareHoldings(owned, positions);
  for (const { instrument, explanation } of compared.differences) {
    const i = rows.findIndex(
      (row) => row.venue === venue && row.account === account.id && row.instrument === instrument,
    );
    if (i >= 0) rows[i] = { ...rows[i]!, problem: explanation };
  }
  if (!external) return [];
  return compared.external.map(({ instrument, quantity }) => {
    const there = positions.find((each) => each.instrument === instrument);
    return {
      ...{ strategy: null, venue, account: account.id, instrument, quantity },
      ...money(quantity, there?.averagePrice, price(venue, instrument), account.equity),
      ...{ realised: null, stop: null, target: null, venue_quantity: there?.quantity ?? '0' },
      ...{ problem: null, updated_at: null },
    };
  });
}

/** Sum of decimal texts, those that are not known left out. */
export const total = (values: readonly (string | null)[]): string => sum(values.filter((value) => value !== null));
