import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { parseCall } from '../../../src/core/config/index.js';
import { loadPolicy } from '../../../src/core/learning/agents/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { composeTrading } from '../../../src/core/stages/compose/trainer.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { trade } from '../../../src/core/stages/trade.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

let data: Artifact;
beforeAll(async () => {
  const source = { source: 'csv', symbols: 'MSFT', file: [fixture('bars/msft-daily-1990-2022.csv')] };
  data = (await ingest(optionsOf('ingest', { ...source, interval: '1d', basis: 'split', from: '2016-01-01' }), runtime))
    .artifact;
});

const small = { seeds: '2', steps: '1500', units: '16' };
const trainWith = (trainer: string, param: object = {}, more: object = {}) =>
  train(
    optionsOf('train', {
      data: data.path,
      trainer,
      features: 'ret(1),rsi(14)',
      param: { ...small, ...param },
      split: '70%',
      ...more,
    }),
    runtime,
  );
const costs = { commission: '5bp', slippage: '1bp' };
const backtestOf = async (model: Artifact) =>
  (await backtest(optionsOf('backtest', { model: model.path, ...costs }), runtime)).artifact;

describe('an agent', () => {
  test('learns with the costs and the short side of the command, where its own settings say nothing', async () => {
    const settings = async (options: Record<string, unknown>, param: Record<string, string> = {}) => {
      const given = optionsOf('train', options);
      return (await composeTrading(parseCall('dqn'), given, param)).settings;
    };
    expect(await settings({})).toMatchObject({ commission: '5bp', slippage: '1bp', short: false });
    const asked = { commission: '$0.005/share min $1', slippage: 'square-root(10%,1)', short: true };
    expect(await settings(asked)).toMatchObject(asked);
    expect(await settings(asked, { commission: '0' })).toMatchObject({ ...asked, commission: '0' });
  });

  test('trains, trades out of sample, and is judged beside its other seeds and what it must beat', async () => {
    const { artifact, segments } = await trainWith('dqn', { short: 'true' });
    expect(Object.keys(segments[0]!.metrics)).toEqual(
      expect.arrayContaining([
        'total_return',
        'seeds_mean',
        'seeds_min',
        'seeds_max',
        'buy_and_hold',
        'flat',
        'random',
      ]),
    );
    expect(segments[0]!.metrics['flat']).toBe(0);
    expect(segments[0]!.history.map((point) => point['seed'])).toEqual(expect.arrayContaining([0, 1]));
    const run = await backtestOf(artifact);
    const opened = await openRun(run);
    expect(opened.run.from).toBeGreaterThanOrEqual(Date.parse(segments[0]!.validFrom));
    const { report, tables } = await evaluate(optionsOf('evaluate', { run: run.path, gate: ['trades>=0'] }), runtime);
    const named = new Map(report.policies.map((p) => [p.strategy, p.total_return]));
    expect([...named.keys()]).toEqual([
      ...['seed 1', 'seed 2', 'random 1', 'random 2', 'random 3', 'random 4', 'random 5', 'buy and hold', 'flat'],
    ]);
    expect(named.get('seed 1')).toBeCloseTo(report.figures['total_return']!, 12);
    expect(named.get('flat')).toBe(0);
    expect(named.get('random 1')).not.toBe(named.get('random 2'));
    expect(tables.some(({ title }) => title.includes('must beat'))).toBe(true);
    // Truncation, scrambling and late start look at what the agent would want holding nothing.
    expect(report.honesty.filter(({ pass }) => !pass)).toEqual([]);
    expect(report.honesty.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['reproduces', 'truncation', 'scrambling', 'late-start', 'label-shift']),
    );
  });

  test('is the same model again by seed, and another one by another seed', async () => {
    const first = (await trainWith('ppo', { continuous: 'true' })).artifact;
    const again = await trainWith('ppo', { continuous: 'true' }, { force: true });
    expect(again.artifact.manifest.files).toEqual(first.manifest.files);
    const other = await trainWith('ppo', { continuous: 'true' }, { seed: 2 });
    expect(other.artifact.manifest.files).not.toEqual(first.manifest.files);
    const text = async (name: string) => readFile(first.file(`segment-0/seed-0/${name}`));
    const { policy, metadata } = loadPolicy({
      modelJson: (await text('model.json')).toString(),
      weights: await text('weights.bin'),
    });
    expect(policy.logStd).toHaveLength(1);
    expect(policy.scale).not.toBeNull();
    expect(metadata['validation']).toEqual(expect.any(Number));
  });

  test('Ctrl-C leaves nothing, or with --keep-best the best checkpoints of the seeds so far', async () => {
    const stopAt = async (when: number, keepBest: boolean) => {
      const controller = new AbortController();
      const update = (text: string, done = 0) => {
        if (/^training/.test(text) && done >= when) controller.abort(new Error('SIGINT'));
      };
      const options = { data: data.path, trainer: 'dqn', features: 'ret(1),rsi(14)', split: '70%', seed: 9, keepBest };
      const before = (await runtime.artifacts.list('model')).length;
      const outcome = await train(optionsOf('train', { ...options, param: small }), {
        ...runtime,
        signal: controller.signal,
        progress: { update, end: () => {} },
      }).catch((error: unknown) => error as { code: string });
      return { outcome, added: (await runtime.artifacts.list('model')).length - before };
    };
    const plain = await stopAt(1, false);
    expect([plain.outcome, plain.added]).toEqual([expect.objectContaining({ code: 'INTERRUPTED' }), 0]);
    // At the first checkpoint of the first seed, and after the first of two seeds.
    for (const [when, policies] of [
      [1, 1],
      [1501, 2],
    ] as const) {
      const { outcome, added } = await stopAt(when, true);
      expect(added).toBe(1);
      const { artifact, segments } = outcome as Awaited<ReturnType<typeof train>>;
      expect(artifact.manifest.settings).toMatchObject({ stopped_after: [segments[0]!.history.length] });
      const weights = Object.keys(artifact.manifest.files).filter((name) => name.endsWith('weights.bin'));
      expect(weights).toHaveLength(policies);
      expect((await backtestOf(artifact)).kind).toBe('run');
    }
  });

  test('trades live as in the backtest: the same fills at the paper venue', async () => {
    const { artifact } = await trainWith('dqn', {}, { cv: 'walk-forward(2)' });
    const run = await backtestOf(artifact);
    const { trades, run: file } = await openRun(run);
    expect(trades.pnl.length).toBeGreaterThan(3);
    const session = await trade(
      optionsOf('trade', { run: run.path, acceptUngated: true, strategy: 'agent', broker: 'sim' }),
      runtime,
    );
    expect(session.session.equity).toBeCloseTo(file.finalEquity, 0);
  });

  test('refuses what does not apply to it, and what it cannot learn from', async () => {
    await expect(trainWith('ppo', {}, { label: 'direction(5)' })).rejects.toThrow(/--label does not apply/);
    await expect(trainWith('ppo', {}, { rounds: 5 })).rejects.toThrow(/--rounds does not apply/);
    await expect(trainWith('dqn', {}, { engine: 'native' })).rejects.toMatchObject({ code: 'CONFIG' });
    await expect(trainWith('dqn', { commission: 'cheap' })).rejects.toThrow(/commission/);
    await expect(trainWith('dqn', {}, { split: '5%' })).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringMatching(/too few for an agent/),
    });
  });

  test('Ctrl-C ends training', async () => {
    const controller = new AbortController();
    const progress = { update: () => controller.abort(), end: () => {} };
    const job = train(
      optionsOf('train', { data: data.path, trainer: 'ppo', features: 'ret(1)', param: { steps: '200000' } }),
      { ...runtime, signal: controller.signal, progress },
    );
    await expect(job).rejects.toThrow();
  });
});
