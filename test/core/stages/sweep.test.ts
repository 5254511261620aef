import { rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { computeFigures, sessionAxis } from '../../../src/core/evaluation/index.js';
import { create } from '../../../src/core/models/trainers/sma-cross.js';
import { readParquet } from '../../../src/core/platform/parquet.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { parseRanking } from '../../../src/core/stages/compose/sweep-figures.js';
import { parseAxes } from '../../../src/core/stages/compose/sweep-grid.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { sweep } from '../../../src/core/stages/sweep.js';
import { train } from '../../../src/core/stages/train.js';
import { TrialLedger } from '../../../src/core/state/index.js';
import { randomCandles, tinyBars } from '../../support/market.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

let data: Artifact;
let model: Artifact;
beforeAll(async () => {
  const file = [fixture('bars/spy-daily-2017-2018.csv')];
  data = (await ingest(optionsOf('ingest', { source: 'csv', symbols: 'SPY', file, interval: '1d' }), runtime)).artifact;
  model = (await train(optionsOf('train', { data: data.path, trainer: 'sma-cross(10,30)' }), runtime)).artifact;
});

const run = (grid: string, more = {}, rt = runtime) =>
  sweep(optionsOf('backtest', { model: model.path, sweep: grid, ...more }), rt);
const trials = async (rt = runtime) => {
  const ledger = await TrialLedger.open(rt.trialLedger, 0);
  try {
    return await ledger.list();
  } finally {
    await ledger.close();
  }
};

describe('the grid as text', () => {
  test.each([
    ['fast=5..8', [['fast', 'rule', '5', '6', '7', '8']]],
    ['slow=20..60:20', [['slow', 'rule', '20', '40', '60']]],
    ['fast=3|9', [['fast', 'rule', '3', '9']]],
    ['stop-loss=1%..2%:0.5%', [['stopLoss', 'strategy', '1%', '1.5%', '2%']]],
  ])('%s', (text, expected) => {
    expect(parseAxes(text, ['fast', 'slow']).map(({ key, of, values }) => [key, of, ...values])).toEqual(expected);
  });

  test.each([
    ['fats=5..8', /no.*setting|Neither/],
    ['fast', /expected setting=values/],
    ['fast=8..5', /expected a range/],
    ['fast=1..5:0', /expected a range/],
    ['stop-loss=0.1..0.3:0.1%', /one unit/],
    ['fast=1,fast=2', /twice/],
    ['fast=1..9999999', /more than 1000000/],
  ])('%s is refused', (text, message) => {
    expect(() => parseAxes(text, ['fast', 'slow'])).toThrow(message);
  });

  test('what it ranks by', () => {
    expect(parseRanking('profit_factor, trades>=30')).toMatchObject({ figure: 'profit_factor', sign: 1 });
    expect(parseRanking('-volatility')).toMatchObject({ figure: 'volatility', sign: -1 });
    expect(parseRanking('max_drawdown>=-20%')).toMatchObject({
      figure: 'sharpe',
      conditions: [{ figure: 'max_drawdown', op: '>=', threshold: -0.2 }],
    });
    expect(() => parseRanking('shrape')).toThrow(/no figure/);
    expect(() => parseRanking('sharpe,cagr')).toThrow(/two figures/);
  });
});

test('columns that settings share give the scorer’s bits', () => {
  const bars = tinyBars(randomCandles(3000, 5));
  for (const [fast, slow, side] of [
    [5, 20, 'long'],
    [17, 60, 'short'],
  ] as const) {
    const rule = create({ fast, slow, side });
    const own = new Float64Array(3000);
    const shared = new Float64Array(3000);
    rule.scorer(undefined as never, undefined as never).consume(bars, 0, 3000, own);
    rule.shared!.score(
      rule.shared!.columns.map((name) => rule.shared!.column(name, bars)),
      shared,
    );
    expect(shared).toEqual(own);
  }
});

describe('a sweep', () => {
  test('each row is the run that the same settings give alone, and the trial that it would be', async () => {
    const { artifact } = await run('fast=5|10,slow=20|30,stop-loss=2%|5%', { commission: '0.1%' });
    const table = await readParquet(artifact.file('sweep.parquet'));
    expect(table['fast']).toEqual(['5', '5', '5', '5', '10', '10', '10', '10']);
    const before = await trials();
    for (const i of [1, 6]) {
      const trainer = `sma-cross(${(table['fast'] as string[])[i]},${(table['slow'] as string[])[i]})`;
      const own = (await train(optionsOf('train', { data: data.path, trainer }), runtime)).artifact;
      const stopLoss = (table['stopLoss'] as string[])[i];
      const options = optionsOf('backtest', { model: own.path, commission: '0.1%', stopLoss });
      const alone = await openRun((await backtest(options, runtime)).artifact);
      const { time, equity, gross } = alone.equity;
      const { values } = computeFigures({
        ...{ initialEquity: alone.run.initialEquity, time, equity, gross, trades: alone.trades },
        ...{ tradedValue: alone.run.tradedValue, costs: alone.run.costs },
        sessions: sessionAxis(calendarOf('XNYS'), time),
      });
      expect((table['final_equity'] as Float64Array)[i]).toBe(alone.run.finalEquity);
      let compared = 0;
      for (const [name, value] of Object.entries(values)) {
        if (table[name] === undefined) continue;
        const swept = (table[name] as Float64Array)[i]!;
        if (value === null) expect(swept).toBeNaN();
        else expect(Math.abs(swept - value)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)));
        compared++;
      }
      expect(compared).toBeGreaterThan(20);
      expect((table['orders'] as Float64Array)[i]).toBe(alone.fills.price.length);
    }
    // The runs alone were no new trials: the sweep had counted them.
    const after = await trials();
    expect(after.map(({ key }) => key)).toEqual(before.map(({ key }) => key));
    expect(after.filter(({ runs }) => runs === 2)).toHaveLength(2);
  });

  test('none is the level without an option that is off by default, whatever the sweep itself was told', async () => {
    const { artifact } = await run('stop-loss=none|2%,time-stop=none|5', { stopLoss: '4%' });
    const table = await readParquet(artifact.file('sweep.parquet'));
    expect([table['stopLoss'], table['timeStop']]).toEqual([
      ['none', 'none', '2%', '2%'],
      ['none', '5', 'none', '5'],
    ]);
    const alone = async (more: object) =>
      (await openRun((await backtest(optionsOf('backtest', { model: model.path, ...more }), runtime)).artifact)).run
        .finalEquity;
    const finals = [await alone({}), await alone({ timeStop: '5' }), await alone({ stopLoss: '2%' })];
    expect(Array.from(table['final_equity'] as Float64Array).slice(0, 3)).toEqual(finals);
    expect(new Set(finals).size).toBe(3);
  });

  test('skips what the rule refuses and counts it; the heat map says where there is nothing', async () => {
    const { artifact, lines } = await run('fast=10..40:10,slow=20..40:10');
    const file = JSON.parse(await readFile(artifact.file('sweep.json'), 'utf8'));
    expect(file.combinations).toBe(6);
    expect(Object.values(file.skipped)).toEqual([6]);
    expect(file.heatMap.values.map((row: unknown[]) => row.map((v) => v === null))).toEqual([
      [false, false, false],
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
    expect(artifact.manifest.summary).toMatchObject({ kind: 'sweep', combinations: 6, skipped: 6 });
    expect(lines.join('\n')).toMatch(/6 combinations, 6 skipped/);
    expect(lines.at(-1)).toBe('  40  · · ·');
    const rows = (await readFile(artifact.file('sweep.csv'), 'utf8')).trim().split('\n');
    expect(rows).toHaveLength(7);
    expect((await readFile(artifact.file('heatmap.csv'), 'utf8')).split('\n')[0]).toBe('fast\\slow,20,30,40');
  });

  test('ranks by a figure among those that pass', async () => {
    const { artifact } = await run('fast=3..12,slow=20|40', { sweepBy: 'total_return,trades>=12' });
    const { best, by } = JSON.parse(await readFile(artifact.file('sweep.json'), 'utf8'));
    expect(by.figure).toBe('total_return');
    const table = await readParquet(artifact.file('sweep.parquet'));
    const [total, count] = [table['total_return'] as Float64Array, table['trades'] as Float64Array];
    const passing = Array.from(total).filter((_, i) => count[i]! >= 12);
    expect(passing.length).toBeGreaterThan(0);
    expect(passing.length).toBeLessThan(total.length);
    expect(best[0].figures.total_return).toBe(Math.max(...passing));
  });

  test('equal bytes with 1, 2 and 5 threads', async () => {
    const seen = new Set<string>();
    for (const threads of [1, 2, 5]) {
      const { artifact } = await run(
        'fast=4..9,slow=20..40:10,take-profit=2%|4%',
        { force: true },
        { ...runtime, threads },
      );
      seen.add(JSON.stringify(artifact.manifest.files));
    }
    expect(seen.size).toBe(1);
  });

  test('a study that is there already counts in another ledger too', async () => {
    const other = { ...runtime, trialLedger: join(runtime.workspace, 'other.sqlite') };
    const first = await run('fast=6..7,slow=44');
    const again = await run('fast=6..7,slow=44', {}, other);
    expect(again.reused).toBe(true);
    const keys = new Map((await trials()).map((trial) => [trial.key, trial.sharpe]));
    const counted = await trials(other);
    expect(counted).toHaveLength(2);
    for (const trial of counted) expect(trial.sharpe).toBeCloseTo(keys.get(trial.key)!, 14);
    expect(first.artifact.id).toBe(again.artifact.id);
  });

  test('a user’s own rule, in worker threads; what it throws comes back', async () => {
    const path = join(runtime.workspace, 'own-rule.mjs');
    await writeFile(
      path,
      `import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
       export const name = 'own';
       export const summary = 'Long every n-th bar.';
       export const settings = z.object({ n: z.number().int().min(1).default(3) });
       export const create = ({ n }) => ({
         kind: 'rule', short: false, warmup: 0, memory: 0,
         scorer: () => ({ consume(bars, from, to, out) {
           if (n === 7) throw new Error('seven');
           for (let i = from; i < to; i++) out[i] = i % n === 0 ? 1 : 0;
         } }),
       });`,
    );
    const own = (await train(optionsOf('train', { data: data.path, trainer: path }), runtime)).artifact;
    const threads = { ...runtime, threads: 2 };
    const { artifact } = await run('n=2..5', { model: own.path }, threads);
    expect((await readParquet(artifact.file('sweep.parquet')))['n']).toEqual(['2', '3', '4', '5']);
    await expect(run('n=6..8', { model: own.path }, threads)).rejects.toThrow('seven');
  });

  test('a learned model: its strategy is swept, it is scored once', async () => {
    const trainer = { data: data.path, trainer: 'xgboost', features: 'ret(1),rsi(5)', rounds: 5, split: '60%' };
    const { artifact } = await train(optionsOf('train', trainer), runtime);
    const swept = await run('enter=0.5..0.6:0.05,time-stop=5|10', { model: artifact.path });
    const table = await readParquet(swept.artifact.file('sweep.parquet'));
    const alone = await backtest(
      optionsOf('backtest', { model: artifact.path, enter: '0.55', timeStop: '5' }),
      runtime,
    );
    expect((table['final_equity'] as Float64Array)[2]).toBe((await openRun(alone.artifact)).run.finalEquity);
    await expect(run('fast=5..6', { model: artifact.path })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('refuses a grid without a possible combination, an unreadable value, and stops at Ctrl-C', async () => {
    await expect(run('fast=50..60,slow=20')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/No combination/),
    });
    await expect(run('stop-loss=2')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/--sweep, stopLoss/),
    });
    // What is never off has no level without it; finer bars are the run's own.
    await expect(run('leverage=none|1')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/--sweep, leverage/),
    });
    await expect(run('detail=1m|5m')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/has a setting "detail"/),
    });
    const abort = new AbortController();
    abort.abort(new Error('stopped'));
    await expect(run('fast=5..9', {}, { ...runtime, signal: abort.signal })).rejects.toThrow('stopped');
  });
});
