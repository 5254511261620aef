import { filterTrades, type TradeResults, tradeFigures } from './trades.js';

export interface InstrumentFigures {
  readonly instrument: string;
  readonly trades: number;
  /** Net and of costs, in account currency. */
  readonly pnl: number;
  readonly costs: number;
  /** pnl / initial equity. */
  readonly contribution: number;
  readonly win_rate: number | null;
  /** null without trades or without a losing one. */
  readonly profit_factor: number | null;
  readonly expectancy: number | null;
}

const orNull = (x: number) => (Number.isFinite(x) ? x : null);

/** Closed trades by instrument, in the order of `instruments`; those that never traded are listed with zeros. */
export function perInstrument(
  trades: TradeResults & { readonly instrument: Float64Array; readonly costs: Float64Array },
  instruments: readonly string[],
  initialEquity: number,
): readonly InstrumentFigures[] {
  const costs = new Float64Array(instruments.length);
  const pnl = new Float64Array(instruments.length);
  for (let i = 0; i < trades.pnl.length; i++) {
    const j = trades.instrument[i]!;
    costs[j] = costs[j]! + trades.costs[i]!;
    pnl[j] = pnl[j]! + trades.pnl[i]!;
  }
  return instruments.map((instrument, j) => {
    const t = tradeFigures(filterTrades(trades, (row) => trades.instrument[row] === j));
    return {
      instrument,
      trades: t.trades,
      pnl: pnl[j]!,
      costs: costs[j]!,
      contribution: pnl[j]! / initialEquity,
      win_rate: orNull(t.winRate),
      profit_factor: orNull(t.profitFactor),
      expectancy: orNull(t.expectancy),
    };
  });
}
