import { describe, expect, it } from 'vitest';
import { type PageSeries, reportPage } from '../../../../src/core/evaluation/html/index.js';
import { reportNotes, reportSchema, reportTables } from '../../../../src/core/evaluation/report/index.js';

const scored = (strategy: string, total_return: number) => ({ strategy, total_return, sharpe: total_return * 2 });
const dates = Array.from(
  { length: 60 },
  (_, i) => `2020-0${1 + Math.floor(i / 28)}-${String(1 + (i % 28)).padStart(2, '0')}`,
);
const growing = Float64Array.from(dates, (_, i) => 1000 * 1.05 ** i);
const none = new Float64Array(60);

const report = reportSchema.parse({
  schema: 1,
  run: {
    ...{ id: '0123456789abcdef', strategy: 'ppo', instruments: ['A', 'B', 'C', 'D', 'E'], interval: '1d' },
    ...{ in_sample: false, fill: 'next-open', live_order: 'market on open', largest_volume_share: null, halted: false },
  },
  verdict: {
    gate: 'default@3',
    pass: false,
    results: [
      { figure: 'cost_cover', op: '>=', threshold: 1.5, value: 1.2, margin: -0.3, pass: false },
      { figure: 'pbo', op: '<=', threshold: 0.5, value: null, margin: null, pass: true, reason: 'not applicable: few' },
    ],
    checks: [{ name: 'live_order', pass: true, reason: 'it has one' }],
    failed: ['cost_cover>=1.5', 'honesty:truncation'],
  },
  figures: { sharpe: 1.25, paid_cost: 0.0007, pbo: null },
  reasons: { pbo: 'not applicable: fewer than ten trials' },
  convention: {
    ...{ periods_per_year: 252, risk_free: 0, calendar: 'XNYS', first_session: dates[0], last_session: dates.at(-1) },
    ...{ initial_equity: 1000, sessions_without_mark: 0, ruined: null, benchmark: 'buy and hold of all' },
  },
  ...{ months: [], years: [], drawdowns: [], instruments: [], costs: [], neighbours: [] },
  trials: { ledger: 'abcdefgh-1', since: '2026-01-02T00:00:00Z', count: 12, comparable: 12, sharpe_variance: 0.1 },
  delays: [{ bars: 0.25, total_return: 0.1, sharpe: 1 }],
  policies: [scored('seed 1', 0.3), scored('seed 2', 0.1), scored('random 1', -0.2), scored('flat', 0)],
  importance: { measure: 'logloss', features: [{ feature: 'rsi(14)', mean: 0.02, deviation: 0.001 }] },
  honesty: [
    { name: 'reproduces', pass: true, detail: 'Equal.' },
    { name: 'late-start', pass: true, detail: 'Not applicable: it remembers.' },
    {
      name: 'truncation',
      pass: false,
      detail: 'It looks ahead.',
      broke_at: { instrument: 'B', time: '2020-02-02T21:00:00Z' },
    },
  ],
  provenance: [
    { kind: 'run', id: 'r1', stage: 'backtest', build: 'b1', settings: { cash: 1000 }, seed: 3 },
    { kind: 'model', id: 'm1', stage: 'train', build: 'b1', settings: {}, engine: { name: 'embedded', version: '1' } },
  ],
});

const series: PageSeries = {
  ...{ dates, equity: growing, benchmark: undefined, underwater: none, exposure: none, instruments: [] },
  returns: Float64Array.from(dates, (_, i) => ((i % 7) - 3) / 100),
  logits: Float64Array.from({ length: 70 }, (_, i) => (i % 9) - 4),
  trialSharpes: { values: Float64Array.of(0.1, 0.5, 1), own: 0.5 },
  cpcv: {
    dates,
    growth: [growing, growing.map((v) => v / 2), growing.map((v) => v / 3)].map((g) => Array.from(g, (v) => v / 1000)),
  },
};

describe('the page', () => {
  const page = reportPage(report, series);
  it.each([
    ['the gates with their margins', 'cost_cover &#62;= 1.5'],
    ['what failed', 'Fails cost_cover&#62;=1.5, honesty:truncation'],
    ['an agent’s seeds, and their spread', 'Mean of 2 seeds 20.00 %, from 10.00 % to 30.00 %.'],
    ['what they must beat', '<td>random 1</td>'],
    ['the importance of features', '<td>rsi(14)</td>'],
    ['what it measures', 'log loss gained by shuffling'],
    ['the paths of CPCV', 'CPCV: growth along 3 paths, logarithmic'],
    ['a wide equity in logarithms', 'Equity, logarithmic'],
    ['trials', 'Trials in the ledger, annual Sharpe ratio'],
    ['the probability of overfitting', 'Probability of overfitting'],
    ['where honesty broke', 'It looks ahead. (B, 2020-02-02T21:00:00Z)'],
    ['the chain behind it', 'train · embedded engine 1 · build b1'],
  ])('has %s', (_what, text) => expect(page).toContain(text));

  it('says why a drawing is not there', () => {
    const { cpcv: _, ...without } = series;
    expect(reportPage({ ...report, policies: [] }, without)).toContain('train with --cv cpcv:6,2');
    expect(reportPage({ ...report, policies: [], importance: null }, without)).toContain('nothing was trained');
    expect(page).not.toContain('--cv cpcv');
  });
});

describe('the verdict in the terminal', () => {
  it('fits one screen: at most 45 lines of 80 columns, the agent’s spread included', () => {
    const tables = reportTables(report);
    const lines = tables.reduce((n, t) => n + t.rows.length + 3, 0) + reportNotes(report).length;
    expect(lines).toBeLessThan(45);
    expect(tables[0]!.title).toBe('FAIL  gate default@3: ppo on A, B, C and 2 more');
    expect(tables[0]!.rows[1]).toEqual(['pbo<=0.5', '–', '–', 'not applicable']);
    expect(tables[1]!.rows.every((row) => row.join('  ').length <= 76)).toBe(true);
    expect(tables[2]!.rows[0]).toEqual(['2 × seed', '20.00 %', '10.00 %', '30.00 %', '0.40']);
  });

  it('names what broke, and what passed in one line', () => {
    expect(reportNotes(report).slice(0, -1)).toEqual([
      'FAIL  truncation: It looks ahead. It broke at B, 2020-02-02T21:00:00Z.',
      'pbo: not applicable: few.',
      'Honesty checks: reproduces pass; late-start not applicable; truncation FAIL.',
    ]);
  });
});
