import type { FillsOptions, OrdersOptions, PositionsOptions } from '../config/index.js';
import { absolute, add, decimalText, divide, isZero, multiply, subtract, sum } from '../domain/decimal.js';
import { decisionBodySchema } from '../engine/live/memory.js';
import { type BrokerOrder, compareHoldings } from '../execution/index.js';
import { isoTime } from '../platform/index.js';
import type { Journal, OrderRecord, PositionRecord, StrategyScope } from '../state/index.js';
import { askVenues, eachVenue, type VenueView } from './compose/ask.js';
import { scopesOf, withJournalOf } from './compose/journal.js';
import { type LastPrice, lastPrices } from './compose/prices.js';
import type { Runtime } from './runtime.js';
import { sourceSettings } from './trade/venue.js';

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
  /** The newest price of --source, the venue's own under --broker, otherwise the close of the last decision. */
  readonly market_price: string | null;
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

export interface OrderRow {
  readonly created_at: string | null;
  /** null: ordered by no strategy of this journal. */
  readonly strategy: string | null;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly leg: string | null;
  readonly type: string;
  /** One of quantity and notional, or neither for an exit that the venue sizes itself. */
  readonly quantity: string | null;
  readonly notional: string | null;
  readonly limit_price: string | null;
  readonly stop_price: string | null;
  readonly status: string;
  /** The venue's own word now, under --broker; null where it does not list the order. */
  readonly venue_status: string | null;
  readonly filled: string;
  readonly average_price: string | null;
  readonly reason: string | null;
  readonly client_order_id: string | null;
}

export interface FillRow {
  readonly time: string;
  readonly strategy: string | null;
  readonly venue: string;
  readonly account: string;
  readonly instrument: string;
  readonly side: string;
  readonly leg: string | null;
  readonly quantity: string;
  readonly price: string;
  readonly costs: string | null;
  /** `fill`, `bust`, `correction`, or `void` for a fill that was taken back. */
  readonly kind: string;
  readonly execution_id: string;
  readonly client_order_id: string | null;
}

/** `quantline positions`: what is held. Reads beside a running `trade`; asks the venue itself under --broker. */
export async function positions(options: PositionsOptions, runtime: Runtime): Promise<readonly PositionRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    const views = await askVenues(options, scopes, journal, runtime);
    const price = await pricing(options, scopes, views, journal, runtime);
    const rows: PositionRow[] = [];
    for (const scope of scopes) {
      const view = views.find((each) => each.venue === scope.venue && each.account.id === scope.account);
      const known = await lastKnown(journal, scope);
      const open = await journal.orders({ scope, open: true });
      const equity = view?.account.equity ?? known.equity;
      for (const position of await journal.positions(scope)) {
        const exits = await exitPrices(journal, position, open, view);
        rows.push({ ...ownRow(position, view, price(position.instrument, view, known), equity), ...exits });
      }
    }
    for (const view of views)
      rows.push(...(await venueRows(journal, view, rows, price, options.strategy === undefined)));
    return rows;
  });
}

/** Equity and closes of the last decision. */
interface LastKnown {
  readonly equity?: string;
  readonly closes: Readonly<Record<string, number>>;
  readonly slot: number;
}

async function lastKnown(journal: Journal, scope: StrategyScope): Promise<LastKnown> {
  const decision = await journal.lastDecision(scope);
  const last = decisionBodySchema.safeParse(decision?.body);
  if (decision === undefined || !last.success) return { closes: {}, slot: 0 };
  const { equity, closes } = last.data.memory;
  return { equity: String(equity), closes, slot: decision.slot };
}

type Pricing = (instrument: string, view: VenueView | undefined, known?: LastKnown) => LastPrice | undefined;

/** What a unit is worth: by the source that was named, else by the venue that was asked, else at the last decision. */
async function pricing(
  options: PositionsOptions,
  scopes: readonly StrategyScope[],
  views: readonly VenueView[],
  journal: Journal,
  runtime: Runtime,
): Promise<Pricing> {
  const { source } = options;
  const held = new Set(views.flatMap(({ positions }) => positions.map(({ instrument }) => instrument)));
  for (const scope of scopes) for (const { instrument } of await journal.positions(scope)) held.add(instrument);
  const now = runtime.clock.now();
  const found =
    source === undefined ? undefined : await lastPrices(source, sourceSettings(options), [...held], runtime);
  return (instrument, view, known) => {
    const there = view?.positions.find((each) => each.instrument === instrument)?.marketPrice;
    const close = known?.closes[instrument];
    return (
      found?.get(instrument) ??
      (there === undefined ? undefined : { price: there, time: now }) ??
      (close === undefined ? undefined : { price: String(close), time: known!.slot })
    );
  };
}

function ownRow(
  position: PositionRecord,
  view: VenueView | undefined,
  price: LastPrice | undefined,
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

/** What follows from a quantity and two prices. */
function money(quantity: string, average: string | undefined, last: LastPrice | undefined, equity: string | undefined) {
  const price = last?.price;
  const value = price === undefined ? undefined : multiply(quantity, price);
  const known = value !== undefined && equity !== undefined && !isZero(equity);
  return {
    average_price: average ?? null,
    market_price: price ?? null,
    priced_at: last === undefined ? null : isoTime(last.time),
    value: value ?? null,
    unrealised: average === undefined || price === undefined ? null : multiply(quantity, subtract(price, average)),
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
      ...money(quantity, there?.averagePrice, price(instrument, view), account.equity),
      ...{ realised: null, stop: null, target: null, venue_quantity: there?.quantity ?? '0' },
      ...{ problem: null, updated_at: null },
    };
  });
}

