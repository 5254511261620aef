import type { BarColumns } from '../../domain/bars.js';
import { FIGURE_NAMES } from '../metrics/index.js';
import type { ReportDocument } from '../report/document.js';
import { figureTitle, formatFigure, money, percent } from '../report/format.js';
import { reportFootnote, spreadText } from '../report/table.js';
import type { PathCurves } from '../robustness/index.js';
import { type ChartTrade, candleChart } from './candles.js';
import {
  costChart,
  distributionChart,
  drawdownChart,
  equityChart,
  exposureChart,
  fanChart,
  histogram,
  pathsChart,
  rollingSharpeChart,
} from './charts.js';
import { STYLE } from './style.js';
import { gateTable, monthTable, passFail, table, valueMeter } from './tables.js';
import { escapeHtml } from './text.js';

/** Series behind the page. Arrays over sessions have one value per date. */
export interface PageSeries {
  readonly dates: readonly string[];
  readonly equity: Float64Array;
  readonly benchmark: Float64Array | undefined;
  readonly returns: Float64Array;
  readonly underwater: Float64Array;
  /** Gross position value over equity at each session's end. */
  readonly exposure: Float64Array;
  readonly instruments: readonly { readonly bars: BarColumns; readonly trades: readonly ChartTrade[] }[];
  readonly fan?: Readonly<Record<'q05' | 'q25' | 'q50' | 'q75' | 'q95', Float64Array>>;
  /** Annual Sharpe ratios of the ledger's trials, this one marked. */
  readonly trialSharpes?: { readonly values: Float64Array; readonly own: number };
  readonly logits?: Float64Array;
  /** Paths of the model's combinatorial cross-validation; undefined where it had none. */
  readonly cpcv?: PathCurves;
}

const CARDS = [
  ['Total return', 'total_return'],
  ['CAGR', 'cagr'],
  ['Sharpe ratio', 'sharpe'],
  ['Max. drawdown', 'max_drawdown'],
  ['Profit factor', 'profit_factor'],
  ['Trades', 'trades'],
  ['Win rate', 'win_rate'],
  ['Exposure', 'exposure'],
] as const;
/** Instruments whose trades are drawn. */
const DRAWN = 6;

