/**
 * W4, gradient boosting: 200,000 × 30 float32, 100 rounds, depth 6, 256 bins; binning and training are timed, and
 * scoring of 50,000 further rows. --threads=1|2 (default: both), --engine=embedded|native, --library=path, --reps.
 */
import { createModelScorer, trainBoosting } from '../../dist/core/learning/boosting/index.js';
import { arg, bench, emit, version } from './harness.mjs';
import { table } from './inputs.mjs';

const ROWS = 200_000;
const COLS = 30;
const ROUNDS = 100;
const { X, y } = table(250_000);
const rows = (from, to) => ({ data: X.subarray(from * COLS, to * COLS), rows: to - from, cols: COLS });
const train = { x: rows(0, ROWS), y: Float32Array.from(y.subarray(0, ROWS)) };
const test = { x: rows(ROWS, 250_000), y: y.subarray(ROWS) };
const params = {
  objective: 'binary:logistic',
  max_depth: 6,
  eta: 0.1,
  max_bin: 256,
  base_score: 0.5,
  lambda: 1,
  min_child_weight: 1,
  seed: 0,
};

const clip = (p) => Math.min(Math.max(p, 1e-15), 1 - 1e-15);

function logloss(labels, predictions) {
  let sum = 0;
  for (let i = 0; i < labels.length; i++)
    sum -= labels[i] === 1 ? Math.log(clip(predictions[i])) : Math.log(1 - clip(predictions[i]));
  return sum / labels.length;
}

/** By ranks, ties at their mean. */
function auc(labels, scores) {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  let positives = 0;
  let ranks = 0;
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j < order.length && scores[order[j]] === scores[order[i]]) j++;
    for (let q = i; q < j; q++) {
      if (labels[order[q]] !== 1) continue;
      positives++;
      ranks += (i + j + 1) / 2;
    }
    i = j;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (order.length - positives));
}

const engine = arg('engine', 'embedded');
const library = arg('library', '');
const asked = arg('threads', 0);
for (const threads of asked > 0 ? [asked] : [1, 2]) {
  const run = () =>
    trainBoosting({ ...train, params, rounds: ROUNDS, threads, engine, ...(library === '' ? {} : { library }) });
  const b = await bench(run, { reps: arg('reps', 5) });
  const { model, engineVersion } = b.result;
  const scorer = await createModelScorer(model, { threads });
  const out = new Float32Array(new SharedArrayBuffer(test.x.rows * 4));
  const q = await bench(() => scorer.predict(test.x, out), { reps: 25, warmup: 3 });
  await scorer.close();
  let positive = 0;
  for (const label of train.y) positive += label;
  const result = {
    train_logloss: logloss(train.y, model.predict(train.x)),
    test_auc: auc(test.y, out),
    predict_rows_per_s: Math.round(test.x.rows / q.min),
    pos_rate: positive / ROWS,
  };
  const extra = { rows: ROWS, rounds: ROUNDS, threads, engine: `${engine} ${engineVersion}` };
  emit('W4', version, b, ROWS * ROUNDS, result, extra);
}
