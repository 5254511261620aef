/**
 * W5 in turn: four batches of each engine and of PyTorch, each on one thread and on two, round after round, in an order
 * that rotates, so that a machine that is slow for a while is slow for all. Seconds an epoch (quartiles), and quartiles of
 * the ratios to PyTorch of the same round: on one thread, and to the better of its two.
 * PEERS=… node test/bench/w5-turn.mjs [--rounds=60] [--batches=4] [--pause=120]. On a busy machine: chrt -r 1 node …, which
 * is why there is a pause (ms) after each piece.
 */
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { arg } from './harness.mjs';
import { seqs } from './inputs.mjs';

const networks = '../../dist/core/learning/networks/';
const { ShardPool } = await import(`${networks}pool.js`);
const { planSession, sessionRows } = await import(`${networks}session.js`);
const { kernelModule, trainingVariant } = await import(`${networks}kernels.js`);
const { layoutNetwork } = await import(`${networks}layout.js`);
const { Adam, ADAM_DEFAULTS } = await import(`${networks}optimizer.js`);
const { initializeParameters } = await import(`${networks}initialize.js`);
const { embeddedShardRows } = await import(`${networks}embedded.js`);
const { nativeShardRows } = await import(`${networks}native/shards.js`);

const ROWS = 4096;
const BATCH = 128;
const batches = arg('batches', 4);
const { X, y } = seqs();
const values = new Float32Array(new SharedArrayBuffer(X.byteLength));
values.set(X);
const matrix = { values, rows: ROWS * 32, cols: 16 };
const layout = layoutNetwork({
  inputs: 16,
  steps: 32,
  lstm: [{ units: 64 }],
  dense: [],
  output: { units: 1, activation: 'sigmoid' },
});

async function ours(native, threads) {
  const shardRows = native === undefined ? embeddedShardRows(layout) : nativeShardRows(layout);
  const size = { batch: BATCH, training: ROWS, validation: 0, shardRows, programs: native === undefined ? threads : 0 };
  const { places, memory } = planSession(layout, 'bce', size);
  const { order, ends, labels, weights } = sessionRows(places, memory.buffer);
  for (let i = 0; i < ROWS; i++) [order[i], ends[i], labels[i], weights[i]] = [i, i * 32 + 31, y[i], 1];
  const { parameters } = places.parameters;
  initializeParameters(layout, new Float32Array(memory.buffer, parameters, layout.parameters), 1);
  const module = kernelModule(native === undefined ? trainingVariant() : 'plain');
  const pool = await ShardPool.start({ places, memory, matrix, module, native }, threads);
  const adam = new Adam(pool.kernels, layout, places.adam, ADAM_DEFAULTS);
  pool.weightsChanged();
  let at = 0;
  const piece = async () => {
    const t = performance.now();
    for (let i = 0; i < batches; i++, at = (at + BATCH) % ROWS) {
      await pool.train(at, BATCH, 1, 1 / BATCH);
      adam.step(parameters, places.gradients[0], 1e-3);
      pool.weightsChanged();
    }
    return (performance.now() - t) / 1000;
  };
  return { piece, close: () => pool.close() };
}

function torch(threads) {
  const python = join(process.env.PEERS ?? join(homedir(), '.cache', 'quantline-peers'), 'torch', 'bin', 'python');
  const script = fileURLToPath(new URL('peers/w5_torch_turn.py', import.meta.url));
  const child = spawn(python, [script, `--threads=${threads}`, `--batches=${batches}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const piece = async () => {
    child.stdin.write('\n');
    return Number((await lines.next()).value);
  };
  return { piece, close: () => child.stdin.end() };
}

const sides = {};
for (const threads of [1, 2]) {
  sides[`embedded ${threads}t`] = await ours(undefined, threads);
  sides[`native ${threads}t`] = await ours('block', threads);
  sides[`pytorch ${threads}t`] = torch(threads);
}
const names = Object.keys(sides);
const seconds = Object.fromEntries(names.map((name) => [name, []]));
const rounds = arg('rounds', 60);
for (let round = -2; round < rounds; round++)
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + round + names.length) % names.length];
    const epoch = ((await sides[name].piece()) / batches) * (ROWS / BATCH);
    if (round >= 0) seconds[name].push(epoch);
    await new Promise((done) => setTimeout(done, arg('pause', 120)));
  }
const quartiles = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((q) => Number(sorted[Math.floor(q * sorted.length)].toFixed(3)));
};
const one = seconds['pytorch 1t'];
const best = one.map((s, i) => Math.min(s, seconds['pytorch 2t'][i]));
for (const name of names) {
  const of = (peer) => quartiles(seconds[name].map((s, i) => s / peer[i]));
  const result = { seconds: quartiles(seconds[name]), of_pytorch_1t: of(one), of_its_best: of(best) };
  process.stdout.write(`${JSON.stringify({ workload: 'W5-turn', side: name, rounds, ...result })}\n`);
  await sides[name].close();
}
