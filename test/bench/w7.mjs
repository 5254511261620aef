/**
 * W7: the tuner's own time: --trials=500 trials of Σ (xᵢ − i/2)², xᵢ uniform in [−5, 5], i = 0 … 5, in memory, TPE and
 * random; trials a second, and milliseconds a trial.
 */
import { arg, bench, emit, version } from './harness.mjs';

const { RandomSampler, Study, TpeSampler } = await import('../../dist/core/learning/tuning/index.js');
const trials = arg('trials', 500);
const space = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`x${i}`, { type: 'float', low: -5, high: 5 }]));
const samplers = { TPE: (axes) => new TpeSampler(axes), random: (axes) => new RandomSampler(axes) };
for (const [name, sampler] of Object.entries(samplers)) {
  const run = async () => {
    const study = await Study.open({ space, direction: 'minimize', seed: 1, sampler });
    for (let i = 0; i < trials; i++) {
      const { number, parameters } = await study.ask();
      let sum = 0;
      for (let k = 0; k < 6; k++) sum += (parameters[`x${k}`] - k * 0.5) ** 2;
      await study.tell(number, sum);
    }
    return { best: study.best.value };
  };
  const b = await bench(run, { reps: arg('reps', 3), warmup: 1 });
  const extra = { peer: `quantline ${name}`, ms_per_trial: Number(((b.min / trials) * 1000).toFixed(4)) };
  emit(`W7/${trials}`, version, b, trials, b.result, extra);
}
