/**
 * W1: the event-driven backtest of SMA(10)/SMA(30) through the normal runner: indicators, commission of 0.1 %, a risk
 * policy and the ledger switched on. --bars=N, --reps=N, --instruments=10 (as many series of N bars on one clock).
 */
import { arg, bench, emit, version } from './harness.mjs';
import { figures, PLAIN, workload } from './w1-setup.mjs';

const n = arg('bars', 1_000_000);
const count = arg('instruments', 1);
const run = workload(n, count);
/** Compiled code is measured, as vectorbt's is: V8 takes some millions of bars, in however many runs, to compile it all. */
const warmup = Math.max(3, Math.ceil(3e6 / (n * count)));
for (const lots of ['fractional', 'whole']) {
  const b = await bench(() => run(PLAIN, lots === 'fractional'), { reps: arg('reps', 9), warmup });
  const name = `W1/${n}${count > 1 ? `x${count}` : ''}${lots === 'whole' ? '/whole' : ''}`;
  emit(name, version, b, n * count, figures(b.result));
}
