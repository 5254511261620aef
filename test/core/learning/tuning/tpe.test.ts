import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { normalCdf } from '../../../../src/core/domain/special.js';
import { History } from '../../../../src/core/learning/tuning/history.js';
import { Study, TpeSampler } from '../../../../src/core/learning/tuning/index.js';
import { fastNormalCdf } from '../../../../src/core/learning/tuning/normal.js';
import { ParzenEstimator } from '../../../../src/core/learning/tuning/parzen.js';
import { axesOf, type SearchSpace, toValue } from '../../../../src/core/learning/tuning/space.js';
import { PROBLEMS } from './problems.js';

const url = (name: string): URL => new URL(`../../../../fixtures/truth/tuning/${name}`, import.meta.url);
const text = readFileSync(url('optuna.json'), 'utf8');
const recorded = JSON.parse(text) as {
  optuna: string;
  problems: Record<string, Record<string, Record<string, { median: number }>>>;
};
const SEEDS = Array.from({ length: 15 }, (_, i) => i);
const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1]!;

describe('TPE against recorded Optuna runs', () => {
  it('has the recorded fixture', () => {
    const meta = JSON.parse(readFileSync(url('optuna.meta.json'), 'utf8'));
    expect(createHash('sha256').update(text).digest('hex')).toBe(meta.sha256['optuna.json']);
    expect(meta.source).toContain(recorded.optuna);
  });

  it.each(Object.entries(PROBLEMS))('%s: the median best of 15 seeds is at least as good', async (name, problem) => {
    const best: Record<string, number[]> = { '100': [], '200': [] };
    for (const seed of SEEDS) {
      const study = await Study.open({ space: problem.space, direction: 'minimize', seed });
      for (let n = 1; n <= 200; n++) {
        const trial = (await study.ask())!;
        await study.tell(trial.number, problem.value(trial.parameters));
        best[n]?.push(study.best!.value!);
      }
    }
    for (const n of ['100', '200']) {
      expect(median(best[n]!)).toBeLessThanOrEqual(recorded.problems[name]!['default']![n]!.median);
      expect(Math.min(...best[n]!)).toBeGreaterThanOrEqual(problem.minimum - 1e-5);
    }
  });

  it('beats random search when every parameter is modelled on its own, too', async () => {
    const { space, value } = PROBLEMS.hartmann6;
    const run = async (seed: number, startupTrials: number): Promise<number> => {
      const sampler = (axes: ConstructorParameters<typeof TpeSampler>[0]) =>
        new TpeSampler(axes, { multivariate: false, startupTrials });
      const study = await Study.open({ space, direction: 'minimize', seed, sampler });
      for (let n = 0; n < 80; n++) {
        const trial = (await study.ask())!;
        await study.tell(trial.number, value(trial.parameters));
      }
      return study.best!.value!;
    };
    const seeds = SEEDS.slice(0, 7);
    const model = await Promise.all(seeds.map((seed) => run(seed, 10)));
    const random = await Promise.all(seeds.map((seed) => run(seed, 1000)));
    expect(median(model)).toBeLessThan(median(random) - 0.2);
  });
});

const SPACE: SearchSpace = {
  a: { type: 'float', low: -1, high: 3 },
  b: { type: 'float', low: 0.01, high: 10, log: true },
  c: { type: 'int', low: 1, high: 5 },
  d: { type: 'int', low: 1, high: 9, log: true },
  e: { type: 'categorical', choices: ['x', 'y', 'z'] },
};

describe('the Parzen estimator', () => {
  const axes = axesOf(SPACE);
  const history = new History(axes, 'minimize');
  const random = seededRandom(3);
  for (let n = 0; n < 12; n++) {
    const parameters = {
      ...{ a: -1 + 4 * random.next(), b: 0.01 * 1000 ** random.next(), c: 1 + Math.floor(5 * random.next()) },
      ...{ d: 1 + Math.floor(9 * random.next()), e: ['x', 'y', 'z'][Math.floor(3 * random.next())]! },
    };
    history.apply({ type: 'started', trial: n, parameters });
  }
  const marks = new Uint8Array(12).fill(1);

  it.each(axes.map((axis, a) => [axis.name, a] as const))('is a density that sums to 1 over %s', (_, a) => {
    const axis = axes[a]!;
    const estimator = new ParzenEstimator([axis]);
    const one = Object.assign(Object.create(history), { columns: [history.columns[a]], sorted: [history.sorted[a]] });
    estimator.fit(one, marks, 1, () => 1);
    const grid: number[] = [];
    const width = (axis.upper - axis.lower) / 4000;
    if (axis.choices !== null) grid.push(0, 1, 2);
    else if (axis.step > 0) for (let v = axis.low; v <= axis.high; v++) grid.push(axis.log ? Math.log(v) : v);
    else for (let i = 0; i < 4000; i++) grid.push(axis.lower + (i + 0.5) * width);
    const out = new Float64Array(grid.length);
    estimator.logDensity(Float64Array.from(grid), grid.length, out);
    const sum = out.reduce((s, l) => s + Math.exp(l), 0);
    expect(sum * (axis.choices === null && axis.step === 0 ? width : 1)).toBeCloseTo(1, 5);
    // Draws follow the density: the share below each third of the grid.
    const draws = 6000;
    const point = new Float64Array(1);
    const source = seededRandom(9);
    const cut = grid[Math.floor(grid.length / 3)]!;
    let below = 0;
    for (let i = 0; i < draws; i++) {
      estimator.sample(source, point);
      if (point[0]! < cut - 1e-12) below++;
    }
    const expected = grid.reduce((s, x, i) => (x < cut - 1e-12 ? s + Math.exp(out[i]!) : s), 0);
    expect(below / draws).toBeCloseTo((expected * (axis.choices === null && axis.step === 0 ? width : 1)) / 1, 1);
  });

  it('uses a normal distribution function exact to 1e-13', () => {
    for (let x = -9; x <= 9; x += 0.037) expect(Math.abs(fastNormalCdf(x) - normalCdf(x))).toBeLessThan(1e-13);
  });

  it('keeps values on their grid and in range', () => {
    const estimator = new ParzenEstimator(axes);
    estimator.fit(history, marks, 1, () => 1);
    const point = new Float64Array(5);
    const source = seededRandom(2);
    for (let i = 0; i < 500; i++) {
      estimator.sample(source, point);
      const [a, b, c, d, e] = axes.map((axis, k) => toValue(axis, point[k]!)) as [
        number,
        number,
        number,
        number,
        string,
      ];
      expect(a >= -1 && a <= 3 && b >= 0.01 && b <= 10).toBe(true);
      expect(Number.isInteger(c) && c >= 1 && c <= 5 && Number.isInteger(d) && d >= 1 && d <= 9).toBe(true);
      expect(['x', 'y', 'z']).toContain(e);
    }
  });
});
