/**
 * W12: one live prediction. Each bar goes the way that `trade` sends it: into the growing feed, through the features
 * (preset core) and the model's scorer, into a tick, then decide and risk. Time from the bar's arrival to the planned
 * orders: median, 99th percentile, maximum, for each kind of model; the 99th percentile of its CPU time beside it, which a
 * busy machine disturbs less. After each bar a fixed integer loop of about the same length is timed: its 99th percentile
 * is what the machine alone does to such a figure. --bars=10000 --models=sma-cross,logistic,xgboost,lstm,dqn,ppo
 */
import { calendarOf, defaultInstrument, sliceBars } from '../../dist/core/domain/index.js';
import { allocateView, defaultThresholds, GrowingFeed, Stepper } from '../../dist/core/engine/index.js';
import { parseFeatures, parseLabel } from '../../dist/core/features/index.js';
import { roundingOf } from '../../dist/core/market/index.js';
import { buildRows } from '../../dist/core/models/rows.js';
import { ruleModel, SegmentedModel } from '../../dist/core/models/segmented.js';
import { arg, emit, version } from './harness.mjs';
import { bars as inputBars } from './inputs.mjs';

const BARS = arg('bars', 10_000);
const TRAINED = 5000;
/** Bars before the first one that is timed: a session that has run for a while. */
const WARM = 1000;
const MINUTE = 60_000;
const SETTINGS = {
  'sma-cross': { fast: 10, slow: 30 },
  logistic: {},
  xgboost: { rounds: 300, max_depth: 6 },
  lstm: { units: 64, steps: 32, epochs: 1 },
  dqn: { steps: 2000, seeds: 1 },
  ppo: { steps: 2048, seeds: 1 },
};
const LIMIT_MS = { lstm: 2 };

const calendar = calendarOf('24/7');
const instrument = defaultInstrument('S', '24/7');
const columns = inputBars(TRAINED + WARM + BARS);
const all = { ...columns, instrument: 'S', interval: '1m' };
const features = parseFeatures('preset:core');
const label = parseLabel('direction(5)');

async function modelOf(name) {
  const module = await import(`../../dist/core/models/trainers/${name}.js`);
  const trainer = await module.create(module.settings.parse(SETTINGS[name]));
  if (trainer.kind === 'rule') return ruleModel(trainer);
  const past = sliceBars(all, 0, TRAINED);
  const known = past.time.map((t) => t + MINUTE);
  const rows = buildRows(
    { instruments: [instrument], calendars: [calendar], bars: [past], knownAt: [known] },
    features,
    label,
  );
  const scoreKind = trainer.agent === undefined ? 'probability' : 'target';
  const fitted = await trainer.fit(rows, {
    ...{ scoreKind, seed: 1, threads: 1, engine: 'embedded', libraries: {}, rounds: undefined, validation: undefined },
    signal: new AbortController().signal,
    onRound() {},
  });
  const segment = { trainFrom: 0, trainTo: known.at(-1), labelEnd: known.at(-1), validFrom: known.at(-1) + 1 };
  const open = { ...segment, validTo: null, embargo: 0, folder: 'segment-0' };
  return new SegmentedModel(scoreKind, features, [open], [fitted]);
}

/** A fixed calculation of so many turns; its time in ms. */
function control(turns) {
  const started = performance.now();
  let x = 1;
  for (let i = 0; i < turns; i++) x = (Math.imul(x, 31) + i) | 0;
  return x === 0.5 ? Number.NaN : performance.now() - started;
}

const TURNS = 1e6;
for (let i = 0; i < 20; i++) control(TURNS);
const turnsPerMs = TURNS / Math.min(...Array.from({ length: 20 }, () => control(TURNS)));

function measure(model) {
  const feed = new GrowingFeed(
    [sliceBars(all, 0, TRAINED)],
    () => ({ score: model.scorer(instrument, calendar), measure: undefined }),
    calendar,
    () => [],
    model.seesPosition === true,
  );
  const strategy = {
    thresholds: defaultThresholds(model.scoreKind, false),
    sizing: { kind: 'equal', fraction: 1 },
    protection: undefined,
    timeStop: Number.POSITIVE_INFINITY,
    reentry: 'new-signal',
    policies: [],
  };
  const stepper = new Stepper(['S'], strategy, roundingOf([instrument], true), 100_000, undefined, feed.inStep);
  const view = allocateView(1);
  const account = {
    ...{ equity: 100_000, cash: 100_000, halted: false },
    ...{ quantity: new Float64Array(1), entering: new Int8Array(1), exiting: new Uint8Array(1) },
    ...{ entryBar: new Int32Array(1), lockout: new Int8Array(1) },
  };
  feed.score();
  const times = new Float64Array(BARS);
  const cpuTimes = new Float64Array(BARS);
  const controlTimes = new Float64Array(BARS);
  const warm = [];
  let turns = 0;
  let orders = 0;
  let scored = 0;
  for (let k = 0; k < WARM + BARS; k++) {
    const bar = sliceBars(all, TRAINED + k, TRAINED + k + 1);
    const cpu = process.cpuUsage();
    const started = performance.now();
    feed.put(0, bar);
    const tick = feed.tick(bar.time[0] + MINUTE, [bar.time[0]], Number.POSITIVE_INFINITY);
    view.time = tick.time;
    view.fresh[0] = 1;
    view.bar[0] = tick.bars[0].index;
    view.close[0] = tick.bars[0].close;
    view.score[0] = tick.scores[0];
    account.halted = stepper.risk.observe(tick.time, account.equity, tick.session, account.equity);
    const planned = stepper.step(view, account);
    const spent = performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    if (k < WARM) warm.push(spent);
    else {
      turns ||= Math.ceil(warm.sort((a, b) => a - b)[WARM >> 1] * turnsPerMs);
      controlTimes[k - WARM] = control(turns);
      times[k - WARM] = spent;
      cpuTimes[k - WARM] = (user + system) / 1000;
    }
    if (!Number.isNaN(tick.scores[0])) scored++;
    orders += planned.length;
    // Every order fills at once, so that entries and exits both come up.
    for (const { action, intent } of planned)
      if (action === 'submit') account.quantity[0] += (intent.side === 'buy' ? 1 : -1) * intent.quantity;
  }
  return { times: times.sort(), cpuTimes: cpuTimes.sort(), controlTimes: controlTimes.sort(), orders, scored };
}

const ms = (x) => Number(x.toFixed(4));
let missed = false;
for (const name of arg('models', Object.keys(SETTINGS).join(',')).split(',')) {
  const model = await modelOf(name);
  globalThis.gc?.();
  const c = process.cpuUsage();
  const t = performance.now();
  const { times, cpuTimes, controlTimes, orders, scored } = measure(model);
  const seconds = (performance.now() - t) / 1000;
  const cpu = process.cpuUsage(c).user / 1e6;
  const late = Math.floor(BARS * 0.99);
  const figures = {
    ...{ p50_ms: ms(times[BARS >> 1]), p99_ms: ms(times[late]), max_ms: ms(times.at(-1)) },
    cpu_p99_ms: ms(cpuTimes[late]),
    ...{ control_p50_ms: ms(controlTimes[BARS >> 1]), control_p99_ms: ms(controlTimes[late]) },
  };
  const target = LIMIT_MS[name] ?? 1;
  if (figures.p99_ms > target) missed = true;
  emit(
    `W12/${name}`,
    version,
    { min: seconds, median: seconds, cpu, runs: 1 },
    WARM + BARS,
    { ...figures, scored, orders },
    { target_p99_ms: target },
  );
}
if (missed) process.stderr.write('A 99th percentile is above its target.\n');
