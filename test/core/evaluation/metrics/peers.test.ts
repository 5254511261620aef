import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pow } from '../../../../src/core/domain/math.js';
import { computeFigures, type FigureName } from '../../../../src/core/evaluation/metrics/index.js';
import { dailyRun, f64 } from './input.js';

const file = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8');
const peers = JSON.parse(file('fixtures/truth/evaluation/peers-figures.json'));
const closes: number[] = peers.close;
const bars: number[] = peers.trades.exitBar.map((exit: number, i: number) => exit - peers.trades.entryBar[i]);

const run = dailyRun(peers.equity, {
  initialEquity: peers.initial,
  benchmark: Float64Array.from(closes.slice(1)),
  benchmarkInitial: closes[0]!,
  trades: { pnl: f64(...peers.trades.pnl), return: f64(...peers.trades.return), barsHeld: f64(...bars) },
});
const figures = computeFigures(run);
const { session } = figures;
const value = (name: FigureName) => figures.values[name]!;
const n = session.returns.length;
const g = pow(1 + value('total_return'), 1 / n); // geometric mean session growth
const variance = (value('volatility') * value('volatility')) / 252;
const pnl: number[] = peers.trades.pnl;
const tradeReturns: number[] = peers.trades.return;
const total = (x: readonly number[]) => x.reduce((a, b) => a + b, 0);
const compounded = Math.sqrt(pow(variance + g * g, 252) - pow(g, 504));
const won = [...session.returns].filter((r) => r > 0);
const lost = [...session.returns].filter((r) => r < 0);
const log = (x: readonly number[]) => x.slice(1).map((v, i) => Math.log(v / x[i]!));
function slope(x: readonly number[], y: readonly number[]): number {
  const mx = total(x) / x.length;
  const my = total(y) / y.length;
  return total(x.map((v, i) => (v - mx) * (y[i]! - my))) / total(x.map((v) => (v - mx) * (v - mx)));
}

