/**
 * W2: the sweep of 100 combinations of SMA lengths over 100,000 bars, by the pool that `backtest --sweep` uses.
 * --bars=N, --threads=N, --reps=N. The threads and their feed are made before the clock starts, as a peer's imports and
 * compiled kernels are; `cold_seconds` is a run with all of that, in a process that has only loaded the library.
 */
import { COMMAND_OPTIONS } from '../../dist/core/config/index.js';
import { defaultInstrument } from '../../dist/core/domain/instrument.js';
import { strategySettingsOf } from '../../dist/core/stages/compose/strategy.js';
import { SWEEP_FIGURES } from '../../dist/core/stages/compose/sweep-figures.js';
import { SweepPool } from '../../dist/core/stages/compose/sweep-pool.js';
import { arg, bench, emit, version } from './harness.mjs';
import { bars as genBars } from './inputs.mjs';

const n = arg('bars', 100_000);
const threads = arg('threads', 2);
const bars = { instrument: 'S1', interval: '1m', ...genBars(n, 1) };
const strategy = strategySettingsOf(COMMAND_OPTIONS.backtest.parse({ cash: '100000000', commission: '0.1%' }));
const pairs = [];
for (let fast = 5; fast <= 50; fast += 5) for (let slow = 60; slow <= 240; slow += 20) pairs.push({ fast, slow });
const tasks = pairs.map((pair) => ({ rule: { ...pair, side: 'long' }, strategy }));
const job = {
  instruments: [defaultInstrument('S1', '24/7', { lot: 1 })],
  calendars: ['24/7'],
  returns: '24/7',
  interval: '1m',
  bars: [bars],
  knownAt: [bars.time.map((t) => t + 60_000)],
  from: 0,
  to: n,
  quotes: [undefined],
  series: [],
  scoreKind: 'position',
  rule: 'sma-cross',
  scores: null,
};

const start = performance.now();
const pool = new SweepPool(job, threads);
await pool.run(tasks);
const cold = (performance.now() - start) / 1000;
const b = await bench(() => pool.run(tasks), { reps: arg('reps', 7), warmup: 2 });
const column = (name) => {
  const k = SWEEP_FIGURES.indexOf(name);
  return tasks.map((_, i) => b.result.figures[i * SWEEP_FIGURES.length + k]);
};
const finals = column('final_equity');
const best = finals.indexOf(Math.max(...finals));
emit(
  `W2/${tasks.length}x${n}`,
  version,
  b,
  n * tasks.length,
  {
    best_fast: pairs[best].fast,
    best_slow: pairs[best].slow,
    best_final: Number(finals[best].toFixed(2)),
    // Of finals to the cent, as the expected sum is.
    sum_final: Number(finals.reduce((a, x) => a + Number(x.toFixed(2)), 0).toFixed(2)),
    orders: column('orders').reduce((a, x) => a + x, 0),
  },
  { threads, cold_seconds: Number(cold.toFixed(3)) },
);
await pool.close();
