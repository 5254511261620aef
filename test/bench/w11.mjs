/**
 * W11: from the last bar of a slot to its last order on the wire. A rule on 50 instruments of 1m bars through the live
 * runner: bars into the growing feed, features, reconciliation, decide, one durable transaction for all intents, marks,
 * sending. The venue is in this process and takes an order the moment that it is sent, so that what is measured is
 * ours; every instrument trades in every slot (entries and exits in turns). Once with the journal on disk, once in
 * memory: the difference is the disk's share.
 * --slots=10000, --instruments=50
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allocateBars, calendarOf, defaultInstrument } from '../../dist/core/domain/index.js';
import { defaultThresholds, roundingOf } from '../../dist/core/engine/index.js';
import { GrowingFeed, LiveRunner } from '../../dist/core/engine/live/index.js';
import * as momentum from '../../dist/core/models/trainers/momentum.js';
import { silentLogger, systemClock } from '../../dist/core/platform/index.js';
import { openJournal, streamOf } from '../../dist/core/state/index.js';
import { arg, emit, version } from './harness.mjs';

const SLOTS = arg('slots', 10_000);
const N = arg('instruments', 50);
const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);
const calendar = calendarOf('24/7');
const instruments = Array.from({ length: N }, (_, j) => defaultInstrument(`S${String(j).padStart(2, '0')}`, '24/7'));

/** A venue that fills at once and remembers when its last order was sent. */
class Wire {
  venue = 'bench';
  capabilities = {
    ...{ clientOrderIds: true, notional: false, fractional: true, short: false, extendedHours: false },
    ...{ attachedProtection: false, oco: false, trailingStop: false, replace: false, stream: false },
    orderTypes: new Set(['market']),
    timesInForce: new Set(['day', 'gtc']),
  };
  sent = 0;
  last = 0;
  held = new Map();
  fills = [];
  account = async () => ({
    id: 'a',
    currency: 'USD',
    cash: '1e6',
    equity: '1000000',
    buyingPower: '1000000',
    blocked: false,
    shortingEnabled: false,
    paper: true,
  });
  clock = async () => ({ now: Date.now(), open: true });
  positions = async () =>
    [...this.held].flatMap(([instrument, units]) => (units === 0 ? [] : [{ instrument, quantity: String(units) }]));
  openOrders = async () => [];
  orders = new Map();
  orderByClientId = async (id) => this.orders.get(id);
  orderByVenueId = async () => undefined;
  asset = async (instrument) => ({ instrument, tradable: true, shortable: true, fractionable: true });
  cancel = async () => {};
  close = async () => {};
  async submit(request, clientOrderId) {
    this.last = performance.now();
    const id = String(++this.sent);
    const { instrument, side, quantity, type } = request;
    this.held.set(
      instrument,
      Number(((this.held.get(instrument) ?? 0) + (side === 'buy' ? 1 : -1) * Number(quantity)).toFixed(9)),
    );
    this.fills.push({
      executionId: id,
      venueOrderId: id,
      clientOrderId,
      instrument,
      side,
      quantity,
      price: '100',
      time: Date.now(),
      kind: 'fill',
    });
    const order = {
      venueOrderId: id,
      clientOrderId,
      instrument,
      side,
      type,
      status: 'filled',
      venueStatus: 'filled',
      quantity,
      filledQuantity: quantity,
    };
    this.orders.set(clientOrderId, order);
    return order;
  }
  async executions(cursor) {
    const from = Number(cursor ?? 0);
    return { executions: this.fills.slice(from), cursor: String(this.fills.length) };
  }
}

/** Up and down in turns: momentum(1) enters and leaves with each bar. */
const closeAt = (k) => (k % 2 === 0 ? 101 : 100);

function barsOf(id, from, to) {
  const bars = allocateBars(id, '1m', to - from);
  for (let k = from; k < to; k++) {
    const i = k - from;
    bars.time[i] = START + k * MINUTE;
    bars.open[i] = closeAt(k - 1);
    bars.high[i] = 101.1;
    bars.low[i] = 99.9;
    bars.close[i] = closeAt(k);
    bars.volume[i] = 1000;
  }
  return bars;
}