/** `quantline orders`: newest first; those that are not done, or all. Under --broker also other people's open ones. */
export async function orders(options: OrdersOptions, runtime: Runtime): Promise<readonly OrderRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    const views = await askVenues(options, scopes, journal, runtime);
    const found: OrderRecord[] = [];
    for (const scope of scopes) {
      found.push(...(await journal.orders({ scope, ...(options.all ? {} : { open: true }) })));
    }
    found.sort((a, b) => b.createdAt - a.createdAt || (a.clientOrderId < b.clientOrderId ? -1 : 1));
    const listed = views.flatMap((view) => view.orders.map((order) => ({ view, order })));
    const rows = found.map((order) => orderRow(order, listed.find((each) => isSame(order, each))?.order));
    if (options.strategy === undefined) {
      for (const { view, order } of listed) {
        const known =
          (order.clientOrderId === undefined ? undefined : await journal.order(order.clientOrderId)) ??
          (await journal.orderByVenueId(view.venue, view.account.id, order.venueOrderId));
        if (known === undefined) rows.push(externalOrder(view, order));
      }
    }
    return rows.slice(0, options.limit);
  });
}

const isSame = (
  ours: OrderRecord,
  { view, order }: { readonly view: VenueView; readonly order: BrokerOrder },
): boolean =>
  view.venue === ours.venue &&
  view.account.id === ours.account &&
  (order.clientOrderId === ours.clientOrderId || order.venueOrderId === ours.venueOrderId);

function orderRow({ request, ...order }: OrderRecord, there: BrokerOrder | undefined): OrderRow {
  return {
    created_at: isoTime(order.createdAt),
    ...{ strategy: order.strategy, venue: order.venue, account: order.account, instrument: order.instrument },
    ...{ side: request.side, leg: order.leg, type: request.type },
    ...{ quantity: request.quantity ?? null, notional: request.notional ?? null },
    ...{ limit_price: request.limitPrice ?? null, stop_price: request.stopPrice ?? null },
    ...{ status: order.status, venue_status: there?.venueStatus ?? null },
    ...{ filled: order.filledQuantity, average_price: order.averagePrice ?? null },
    ...{ reason: order.reason ?? null, client_order_id: order.clientOrderId },
  };
}

function externalOrder({ venue, account }: VenueView, order: BrokerOrder): OrderRow {
  return {
    created_at: order.submittedAt === undefined ? null : isoTime(order.submittedAt),
    ...{ strategy: null, venue, account: account.id, instrument: order.instrument },
    ...{ side: order.side, leg: null, type: order.type },
    ...{ quantity: order.quantity ?? null, notional: order.notional ?? null },
    ...{ limit_price: order.limitPrice ?? null, stop_price: order.stopPrice ?? null },
    ...{ status: order.status, venue_status: order.venueStatus },
    ...{ filled: order.filledQuantity, average_price: order.averagePrice ?? null },
    ...{ reason: order.reason ?? null, client_order_id: order.clientOrderId ?? null },
  };
}

/** `quantline fills`: executions, newest first. Under --broker also those of the venue that are not booked here. */
export async function fills(options: FillsOptions, runtime: Runtime): Promise<readonly FillRow[]> {
  return withJournalOf(runtime, options.broker, async (journal) => {
    const scopes = await scopesOf(journal, options);
    const rows: FillRow[] = [];
    for (const scope of scopes) {
      const legs = new Map((await journal.orders({ scope })).map((order) => [order.clientOrderId, order.leg]));
      for (const fill of await journal.fills({ scope })) {
        rows.push({
          time: isoTime(fill.time),
          ...{ strategy: fill.strategy, venue: fill.venue, account: fill.account, instrument: fill.instrument },
          ...{ side: fill.side, leg: legs.get(fill.clientOrderId) ?? null, quantity: fill.quantity, price: fill.price },
          ...{ costs: fill.costs ?? null, kind: fill.void && fill.kind === 'fill' ? 'void' : fill.kind },
          ...{ execution_id: fill.executionId, client_order_id: fill.clientOrderId },
        });
      }
    }
    if (options.strategy === undefined) rows.push(...(await foreignFills(options, scopes, journal, rows, runtime)));
    rows.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
    return rows.slice(0, options.limit);
  });
}

async function foreignFills(
  options: FillsOptions,
  scopes: readonly StrategyScope[],
  journal: Journal,
  booked: readonly FillRow[],
  runtime: Runtime,
): Promise<FillRow[]> {
  const known = new Set(booked.map((row) => `${row.venue}\n${row.account}\n${row.execution_id}`));
  const found = await eachVenue(options, scopes, journal, runtime, async (broker) => {
    const account = (await broker.account()).id;
    const { executions } = await broker.executions(undefined);
    return executions
      .filter(({ executionId }) => !known.has(`${broker.venue}\n${account}\n${executionId}`))
      .map(
        (one): FillRow => ({
          time: isoTime(one.time),
          ...{ strategy: null, venue: broker.venue, account, instrument: one.instrument, side: one.side, leg: null },
          ...{ quantity: one.quantity, price: one.price, costs: one.costs ?? null, kind: one.kind },
          ...{ execution_id: one.executionId, client_order_id: one.clientOrderId ?? null },
        }),
      );
  });
  return found.flat();
}

/** Sum of decimal texts, those that are not known left out. */
export const total = (values: readonly (string | null)[]): string => sum(values.filter((value) => value !== null));
