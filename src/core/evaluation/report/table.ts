import { FIGURE_NAMES } from '../metrics/index.js';
import type { ReportDocument } from './document.js';
import { formatFigure, percent } from './format.js';

/** A table for people: what a terminal or a page draws. */
export interface TableModel {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The verdict in one screen: gates, the figures that matter, and of an agent what it must beat. */
export function reportTables(report: ReportDocument): readonly TableModel[] {
  const { verdict, run, convention } = report;
  const names = run.instruments;
  const on = names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
  const tables: TableModel[] = [
    {
      title: `${verdict.pass ? 'PASS' : 'FAIL'}  gate ${verdict.gate}: ${run.strategy} on ${on}`,
      head: ['gate', 'value', 'margin', ''],
      rows: verdict.results.map((r) => [
        `${r.figure}${r.op}${r.threshold}`,
        formatFigure(r.figure, r.value),
        r.margin === null ? '–' : `${r.margin < 0 ? '' : '+'}${formatFigure(r.figure, r.margin)}`,
        r.pass ? (r.value === null ? 'not applicable' : 'pass') : 'FAIL',
      ]),
    },
    {
      title: `${convention.first_session} to ${convention.last_session}, ${convention.sessions_without_mark > 0 ? `${convention.sessions_without_mark} sessions without a price, ` : ''}${run.interval} bars`,
      head: ['figure', 'value', 'figure', 'value'],
      rows: LEFT.map(([title, name], i) => {
        const [other, beside] = RIGHT[i]!;
        return [title, formatFigure(name, report.figures[name]), other, formatFigure(beside, report.figures[beside])];
      }),
    },
  ];
  if (report.policies.length > 0)
    tables.push({
      title: 'The agent’s seeds, and what they must beat on the same bars and costs',
      head: ['policy', 'mean return', 'least', 'most', 'mean Sharpe'],
      rows: policyRows(report.policies),
    });
  return tables;
}

/** What of the report is a sentence: what failed and why, honesty checks, and the conventions. */
export function reportNotes(report: ReportDocument): readonly string[] {
  const { verdict, honesty } = report;
  const why = verdict.results.flatMap((r) =>
    r.reason === undefined ? [] : [`${r.pass ? '' : 'FAIL  '}${r.figure}: ${r.reason}.`],
  );
  const broken = honesty.filter((h) => !h.pass);
  const failed = [
    ...verdict.checks
      .filter((c) => !c.pass && !c.name.startsWith('honesty:'))
      .map((c) => `FAIL  ${c.name}: ${c.reason}.`),
    ...broken.map(
      (h) =>
        `FAIL  ${h.name}: ${h.detail}${h.broke_at === undefined ? '' : ` It broke at ${h.broke_at.instrument}, ${h.broke_at.time}.`}`,
    ),
  ];
  const named = (list: typeof honesty) => list.map((h) => h.name).join(', ');
  const skipped = honesty.filter((h) => h.pass && h.detail.startsWith('Not applicable'));
  const passed = honesty.filter((h) => h.pass && !skipped.includes(h));
  const checks = [
    ...(passed.length > 0 ? [`${named(passed)} pass`] : []),
    ...(skipped.length > 0 ? [`${named(skipped)} not applicable`] : []),
    ...(broken.length > 0 ? [`${named(broken)} FAIL`] : []),
  ];
  return [
    ...failed,
    ...why,
    ...(checks.length > 0 ? [`Honesty checks: ${checks.join('; ')}.`] : []),
    reportFootnote(report),
  ];
}

/** Each honesty check with what was seen, for `reports show`. */
export const honestyTable = (report: ReportDocument): TableModel => ({
  title: 'Honesty checks',
  head: ['check', '', 'what was seen'],
  rows: report.honesty.map((h) => [h.name, h.pass ? 'pass' : 'FAIL', h.detail]),
});

/** The spread of an agent's seeds in one sentence. */
export function spreadText(policies: ReportDocument['policies']): string {
  const seeds = policies.filter(({ strategy }) => strategy.startsWith('seed '));
  const returns = seeds.map(({ total_return }) => total_return).sort((a, b) => a - b);
  const mean = returns.reduce((a, b) => a + b, 0) / returns.length;
  return `Mean of ${seeds.length} seeds ${percent(mean)}, from ${percent(returns[0]!)} to ${percent(returns.at(-1)!)}.`;
}

/** Kinds of policies: seeds and random ones by their spread, the others as they are. */
function policyRows(policies: ReportDocument['policies']): string[][] {
  const kinds = [...new Set(policies.map(({ strategy }) => strategy.replace(/ \d+$/, '')))];
  return kinds.map((kind) => {
    const own = policies.filter(({ strategy }) => strategy.replace(/ \d+$/, '') === kind);
    const returns = own.map(({ total_return }) => total_return).sort((a, b) => a - b);
    const sharpes = own.flatMap(({ sharpe }) => (sharpe === null ? [] : [sharpe]));
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const several = own.length > 1;
    return [
      several ? `${own.length} × ${kind}` : kind,
      percent(mean(returns)),
      several ? percent(returns[0]!) : '',
      several ? percent(returns.at(-1)!) : '',
      sharpes.length === 0 ? '–' : formatFigure('sharpe', mean(sharpes)),
    ];
  });
}

/** The line under the tables: how the figures are annualised, and against how many trials. */
export function reportFootnote(report: ReportDocument): string {
  const { convention, trials } = report;
  const parts = [
    `Session returns, ${convention.periods_per_year} a year (${convention.calendar}), risk-free ${percent(convention.risk_free)}.`,
    `Alpha and beta to ${convention.benchmark}.`,
  ];
  if (trials !== null)
    parts.push(`Trial ${trials.count} in ledger ${trials.ledger.slice(0, 8)} since ${trials.since.slice(0, 10)}.`);
  for (const { of, trials, sessions, pbo } of report.selections) {
    const among = of === 'study' ? `the ${trials} trials of its study` : `${trials} trials on these bars`;
    parts.push(`Chosen among ${among}: probability of overfitting ${percent(pbo)} (${sessions} sessions).`);
  }
  if (report.paths !== null) {
    const { count, total_return, sharpe } = report.paths;
    const ratio = (value: number) => formatFigure('sharpe', value);
    parts.push(
      `Along ${count} paths of CPCV, costs included: Sharpe ratio ${ratio(sharpe.mean)}, from ${ratio(sharpe.min)} to ${ratio(sharpe.max)}; a loss on ${percent(total_return.below_zero, 0)}.`,
    );
  }
  const { detail } = report.run;
  if (detail !== null)
    parts.push(
      `${detail.detailed} of ${detail.bars} bars with orders in play were followed inside by ${detail.interval} bars.`,
    );
  if (report.run.only_at !== null)
    parts.push(`It enters by pairs of orders (oco, oto): it trades at ${report.run.only_at.join(', ')} only.`);
  if (report.run.in_sample) parts.push('IN SAMPLE: the model was trained on these bars.');
  return parts.join(' ');
}

/** Short titles of the screen: what was earned on the left, */
const LEFT = [
  ['Total return', 'total_return'],
  ['CAGR', 'cagr'],
  ['Buy and hold', 'benchmark_return'],
  ['Alpha a year', 'alpha'],
  ['Beta', 'beta'],
  ['Sharpe ratio', 'sharpe'],
  ['Sortino ratio', 'sortino'],
  ['Calmar ratio', 'calmar'],
  ['Profit factor', 'profit_factor'],
  ['Trades', 'trades'],
  ['Win rate', 'win_rate'],
  ['Mean trade', 'expectancy'],
  ['SQN', 'sqn'],
  ['Kelly', 'kelly'],
  ['Final equity', 'final_equity'],
] as const;

/** and on the right what it took, and whether it may be believed. */
const RIGHT = [
  ['Volatility a year', 'volatility'],
  ['Max. drawdown', 'max_drawdown'],
  ['Longest drawdown, sessions', 'longest_drawdown_sessions'],
  ['Value at risk, 95 %', 'var_95'],
  ['Expected shortfall, 95 %', 'cvar_95'],
  ['Exposure', 'exposure'],
  ['Turnover a year', 'turnover'],
  ['Cost of a fill', 'paid_cost'],
  ['Added cost that ends it', 'break_even_cost'],
  ['Sharpe, one bar late', 'delay_1_sharpe'],
  ['Sharpe, 5 % of bootstrap', 'sharpe_q05'],
  ['Sharpe, neighbours', 'neighbour_sharpe'],
  ['Probabilistic Sharpe', 'probabilistic_sharpe'],
  ['Track record needed, sessions', 'minimum_track_record'],
  ['Trials counted', 'trials_counted'],
] as const;

/** Every figure with its value, for `reports show`. */
export const figureTable = (report: ReportDocument): TableModel => ({
  title: 'Figures',
  head: ['figure', 'value', 'note'],
  rows: [...new Set([...FIGURE_NAMES, ...Object.keys(report.figures)])].map((name) => [
    name,
    formatFigure(name, report.figures[name]),
    report.reasons[name] ?? '',
  ]),
});
