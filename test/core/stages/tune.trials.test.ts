import { rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { overfittingProbability, reportFootnote, sharpe } from '../../../src/core/evaluation/index.js';
import { readParquet } from '../../../src/core/platform/parquet.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { TUNED_FILE, type Tuned, tunedSchema } from '../../../src/core/stages/compose/tuned.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { sweep } from '../../../src/core/stages/sweep.js';
import { train } from '../../../src/core/stages/train.js';
import { compareTrainers } from '../../../src/core/stages/train-compare.js';
import { tune } from '../../../src/core/stages/tune.js';
import { type Trial, TrialLedger } from '../../../src/core/state/index.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

/** Every trial that had returns stands in the ledger once, whoever ran it and however it is run again. */
const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

/** A score above this is acted on: combinations of so few features differ in what they earn. */
const enter = '0.56';
const common = { trainer: 'logistic', features: 'ret(1),ret(5),rsi(14)', label: 'direction(1)' };
const source = { source: 'csv', symbols: 'SPY', file: [fixture('bars/spy-daily-2017-2018.csv')], interval: '1d' };
let data: string;
let space: string;
beforeAll(async () => {
  data = (await ingest(optionsOf('ingest', source), runtime)).artifact.path;
  space = join(runtime.workspace, 'space.yaml');
  await writeFile(
    space,
    'lambda: {type: float, low: 1e-5, high: 0.1, log: true}\nl1_ratio: {type: float, low: 0, high: 1}\n',
  );
});

let ledgers = 0;
/** The same artefacts beside a ledger that knows nothing (another user's, another machine's) and other studies. */
const elsewhere = (more: Partial<Runtime> = {}): Runtime => {
  const trialLedger = join(runtime.workspace, `ledger-${++ledgers}.sqlite`);
  return { ...testRuntime(), artifacts: runtime.artifacts, trialLedger, ...more };
};
const run = (rt: Runtime, more: Record<string, unknown> = {}) =>
  tune(
    optionsOf('tune', { data, space, trials: 5, objective: 'logloss', cv: 'purged(3)', enter, ...common, ...more }),
    rt,
  );
async function trialsIn(rt: Runtime): Promise<readonly Trial[]> {
  const ledger = await TrialLedger.open(rt.trialLedger, 0);
  try {
    return await ledger.list();
  } finally {
    await ledger.close();
  }
}
const studyOf = async (artifact: Artifact): Promise<Tuned> =>
  tunedSchema.parse(JSON.parse(await readFile(artifact.file(TUNED_FILE), 'utf8')));
const byKey = (trials: readonly Trial[]) => trials.map(({ key, sharpe, sessions }) => [key, sharpe, sessions]).sort();

test('each trial counts once with its returns out of fold; training and trading the best is no other trial', async () => {
  const rt = elsewhere();
  const lines: string[] = [];
  const logger = { ...runtime.logger, info: (line: string) => void lines.push(line) };
  const { artifact } = await run({ ...rt, logger }, { study: 'counted' });
  expect(lines.at(-1)).toBe('trial ledger: 5 new trials');
  const counted = await trialsIn(rt);
  const study = await studyOf(artifact);
  expect(counted.map(({ sharpe, sessions }) => ({ sharpe, sessions })).sort((a, b) => a.sharpe - b.sharpe)).toEqual(
    study.trials.map(({ returns }) => returns).sort((a, b) => a!.sharpe! - b!.sharpe!),
  );
  for (const { strategy, seed } of counted)
    expect([strategy, seed]).toEqual([expect.stringMatching(/^logistic lambda=\S+ l1_ratio=0\.\d+$/), 1]);
  // The folds lie in the first 70 % of 502 sessions.
  expect(counted.every(({ sessions }) => sessions > 300 && sessions < 352)).toBe(true);

  // The same combination as --compare sees it: the same trial, with the same returns.
  const { lambda, l1_ratio } = study.best.parameters;
  const compare = [`logistic(${lambda},${l1_ratio})`];
  const other = elsewhere();
  for (const each of [rt, other]) {
    await compareTrainers(
      optionsOf('train', { data, ...common, enter, trainer: undefined, compare, cv: 'purged(3)' }),
      each,
    );
  }
  const [alone] = await trialsIn(other);
  expect(byKey(counted)).toContainEqual([alone!.key, alone!.sharpe, alone!.sessions]);

  const trained = { data, trainer: 'logistic', study: 'counted', cv: 'purged(4)', commission: '0.1%', enter };
  const model = (await train(optionsOf('train', trained), rt)).artifact;
  const traded = await backtest(optionsOf('backtest', { model: model.path, commission: '0.2%', enter }), rt);
  expect(byKey(await trialsIn(rt))).toEqual(byKey(counted));

  const judged = async (each: Runtime) =>
    (await evaluate(optionsOf('evaluate', { run: traded.artifact.path }), each)).report;
  const tuned = await judged(rt);
  const untuned = await judged(elsewhere());
  expect([tuned.trials!.count, tuned.trials!.comparable, untuned.trials!.count]).toEqual([5, 5, 1]);
  const mean = counted.reduce((sum, { sharpe }) => sum + sharpe, 0) / 5;
  const variance = counted.reduce((sum, { sharpe }) => sum + (sharpe - mean) ** 2, 0) / 4;
  expect(tuned.trials!.sharpe_variance).toBeCloseTo(variance, 15);
  expect(tuned.figures['deflated_sharpe']!).toBeLessThan(untuned.figures['deflated_sharpe']!);
});

test('what the study knows and a ledger does not is made good: by the same command, by train, and never twice', async () => {
  const first = elsewhere();
  const { artifact } = await run(first);
  const whole = byKey(await trialsIn(first));
  // A crash took the ledger's entries, or another machine ran the study.
  const later = { ...first, trialLedger: elsewhere().trialLedger };
  expect((await run(later)).artifact.id).toBe(artifact.id);
  expect(byKey(await trialsIn(later))).toEqual(whole);
  // The study was brought here, and is only trained from.
  const third = elsewhere();
  await train(optionsOf('train', { data, trainer: 'logistic', study: artifact.path, enter }), third);
  expect(byKey(await trialsIn(third))).toEqual(expect.arrayContaining(whole));
  expect(await trialsIn(third)).toHaveLength(5);
  // In the ledger, and unknown to the study: run again, the same trial.
  const again = { ...elsewhere(), trialLedger: first.trialLedger };
  await run(again);
  expect(byKey(await trialsIn(again))).toEqual(whole);
  expect((await trialsIn(first)).map(({ runs }) => runs)).toEqual([2, 2, 2, 2, 2]);
});

test('stopped in the middle, finished trials are counted; resumed, each once', async () => {
  const rt = elsewhere();
  const stop = new AbortController();
  let folds = 0;
  const progress = { ...runtime.progress, update: () => void (++folds === 8 && stop.abort(new Error('stopped'))) };
  await expect(run({ ...rt, signal: stop.signal, progress })).rejects.toThrow('stopped');
  const before = await trialsIn(rt);
  expect(before.length).toBeGreaterThan(0);
  expect(before.length).toBeLessThan(5);
  await run(rt);
  expect(await trialsIn(rt)).toHaveLength(5);
  expect((await trialsIn(rt)).every(({ runs }) => runs === 1)).toBe(true);
});

test('two workers, a grid, and pruned trials with the returns of the folds that they got to', async () => {
  const pair = elsewhere();
  const shared = { study: 'pair', sampler: 'random', trials: 8 };
  await Promise.all([run(pair, shared), run(pair, shared)]);
  expect(await trialsIn(pair)).toHaveLength(8);

  const grid = elsewhere();
  await run(grid, { sampler: 'grid', gridPoints: 4, cv: 'cpcv(4,2)', objective: 'sharpe' });
  expect(await trialsIn(grid)).toHaveLength(5);

  const some = elsewhere();
  const { artifact } = await run(some, { sampler: 'random', pruner: 'asha', trials: 8 });
  const { trials } = await studyOf(artifact);
  const pruned = trials.filter(({ state }) => state === 'pruned');
  expect(pruned.length).toBeGreaterThan(0);
  expect(await trialsIn(some)).toHaveLength(8);
  const longest = Math.max(...trials.map(({ returns }) => returns!.sessions));
  expect(pruned.every(({ reports, returns }) => reports.length < 3 === returns!.sessions < longest)).toBe(true);
});

test('other stops are other trials, other costs are not; agents and meta-labels have returns too', async () => {
  const rt = elsewhere();
  await run(rt);
  await run(rt, { commission: '0.3%' });
  expect(await trialsIn(rt)).toHaveLength(5);
  await run(rt, { stopLoss: '2%' });
  expect(await trialsIn(rt)).toHaveLength(10);

  const meta = { trials: 2, label: 'meta(momentum(20),1,1,5)', objective: 'total_return' };
  const second = elsewhere();
  const labelled = await studyOf((await run(second, meta)).artifact);
  expect(labelled.trials.every(({ returns }) => returns !== null && returns.sharpe !== null)).toBe(true);

  await writeFile(join(runtime.workspace, 'agent.yaml'), 'gamma: {type: categorical, choices: [0.5, 0.9]}\n');
  const agent = {
    ...{
      trainer: 'dqn',
      enter: undefined,
      label: undefined,
      objective: 'total_return',
      space: join(runtime.workspace, 'agent.yaml'),
    },
    ...{ param: ['steps=640', 'seeds=1', 'units=4'], trials: 2, cv: 'purged(2)', sampler: 'grid', study: 'agent' },
  };
  const third = elsewhere();
  const learned = await studyOf((await run(third, agent)).artifact);
  expect(learned.trials.every(({ returns }) => returns!.sessions > 300)).toBe(true);
  const model = await train(optionsOf('train', { data, trainer: 'dqn', study: 'agent', param: agent.param }), third);
  await backtest(optionsOf('backtest', { model: model.artifact.path }), third);
  expect(await trialsIn(third)).toHaveLength(2);
});

test('a combination is the same however it is written, and another one by the seed that trained it', async () => {
  const rt = elsewhere();
  const trained = async (more: object) => (await train(optionsOf('train', { data, ...more }), rt)).artifact.path;
  const traded = async (model: string) => backtest(optionsOf('backtest', { model }), rt);
  await traded(await trained({ trainer: 'sma-cross(5,12)' }));
  await traded(await trained({ trainer: 'sma-cross', param: ['fast=5', 'slow=12'] }));
  await compareTrainers(optionsOf('train', { data, compare: ['sma-cross(5, 12)'] }), rt);
  expect(await trialsIn(rt)).toHaveLength(1);
  // What `train` shows of a learner is a result that was seen.
  const model = await trained(common);
  expect(await trialsIn(rt)).toHaveLength(2);
  await traded(model);
  await trained({ ...common, cv: 'purged(3)', seed: 9 });
  expect(await trialsIn(rt)).toHaveLength(3);
  await sweep(optionsOf('backtest', { model, sweep: 'time-stop=5|10' }), rt);
  await backtest(optionsOf('backtest', { model, timeStop: '5' }), rt);
  expect(await trialsIn(rt)).toHaveLength(5);
});

test('a tuned model is judged among its study’s trials, by their returns out of fold', async () => {
  const rt = elsewhere();
  const many = { study: 'many', sampler: 'random', trials: 12 };
  // Interrupted and gone on with: series come from the study's journal.
  await run(rt, { ...many, trials: 7 });
  const { artifact } = await run(rt, many);
  const series = Object.values(await readParquet(artifact.file('returns.parquet'))) as Float64Array[];
  const study = await studyOf(artifact);
  expect(series).toHaveLength(12);
  series.forEach((returns, i) => {
    const { sharpe: known, sessions } = study.trials[i]!.returns!;
    expect(returns).toHaveLength(sessions);
    expect(sharpe(returns, 1)).toBeCloseTo(known!, 5);
  });

  const judge = async (each: Runtime, trained: object) => {
    const model = (await train(optionsOf('train', { data, ...trained }), each)).artifact;
    const traded = await backtest(optionsOf('backtest', { model: model.path, enter }), each);
    return (await evaluate(optionsOf('evaluate', { run: traded.artifact.path }), each)).report;
  };
  const trained = { trainer: 'logistic', study: 'many', enter };
  // Its returns go with the study, whatever this user's ledger knows of them.
  for (const each of [rt, elsewhere()]) {
    const report = await judge(each, trained);
    const { pbo } = overfittingProbability(series, 16);
    expect(report.figures['pbo']).toBe(pbo);
    const { trials, sessions, blocks, of } = report.selections[0]!;
    expect([of, trials, sessions, blocks]).toEqual(['study', 12, series[0]!.length, 16]);
    expect(report.figures['spa_p']).toBeNull();
    expect(reportFootnote(report)).toContain('Chosen among the 12 trials of its study: probability of overfitting');
  }

  await run(rt, { study: 'few', sampler: 'random', seed: 2 });
  const few = await judge(rt, { ...trained, study: 'few' });
  expect(few.figures['pbo']).toBeNull();
  expect(few.reasons['pbo']).toMatch(/; its study has 5 complete trials over \d+ common sessions, too few to compare$/);
});
