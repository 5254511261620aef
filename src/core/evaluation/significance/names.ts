import type { FigureInfo } from '../metrics/names.js';

/** Figures of significance and robustness, usable in gates like those of performance. Formulas: README.md. */
export const SIGNIFICANCE = {
  probabilistic_sharpe: { unit: 'probability', title: 'Probabilistic Sharpe ratio (true Sharpe > 0)' },
  deflated_sharpe: { unit: 'probability', title: 'Deflated Sharpe ratio' },
  deflated_sharpe_hurdle: { unit: 'ratio', title: 'Sharpe ratio expected from luck (annual)' },
  minimum_track_record: { unit: 'count', title: 'Minimum track record, sessions' },
  minimum_backtest_years: { unit: 'ratio', title: 'Minimum backtest length, years' },
  trials_counted: { unit: 'count', title: 'Trials counted in the ledger' },
  pbo: { unit: 'probability', title: 'Probability of backtest overfitting' },
  sharpe_autocorrelated: { unit: 'ratio', title: 'Sharpe ratio, corrected for serial correlation' },
  sharpe_q05: { unit: 'ratio', title: 'Sharpe ratio, 5 % of resampled paths' },
  max_drawdown_q05: { unit: 'fraction', title: 'Maximum drawdown, worst 5 % of resampled paths' },
  shuffled_drawdown_q05: { unit: 'fraction', title: 'Maximum drawdown, worst 5 % of trade orders' },
  random_entry_p: { unit: 'probability', title: 'p-value against random entries of equal exposure' },
  neighbour_sharpe: { unit: 'ratio', title: 'Sharpe ratio of neighbouring parameters, median' },
  spa_p: { unit: 'probability', title: 'p-value, best trial against the benchmark (SPA)' },
  break_even_cost: { unit: 'cost', title: 'Added cost a fill at which the return is gone' },
  paid_cost: { unit: 'cost', title: 'Cost of a fill, slippage included' },
  cost_cover: { unit: 'ratio', title: 'Costs that the edge bears, over those paid (5 bp at least)' },
  break_even_delay: { unit: 'ratio', title: 'Delay at which the return is gone, bars' },
  delay_half_sharpe: { unit: 'ratio', title: 'Sharpe ratio, fills half a bar late' },
  delay_1_sharpe: { unit: 'ratio', title: 'Sharpe ratio, decisions one bar late' },
  delay_2_sharpe: { unit: 'ratio', title: 'Sharpe ratio, decisions two bars late' },
} as const satisfies Record<string, FigureInfo>;
