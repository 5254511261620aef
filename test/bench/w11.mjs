/**
 * W11: from the last bar of a slot to its last order on the wire. A rule on 50 instruments of 1m bars through the live
 * runner and the Alpaca adapter: bars into the growing feed, features, decide, one durable transaction for all intents,
 * marks, requests. The venue's account, orders, fills and positions are read over HTTP and reconciled three seconds ahead
 * of the slot, as a resident session does while the venue's order stream is connected, and not within it: the slot asks
 * the journal whether that still holds. Connections are open from the slot before. The venue is a process of its own
 * (w11-venue.mjs); its stream is taken for connected and silent. An order counts as on the wire when the system has taken
 * the last byte of its request. Every instrument trades in every slot (entries and exits in turns). Connections are asked
 * for ahead of the slot, as the session does. Once with the journal on disk, once in memory, with fewer slots: the
 * difference is the disk's share. `slot_cpu_ms`: CPU time of this process from the last bar until the answers are on record.
 *
 * p50 to max are those of all slots, and are what the target is held against. A virtual machine may run several times
 * slower for some milliseconds now and then, which no program can help. Two figures beside them tell how much of the tail
 * that is; neither leaves out a slot because of its own time.
 * - `fixed_*`: the times of a fixed calculation (control.mjs) that takes as long as a median slot, run after every fifth
 *   slot. A program that always does exactly the same shows this tail on this machine in this run.
 * - `steady_*`: the slots around which the machine ran at its own speed. A control of about a millisecond is run directly
 *   before and directly after each slot, outside of its time; a slot counts where both took at most 1.5 times the
 *   control's median. `left_out` is the share of the others. A slow time that begins and ends within a slot is not seen.
 * --slots=10000, --memory-slots=2000, --instruments=50
 */
import { fork } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allocateBars, calendarOf, defaultInstrument } from '../../dist/core/domain/index.js';
import { defaultThresholds } from '../../dist/core/engine/index.js';
import { GrowingFeed, LiveRunner } from '../../dist/core/engine/live/index.js';
import * as alpaca from '../../dist/core/execution/brokers/alpaca.js';
import { roundingOf } from '../../dist/core/market/index.js';
import * as momentum from '../../dist/core/models/trainers/momentum.js';
import { silentLogger, systemClock } from '../../dist/core/platform/index.js';
import { openJournal, streamOf } from '../../dist/core/state/index.js';
import { control, stepsOf, warmUp } from './control.mjs';
import { arg, emit, version } from './harness.mjs';

const SLOTS = arg('slots', 10_000);
const MEMORY_SLOTS = Math.min(SLOTS, arg('memory-slots', 2000));
const N = arg('instruments', 50);
const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);
const WARM = 100;
/** Slots after which the last half of them says how long the fixed calculation has to be, and how often it is run then. */
const SETTLE = 1000;
const EVERY = 5;
/** The machine's own speed: a control takes at most so many times its median. */
const STEADY = 1.5;
/** As in the session. */
const AHEAD = 3000;
const calendar = calendarOf('24/7');
const instruments = Array.from({ length: N }, (_, j) => ({
  ...defaultInstrument(`S${String(j).padStart(2, '0')}`, 'XNYS'),
  calendar: '24/7',
  fractionable: false,
}));

/** Orders whose requests have left, and when the last one did. */
const wire = { orders: 0, last: 0 };
diagnostics.subscribe('undici:request:bodySent', ({ request }) => {
  if (request.method !== 'POST') return;
  wire.orders++;
  wire.last = performance.now();
});

