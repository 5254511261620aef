import { nearest, splitTopLevel } from '../../config/index.js';
import type { BacktestResult } from '../../engine/backtest.js';
import { QuantlineError } from '../../errors/index.js';
import {
  cagr,
  type GateCondition,
  NO_VARIATION,
  parseCondition,
  type SessionAxis,
  sessionReturns,
  sharpe,
  sortino,
  tradeFigures,
} from '../../evaluation/index.js';
import { standardDeviation } from '../../evaluation/stats.js';

/** Figures of each combination, in the order of the columns; by the formulas of README.md. */
export const SWEEP_FIGURES = [
  'final_equity',
  'total_return',
  'cagr',
  'volatility',
  'sharpe',
  'sortino',
  'calmar',
  'max_drawdown',
  'trades',
  'win_rate',
  'profit_factor',
  'expectancy',
  'average_trade',
  'payoff_ratio',
  'best_trade',
  'worst_trade',
  'sqn',
  'kelly',
  'average_bars_held',
  'costs',
  'turnover',
  'orders',
  'sessions',
] as const;
export type SweepFigure = (typeof SWEEP_FIGURES)[number];
const AT = Object.fromEntries(SWEEP_FIGURES.map((name, i) => [name, i])) as Record<SweepFigure, number>;

/** Writes one run's figures into out[offset …], NaN where a figure is not defined; returns its session returns. */
export function writeFigures(
  result: BacktestResult,
  initialEquity: number,
  axis: SessionAxis,
  sessionOf: Int32Array,
  out: Float64Array,
  offset: number,
): Float64Array {
  const { equity } = result.equity;
  const set = (name: SweepFigure, value: number) => {
    out[offset + AT[name]] = Number.isFinite(value) ? value : Number.NaN;
  };
  const P = axis.periodsPerYear;
  const n = axis.dates.length;
  const { returns } = sessionReturns(equity, sessionOf, n, initialEquity);
  const final = equity[equity.length - 1]!;
  const deviation = standardDeviation(returns);
  const annual = cagr(initialEquity, final, n, P);
  let peak = initialEquity;
  let worst = 0;
  let sum = 0;
  for (let i = 0; i < equity.length; i++) {
    const value = equity[i]!;
    sum += value;
    if (value >= peak) peak = value;
    else if (value / peak - 1 < worst) worst = value / peak - 1;
  }
  const mean = sum / equity.length;
  const t = tradeFigures(result.trades);
  set('final_equity', final);
  set('total_return', final / initialEquity - 1);
  set('cagr', annual);
  set('volatility', deviation * Math.sqrt(P));
  set('sharpe', deviation > NO_VARIATION ? sharpe(returns, P) : Number.NaN);
  set('sortino', returns.length < 2 ? Number.NaN : sortino(returns, P));
  set('max_drawdown', worst);
  set('calmar', worst < 0 ? annual / -worst : Number.NaN);
  set('trades', t.trades);
  set('win_rate', t.winRate);
  set('profit_factor', t.profitFactor);
  set('expectancy', t.expectancy);
  set('average_trade', t.averageTrade);
  set('payoff_ratio', t.payoffRatio);
  set('best_trade', t.bestTrade);
  set('worst_trade', t.worstTrade);
  set('sqn', t.sqn);
  set('kelly', t.kelly);
  set('average_bars_held', t.averageBarsHeld);
  set('costs', result.costs);
  set('turnover', mean > 0 ? result.turnover / mean / (n / P) : Number.NaN);
  set('orders', result.fills.price.length);
  set('sessions', n);
  return returns;
}

/** What a sweep ranks by: conditions that must hold, and a figure; `-figure` looks for the smallest. */
export interface Ranking {
  readonly figure: SweepFigure;
  readonly sign: 1 | -1;
  readonly conditions: readonly GateCondition[];
}

/** Reads `sharpe`, `-volatility`, or `profit_factor,trades>=30,max_drawdown>=-20%`. */
export function parseRanking(text: string): Ranking {
  const conditions: GateCondition[] = [];
  let found: { figure: SweepFigure; sign: 1 | -1 } | undefined;
  for (const { text: raw } of splitTopLevel(text)) {
    const item = raw.trim();
    if (/[<>=!]/.test(item)) {
      conditions.push(parseCondition(item, SWEEP_FIGURES));
      continue;
    }
    const name = item.replace(/^-/, '');
    const figure = SWEEP_FIGURES.find((known) => known === name);
    if (figure === undefined || found !== undefined) {
      const near = nearest(name, SWEEP_FIGURES);
      const what = figure === undefined ? `there is no figure "${name}"` : 'it names two figures';
      throw new QuantlineError('USAGE', `Cannot rank a sweep by "${text}": ${what}.`, {
        hint:
          figure !== undefined || near === undefined
            ? `One of ${SWEEP_FIGURES.join(', ')}, and conditions such as trades>=30.`
            : `Did you mean ${near}?`,
      });
    }
    found = { figure, sign: item.startsWith('-') ? -1 : 1 };
  }
  return { ...(found ?? { figure: 'sharpe', sign: 1 }), conditions };
}

/** Value of a figure in row `row` of the table. */
export const figureAt = (table: Float64Array, row: number, figure: SweepFigure): number =>
  table[row * SWEEP_FIGURES.length + AT[figure]]!;

/** Whether all conditions hold in a row; an undefined figure holds none. */
export const passes = (table: Float64Array, row: number, { conditions }: Ranking): boolean =>
  conditions.every(({ figure, op, threshold }) => {
    const value = figureAt(table, row, figure as SweepFigure);
    if (op === '>=') return value >= threshold;
    if (op === '<=') return value <= threshold;
    return op === '>' ? value > threshold : value < threshold;
  });

/** Rows, the best first: those that pass, by the figure; the earlier of equals; undefined figures last. */
export function rankRows(table: Float64Array, rows: number, ranking: Ranking): number[] {
  const pass = Array.from({ length: rows }, (_, row) => passes(table, row, ranking));
  const score = Array.from({ length: rows }, (_, row) => {
    const value = ranking.sign * figureAt(table, row, ranking.figure);
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  });
  return Array.from({ length: rows }, (_, row) => row).sort(
    (a, b) => Number(pass[b]) - Number(pass[a]) || (score[b]! > score[a]! ? 1 : score[b]! < score[a]! ? -1 : a - b),
  );
}