async function measure(folder) {
  const rule = momentum.create({ window: 1, side: 'flat' });
  const warm = 100;
  const feed = new GrowingFeed(
    instruments.map(({ id }) => barsOf(id, 0, warm)),
    (j) => ({ score: rule.scorer(instruments[j], calendar), measure: undefined }),
    calendar,
  );
  const source = {
    instruments: instruments.map(({ id }) => id),
    next: async () => undefined,
    past: () => [],
    barAt: (j, t) => feed.barAt(j, t),
    extremes: () => undefined,
    newest: () => undefined,
  };
  const broker = new Wire();
  const journal = await openJournal(join(folder, 'journal.sqlite'));
  const scope = { venue: 'bench', account: 'a', strategy: 'w11' };
  const execution = { journal, broker, scope, clock: systemClock, logger: silentLogger, limits: { concurrency: N } };
  const strategy = {
    thresholds: defaultThresholds('position', false),
    sizing: { kind: 'equal', fraction: 1 },
    protection: undefined,
    timeStop: Number.POSITIVE_INFINITY,
    reentry: 'new-signal',
    policies: [],
  };
  const runner = new LiveRunner({
    ...{ execution, source, instruments, strategy },
    calendars: instruments.map(() => calendar),
    rounding: roundingOf(instruments, true),
    fractional: true,
    report: 'r',
  });
  let lease = await journal.acquireLease(streamOf(scope), 'bench', Date.now(), 3_600_000);
  const times = [];
  for (let k = warm; k < warm + SLOTS; k++) {
    const fresh = instruments.map(({ id }) => barsOf(id, k, k + 1));
    for (let j = 0; j + 1 < N; j++) feed.put(j, fresh[j]);
    // What filled in between is booked as it comes, as a resident session does; that is not the slot's time.
    if (k > warm) await runner.maintain(lease);
    const before = broker.sent;
    const t0 = performance.now();
    feed.put(N - 1, fresh[N - 1]);
    const slot = START + (k + 1) * MINUTE;
    const expected = instruments.map(() => START + k * MINUTE);
    await runner.tick(feed.tick(slot, expected, Number.POSITIVE_INFINITY), lease);
    if (broker.sent - before === N) times.push(broker.last - t0);
    if (lease.deadline - Date.now() < 1_800_000) lease = await journal.renewLease(lease, Date.now(), 3_600_000);
  }
  await journal.close();
  times.sort((a, b) => a - b);
  return { slots: times.length, orders: broker.sent, times };
}

const at = (times, p) => Math.round(times[Math.min(times.length - 1, Math.floor(p * times.length))] * 100) / 100;

async function run(parent) {
  const folder = mkdtempSync(join(parent, 'w11-'));
  const cpu0 = process.cpuUsage();
  const t0 = performance.now();
  try {
    const { slots, orders, times } = await measure(folder);
    const seconds = (performance.now() - t0) / 1000;
    const cpu = process.cpuUsage(cpu0).user / 1e6;
    const figures = { slots, orders, p50_ms: at(times, 0.5), p99_ms: at(times, 0.99), max_ms: at(times, 1) };
    return { bench: { min: seconds, median: seconds, cpu, runs: 1 }, figures };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const disk = await run(tmpdir());
const memory = existsSync('/dev/shm') ? await run('/dev/shm') : undefined;
const share = memory && {
  disk_p50_ms: Math.round((disk.figures.p50_ms - memory.figures.p50_ms) * 100) / 100,
  disk_p99_ms: Math.round((disk.figures.p99_ms - memory.figures.p99_ms) * 100) / 100,
};
emit('W11-disk', version, disk.bench, disk.figures.slots, disk.figures, { target_p99_ms: 15, ...share });
if (memory) emit('W11-memory', version, memory.bench, memory.figures.slots, memory.figures);
