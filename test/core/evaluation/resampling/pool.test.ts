import { afterEach, describe, expect, it } from 'vitest';
import { QuantlineError } from '../../../../src/core/errors/index.js';
import {
  fillHere,
  kernelOf,
  type ResamplingJob,
  ResamplingPool,
} from '../../../../src/core/evaluation/resampling/index.js';
import { normals } from '../significance/series.js';

const series = (seed: number, n: number) => normals(seed, n).map((v) => 0.0005 + 0.01 * v);
const many = (k: number, n: number) => Array.from({ length: k }, (_, j) => series(100 + j, n));

/** One job of each kind. */
const JOBS: readonly ResamplingJob[] = [
  { kind: 'splits', columns: many(12, 64), blocks: 12 },
  {
    kind: 'paths',
    returns: series(1, 300),
    periodsPerYear: 252,
    block: 4,
    samples: 70,
    seed: 3,
    checkpoints: Int32Array.of(9, 299),
  },
  { kind: 'trades', pnl: series(2, 80), initialEquity: 1, samples: 65, seed: 3 },
  {
    kind: 'entries',
    weights: [series(5, 200)],
    market: [series(6, 200)],
    periodsPerYear: 252,
    samples: 70,
    seed: 3,
    stepsPerBar: 2,
  },
  { kind: 'superior', advantage: many(5, 90), block: 3, samples: 70, seed: 3, studentize: true },
];

let pool: ResamplingPool;
const open = (threads: number, signal = new AbortController().signal, onRows = () => {}) => {
  pool = new ResamplingPool({ threads, signal, worthThreads: 1, onRows });
  return pool;
};
afterEach(() => pool.close());

describe('resampling over threads', () => {
  it.each([1, 3])('gives the same table with %i threads', async (threads) => {
    const resampling = open(threads);
    for (const job of JOBS) {
      const table = await resampling.run(job);
      expect(Buffer.compare(Buffer.from(table.slice().buffer), Buffer.from(fillHere(kernelOf(job)).buffer))).toBe(0);
    }
  });

  it.each([1, 2])('stops with the reason of the signal, on %i threads', async (threads) => {
    const stop = new AbortController();
    const running = open(threads, stop.signal).run(JOBS[0]!);
    setImmediate(() => stop.abort(new QuantlineError('INTERRUPTED', 'Interrupted by SIGINT.')));
    await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(pool.run(JOBS[1]!)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('a job that a thread cannot do is an error, not silence', async () => {
    await expect(open(2).run({ kind: 'splits', columns: many(1, 64), blocks: 16 })).rejects.toThrow(/two trials/);
  });
});
