// A small runner on the simulated venue: enters and leaves by turns on given bars; kills itself where it is told.
// node simTrader.child.mjs <folder> <fault point or -> <nth time>
import { join } from 'node:path';
import { calendarOf, defaultInstrument } from '../../../dist/core/domain/index.js';
import * as sim from '../../../dist/core/execution/brokers/sim/index.js';
import { commitDecision, reconcile, submitOrders } from '../../../dist/core/execution/index.js';
import * as nextOpen from '../../../dist/core/market/fills/next-open.js';
import { NO_COSTS, NO_SLIPPAGE } from '../../../dist/core/market/index.js';
import { ManualClock, silentLogger } from '../../../dist/core/platform/index.js';
import { currentOwner, openJournal, ownerIsGone, streamOf } from '../../../dist/core/state/index.js';

const [folder, point, nth] = process.argv.slice(2);
const clock = new ManualClock(0);
const broker = await sim.create(sim.settings.parse({}), {
  clock,
  logger: silentLogger,
  secrets: {},
  live: false,
  stateDir: folder,
  instruments: [defaultInstrument('SPY', 'XNYS'), defaultInstrument('QQQ', 'XNYS')],
  calendar: calendarOf('XNYS'),
  exchange: {
    cash: 100_000,
    costs: { ...NO_COSTS, percent: 0.001 },
    slippage: NO_SLIPPAGE,
    fill: nextOpen.create(nextOpen.settings.parse({})),
    leverage: 1,
    allowShort: false,
  },
});
const journal = await openJournal(join(folder, 'journal.db'));
const scope = { venue: 'sim', account: 'paper', strategy: 'swing' };
let times = 0;
const faultPoint = (name) => {
  if (name === point && ++times === Number(nth)) process.kill(process.pid, 'SIGKILL');
};
const lease = await journal.acquireLease(streamOf(scope), currentOwner(), Date.now(), 60_000, ownerIsGone);
if (lease === undefined) throw new Error('the lease of a dead process was not taken over');
const context = { journal, broker, scope, clock, logger: silentLogger, faultPoint };
const START = Date.UTC(2026, 0, 5, 15);
const last = (await journal.lastDecision(scope))?.slot ?? 0;
for (let i = 0; i < 24; i++) {
  const time = START + i * 60_000;
  clock.set(time + 60_000);
  const bars = ['SPY', 'QQQ'].map((instrument, j) => {
    const open = 100 + j * 50 + Math.round(700 * Math.sin(i * (0.7 + j / 3))) / 100;
    return { instrument, index: i, time, open, high: open + 1.25, low: open - 1.25, close: open + 0.5, volume: 1e6 };
  });
  await broker.onTick({ time: clock.now(), bars });
  const slot = clock.now();
  // Slots before the last decided one are over; the venue only has to hear their bars again.
  if (slot < last) continue;
  const { resend } = await reconcile(context, { sendable: (order) => order.slot === slot });
  await submitOrders(context, lease, resend);
  const held = new Map((await journal.positions(scope)).map((p) => [p.instrument, p.quantity]));
  const open = await journal.orders({ scope, open: true });
  const intents = ['SPY', 'QQQ'].flatMap((instrument, j) => {
    if ((i + j) % 3 !== 0) return [];
    const common = { instrument, type: 'market', timeInForce: 'day' };
    const quantity = held.get(instrument);
    if (quantity !== undefined) return [{ leg: 'exit', request: { ...common, side: 'sell', quantity, opens: false } }];
    if (open.some((o) => o.instrument === instrument && o.leg === 'entry')) return [];
    const protection = { stopLoss: 0.02, takeProfit: 0.04 };
    return [{ leg: 'entry', request: { ...common, side: 'buy', notional: '10000', protection } }];
  });
  const { orders, existed } = await commitDecision(
    context,
    lease,
    { slot, report: 'r', time: slot, body: null },
    intents,
  );
  if (!existed) await submitOrders(context, lease, orders);
}
await reconcile(context);
const account = await broker.account();
const orders = (await journal.orders()).map((o) => [
  o.clientOrderId,
  o.leg,
  o.status,
  o.filledQuantity,
  o.averagePrice,
]);
const fills = (await journal.fills()).map((f) => [f.executionId, f.clientOrderId, f.quantity, f.price]);
const positions = (await journal.positions(scope)).map((p) => [p.instrument, p.quantity, p.realised]);
await journal.verify();
await journal.releaseLease(lease);
await journal.close();
await broker.close();
process.stdout.write(JSON.stringify({ cash: account.cash, equity: account.equity, orders, fills, positions }));