/** Peer's value, and ours turned into it: `same` where the convention is the same. */
const TABLE: readonly [peer: string, key: string, ours: FigureName, convention: string, expected: number][] = [
  ['empyrical', 'cum_returns_final', 'total_return', 'same', value('total_return')],
  ['empyrical', 'annual_return', 'cagr', 'same', value('cagr')],
  ['empyrical', 'annual_volatility', 'volatility', 'same', value('volatility')],
  ['empyrical', 'sharpe_ratio', 'sharpe', 'same', value('sharpe')],
  [
    'empyrical',
    'sharpe_ratio_rf',
    'sharpe',
    'same, given rf/252',
    computeFigures({ ...run, riskFree: 0.02 }).values.sharpe!,
  ],
  ['empyrical', 'sortino_ratio', 'sortino', 'same', value('sortino')],
  ['empyrical', 'calmar_ratio', 'calmar', 'same', value('calmar')],
  ['empyrical', 'omega_ratio', 'omega', 'same', value('omega')],
  ['empyrical', 'max_drawdown', 'max_drawdown', 'same', value('max_drawdown')],
  ['empyrical', 'value_at_risk', 'var_95', 'same', value('var_95')],
  ['empyrical', 'conditional_value_at_risk', 'cvar_95', 'same', value('cvar_95')],
  ['empyrical', 'tail_ratio', 'tail_ratio', 'same', value('tail_ratio')],
  ['empyrical', 'beta', 'beta', 'same', value('beta')],
  ['empyrical', 'alpha', 'alpha', 'compounds: (1 + alpha/252)^252 − 1', pow(1 + value('alpha') / 252, 252) - 1],
  ['quantstats', 'comp', 'total_return', 'same', value('total_return')],
  ['quantstats', 'cagr', 'cagr', 'same', value('cagr')],
  ['quantstats', 'volatility', 'volatility', 'same', value('volatility')],
  ['quantstats', 'sharpe', 'sharpe', 'same', value('sharpe')],
  [
    'quantstats',
    'sharpe_rf',
    'sharpe',
    'de-annualises rf geometrically',
    value('sharpe') - ((pow(1.02, 1 / 252) - 1) * 252) / value('volatility'),
  ],
  ['quantstats', 'sortino', 'sortino', 'same', value('sortino')],
  ['quantstats', 'calmar', 'calmar', 'same', value('calmar')],
  ['quantstats', 'omega', 'omega', 'same', value('omega')],
  ['quantstats', 'max_drawdown', 'max_drawdown', 'same', value('max_drawdown')],
  ['quantstats', 'tail_ratio', 'tail_ratio', 'same', value('tail_ratio')],
  [
    'quantstats',
    'value_at_risk',
    'var_95',
    'quantile of a normal distribution',
    total([...session.returns]) / n - 1.6448536269514722 * Math.sqrt(variance),
  ],
  ['quantstats', 'skew', 'skew', 'unbiased estimator', (value('skew') * Math.sqrt(n * (n - 1))) / (n - 2)],
  [
    'quantstats',
    'kurtosis',
    'kurtosis',
    'excess, unbiased estimator',
    ((n - 1) / ((n - 2) * (n - 3))) * ((n + 1) * (value('kurtosis') - 3) + 6),
  ],
  ['quantstats', 'profit_factor', 'profit_factor', 'of sessions, not trades: omega', value('omega')],
  [
    'quantstats',
    'win_rate',
    'win_rate',
    'of sessions with a return, not trades',
    won.length / (won.length + lost.length),
  ],
  [
    'quantstats',
    'payoff_ratio',
    'payoff_ratio',
    'of sessions, not trades',
    total(won) / won.length / (-total(lost) / lost.length),
  ],
  ['quantstats', 'ulcer_index', 'ulcer_index', 'divides by n − 1', value('ulcer_index') * Math.sqrt(n / (n - 1))],
  ['quantstats', 'beta', 'beta', 'same', value('beta')],
  ['quantstats', 'alpha', 'alpha', 'same', value('alpha')],
  [
    'quantstats',
    'information_ratio',
    'information_ratio',
    'not annualised',
    value('information_ratio') / Math.sqrt(252),
  ],
  ['backtesting', 'Equity Final [$]', 'final_equity', 'same', value('final_equity')],
  ['backtesting', 'Return [%]', 'total_return', 'per cent', value('total_return') * 100],
  ['backtesting', 'Return (Ann.) [%]', 'cagr', 'per cent', value('cagr') * 100],
  [
    'backtesting',
    'CAGR [%]',
    'cagr',
    'calendar days / 365.25, per cent',
    (pow(1 + value('total_return'), 365.25 / 727) - 1) * 100,
  ],
  ['backtesting', 'Volatility (Ann.) [%]', 'volatility', 'of compounded returns, per cent', compounded * 100],
  ['backtesting', 'Sharpe Ratio', 'sharpe', 'geometric return over compounded volatility', value('cagr') / compounded],
  [
    'backtesting',
    'Sortino Ratio',
    'sortino',
    'geometric return in the numerator',
    (value('cagr') * value('sortino')) / ((total([...session.returns]) / n) * 252),
  ],
  ['backtesting', 'Calmar Ratio', 'calmar', 'same', value('calmar')],
  ['backtesting', 'Max. Drawdown [%]', 'max_drawdown', 'per cent', value('max_drawdown') * 100],
  ['backtesting', 'Beta', 'beta', 'of log returns', slope(log(closes), log([peers.initial, ...peers.equity]))],
  ['backtesting', '# Trades', 'trades', 'same', value('trades')],
  ['backtesting', 'Win Rate [%]', 'win_rate', 'per cent', value('win_rate') * 100],
  ['backtesting', 'Best Trade [%]', 'best_trade', 'per cent', value('best_trade') * 100],
  ['backtesting', 'Worst Trade [%]', 'worst_trade', 'per cent', value('worst_trade') * 100],
  ['backtesting', 'Expectancy [%]', 'expectancy', 'per cent', value('expectancy') * 100],
  [
    'backtesting',
    'Avg. Trade [%]',
    'expectancy',
    'geometric mean, per cent',
    (pow(
      tradeReturns.reduce((a, r) => a * (1 + r), 1),
      1 / tradeReturns.length,
    ) -
      1) *
      100,
  ],
  [
    'backtesting',
    'Profit Factor',
    'profit_factor',
    'of trade returns, not money',
    total(tradeReturns.filter((r) => r > 0)) / -total(tradeReturns.filter((r) => r < 0)),
  ],
  ['backtesting', 'SQN', 'sqn', 'same', value('sqn')],
  [
    'backtesting',
    'Kelly Criterion',
    'kelly',
    'pay-off of money, not returns',
    value('win_rate') -
      (1 - value('win_rate')) /
        (total(pnl.filter((p) => p > 0)) /
          pnl.filter((p) => p > 0).length /
          (-total(pnl.filter((p) => p < 0)) / pnl.filter((p) => p < 0).length)),
  ],
];

describe('how quantstats, empyrical and backtesting.py differ', () => {
  it.each(TABLE)('%s %s against %s: %s', (peer, key, _ours, _convention, expected) => {
    const theirs = peers[peer][key];
    expect(Math.abs(expected - theirs) / Math.max(1e-3, Math.abs(theirs))).toBeLessThan(1e-9);
  });

  it('is the table of docs/figures.md', () => {
    const page = file('docs/figures.md');
    for (const [peer, key, ours, convention] of TABLE) {
      const name = { empyrical: 'empyrical-reloaded', quantstats: 'quantstats', backtesting: 'backtesting.py' }[peer]!;
      expect(page).toContain(`| ${name} | \`${key}\` | \`${ours}\` | ${convention} |`);
    }
  });
});
