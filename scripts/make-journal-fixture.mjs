// Writes fixtures/journal/v<schema>.db, a small journal of the current schema, once per released schema:
//   npm run build && node scripts/make-journal-fixture.mjs v1
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openJournal, streamOf } from '../dist/core/state/index.js';

const version = process.argv[2] ?? 'v1';
const out = join(dirname(fileURLToPath(import.meta.url)), '..', 'fixtures', 'journal', version);
const folder = mkdtempSync(join(tmpdir(), 'quantline-fixture-'));
const scope = { venue: 'sim', account: 'paper', strategy: 'swing' };
const T = Date.UTC(2026, 0, 5, 21);
const request = (instrument, side, quantity, more = {}) => ({
  instrument,
  side,
  type: 'market',
  timeInForce: 'day',
  quantity,
  ...more,
});

const journal = await openJournal(join(folder, 'journal.db'));
const lease = await journal.acquireLease(streamOf(scope), 'fixture', T, 60_000);
await journal.recordSession(scope, 'session-1', 'started', { token: lease.token }, T);
const { orders } = await journal.recordDecision(
  scope,
  lease,
  { slot: T, report: '0123456789abcdef', time: T, body: { targets: { SPY: 10, QQQ: 4 } } },
  [
    { leg: 'entry', request: request('SPY', 'buy', '10') },
    { leg: 'entry', request: request('QQQ', 'buy', '4') },
  ],
);
const [spy, qqq] = orders.map((order) => order.clientOrderId);
await journal.markSending([spy, qqq], lease, T + 1);
await journal.recordReports(
  [
    { clientOrderId: spy, status: 'accepted', venueOrderId: 'v1' },
    { clientOrderId: qqq, status: 'rejected', reason: 'insufficient buying power' },
  ],
  T + 2,
);
const fill = (executionId, clientOrderId, side, quantity, price, more = {}) => ({
  executionId,
  clientOrderId,
  instrument: 'SPY',
  side,
  quantity,
  price,
  time: T + 3,
  kind: 'fill',
  ...more,
});
await journal.recordExecutions(
  [
    fill('e1', spy, 'buy', '4', '650.1', { costs: '0.02' }),
    fill('e2', spy, 'buy', '6', '650.2'),
    fill('e3', spy, 'buy', '6', '650.3', { kind: 'correction', refersTo: 'e2' }),
  ],
  T + 3,
);
const [stop] = await journal.recordIntents(
  scope,
  lease,
  T,
  [{ leg: 'stop', parent: spy, request: request('SPY', 'sell', '10', { type: 'stop', stopPrice: '617.59' }) }],
  T + 4,
);
await journal.markSending([stop.clientOrderId], lease, T + 4);
await journal.recordReports([{ clientOrderId: stop.clientOrderId, status: 'accepted', venueOrderId: 'v2' }], T + 5);
await journal.recordCorporateAction(scope, { instrument: 'SPY', date: '2026-01-06', type: 'split', value: '2' }, T + 6);
await journal.setCursor(scope, 'cursor-1', T + 6);
await journal.setState(scope, 'reducing', 'fixture', T + 7);
await journal.note(scope, 'exposed', { seconds: 1.5 }, T + 7);
await journal.recordSession(scope, 'session-1', 'ended', { outcome: 'ok' }, T + 8);
const { events } = await journal.verify();
const positions = (await journal.positions(scope)).map((p) => [p.instrument, p.quantity, p.averagePrice, p.realised]);
const all = (await journal.orders()).map((o) => [o.instrument, o.leg, o.revision, o.status]);
rmSync(`${out}.db`, { force: true });
await journal.backup(`${out}.db`);
await journal.close();
rmSync(folder, { recursive: true });
const sha256 = createHash('sha256')
  .update(readFileSync(`${out}.db`))
  .digest('hex');
const meta = {
  source: 'scripts/make-journal-fixture.mjs',
  licence: 'Apache-2.0',
  sha256,
  events,
  positions,
  orders: all,
};
writeFileSync(`${out}.json`, `${JSON.stringify(meta, null, 2)}\n`);
