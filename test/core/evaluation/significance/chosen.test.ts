import { describe, expect, it } from 'vitest';
import { fillHere, kernelOf, type ResamplingJob } from '../../../../src/core/evaluation/resampling/index.js';
import {
  deflatedSharpe,
  overfittingProbability,
  sharpeSample,
  significanceFigures,
} from '../../../../src/core/evaluation/significance/index.js';
import { compareTrials } from '../../../../src/core/evaluation/trials.js';
import { normals } from './series.js';

/** What the number of things tried, and how one of them was chosen, do to a verdict. */
const noise = (seed: number, k: number, n = 320) => Array.from({ length: k }, (_, j) => normals(seed + 31 * j, n));
/** One trial is better all the time. */
const planted = (seed: number, k: number) => noise(seed, k).map((d, j) => (j === 3 ? d.map((v) => v + 0.4) : d));
const table = async (job: ResamplingJob) => fillHere(kernelOf(job));
const compare = (trials: Float64Array[] | undefined, study?: Parameters<typeof compareTrials>[1]) =>
  compareTrials(trials && { columns: trials, hash: '' }, study, new Float64Array(320), { block: 2, seed: 1 }, table);

describe('the probability of overfitting', () => {
  it('is the worse of that among the trials on these bars and among those of the study', async () => {
    const [good, bad] = [planted(100, 12), noise(900, 15)];
    const [low, high] = [overfittingProbability(good).pbo, overfittingProbability(bad).pbo];
    expect(high).toBeGreaterThan(low + 0.2);
    for (const [trials, study] of [
      [good, bad],
      [bad, good],
    ] as const) {
      const { worst, selections, superior } = await compare(trials, { columns: study });
      expect(worst!.result.pbo).toBe(high);
      expect(selections.map(({ of, trials: n }) => [of, n])).toEqual([
        ['trials', trials.length],
        ['study', study.length],
      ]);
      // The benchmark is that of the run's own sessions.
      expect(superior!.statistic).toBeGreaterThan(0);
    }
  });

  it('says why there is none', async () => {
    expect((await compare(noise(1, 9))).none).toMatch(/fewer than ten trials on these bars/);
    expect((await compare(undefined, { columns: [], none: 'its study kept none' })).none).toMatch(
      /; its study kept none$/,
    );
    const short = { columns: noise(5, 12, 63) };
    const { worst, none } = await compare(undefined, short);
    expect([worst, none]).toEqual([undefined, expect.stringContaining('12 complete trials over 63 common sessions')]);
    const own = await compare(undefined, { columns: noise(5, 10, 64) });
    expect([own.worst!.of, own.worst!.result.blocks, own.superior]).toEqual(['study', 8, undefined]);
  });
});

it('the deflated Sharpe ratio counts every trial of the ledger, also those too short for the variance', async () => {
  const returns = normals(77, 300).map((v) => v / 100 + 0.001);
  const trials = { count: 40, comparable: 3, sharpeVariance: 0.002 };
  const { values } = await significanceFigures({
    returns,
    trials,
    periodsPerYear: 252,
    riskFreePerPeriod: 0,
    tradePnl: new Float64Array(0),
    initialEquity: 1,
    held: { weights: [], returns: [] },
    seed: 1,
    resample: table,
  });
  const { probability, hurdle } = deflatedSharpe(sharpeSample(returns, 0), 0.002, 40);
  expect(values.deflated_sharpe).toBe(probability);
  expect(values.deflated_sharpe_hurdle).toBe(hurdle * Math.sqrt(252));
  expect(values.trials_counted).toBe(40);
});