/** The whole report as one self-contained HTML file: no script, no network. */
export function reportPage(report: ReportDocument, series: PageSeries): string {
  const { verdict, figures, convention, run } = report;
  const P = convention.periods_per_year;
  const title = `${run.strategy} on ${run.instruments.slice(0, 4).join(', ')}${run.instruments.length > 4 ? ' …' : ''}`;
  const cards = CARDS.map(
    ([short, name]) =>
      `<div class="card"><span>${short}</span><b>${escapeHtml(formatFigure(name, figures[name]))}</b></div>`,
  ).join('');
  const sections = [
    `<h1>${escapeHtml(title)} <span class="badge ${verdict.pass ? 'pass' : 'fail'}">${verdict.pass ? 'PASS' : 'FAIL'}</span></h1>
<p class="soft">${convention.first_session} to ${convention.last_session} · ${escapeHtml(run.interval)} bars · gate ${escapeHtml(verdict.gate)} · run ${run.id}</p>
${verdict.pass ? '' : `<p class="fail">Fails ${escapeHtml(verdict.failed.join(', '))}</p>`}
<div class="cards">${cards}</div>`,
    section('Gates', gateTable(verdict.results) + checksTable(report)),
    section(
      'Equity',
      equityChart(series.dates, series.equity, series.benchmark) +
        drawdownChart(series.dates, series.underwater) +
        exposureChart(series.dates, series.exposure),
    ),
    section('Months', monthTable(report.months, report.years)),
    section(
      'Returns',
      `<div class="two">${rollingSharpeChart(series.dates, series.returns, P)}${distributionChart(series.returns, figures['var_95'] ?? null)}</div>`,
    ),
    section('Robustness', robustness(report, series)),
    section('The agent’s seeds, and what they must beat', policies(report)),
    section('Importance of features', importances(report)),
    section('Honesty checks', honesty(report)),
    section('Trades', trades(series)),
    section('Drawdowns', drawdownTable(report)),
    section('Instruments', instruments(report)),
    section('All figures', figureList(report)),
    section('Provenance', provenance(report)),
    `<p class="soft">${escapeHtml(reportFootnote(report))}</p>`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>${escapeHtml(title)}: ${verdict.pass ? 'pass' : 'fail'}</title><style>${STYLE}</style></head>
<body><main>${sections.join('\n')}</main></body></html>
`;
}

const section = (title: string, body: string): string => (body === '' ? '' : `<h2>${title}</h2>${body}`);

function checksTable({ verdict }: ReportDocument): string {
  if (verdict.checks.length === 0) return '';
  return table(
    ['check', '', ''],
    verdict.checks.map((c) => [c.name, passFail(c.pass), c.reason]),
    [2],
  );
}

function robustness(report: ReportDocument, series: PageSeries): string {
  const parts: string[] = [];
  if (series.cpcv !== undefined && series.cpcv.growth.length > 0) parts.push(pathsChart(series.cpcv));
  if (series.fan !== undefined)
    parts.push(fanChart('Stationary bootstrap of the returns', series.dates, series.fan, series.equity));
  if (report.costs.length > 1) {
    const breakEven = report.figures['break_even_cost'] ?? null;
    parts.push(
      costChart(
        report.costs.map((p) => p.added),
        report.costs.map((p) => p.total_return),
        breakEven,
      ),
    );
  }
  if (series.trialSharpes !== undefined && series.trialSharpes.values.length > 1)
    parts.push(
      histogram('Trials in the ledger, annual Sharpe ratio', series.trialSharpes.values, (v) => v.toFixed(1), {
        value: series.trialSharpes.own,
        label: 'this run',
      }),
    );
  if (series.logits !== undefined)
    parts.push(
      histogram(
        `Probability of overfitting ${formatFigure('pbo', report.figures['pbo'])}: CSCV logits, overfit below zero`,
        series.logits,
        (v) => v.toFixed(1),
        {
          value: 0,
          label: 'median rank',
        },
      ),
    );
  const charts = parts.filter((p) => p !== '');
  const delays = report.delays.map((d) => [
    d.bars < 1 ? `fills ${d.bars} of a bar late` : `decisions ${d.bars} ${d.bars === 1 ? 'bar' : 'bars'} late`,
    percent(d.total_return),
    d.sharpe === null ? '–' : d.sharpe.toFixed(2),
  ]);
  const delayTable = delays.length === 0 ? '' : table(['delay', 'total return', 'Sharpe ratio'], delays);
  const neighbours = report.neighbours.map((n) => [
    n.strategy,
    percent(n.total_return),
    n.sharpe === null ? '–' : n.sharpe.toFixed(2),
  ]);
  const neighbourTable =
    neighbours.length === 0 ? '' : table(['neighbouring arguments', 'total return', 'Sharpe ratio'], neighbours);
  return (
    (charts.length === 0 ? '' : `<div class="two">${charts.join('')}</div>`) +
    missing(report, series) +
    delayTable +
    neighbourTable
  );
}

/** Why a drawing that one would look for is not there. */
function missing({ reasons, importance, policies: agents }: ReportDocument, series: PageSeries): string {
  const notes = [];
  if (series.cpcv === undefined && agents.length === 0)
    notes.push(
      importance === null
        ? 'No paths of combinatorial cross-validation: nothing was trained, so all of them are the backtest itself.'
        : 'No paths of combinatorial cross-validation: train with --cv cpcv:6,2 to see them.',
    );
  if (reasons['pbo'] !== undefined) notes.push(`No probability of overfitting: ${reasons['pbo']}.`);
  return notes.map((note) => `<p class="soft">${escapeHtml(note)}</p>`).join('');
}

const MEASURES = {
  logloss: 'log loss gained by shuffling',
  rmse: 'error (RMSE) gained by shuffling',
  position: 'position moved by shuffling',
};

function importances({ importance }: ReportDocument): string {
  if (importance === null) return '';
  const shown = importance.features.slice(0, 20);
  const rest = importance.features.length - shown.length;
  const largest = Math.max(...shown.map((f) => Math.abs(f.mean)));
  const rows = shown.map((f) => [
    f.feature,
    { html: valueMeter(f.mean, largest) },
    `${f.mean.toPrecision(3)}${f.deviation > 0 ? ` ± ${f.deviation.toPrecision(1)}` : ''}`,
  ]);
  const more = rest > 0 ? `<p class="soft">${rest} more features below.</p>` : '';
  return table(['feature', '', MEASURES[importance.measure]], rows) + more;
}

/** An agent's seeds beside what they must beat. */
function policies({ policies: all }: ReportDocument): string {
  if (all.length === 0) return '';
  const largest = Math.max(...all.map((p) => Math.abs(p.total_return)));
  const rows = all.map((p) => [
    p.strategy,
    { html: valueMeter(p.total_return, largest) },
    percent(p.total_return),
    p.sharpe === null ? '–' : p.sharpe.toFixed(2),
  ]);
  return `<p class="soft">${escapeHtml(spreadText(all))}</p>${table(['policy', '', 'total return', 'Sharpe ratio'], rows)}`;
}

function honesty(report: ReportDocument): string {
  if (report.honesty.length === 0) return '';
  const rows = report.honesty.map((h) => [
    h.name,
    passFail(h.pass),
    h.broke_at === undefined ? h.detail : `${h.detail} (${h.broke_at.instrument}, ${h.broke_at.time})`,
  ]);
  return table(['check', '', 'what was seen'], rows, [2]);
}

function trades(series: PageSeries): string {
  const traded = series.instruments.filter((i) => i.trades.length > 0);
  const drawn = traded.slice(0, DRAWN).map((i) => candleChart(i.bars, i.trades));
  const rest = traded.length - drawn.length;
  return drawn.join('') + (rest > 0 ? `<p class="soft">${rest} more instruments traded.</p>` : '');
}

function drawdownTable(report: ReportDocument): string {
  if (report.drawdowns.length === 0) return '';
  return table(
    ['depth', 'from', 'trough', 'recovered', 'sessions'],
    report.drawdowns.map((d) => [
      percent(d.depth),
      d.start.slice(0, 10),
      d.trough.slice(0, 10),
      d.end?.slice(0, 10) ?? 'not yet',
      String(d.sessions),
    ]),
  );
}

function instruments(report: ReportDocument): string {
  const rows = report.instruments.map((i) => [
    i.instrument,
    String(i.trades),
    money(i.pnl),
    percent(i.contribution),
    money(i.costs),
    formatFigure('win_rate', i.win_rate),
    formatFigure('profit_factor', i.profit_factor),
  ]);
  return table(['instrument', 'trades', 'net profit', 'contribution', 'costs', 'win rate', 'profit factor'], rows);
}

function figureList(report: ReportDocument): string {
  const names = [...new Set([...FIGURE_NAMES, ...Object.keys(report.figures)])];
  const rows = names.map((name) => [
    figureTitle(name),
    name,
    formatFigure(name, report.figures[name]),
    report.reasons[name] ?? '',
  ]);
  return `<details><summary>${names.length} figures</summary>${table(['figure', 'name', 'value', 'note'], rows, [3])}</details>`;
}

/** What the report rests on, nearest first: each artefact with the settings that made it. */
function provenance(report: ReportDocument): string {
  return report.provenance
    .map((p) => {
      const made = [
        p.stage,
        ...(p.engine === undefined ? [] : [`${p.engine.name} engine ${p.engine.version}`]),
        ...(p.seed === undefined ? [] : [`seed ${p.seed}`]),
        `build ${p.build}`,
      ].join(' · ');
      const settings = escapeHtml(JSON.stringify(p.settings, undefined, 1));
      return `<details><summary><b>${escapeHtml(p.kind)}</b> <code>${p.id}</code> <span class="soft">${escapeHtml(made)}</span></summary><pre>${settings}</pre></details>`;
    })
    .join('');
}
