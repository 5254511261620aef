import type { FakeBook, FakeFill, FakeOrder } from './book.js';
import { TERMINAL } from './book.js';

const iso = (t: number): string => new Date(t).toISOString();
/** With microseconds, as the venue does; the fraction of a millisecond keeps the order of one instant. */
export const precise = (t: number): string =>
  `${iso(Math.floor(t)).slice(0, -1)}${String(Math.round((t % 1) * 1000)).padStart(3, '0')}Z`;

/** An order as the REST interface shows it. */
export function orderJson(book: FakeBook, order: FakeOrder, nested: boolean): Record<string, unknown> {
  const at = (status: string): string | null => (order.status === status ? iso(order.updated) : null);
  return {
    id: order.id,
    client_order_id: order.client_order_id,
    created_at: precise(order.created),
    updated_at: precise(order.updated),
    submitted_at: precise(order.created),
    filled_at: at('filled'),
    expired_at: at('expired'),
    canceled_at: at('canceled'),
    failed_at: at('rejected'),
    replaced_at: at('replaced'),
    replaced_by: order.replaced_by,
    replaces: order.replaces,
    asset_id: assetId(order.symbol),
    symbol: order.symbol,
    asset_class: order.symbol.includes('/') ? 'crypto' : 'us_equity',
    notional: order.notional,
    qty: order.qty,
    filled_qty: order.filled_qty,
    filled_avg_price: order.filled_avg_price,
    order_class: order.order_class,
    order_type: order.type,
    type: order.type,
    side: order.side,
    time_in_force: order.time_in_force,
    limit_price: order.limit_price,
    stop_price: order.stop_price,
    status: order.status,
    extended_hours: order.extended_hours,
    legs: nested && order.legs.length > 0 ? order.legs.map((id) => orderJson(book, book.order(id), false)) : null,
    trail_percent: order.trail_percent,
    trail_price: null,
    hwm: null,
  };
}

/** `GET /v2/orders`: newest first, legs flat unless nested, held legs hidden unless nested. */
export function listOrders(book: FakeBook, query: URLSearchParams): Record<string, unknown>[] {
  const nested = query.get('nested') === 'true';
  const status = query.get('status') ?? 'open';
  const open = (order: FakeOrder) => !TERMINAL.has(order.status);
  const matches = (order: FakeOrder): boolean => {
    if (status === 'all') return true;
    if (nested && status === 'open') return open(order) || order.legs.some((id) => open(book.order(id)));
    if (status === 'open') return open(order) && order.status !== 'held';
    return !open(order);
  };
  const symbols = query.get('symbols')?.split(',');
  let list = [...book.orders.values()].filter(
    (order) => matches(order) && !(nested && order.parent !== undefined) && (symbols?.includes(order.symbol) ?? true),
  );
  list.sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
  const after = query.get('after');
  if (after !== null) list = list.filter((order) => order.created > Date.parse(after));
  const before = query.get('before_order_id');
  if (before !== null) {
    const index = list.findIndex((order) => order.id === before);
    list = index < 0 ? [] : list.slice(index + 1);
  }
  if (query.get('direction') === 'asc') list.reverse();
  return list.slice(0, Number(query.get('limit') ?? 50)).map((order) => orderJson(book, order, nested));
}

export function activityId(fill: FakeFill): string {
  return `${iso(Math.floor(fill.time)).replace(/[-:TZ.]/g, '')}::${fill.id}`;
}

export function activityJson(fill: FakeFill): Record<string, unknown> {
  return {
    id: activityId(fill),
    activity_type: 'FILL',
    transaction_time: precise(fill.time),
    type: fill.final ? 'fill' : 'partial_fill',
    price: fill.price,
    qty: fill.qty,
    side: fill.order.side,
    symbol: fill.order.symbol,
    leaves_qty: fill.final ? '0' : String(Number(fill.order.qty) - Number(fill.cumQty)),
    order_id: fill.order.id,
    cum_qty: fill.cumQty,
    order_status: fill.final ? 'filled' : 'partially_filled',
  };
}

export function positionJson(book: FakeBook, symbol: string): Record<string, unknown> {
  const { qty, average } = book.positions.get(symbol) as { qty: number; average: number };
  const price = book.prices.get(symbol) ?? average;
  const s = (value: number): string => String(Math.round(value * 1e9) / 1e9);
  return {
    asset_id: assetId(symbol),
    // Coin pairs are named without their slash here, as at the venue.
    symbol: symbol.replace('/', ''),
    exchange: 'NASDAQ',
    asset_class: symbol.includes('/') ? 'crypto' : 'us_equity',
    avg_entry_price: s(average),
    qty: s(qty),
    qty_available: s(qty),
    side: qty < 0 ? 'short' : 'long',
    market_value: s(qty * price),
    cost_basis: s(qty * average),
    unrealized_pl: s(qty * (price - average)),
    unrealized_plpc: '0',
    unrealized_intraday_pl: '0',
    unrealized_intraday_plpc: '0',
    current_price: s(price),
    lastday_price: s(price),
    change_today: '0',
    asset_marginable: true,
  };
}

/** A stable uuid per symbol. */
export function assetId(symbol: string): string {
  const hex = Buffer.from(symbol.padEnd(16, '\0')).toString('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
