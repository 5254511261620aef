import { describe, expect, it } from 'vitest';
import {
  AshaPruner,
  GridSampler,
  MedianPruner,
  MemoryStudyStorage,
  optimize,
  type ParameterValues,
  parseSpace,
  RandomSampler,
  type SearchSpace,
  Study,
} from '../../../../src/core/learning/tuning/index.js';
import { PROBLEMS } from './problems.js';

const { space, value } = PROBLEMS.mixed;
const open = (storage?: MemoryStudyStorage, seed = 3): Promise<Study> =>
  Study.open({ space, direction: 'minimize', seed, ...(storage === undefined ? {} : { storage }) });

async function run(study: Study, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const trial = (await study.ask())!;
    await study.tell(trial.number, value(trial.parameters));
  }
}

describe('a study', () => {
  it('resumed from its storage goes on as if it had never stopped', async () => {
    const whole = await open();
    await run(whole, 60);
    const storage = new MemoryStudyStorage();
    await run(await open(storage), 33);
    const copy = new MemoryStudyStorage(storage.events);
    const resumed = await open(copy);
    expect(resumed.trials.length).toBe(33);
    await run(resumed, 27);
    expect(resumed.trials).toEqual(whole.trials);
    expect(resumed.best).toEqual(whole.best);
    const other = await open(undefined, 4);
    await run(other, 5);
    expect(other.trials[0]!.parameters).not.toEqual(whole.trials[0]!.parameters);
  });

  it('hands a trial whose worker died to the next one, with its parameters', async () => {
    const storage = new MemoryStudyStorage();
    const first = await open(storage);
    await run(first, 12);
    const lost = (await first.ask())!;
    const second = await open(new MemoryStudyStorage(storage.events));
    const again = (await second.ask())!;
    expect(again).toEqual(lost);
    await second.tell(again.number, 1);
    expect((await second.ask())!.number).toBe(13);
    expect(second.trials.map((t) => t.number)).toEqual([...Array(14).keys()]);
  });

  it('shared by two workers loses nothing and runs nothing twice', async () => {
    const storage = new MemoryStudyStorage();
    const [a, b] = [await open(storage), await open(storage)];
    const seen: number[] = [];
    const objective = (p: ParameterValues, { number }: { number: number }): number => {
      seen.push(number);
      return value(p);
    };
    await Promise.all([a, b].map((study) => optimize(study, objective, { trials: 50, parallel: 2 })));
    expect(seen.sort((x, y) => x - y)).toEqual([...Array(50).keys()]);
    await a.sync();
    await b.sync();
    expect(a.trials).toEqual(b.trials);
    expect(a.trials.every((t) => t.state === 'complete')).toBe(true);
  });

  it('maximises', async () => {
    const study = await Study.open({ space, direction: 'maximize', seed: 1 });
    await optimize(study, (p) => -value(p), { trials: 60 });
    const values = study.trials.map((t) => t.value!);
    expect(study.best!.value).toBe(Math.max(...values));
    expect(study.best!.value).toBeGreaterThan(-0.5);
  });

  it('goes on past failing objectives and refuses results it did not ask for', async () => {
    const study = await open();
    let calls = 0;
    await optimize(
      study,
      (p) => {
        if (++calls % 3 === 0) throw new Error('no rows');
        return calls % 5 === 0 ? Number.NaN : value(p);
      },
      { trials: 30 },
    );
    const states = study.trials.map((t) => t.state);
    expect(states.filter((s) => s === 'failed').length).toBe(14);
    expect(study.trials[2]!.reason).toBe('no rows');
    expect(study.trials[4]!.reason).toBe('the objective is NaN');
    await expect(study.tell(3, 1)).rejects.toThrow(/Trial 3 is complete/);
    await expect(study.tell(99, 1)).rejects.toThrow(/Trial 99 is unknown/);
    const always = await open();
    await expect(optimize(always, () => Promise.reject(new Error('broken')), { trials: 100 })).rejects.toThrow(
      'broken',
    );
    expect(always.trials.length).toBe(10);
  });

  it('stops on a signal after the running trial', async () => {
    const study = await open();
    const stop = new AbortController();
    const options = { trials: 100, signal: stop.signal, onTrial: () => study.trials.length === 7 && stop.abort() };
    await optimize(study, value, options);
    expect(study.trials.length).toBe(7);
  });

  it('finds what matters', async () => {
    const flat: SearchSpace = { ...space, nothing: { type: 'float', low: 0, high: 1 } };
    const sampler = (axes: ConstructorParameters<typeof RandomSampler>[0]) => new RandomSampler(axes);
    const study = await Study.open({ space: flat, direction: 'minimize', seed: 1, sampler });
    expect(study.importance()).toEqual({});
    await optimize(study, (p) => p['rate'] as number, { trials: 200 });
    const importance = study.importance();
    expect(Object.values(importance).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(importance['rate']).toBeGreaterThan(0.4);
    expect(Object.values(importance).filter((v) => v > importance['rate']! / 2).length).toBe(1);
    expect(importance['nothing']).toBeLessThan(0.2);
  });
});

describe('samplers', () => {
  it('grid search visits every combination once', async () => {
    const grid: SearchSpace = {
      a: { type: 'int', low: 2, high: 8, step: 3 },
      b: { type: 'categorical', choices: [true, false] },
      c: { type: 'float', low: 0.1, high: 0.3, step: 0.1 },
      d: { type: 'float', low: 1, high: 100, log: true },
    };
    const study = await Study.open({
      space: grid,
      direction: 'minimize',
      seed: 1,
      sampler: (axes) => new GridSampler(axes, 3),
    });
    const seen: string[] = [];
    await optimize(study, (p) => seen.push(JSON.stringify(p)), { trials: 1000 });
    expect(new Set(seen).size).toBe(3 * 2 * 3 * 3);
    expect(seen.length).toBe(54);
    expect(seen[0]).toBe('{"a":2,"b":true,"c":0.1,"d":1}');
    expect(seen[1]).toBe('{"a":2,"b":true,"c":0.1,"d":10}'.replace('10', JSON.parse(seen[1]!).d));
    expect(JSON.parse(seen[1]!).d).toBeCloseTo(10, 9);
    expect(JSON.parse(seen[6]!).c).toBe(0.3);
    const open = Study.open({ space: grid, direction: 'minimize', seed: 1, sampler: (axes) => new GridSampler(axes) });
    await expect(open).rejects.toThrow(/values for "d"/);
  });

  it('random search is even on each axis', async () => {
    const study = await Study.open({
      space,
      direction: 'minimize',
      seed: 2,
      sampler: (axes) => new RandomSampler(axes),
    });
    await optimize(study, () => 0, { trials: 3000 });
    const share = (test: (p: ParameterValues) => boolean): number =>
      study.trials.filter((t) => test(t.parameters)).length / 3000;
    expect(share((p) => (p['rate'] as number) < 1e-3)).toBeCloseTo(0.5, 1);
    expect(share((p) => p['depth'] === 12)).toBeCloseTo(1 / 12, 1);
    expect(share((p) => p['depth'] === 1)).toBeGreaterThan(0.06);
    expect(share((p) => p['kind'] === 'b')).toBeCloseTo(1 / 3, 1);
    expect(share((p) => (p['units'] as number) <= 64)).toBeCloseTo(0.5, 1);
  });
});

describe('pruners', () => {
  /** Learning curves that end at their trial's own level: report k is level + 1/k. */
  const curves = async (study: Study, levels: number[]): Promise<number[]> => {
    const steps: number[] = [];
    for (const level of levels) {
      const { number } = (await study.ask())!;
      let step = 1;
      let pruned = false;
      for (; step <= 16 && !pruned; step++) pruned = await study.report(number, step, level + 1 / step);
      steps.push(step - 1);
      if (pruned) await study.prune(number);
      else await study.tell(number, level + 1 / 16);
    }
    return steps;
  };

  it('the median pruner stops what is worse than the median at its step', async () => {
    const study = await Study.open({
      space,
      direction: 'minimize',
      seed: 1,
      pruner: new MedianPruner({ warmupSteps: 2 }),
    });
    const steps = await curves(study, [1, 2, 3, 4, 5, 2.5, 3.5, 0.5, 9]);
    expect(steps).toEqual([16, 16, 16, 16, 16, 16, 2, 16, 2]);
    expect(study.trials[6]).toMatchObject({ state: 'pruned', value: 4 });
    expect(study.best!.value).toBe(0.5 + 1 / 16);
  });

  it('ASHA promotes the best quarter at each rung', async () => {
    const study = await Study.open({ space, direction: 'minimize', seed: 1, pruner: new AshaPruner() });
    // The first is alone at each rung; then only the best of fewer than eight goes on, later one of four.
    expect(await curves(study, [5, 6, 4, 7, 3, 8, 9, 2, 2.5])).toEqual([16, 1, 16, 1, 16, 1, 1, 16, 4]);
    const maximize = await Study.open({
      space,
      direction: 'maximize',
      seed: 1,
      pruner: new AshaPruner({ minResource: 2 }),
    });
    expect(await curves(maximize, [5, 6, 4])).toEqual([16, 16, 2]);
    expect(() => new AshaPruner({ reductionFactor: 1 })).toThrow(/reductionFactor/);
  });

  it('NaN reports are pruned, and pruned trials never become the best', async () => {
    const study = await Study.open({ space, direction: 'minimize', seed: 1, pruner: new AshaPruner() });
    const { number } = (await study.ask())!;
    expect(await study.report(number, 1, Number.NaN)).toBe(true);
    await study.prune(number);
    expect(study.best).toBeUndefined();
  });
});

describe('parseSpace', () => {
  it('accepts what the format allows', () => {
    const parsed = parseSpace({ a: { type: 'float', low: 0, high: 1 }, b: { type: 'categorical', choices: [1, 'x'] } });
    expect(parsed['a']).toEqual({ type: 'float', low: 0, high: 1, log: false });
  });

  it.each<[unknown, RegExp]>([
    [null, /not a map/],
    [{}, /names no parameter/],
    [{ a: 3 }, /a is not a map/],
    [{ a: { type: 'real' } }, /a\.type/],
    [{ a: { type: 'float', low: 0 } }, /a\.high is not a number/],
    [{ a: { type: 'float', low: 2, high: 1 } }, /a\.low is above high/],
    [{ a: { type: 'float', low: 0, high: 1, log: true } }, /a\.low must be above 0/],
    [{ a: { type: 'int', low: 0.5, high: 1 } }, /a\.low is not a whole number/],
    [{ a: { type: 'float', low: 1, high: 2, log: true, step: 1 } }, /a\.step cannot be combined/],
    [{ a: { type: 'float', low: 1, high: 2, logg: true } }, /a\.logg is not a field/],
    [{ a: { type: 'categorical', choices: [] } }, /a\.choices is not a list/],
    [{ a: { type: 'categorical', choices: ['x', 'x'] } }, /a\.choices\[1\] is there twice/],
  ])('refuses %j', (value, message) => {
    expect(() => parseSpace(value)).toThrow(message);
  });
});
