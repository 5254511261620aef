/** How a figure is printed; `cost` is a fraction of a fill's value, in basis points. */
export interface FigureInfo {
  readonly unit: 'fraction' | 'ratio' | 'money' | 'count' | 'probability' | 'cost';
  readonly title: string;
}

/** Every figure of a report, in the order of the report. Formulas: README.md (a test holds both together). */
export const FIGURES = {
  final_equity: { unit: 'money', title: 'Final equity' },
  total_return: { unit: 'fraction', title: 'Total return' },
  cagr: { unit: 'fraction', title: 'CAGR' },
  volatility: { unit: 'fraction', title: 'Volatility (annual)' },
  sharpe: { unit: 'ratio', title: 'Sharpe ratio' },
  sortino: { unit: 'ratio', title: 'Sortino ratio' },
  calmar: { unit: 'ratio', title: 'Calmar ratio' },
  omega: { unit: 'ratio', title: 'Omega ratio' },
  max_drawdown: { unit: 'fraction', title: 'Maximum drawdown' },
  max_drawdown_sessions: { unit: 'count', title: 'Maximum drawdown, sessions' },
  longest_drawdown_sessions: { unit: 'count', title: 'Longest drawdown, sessions' },
  average_drawdown: { unit: 'fraction', title: 'Average drawdown' },
  ulcer_index: { unit: 'fraction', title: 'Ulcer index' },
  var_95: { unit: 'fraction', title: 'Value at risk, 95 %, one session' },
  cvar_95: { unit: 'fraction', title: 'Expected shortfall, 95 %, one session' },
  tail_ratio: { unit: 'ratio', title: 'Tail ratio' },
  skew: { unit: 'ratio', title: 'Skewness' },
  kurtosis: { unit: 'ratio', title: 'Kurtosis (normal = 3)' },
  best_session: { unit: 'fraction', title: 'Best session' },
  worst_session: { unit: 'fraction', title: 'Worst session' },
  positive_sessions: { unit: 'fraction', title: 'Positive sessions' },
  best_month: { unit: 'fraction', title: 'Best month' },
  worst_month: { unit: 'fraction', title: 'Worst month' },
  positive_months: { unit: 'fraction', title: 'Positive months' },
  sessions: { unit: 'count', title: 'Sessions' },
  benchmark_return: { unit: 'fraction', title: 'Buy and hold, total return' },
  benchmark_sharpe: { unit: 'ratio', title: 'Buy and hold, Sharpe ratio' },
  alpha: { unit: 'fraction', title: 'Alpha to buy and hold (annual)' },
  beta: { unit: 'ratio', title: 'Beta to buy and hold' },
  correlation: { unit: 'ratio', title: 'Correlation with buy and hold' },
  tracking_error: { unit: 'fraction', title: 'Tracking error (annual)' },
  information_ratio: { unit: 'ratio', title: 'Information ratio' },
  trades: { unit: 'count', title: 'Trades' },
  win_rate: { unit: 'fraction', title: 'Win rate' },
  profit_factor: { unit: 'ratio', title: 'Profit factor' },
  expectancy: { unit: 'fraction', title: 'Expectancy (mean trade return)' },
  average_trade: { unit: 'money', title: 'Average trade' },
  average_win: { unit: 'fraction', title: 'Average winner' },
  average_loss: { unit: 'fraction', title: 'Average loser' },
  payoff_ratio: { unit: 'ratio', title: 'Payoff ratio' },
  best_trade: { unit: 'fraction', title: 'Best trade' },
  worst_trade: { unit: 'fraction', title: 'Worst trade' },
  sqn: { unit: 'ratio', title: 'System quality number' },
  kelly: { unit: 'fraction', title: 'Kelly fraction' },
  average_bars_held: { unit: 'count', title: 'Bars held, average' },
  longest_winning_streak: { unit: 'count', title: 'Longest winning streak' },
  longest_losing_streak: { unit: 'count', title: 'Longest losing streak' },
  exposure: { unit: 'fraction', title: 'Exposure (time in market)' },
  average_leverage: { unit: 'ratio', title: 'Gross exposure over equity, average' },
  turnover: { unit: 'ratio', title: 'Turnover (per year)' },
  costs: { unit: 'money', title: 'Costs' },
} as const satisfies Record<string, FigureInfo>;

export type FigureName = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as readonly FigureName[];

/** Values by name; null where a figure is not defined on this run, then with a reason. */
export interface FigureSet {
  readonly values: Readonly<Record<FigureName, number | null>>;
  readonly reasons: Readonly<Partial<Record<FigureName, string>>>;
}
