import { mean, standardDeviation, sum } from '../stats.js';
import { NO_VARIATION } from './returns.js';

/** What the figures need of closed round trips: net profit in account currency, net return on entry value, bars held. */
export interface TradeResults {
  readonly pnl: Float64Array;
  readonly return: Float64Array;
  readonly barsHeld: Float64Array;
}

export interface TradeFigures {
  readonly trades: number;
  readonly winRate: number;
  /** Σ winning pnl / |Σ losing pnl|: Infinity without losers, NaN without either. */
  readonly profitFactor: number;
  /** Mean net return of a trade. */
  readonly expectancy: number;
  /** Mean net pnl of a trade. */
  readonly averageTrade: number;
  /** Mean return of winners and of losers. */
  readonly averageWin: number;
  readonly averageLoss: number;
  /** averageWin / |averageLoss|. */
  readonly payoffRatio: number;
  readonly bestTrade: number;
  readonly worstTrade: number;
  /** √n · mean(pnl) / std(pnl) (Van Tharp's system quality number, n not capped). */
  readonly sqn: number;
  /** W − (1 − W) / payoff ratio. */
  readonly kelly: number;
  readonly averageBarsHeld: number;
  readonly longestWinningStreak: number;
  readonly longestLosingStreak: number;
}

/** Figures of closed trades. A trade with net pnl > 0 is a win, < 0 a loss; 0 is neither but counts as a trade. */
export function tradeFigures(trades: TradeResults): TradeFigures {
  const { pnl } = trades;
  const n = pnl.length;
  let gains = 0;
  let losses = 0;
  let wins = 0;
  let losers = 0;
  let winReturns = 0;
  let lossReturns = 0;
  let best = Number.NEGATIVE_INFINITY;
  let worst = Number.POSITIVE_INFINITY;
  let streak = 0;
  let longestWin = 0;
  let longestLoss = 0;
  for (let i = 0; i < n; i++) {
    const value = pnl[i]!;
    const r = trades.return[i]!;
    if (r > best) best = r;
    if (r < worst) worst = r;
    if (value > 0) {
      gains += value;
      wins++;
      winReturns += r;
      streak = streak > 0 ? streak + 1 : 1;
    } else if (value < 0) {
      losses -= value;
      losers++;
      lossReturns += r;
      streak = streak < 0 ? streak - 1 : -1;
    } else streak = 0;
    if (streak > longestWin) longestWin = streak;
    if (-streak > longestLoss) longestLoss = -streak;
  }
  const winRate = wins / n;
  const averageWin = winReturns / wins;
  const averageLoss = lossReturns / losers;
  const payoffRatio = averageWin / -averageLoss;
  const deviation = standardDeviation(pnl);
  const some = n > 0;
  return {
    trades: n,
    winRate,
    profitFactor: gains / losses,
    expectancy: mean(trades.return),
    averageTrade: mean(pnl),
    averageWin,
    averageLoss,
    payoffRatio,
    bestTrade: some ? best : Number.NaN,
    worstTrade: some ? worst : Number.NaN,
    sqn: deviation > NO_VARIATION ? (Math.sqrt(n) * mean(pnl)) / deviation : Number.NaN,
    kelly: winRate - (1 - winRate) / payoffRatio,
    averageBarsHeld: sum(trades.barsHeld) / n,
    longestWinningStreak: longestWin,
    longestLosingStreak: longestLoss,
  };
}

/** Rows of the trades for which `keep` holds, as new arrays. */
export function filterTrades(trades: TradeResults, keep: (row: number) => boolean): TradeResults {
  const rows: number[] = [];
  for (let i = 0; i < trades.pnl.length; i++) if (keep(i)) rows.push(i);
  const pick = (column: Float64Array) => Float64Array.from(rows, (row) => column[row]!);
  return { pnl: pick(trades.pnl), return: pick(trades.return), barsHeld: pick(trades.barsHeld) };
}
