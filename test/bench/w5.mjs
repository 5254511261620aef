/**
 * W5: LSTM(64) over 4096 sequences × 32 steps × 16 features, last state, dense(1), binary cross-entropy, Adam 1e-3, batch
 * 128, shuffled: seconds an epoch after one warm-up epoch. --threads=1,2 --reps=9. The weights of all thread counts are
 * compared bit for bit, engine by engine. The native engine (TensorFlow) runs where it is installed. W5-predict: latency
 * of one sequence.
 */
import { createHash } from 'node:crypto';
import { arg, bench, emit, version } from './harness.mjs';
import { seqs } from './inputs.mjs';

const { trainNetwork } = await import('../../dist/core/learning/networks/index.js');
const { openTensorflow } = await import('../../dist/core/platform/tensorflow.js');
const { X, y } = seqs();
const values = new Float32Array(new SharedArrayBuffer(X.byteLength));
values.set(X);
const matrix = { values, rows: 4096 * 32, cols: 16 };
const windows = Int32Array.from({ length: 4096 }, (_, i) => i * 32 + 31);
const spec = {
  inputs: 16,
  steps: 32,
  lstm: [{ units: 64 }],
  dense: [],
  output: { units: 1, activation: 'sigmoid' },
};
const reps = arg('reps', 9);
const hashes = { embedded: new Set(), native: new Set() };
const native = await openTensorflow().then(
  () => true,
  () => false,
);
const variants = String(arg('threads', '1,2'))
  .split(',')
  .map((threads) => ({ engine: 'embedded', threads: Number(threads) }));
if (native) variants.push(...variants.map(({ threads }) => ({ engine: 'native', threads })));
for (const { engine, threads } of variants) {
  const wall = [];
  const cpu = [];
  const losses = [];
  let t = performance.now();
  let c = process.cpuUsage();
  const { model } = await trainNetwork({
    spec,
    matrix,
    training: { windows, labels: Float32Array.from(y) },
    settings: {
      epochs: reps + 1,
      batchSize: 128,
      learningRate: 1e-3,
      clipNorm: 0,
      patience: 0,
      restoreBest: false,
      scale: false,
      seed: 1,
    },
    engine,
    threads,
    onEpoch: ({ loss }) => {
      wall.push((performance.now() - t) / 1000);
      cpu.push(process.cpuUsage(c).user / 1e6);
      losses.push(Number(loss.toFixed(4)));
      t = performance.now();
      c = process.cpuUsage();
    },
  });
  const middle = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const timed = wall.slice(1);
  const out = new Float32Array(4096);
  model.predict(matrix, windows, out);
  const accuracy = out.reduce((s, p, i) => s + (p > 0.5 === (y[i] === 1) ? 1 : 0), 0) / 4096;
  const hash = createHash('sha256');
  for (const tensor of model.tensors) hash.update(new Uint8Array(tensor.values.buffer));
  const weights = hash.digest('hex').slice(0, 16);
  hashes[engine].add(weights);
  const params = model.tensors.reduce((s, tensor) => s + tensor.values.length, 0);
  emit(
    'W5',
    version,
    { min: Math.min(...timed), median: middle(timed), cpu: middle(cpu.slice(1)), runs: timed.length },
    4096,
    { loss_per_epoch: losses, train_accuracy: accuracy, params, weights },
    { peer: `quantline ${engine} ${threads}t` },
  );
  if (engine === 'native' || threads !== 1) continue;
  const one = values.slice(0, 512);
  const score = new Float32Array(1);
  const times = new Float64Array(2000);
  for (let i = 0; i < 2500; i++) {
    const t0 = performance.now();
    model.predictOne(one, score);
    if (i >= 500) times[i - 500] = performance.now() - t0;
  }
  times.sort();
  const b = await bench(() => model.predict(matrix, windows, out), { reps: 5, warmup: 1 });
  emit('W5-predict', version, b, 4096, { p50_ms: times[1000], p99_ms: times[1980] }, { peer: 'quantline embedded 1t' });
}
if (hashes.embedded.size !== 1 || hashes.native.size > 1) {
  process.stderr.write('Weights differ between thread counts.\n');
  process.exit(1);
}