/** Time runs from slot to slot: what the runner and the venue see is a market of minutes. */
class SlotClock {
  base = START;
  since = performance.now();
  begin(slot) {
    this.base = slot;
    this.since = performance.now();
  }
  now = () => this.base + (performance.now() - this.since);
  monotonic = systemClock.monotonic;
  sleep = systemClock.sleep;
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

function makeFeed() {
  const rule = momentum.create({ window: 1, side: 'flat' });
  return new GrowingFeed(
    instruments.map(({ id }) => barsOf(id, 0, WARM)),
    (j) => ({ score: rule.scorer(instruments[j], calendar), measure: undefined }),
    calendar,
  );
}

function makeRunner(execution, feed) {
  return new LiveRunner({
    ...{ execution, instruments, report: 'r', fractional: false },
    source: {
      instruments: instruments.map(({ id }) => id),
      next: async () => undefined,
      past: () => [],
      barAt: (j, t) => feed.barAt(j, t),
      extremes: () => undefined,
      newest: () => undefined,
    },
    strategy: {
      thresholds: defaultThresholds('position', false),
      sizing: { kind: 'equal', fraction: 1 },
      protection: undefined,
      timeStop: Number.POSITIVE_INFINITY,
      reentry: 'new-signal',
      policies: [],
    },
    calendars: instruments.map(() => calendar),
    rounding: roundingOf(instruments, false),
  });
}

const milliseconds = ({ user, system }) => (user + system) / 1000;

async function measure(folder, venue, port, slots) {
  const clock = new SlotClock();
  clock.begin(START + WARM * MINUTE);
  const secrets = {
    ...{ APCA_API_KEY_ID: 'PKW11', APCA_API_SECRET_KEY: 'none', APCA_API_BASE_URL: `http://127.0.0.1:${port}` },
  };
  const stateDir = join(folder, 'state');
  const broker = alpaca.create(alpaca.settings.parse({}), {
    ...{ clock, secrets, stateDir, logger: silentLogger, live: false, instruments: [] },
  });
  const journal = await openJournal(join(folder, 'journal.sqlite'));
  const scope = { venue: 'alpaca-paper', account: 'PAW11', strategy: 'w11' };
  const feed = makeFeed();
  const runner = makeRunner({ journal, broker, scope, clock, logger: silentLogger }, feed);
  runner.hear({ type: 'connected' });
  let lease = await journal.acquireLease(streamOf(scope), 'bench', clock.now(), 10 * MINUTE);
  /** Per slot: its time, and the longer of the two controls around it. */
  const times = [];
  const around = [];
  const cpu = [];
  const controls = [];
  const fixed = [];
  const settle = Math.min(SETTLE, slots >> 2);
  let steps = 0;
  warmUp();
  for (let k = WARM; k < WARM + slots; k++) {
    const slot = START + (k + 1) * MINUTE;
    clock.begin(slot - MINUTE / 2);
    venue.send(slot - MINUTE / 2);
    lease = await journal.renewLease(lease, clock.now(), 10 * MINUTE);
    const fresh = instruments.map(({ id }) => barsOf(id, k, k + 1));
    for (let j = 0; j + 1 < N; j++) feed.put(j, fresh[j]);
    // What filled in between is booked then.
    clock.begin(slot - AHEAD);
    await runner.maintain(lease);
    await broker.prepare(N);
    clock.begin(slot);
    const before = wire.orders;
    const expected = instruments.map(() => START + k * MINUTE);
    const ahead = control();
    const cpu0 = process.cpuUsage();
    const t0 = performance.now();
    feed.put(N - 1, fresh[N - 1]);
    await runner.tick(feed.tick(slot, expected, Number.POSITIVE_INFINITY), lease);
    const spent = process.cpuUsage(cpu0);
    const behind = control();
    if (wire.orders - before !== N) throw new Error(`slot ${k}: ${wire.orders - before} orders left, not ${N}`);
    times.push(wire.last - t0);
    cpu.push(milliseconds(spent));
    controls.push(ahead, behind);
    around.push(Math.max(ahead, behind));
    if (times.length === settle) steps = stepsOf(at(sorted(times.slice(settle >> 1)), 0.5), at(sorted(controls), 0.5));
    if (steps > 0 && times.length % EVERY === 0) fixed.push(control(steps));
  }
  await broker.close();
  await journal.close();
  const limit = STEADY * at(sorted(controls), 0.5);
  const steady = times.filter((_, i) => around[i] <= limit);
  return { times: sorted(times), cpu: sorted(cpu), steady: sorted(steady), fixed: sorted(fixed) };
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const at = (values, p) => Math.round(values[Math.min(values.length - 1, Math.floor(p * values.length))] * 100) / 100;

const quantiles = (values, prefix = '') => ({
  ...{ [`${prefix}p50_ms`]: at(values, 0.5), [`${prefix}p95_ms`]: at(values, 0.95) },
  ...{ [`${prefix}p99_ms`]: at(values, 0.99), [`${prefix}max_ms`]: at(values, 1) },
});

async function run(parent, slots) {
  const folder = mkdtempSync(join(parent, 'w11-'));
  const venue = fork(new URL('./w11-venue.mjs', import.meta.url));
  const cpu0 = process.cpuUsage();
  const t0 = performance.now();
  try {
    const port = await new Promise((resolve) => venue.once('message', resolve));
    const { times, cpu, steady, fixed } = await measure(folder, venue, port, slots);
    const seconds = (performance.now() - t0) / 1000;
    const figures = {
      ...{ slots: times.length, orders: times.length * N },
      ...quantiles(times),
      ...quantiles(fixed, 'fixed_'),
      ...quantiles(steady, 'steady_'),
      left_out: Math.round((1 - steady.length / times.length) * 1000) / 1000,
      ...{ slot_cpu_p50_ms: at(cpu, 0.5), slot_cpu_p99_ms: at(cpu, 0.99) },
    };
    return { bench: { min: seconds, median: seconds, cpu: process.cpuUsage(cpu0).user / 1e6, runs: 1 }, figures };
  } finally {
    venue.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

const disk = await run(tmpdir(), SLOTS);
const memory = existsSync('/dev/shm') ? await run('/dev/shm', MEMORY_SLOTS) : undefined;
const share = memory && {
  disk_p50_ms: Math.round((disk.figures.p50_ms - memory.figures.p50_ms) * 100) / 100,
  disk_p99_ms: Math.round((disk.figures.p99_ms - memory.figures.p99_ms) * 100) / 100,
};
emit('W11-disk', version, disk.bench, disk.figures.slots, disk.figures, { target_p99_ms: 15, ...share });
if (memory) emit('W11-memory', version, memory.bench, memory.figures.slots, memory.figures);
