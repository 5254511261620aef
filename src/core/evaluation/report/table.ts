import { FIGURE_NAMES } from '../metrics/index.js';
import type { ReportDocument } from './document.js';
import { figureTitle, formatFigure, percent } from './format.js';

/** A table for people: what a terminal or a page draws. */
export interface TableModel {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The report in one screen: verdict, gates, the figures that matter, what was tried against it. */
export function reportTables(report: ReportDocument): readonly TableModel[] {
  const { verdict, figures, convention } = report;
  const shown = MAIN.filter((name) => figures[name] !== undefined);
  const tables: TableModel[] = [
    {
      title: `${verdict.pass ? 'PASS' : 'FAIL'}  gate ${verdict.gate}`,
      head: ['gate', 'value', 'margin', ''],
      rows: [
        ...verdict.results.map((r) => [
          `${r.figure}${r.op}${r.threshold}`,
          formatFigure(r.figure, r.value),
          r.margin === null ? '–' : `${r.margin < 0 ? '' : '+'}${formatFigure(r.figure, r.margin)}`,
          `${r.pass ? 'pass' : 'FAIL'}${r.reason === undefined ? '' : ` (${r.reason})`}`,
        ]),
        ...verdict.checks.map((c) => [c.name, '', '', `${c.pass ? 'pass' : 'FAIL'} (${c.reason})`]),
      ],
    },
    {
      title: `${report.run.strategy} on ${report.run.instruments.join(', ')}, ${convention.first_session} to ${convention.last_session}`,
      head: ['figure', 'value'],
      rows: shown.map((name) => [figureTitle(name), formatFigure(name, figures[name])]),
    },
  ];
  if (report.policies.length > 0)
    tables.push({
      title: 'The agent’s seeds, and what they must beat on the same bars and costs',
      head: ['policy', 'total return', 'sharpe'],
      rows: policyRows(report.policies),
    });
  if (report.honesty.length > 0)
    tables.push({
      title: 'Honesty checks',
      head: ['check', '', 'what was seen'],
      rows: report.honesty.map((h) => [h.name, h.pass ? 'pass' : 'FAIL', h.detail]),
    });
  return tables;
}

/** Each policy, and the spread over the seeds. */
function policyRows(policies: ReportDocument['policies']): string[][] {
  const seeds = policies.filter(({ strategy }) => strategy.startsWith('seed '));
  const returns = seeds.map(({ total_return }) => total_return).sort((a, b) => a - b);
  const mean = returns.reduce((a, b) => a + b, 0) / returns.length;
  return [
    ...policies.map((p) => [
      p.strategy,
      formatFigure('total_return', p.total_return),
      p.sharpe === null ? '–' : formatFigure('sharpe', p.sharpe),
    ]),
    [`mean of ${seeds.length} seeds`, formatFigure('total_return', mean), ''],
    ['least and most', `${percent(returns[0]!)} to ${percent(returns.at(-1)!)}`, ''],
  ];
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
  const { detail } = report.run;
  if (detail !== null)
    parts.push(
      `${detail.detailed} of ${detail.bars} bars with orders in play were followed inside by ${detail.interval} bars.`,
    );
  if (report.run.in_sample) parts.push('IN SAMPLE: the model was trained on these bars.');
  return parts.join(' ');
}

const MAIN = [
  'total_return',
  'cagr',
  'benchmark_return',
  'volatility',
  'sharpe',
  'sortino',
  'calmar',
  'max_drawdown',
  'longest_drawdown_sessions',
  'alpha',
  'beta',
  'trades',
  'win_rate',
  'profit_factor',
  'expectancy',
  'average_trade',
  'sqn',
  'kelly',
  'exposure',
  'turnover',
  'costs',
  'var_95',
  'cvar_95',
  'final_equity',
  'probabilistic_sharpe',
  'deflated_sharpe',
  'minimum_track_record',
  'pbo',
  'random_entry_p',
  'break_even_cost',
  'neighbour_sharpe',
  'delay_half_sharpe',
  'delay_1_sharpe',
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
