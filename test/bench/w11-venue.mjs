/**
 * The venue of W11, a process of its own so that its CPU is not ours: the part of Alpaca's REST interface that a slot
 * touches. It fills every order at once. The parent tells it the time by messages.
 */
import { createServer } from 'node:http';

let now = 0;
let orders = 0;
const byClient = new Map();
const held = new Map();
/** Ascending by id and time. */
const fills = [];

const account = {
  ...{ id: 'a', account_number: 'PAW11', status: 'ACTIVE', currency: 'USD' },
  ...{ cash: '1000000', equity: '1000000', last_equity: '1000000', buying_power: '1000000', shorting_enabled: false },
  ...{ trading_blocked: false, account_blocked: false, transfers_blocked: false, trade_suspended_by_user: false },
};

function place(body) {
  const at = new Date(now).toISOString();
  const id = `v${++orders}`;
  const { client_order_id, symbol, side, type, qty } = body;
  const order = {
    ...{ id, client_order_id, symbol, side, type, qty, filled_qty: qty, filled_avg_price: '100', status: 'filled' },
    ...{ submitted_at: at, updated_at: at, notional: null, limit_price: null, stop_price: null, legs: null },
    asset_class: 'us_equity',
  };
  byClient.set(client_order_id, order);
  held.set(symbol, (held.get(symbol) ?? 0) + (side === 'buy' ? 1 : -1) * Number(qty));
  fills.push({
    ...{ id: String(orders).padStart(12, '0'), activity_type: 'FILL', type: 'fill', transaction_time: at, time: now },
    ...{ price: '100', qty, side, symbol, order_id: id },
  });
  return order;
}

function activities(query) {
  const after = Date.parse(query.get('after') ?? '');
  const token = query.get('page_token');
  let from = fills.length;
  while (from > 0 && (token === null ? fills[from - 1].time > after : fills[from - 1].id > token)) from--;
  return fills.slice(from, from + Number(query.get('page_size') ?? 100));
}

const positions = () =>
  [...held]
    .filter(([, quantity]) => quantity !== 0)
    .map(([symbol, quantity]) => ({
      ...{ symbol, asset_class: 'us_equity', side: 'long', qty: String(quantity) },
      ...{ avg_entry_price: '100', current_price: '100' },
    }));

function answer(method, url, body) {
  if (method === 'POST') return place(JSON.parse(body));
  if (url.pathname === '/v2/account') return account;
  if (url.pathname === '/v2/positions') return positions();
  if (url.pathname === '/v2/orders') return [];
  if (url.pathname === '/v2/account/activities') return activities(url.searchParams);
  return byClient.get(url.searchParams.get('client_order_id'));
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const found = answer(request.method, new URL(request.url, 'http://venue'), body);
    response.writeHead(found === undefined ? 404 : 200, {
      'content-type': 'application/json',
      'x-ratelimit-limit': '1000000',
    });
    response.end(JSON.stringify(found ?? { code: 40410000, message: 'order not found' }));
  });
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('message', (t) => {
  now = t;
});
process.on('disconnect', () => process.exit(0));
