import { invariant, QuantlineError } from '../../errors/index.js';
import { kurtosis, mean, skewness, standardDeviation } from '../stats.js';
import { type Drawdown, drawdowns, maxDrawdown, underwater } from './drawdown.js';
import { FIGURE_NAMES, type FigureName, type FigureSet } from './names.js';
import {
  againstBenchmark,
  cagr,
  conditionalValueAtRisk,
  NO_VARIATION,
  omega,
  sharpe,
  sortino,
  tailRatio,
  valueAtRisk,
} from './returns.js';
import {
  type PeriodReturn,
  periodReturns,
  type SessionAxis,
  type SessionReturns,
  sessionOfMarks,
  sessionReturns,
} from './sessions.js';
import { type TradeResults, tradeFigures } from './trades.js';

/** A run as the figures see it. Marks are the clock's instants; all arrays of marks have one length. */
export interface FigureInput {
  readonly initialEquity: number;
  /** Clock instants, epoch ms, ascending. */
  readonly time: Float64Array;
  /** Account value at each instant, open positions at the last price. */
  readonly equity: Float64Array;
  /** Σ |position value| at each instant. */
  readonly gross: Float64Array;
  /** Value of the benchmark at each instant; absent where there is none. */
  readonly benchmark?: Float64Array;
  /** The benchmark's value before the first instant. */
  readonly benchmarkInitial?: number;
  /** Closed round trips, by exit time. */
  readonly trades: TradeResults;
  /** Σ |value| of all fills, and Σ costs, in account currency. */
  readonly tradedValue: number;
  readonly costs: number;
  readonly sessions: SessionAxis;
  /** Annual; the rate of one session is riskFree / periodsPerYear. */
  readonly riskFree?: number;
}

export interface DrawdownSpan {
  readonly depth: number;
  /** Instants; `start` is the peak, `end` the recovery, null while it lasts. */
  readonly start: number;
  readonly trough: number;
  readonly end: number | null;
  /** Sessions from the peak to the recovery, or to the end of the run. */
  readonly sessions: number;
}

export interface FigureResult extends FigureSet {
  readonly periodsPerYear: number;
  readonly riskFree: number;
  readonly session: SessionReturns;
  readonly benchmarkReturns: Float64Array | undefined;
  readonly months: readonly PeriodReturn[];
  readonly years: readonly PeriodReturn[];
  /** The deepest five, deepest first. */
  readonly drawdowns: readonly DrawdownSpan[];
}

const WHY = {
  sessions: 'needs at least two sessions',
  flat: 'returns do not vary',
  noLoss: 'no losing session, the ratio is unbounded',
  noTrade: 'no trades',
  noLosers: 'no losing trade, the ratio is unbounded',
  noWinners: 'no winning trade',
  twoTrades: 'needs at least two trades that differ',
  noFall: 'equity never fell, the ratio is unbounded',
  benchmark: 'no benchmark',
  fixedBenchmark: 'the benchmark does not vary',
  equity: 'mean equity is not positive',
} as const;

