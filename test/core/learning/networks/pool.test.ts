import { describe, expect, it, onTestFinished } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { initializeParameters } from '../../../../src/core/learning/networks/initialize.js';
import { kernelModule } from '../../../../src/core/learning/networks/kernels.js';
import { layoutNetwork, type NetworkSpec } from '../../../../src/core/learning/networks/layout.js';
import { ShardPool } from '../../../../src/core/learning/networks/pool.js';
import { planSession, sessionRows, usefulThreads } from '../../../../src/core/learning/networks/session.js';
import { openTensorflow } from '../../../../src/core/platform/tensorflow.js';
import { describeWith } from '../../../support/require.js';

const SPEC: NetworkSpec = {
  inputs: 3,
  steps: 5,
  lstm: [{ units: 8 }, { units: 6 }],
  dense: [],
  output: { units: 1, activation: 'sigmoid' },
};
const ROWS = 256;
const layout = layoutNetwork(SPEC);
const random = seededRandom(2);
const values = new Float32Array(new SharedArrayBuffer(4 * SPEC.inputs * (ROWS + SPEC.steps))).map(random.next);
const matrix = { values, rows: ROWS + SPEC.steps, cols: SPEC.inputs };

/** A session of one batch in shards of 16 rows; `programs` where the embedded engine computes. */
function session(native: 'block' | undefined, programs = 2, shardRows = 16) {
  const size = { batch: ROWS, training: ROWS, validation: 0, shardRows, programs: native === undefined ? programs : 0 };
  const { places, memory } = planSession(layout, 'bce', size);
  const rows = sessionRows(places, memory.buffer);
  rows.order.forEach((_, i) => {
    rows.order[i] = i;
    rows.ends[i] = SPEC.steps - 1 + i;
    rows.labels[i] = i % 5 === 0 ? 0 : 1;
    rows.weights[i] = 1;
  });
  const view = (at: number) => new Float32Array(memory.buffer, at, layout.parameters);
  initializeParameters(layout, view(places.parameters.parameters), 7);
  const plan = { places, memory, matrix, module: kernelModule('plain'), native };
  return { plan, gradient: view(places.gradients[0]!) };
}

async function started(plan: ReturnType<typeof session>['plan'], threads: number): Promise<ShardPool> {
  const pool = await ShardPool.start(plan, threads);
  onTestFinished(() => pool.close());
  pool.weightsChanged();
  return pool;
}

async function gradientOf(native: 'block' | undefined, threads: number, shardRows?: number) {
  const { plan, gradient } = session(native, threads, shardRows);
  const loss = await (await started(plan, threads)).train(0, ROWS, 1, 1 / ROWS);
  return { loss, gradient: gradient.slice() };
}

const present = await openTensorflow().then(
  () => true,
  () => false,
);

describeWith('tensorflow', present)('threads with a TensorFlow each', () => {
  it('sum the gradient of one thread bit for bit, and that of a batch in one piece within float’s precision', async () => {
    const one = await gradientOf('block', 1);
    expect(await gradientOf('block', 3)).toEqual(one);
    expect(Math.max(...one.gradient)).toBeGreaterThan(0.01);
    for (const other of [await gradientOf('block', 1, ROWS), await gradientOf(undefined, 1)]) {
      expect(other.loss).toBeCloseTo(one.loss, 3);
      other.gradient.forEach((g, i) => {
        expect(Math.abs(g - one.gradient[i]!)).toBeLessThan(1e-6);
      });
    }
  });
});

describe('a worker that fails', () => {
  it('at its start: BUG, with what it said', async () => {
    await expect(ShardPool.start(session(undefined, 1).plan, 2)).rejects.toMatchObject({
      code: 'BUG',
      message: expect.stringMatching(/^A training worker failed: TypeError/),
    });
  });

  it('at its task: BUG, with what it said', async () => {
    const { plan } = session(undefined);
    // The worker's copy of the plan has an address beyond the memory, which only its own tasks meet.
    const gradients = plan.places.gradients as number[];
    const right = [...gradients];
    gradients.fill(2 ** 31);
    const pool = await started(plan, 2);
    right.forEach((at, i) => {
      gradients[i] = at;
    });
    const untilWorkerTakesPart = async () => {
      for (let batch = 0; batch < 1000; batch++) await pool.train(0, ROWS, 1, 1);
    };
    await expect(untilWorkerTakesPart()).rejects.toMatchObject({
      code: 'BUG',
      message: expect.stringMatching(/^A training worker failed: RuntimeError: memory access out of bounds/),
    });
  });
});

it('counts on one thread for a training that is shorter than a worker’s start', () => {
  expect(usefulThreads(SPEC, 1000, 10, 4)).toBe(1);
  expect(usefulThreads({ ...SPEC, steps: 32, lstm: [{ units: 64 }] }, 4096, 10, 4)).toBe(4);
});
