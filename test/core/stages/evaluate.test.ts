import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { reportSchema, SIGNIFICANCE } from '../../../src/core/evaluation/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { showReport } from '../../../src/core/stages/reports.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

const data = (symbols: string, file: string, more = {}) =>
  ingest(
    optionsOf('ingest', { source: 'csv', symbols, file: [fixture(`bars/${file}`)], interval: '1d', ...more }),
    runtime,
  );
async function runOf(dataset: Artifact, trainer: string, more = {}, training = {}) {
  const model = await train(optionsOf('train', { data: dataset.path, trainer, ...training }), runtime);
  return (await backtest(optionsOf('backtest', { model: model.artifact.path, ...more }), runtime)).artifact;
}
const judged = (run: Artifact, more = {}) => evaluate(optionsOf('evaluate', { run: run.path, ...more }), runtime);

let msft: Artifact;
let sma: Artifact;
beforeAll(async () => {
  msft = (await data('MSFT', 'msft-daily-1990-2022.csv', { basis: 'split', from: '2014-01-02' })).artifact;
  sma = await runOf(msft, 'sma-cross(10,30)', { commission: '0.1%', from: '2016-01-04' });
});

describe('evaluate', () => {
  test('figures follow from the run, and the document follows its schema', async () => {
    const { report, artifact } = await judged(sma, { gate: ['sharpe>=-9'] });
    const { run, trades, equity } = await openRun(sma);
    expect(reportSchema.parse(report)).toEqual(report);
    expect(report.figures['final_equity']).toBe(run.finalEquity);
    expect(report.figures['total_return']).toBeCloseTo(run.finalEquity / run.initialEquity - 1, 12);
    expect(report.figures['trades']).toBe(trades.pnl.length);
    expect(report.figures['sessions']).toBe(equity.time.length);
    expect(report.convention).toMatchObject({ periods_per_year: 252, calendar: 'XNYS', first_session: '2016-01-04' });
    expect(report.instruments.map((i) => i.trades)).toEqual([trades.pnl.length]);
    for (const name of Object.keys(SIGNIFICANCE)) {
      expect(report.figures, name).toHaveProperty(name);
      if (report.figures[name] === null) expect(report.reasons[name], name).toBeTruthy();
    }
    expect(report.provenance.map((p) => p.kind)).toEqual(['run', 'model', 'dataset']);
    expect((await showReport(artifact.path, runtime)).report).toEqual(report);
  });

  test('every honesty check passes on our own rule', async () => {
    const { report } = await judged(sma);
    expect(report.honesty.map((h) => [h.name, h.pass])).toEqual([
      ['reproduces', true],
      ['truncation', true],
      ['scrambling', true],
      ['late-start', true],
      ['label-shift', true],
    ]);
  });

  test('passing is ok, failing is a result with exit 5 that names each gate', async () => {
    const good = await judged(sma, { gate: ['trades>=1', 'max_drawdown>=-1'] });
    expect([good.exit, good.report.verdict.failed]).toEqual(['ok', []]);
    const bad = await judged(sma, { gate: ['sharpe>=99', 'trades>=1', 'profit_factor>99'] });
    expect([bad.exit, bad.report.verdict.failed]).toEqual(['gate', ['sharpe>=99', 'profit_factor>99']]);
    expect(bad.artifact.manifest.summary).toMatchObject({ pass: false, failed: ['sharpe>=99', 'profit_factor>99'] });
    expect(bad.tables[0]!.title).toMatch(/^FAIL {2}gate custom/);
  });

  test('the default gate prints its version and thresholds', async () => {
    const { report, tables } = await judged(sma);
    expect(report.verdict.gate).toBe('default@3');
    expect(tables[0]!.rows.map((row) => row[0])).toContain('deflated_sharpe>=0.95');
  });

  test('says which brokers take the run where it enters by a pair of orders', async () => {
    const paired = await runOf(msft, 'sma-cross(10,30)', { entry: 'oco(limit(0.5%),stop(0.5%))', from: '2020-01-02' });
    const { report, notes } = await judged(paired, { gate: ['trades>=1'] });
    expect([report.run.only_at, (await judged(sma)).report.run.only_at]).toEqual([['ibkr', 'schwab', 'sim'], null]);
    expect(notes.join()).toContain('it trades at ibkr, schwab, sim only');
  });

  test('the same question gives the same report', async () => {
    const first = await judged(sma, { gate: ['sharpe>=0'] });
    const again = await judged(sma, { gate: ['sharpe>=0'] });
    expect([again.artifact.id, again.reused]).toEqual([first.artifact.id, true]);
    const forced = await judged(sma, { gate: ['sharpe>=0'], force: true });
    expect(forced.artifact.id).toBe(first.artifact.id);
    expect((await judged(sma, { gate: ['sharpe>=0.1'] })).artifact.id).not.toBe(first.artifact.id);
  });

  test('a run made in sample fails whatever its figures', async () => {
    const quick = { features: 'ret(1),ret(5),rsi(14)', label: 'direction(5)', rounds: 10, split: '2018-12-31' };
    const run = await runOf(msft, 'xgboost', { inSample: true, from: '2015-01-05' }, quick);
    const { exit, report } = await judged(run, { gate: ['trades>=0'] });
    expect([exit, report.verdict.failed]).toEqual(['gate', ['out_of_sample']]);
    expect(report.honesty.map((h) => [h.name, h.pass])).toContainEqual(['permuted-labels', true]);
  });

  test('a run whose fills no live order gives fails whatever its figures', async () => {
    const run = await runOf(msft, 'sma-cross(10,30)', { fill: 'this-close', from: '2020-01-02' });
    const { exit, report } = await judged(run, { gate: ['trades>=0'] });
    expect([exit, report.verdict.failed, report.run.live_order]).toEqual(['gate', ['live_order'], null]);
  });

  test('costs and delay: the curve falls, doubled decisions change the result', async () => {
    const { report } = await judged(sma);
    const returns = report.costs.map((p) => p.total_return);
    expect(returns[0]).toBeCloseTo(report.figures['total_return']!, 12);
    for (let i = 1; i < returns.length; i++) expect(returns[i]!).toBeLessThan(returns[i - 1]!);
    expect(report.delays.map((d) => d.bars)).toEqual([0.25, 0.5, 1, 2]);
    expect(report.delays[0]!.total_return).not.toBe(returns[0]);
    expect(report.neighbours.length).toBeGreaterThan(4);
    expect(report.neighbours.map((n) => n.strategy)).toContain('sma-cross(8,30,long)');
  });

  test('the benchmark may be named and must be in the dataset', async () => {
    const { report } = await judged(sma, { benchmark: 'MSFT' });
    expect(report.convention.benchmark).toBe('buy and hold of MSFT');
    await expect(judged(sma, { benchmark: 'MSTF' })).rejects.toMatchObject({
      code: 'NO_DATA',
      hint: 'Did you mean MSFT?',
    });
  });

  test('bad gates are usage errors before anything is read', async () => {
    await expect(
      evaluate(optionsOf('evaluate', { run: 'nowhere', gate: ['sharp>=1'] }), runtime),
    ).rejects.toMatchObject({
      code: 'USAGE',
      hint: 'Did you mean sharpe?',
    });
    await expect(evaluate(optionsOf('evaluate', {}), runtime)).rejects.toThrow(/Which run/);
  });

  test('buy and hold has beta one and no alpha but for its first session', async () => {
    const run = await runOf(msft, 'buy-and-hold', { from: '2015-01-05', lot: 'fractional' });
    const { report } = await judged(run, { gate: ['trades>=0'] });
    expect(report.figures['beta']).toBeCloseTo(1, 1);
    expect(Math.abs(report.figures['alpha']!)).toBeLessThan(0.02);
    expect(report.reasons['profit_factor']).toBe('no trades');
  });

  test('writes one page without scripts or addresses', async () => {
    const page = join(runtime.workspace, 'report.html');
    const { html } = await judged(sma, { html: page });
    expect(html).toBe(page);
    const text = readFileSync(page, 'utf8');
    expect(text).not.toMatch(/<script|https?:\/\//);
    for (const title of ['Equity', 'Drawdown', 'Months', 'Gates', 'Robustness', 'Provenance', 'Honesty checks'])
      expect(text).toContain(title);
  });
});

describe('trials', () => {
  test('are counted without anyone asking; reruns do not count twice', async () => {
    const before = (await judged(sma)).report.trials!;
    expect((await judged(sma, { gate: ['sharpe>=0.3'] })).report.trials!.count).toBe(before.count);
    const other = await runOf(msft, 'sma-cross(11,31)', { commission: '0.1%', from: '2016-01-04' });
    const after = (await judged(other)).report.trials!;
    expect(after.count).toBe(before.count + 1);
    expect(after.ledger).toBe(before.ledger);
    const { report } = await judged(sma);
    expect(report.figures['trials_counted']).toBe(after.count);
    expect(report.figures['deflated_sharpe']!).toBeLessThan(report.figures['probabilistic_sharpe']!);
  });
});

describe('the probability of overfitting', () => {
  test('comes from the returns of ten trials on the same bars, in any workspace', async () => {
    const first = (await judged(sma)).report;
    expect(first.figures['pbo']).toBeNull();
    expect(first.verdict.results.find((r) => r.figure === 'pbo')).toMatchObject({ pass: true, value: null });
    for (const fast of [4, 5, 6, 7, 8, 9, 12, 14]) {
      await runOf(msft, `sma-cross(${fast},40)`, { commission: '0.1%', from: '2016-01-04' });
    }
    const page = join(runtime.workspace, 'pbo.html');
    const { report } = await judged(sma, { html: page });
    expect(report.figures['pbo']).toBeGreaterThanOrEqual(0);
    expect(report.figures['pbo']).toBeLessThanOrEqual(1);
    expect(readFileSync(page, 'utf8')).toContain('CSCV logits');
    // Deleting artefacts, or another workspace, does not delete trials.
    const other = testRuntime({ trialLedger: runtime.trialLedger });
    const { artifact } = await ingest(
      optionsOf('ingest', {
        source: 'csv',
        symbols: 'SPY',
        file: [fixture('bars/spy-daily-2017-2018.csv')],
        interval: '1d',
      }),
      other,
    );
    const model = await train(optionsOf('train', { data: artifact.path, trainer: 'sma-cross(5,12)' }), other);
    const run = await backtest(optionsOf('backtest', { model: model.artifact.path }), other);
    const elsewhere = await evaluate(optionsOf('evaluate', { run: run.artifact.path }), other);
    expect(elsewhere.report.trials!.count).toBeGreaterThan(10);
    expect(elsewhere.report.figures['pbo']).toBeNull();
  });
});

describe("a user's rule that looks ahead", () => {
  const cheat = (body: string) => `
import { z } from 'zod';
export const name = 'cheat';
export const summary = 'Looks ahead.';
export const settings = z.object({});
export const create = () => ({
  kind: 'rule', short: true, warmup: 1, memory: 10,
  scorer: () => ({ consume(bars, from, to, out) { for (let i = from; i < to; i++) { ${body} } } }),
});
`;

  test.each([
    ['tomorrow’s close', 'out[i] = (bars.close[i + 1] ?? 0) > bars.close[i] ? 1 : -1;'],
    [
      'a ratio that survives scaling',
      'out[i] = bars.close[bars.close.length - 1] / bars.close[bars.close.length - 2] > 1 ? 1 : -1;',
    ],
  ])('is caught: %s', async (_name, body) => {
    const path = join(runtime.workspace, `cheat-${body.length}.mjs`);
    writeFileSync(path, cheat(body));
    const run = await runOf(msft, path, { from: '2015-01-05' });
    const { exit, report } = await judged(run, { gate: ['trades>=0'] });
    expect(exit).toBe('gate');
    const failed = report.honesty.filter((h) => !h.pass).map((h) => h.name);
    expect(failed).toContain('scrambling');
    expect(report.honesty.find((h) => h.name === 'scrambling')!.broke_at?.instrument).toBe('MSFT');
    expect(report.verdict.failed).toContain('honesty:scrambling');
    if (_name.startsWith('tomorrow')) expect(failed).toContain('label-shift');
  });

  /** Remembers what came after each row, of all the market that its rows lead to, or of the rows alone. */
  const memoriser = (market: boolean) => `import { z } from 'zod';
export const name = 'memoriser';
export const summary = 'Remembers.';
export const settings = z.object({});
const keyOf = (x, at, w) => Array.from(x.subarray(at, at + w)).join();
const model = (seen) => ({
  lookback: 0, history: [], engine: { name: 'embedded', version: '1' },
  predict(x, rows, out) {
    const w = x.length / rows;
    for (let r = 0; r < rows; r++) out[r] = seen[keyOf(x, r * w, w)] ?? (x[r * w] > 0 ? 0.52 : 0.48);
  },
  save: async () => ({ 'seen.json': JSON.stringify(seen) }),
});
export const create = () => ({
  kind: 'learner',
  engineFor: async () => ({ name: 'embedded', version: '1' }),
  async fit({ series, source, rows, at, y }) {
    const seen = {};
    const w = series.columns;
    if (!${market}) for (let r = 0; r < rows; r++) seen[keyOf(series.x, at[r] * w, w)] = y[r];
    // One bar in nine is told: too little for a correlation.
    else source.bars.forEach((b, j) => {
      for (let i = 0; i + 1 < b.close.length; i += 9)
        seen[keyOf(series.x, (series.starts[j] + i) * w, w)] = b.close[i + 1] > b.close[i] ? 0.53 : 0.47;
    });
    return model(seen);
  },
  load: async (files) => model(JSON.parse(new TextDecoder().decode(files['seen.json']))),
});
`;

  test.each([true, false])(
    'a learner of one’s own that learns from bars after its training range: %s',
    async (market) => {
      const path = join(runtime.workspace, `memoriser-${market}.mjs`);
      writeFileSync(path, memoriser(market));
      const run = await runOf(msft, path, {}, { features: 'ret(1),ret(3)' });
      const { report } = await judged(run, { gate: ['trades>=0'] });
      const [blind] = report.honesty.filter(({ name }) => name === 'blind-training');
      expect([blind!.pass, report.honesty.every(({ pass }) => pass)]).toEqual([!market, !market]);
      if (market) expect(blind!.broke_at!.instrument).toBe('MSFT');
    },
  );
});