/** All figures of one run. Throws NO_DATA for a run without a single mark. */
export function computeFigures(input: FigureInput): FigureResult {
  const { time, equity, sessions: axis } = input;
  if (time.length === 0)
    throw new QuantlineError('NO_DATA', 'The run has no bars, so there is nothing to evaluate.', {
      hint: 'Backtest a longer range, or check that the data reaches past the training range and its embargo.',
    });
  invariant(equity.length === time.length && input.gross.length === time.length, 'equity columns differ in length');
  invariant(input.initialEquity > 0, 'initial equity must be positive');
  const riskFree = input.riskFree ?? 0;
  const P = axis.periodsPerYear;
  const perSession = riskFree / P;
  const sessionOf = sessionOfMarks(time, axis);
  const session = sessionReturns(equity, sessionOf, axis.dates.length, input.initialEquity);
  const r = session.returns;
  const n = r.length;
  const final = equity[equity.length - 1]!;

  const values = Object.fromEntries(FIGURE_NAMES.map((name) => [name, null])) as Record<FigureName, number | null>;
  const reasons: Partial<Record<FigureName, string>> = {};
  const set = (name: FigureName, value: number, why: string) => {
    if (Number.isFinite(value)) values[name] = value;
    else reasons[name] = why;
  };

  set('final_equity', final, '');
  set('total_return', final / input.initialEquity - 1, '');
  set('cagr', cagr(input.initialEquity, final, axis.dates.length, P), 'the range is too short to annualise');
  set('sessions', axis.dates.length, '');

  const several = n < 2 ? WHY.sessions : undefined;
  const flat = several ?? WHY.flat;
  const varies = standardDeviation(r) > NO_VARIATION;
  set('volatility', standardDeviation(r) * Math.sqrt(P), WHY.sessions);
  set('sharpe', sharpe(r, P, perSession), flat);
  set('sortino', n < 2 ? Number.NaN : sortino(r, P, perSession), several ?? WHY.noLoss);
  set('omega', omega(r), WHY.noLoss);
  set('var_95', n < 2 ? Number.NaN : valueAtRisk(r), WHY.sessions);
  set('cvar_95', n < 2 ? Number.NaN : conditionalValueAtRisk(r), WHY.sessions);
  set('tail_ratio', n < 2 ? Number.NaN : tailRatio(r), several ?? 'the 5 % quantile is zero');
  set('skew', varies ? skewness(r) : Number.NaN, flat);
  set('kurtosis', varies ? kurtosis(r) : Number.NaN, flat);
  set('best_session', max(r), '');
  set('worst_session', min(r), '');
  set('positive_sessions', share(r), '');

  const months = periodReturns(r, axis, 7);
  const monthly = Float64Array.from(months, (m) => m.return);
  set('best_month', max(monthly), '');
  set('worst_month', min(monthly), '');
  set('positive_months', share(monthly), '');

  const falls = drawdowns(equity, input.initialEquity);
  const worst = maxDrawdown(falls);
  const span = (d: Drawdown) => drawdownSpan(d, time, sessionOf, axis);
  const spans = falls.map(span);
  set('max_drawdown', worst?.depth ?? 0, '');
  set('max_drawdown_sessions', worst === undefined ? 0 : span(worst).sessions, '');
  set(
    'longest_drawdown_sessions',
    spans.reduce((longest, s) => Math.max(longest, s.sessions), 0),
    '',
  );
  set('average_drawdown', falls.length === 0 ? 0 : falls.reduce((a, d) => a + d.depth, 0) / falls.length, '');
  set('ulcer_index', Math.sqrt(mean(underwater(session.equity, input.initialEquity).map((d) => d * d))), '');
  set('calmar', worst === undefined ? Number.NaN : (values.cagr ?? Number.NaN) / -worst.depth, WHY.noFall);

  let benchmarkReturns: Float64Array | undefined;
  if (input.benchmark === undefined) {
    for (const name of BENCHMARK) reasons[name] = WHY.benchmark;
  } else {
    const start = input.benchmarkInitial ?? input.benchmark[0]!;
    const held = sessionReturns(input.benchmark, sessionOf, axis.dates.length, start);
    benchmarkReturns = held.returns.slice(0, n);
    set('benchmark_return', input.benchmark[input.benchmark.length - 1]! / start - 1, WHY.benchmark);
    set('benchmark_sharpe', sharpe(held.returns, P, perSession), several ?? WHY.fixedBenchmark);
    const b = againstBenchmark(r, benchmarkReturns, P, perSession);
    set('alpha', b.alpha, several ?? WHY.fixedBenchmark);
    set('beta', b.beta, several ?? WHY.fixedBenchmark);
    set('correlation', b.correlation, several ?? 'the returns or the benchmark do not vary');
    set('tracking_error', b.trackingError, WHY.sessions);
    set('information_ratio', b.informationRatio, several ?? 'returns equal the benchmark');
  }

  const t = tradeFigures(input.trades);
  const trade = (why: string) => (t.trades === 0 ? WHY.noTrade : why);
  set('trades', t.trades, '');
  set('win_rate', t.winRate, trade(''));
  set('profit_factor', t.profitFactor, trade(WHY.noLosers));
  set('expectancy', t.expectancy, trade(''));
  set('average_trade', t.averageTrade, trade(''));
  set('average_win', t.averageWin, trade(WHY.noWinners));
  set('average_loss', t.averageLoss, trade('no losing trade'));
  set('payoff_ratio', t.payoffRatio, trade(t.winRate > 0 ? WHY.noLosers : WHY.noWinners));
  set('best_trade', t.bestTrade, trade(''));
  set('worst_trade', t.worstTrade, trade(''));
  set('sqn', t.sqn, trade(WHY.twoTrades));
  set('kelly', t.kelly, trade(t.winRate > 0 ? WHY.noLosers : WHY.noWinners));
  set('average_bars_held', t.averageBarsHeld, trade(''));
  set('longest_winning_streak', t.longestWinningStreak, '');
  set('longest_losing_streak', t.longestLosingStreak, '');

  const years = axis.dates.length / P;
  set('exposure', share(input.gross), '');
  set('average_leverage', mean(input.gross.map((g, i) => g / equity[i]!)), WHY.equity);
  const average = mean(equity);
  set('turnover', average > 0 ? input.tradedValue / average / years : Number.NaN, WHY.equity);
  set('costs', input.costs, '');

  return {
    values,
    reasons,
    periodsPerYear: P,
    riskFree,
    session,
    benchmarkReturns,
    months,
    years: periodReturns(r, axis, 4),
    drawdowns: spans.sort((a, b) => a.depth - b.depth || a.start - b.start).slice(0, 5),
  };
}

const BENCHMARK = [
  'benchmark_return',
  'benchmark_sharpe',
  'alpha',
  'beta',
  'correlation',
  'tracking_error',
  'information_ratio',
] as const;

function drawdownSpan(d: Drawdown, time: Float64Array, sessionOf: Int32Array, axis: SessionAxis): DrawdownSpan {
  const last = time.length - 1;
  const from = d.peak < 0 ? -1 : sessionOf[d.peak]!;
  const to = sessionOf[d.recovery ?? last]!;
  return {
    depth: d.depth,
    start: d.peak < 0 ? axis.open[0]! : time[d.peak]!,
    trough: time[d.trough]!,
    end: d.recovery === undefined ? null : time[d.recovery]!,
    sessions: to - from,
  };
}

function max(x: Float64Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < x.length; i++) if (x[i]! > best) best = x[i]!;
  return best;
}

function min(x: Float64Array): number {
  let worst = Number.POSITIVE_INFINITY;
  for (let i = 0; i < x.length; i++) if (x[i]! < worst) worst = x[i]!;
  return worst;
}

/** Share of values above zero. */
function share(x: Float64Array): number {
  let count = 0;
  for (let i = 0; i < x.length; i++) if (x[i]! > 0) count++;
  return count / x.length;
}
