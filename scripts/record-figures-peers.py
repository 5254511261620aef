"""Records what quantstats, empyrical-reloaded and backtesting.py say about one and the same equity curve.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install quantstats empyrical-reloaded backtesting
    /tmp/peers/bin/python scripts/record-figures-peers.py fixtures/bars/spy-daily-2017-2018.csv \
        > fixtures/truth/evaluation/peers-figures.json

The curve is backtesting.py's own run of an SMA 5/12 crossover, long or flat, 0.1 % commission per fill.
"""
import json
import sys
from importlib.metadata import version

import empyrical
import numpy as np
import pandas as pd
import quantstats.stats as qs
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

bars = pd.read_csv(sys.argv[1])
bars.columns = [c.strip().lower() for c in bars.columns]
when = next(c for c in bars.columns if c in ("date", "timestamp", "time"))
bars.index = pd.DatetimeIndex(pd.to_datetime(bars[when]))
bars = bars.sort_index()[["open", "high", "low", "close", "volume"]].rename(columns=str.capitalize)


def sma(values, n):
    return pd.Series(values).rolling(n).mean()


class Cross(Strategy):
    def init(self):
        self.fast = self.I(sma, self.data.Close, 5)
        self.slow = self.I(sma, self.data.Close, 12)

    def next(self):
        if crossover(self.fast, self.slow):
            self.buy()
        elif crossover(self.slow, self.fast) and self.position:
            self.position.close()


CASH = 100_000
run = Backtest(bars, Cross, cash=CASH, commission=0.001, finalize_trades=True).run()
equity = run["_equity_curve"]["Equity"]
trades = run["_trades"]
# The first bar's value is the initial equity: no order fills on it.
assert equity.iloc[0] == CASH
returns = equity.pct_change().iloc[1:]
market = bars["Close"].pct_change().iloc[1:]
alpha, beta = empyrical.alpha_beta(returns, market)
greeks = qs.greeks(returns, market, periods=252, prepare_returns=False)


def numbers(values):
    return [float(v) for v in values]


json.dump(
    {
        "strategy": "SMA 5/12 crossover, long or flat, whole equity, 0.1 % commission per fill",
        "bars": sys.argv[1].split("/")[-1],
        "versions": {n: version(n) for n in ("quantstats", "empyrical-reloaded", "backtesting", "pandas", "numpy")},
        "initial": CASH,
        "dates": [d.strftime("%Y-%m-%d") for d in equity.index[1:]],
        "equity": numbers(equity.iloc[1:]),
        "close": numbers(bars["Close"]),
        "trades": {
            "pnl": numbers(trades["PnL"]),
            "return": numbers(trades["ReturnPct"]),
            "entryBar": [int(v) for v in trades["EntryBar"]],
            "exitBar": [int(v) for v in trades["ExitBar"]],
        },
        "empyrical": {
            "cum_returns_final": float(empyrical.cum_returns_final(returns)),
            "annual_return": float(empyrical.annual_return(returns)),
            "annual_volatility": float(empyrical.annual_volatility(returns)),
            "sharpe_ratio": float(empyrical.sharpe_ratio(returns)),
            "sharpe_ratio_rf": float(empyrical.sharpe_ratio(returns, risk_free=0.02 / 252)),
            "sortino_ratio": float(empyrical.sortino_ratio(returns)),
            "calmar_ratio": float(empyrical.calmar_ratio(returns)),
            "omega_ratio": float(empyrical.omega_ratio(returns)),
            "max_drawdown": float(empyrical.max_drawdown(returns)),
            "value_at_risk": float(empyrical.value_at_risk(returns)),
            "conditional_value_at_risk": float(empyrical.conditional_value_at_risk(returns)),
            "tail_ratio": float(empyrical.tail_ratio(returns)),
            "alpha": float(alpha),
            "beta": float(beta),
        },
        "quantstats": {
            "comp": float(qs.comp(returns)),
            "cagr": float(qs.cagr(returns, periods=252)),
            "volatility": float(qs.volatility(returns, periods=252, prepare_returns=False)),
            "sharpe": float(qs.sharpe(returns, periods=252)),
            "sharpe_rf": float(qs.sharpe(returns, rf=0.02, periods=252)),
            "sortino": float(qs.sortino(returns, periods=252)),
            "calmar": float(qs.calmar(returns, prepare_returns=False)),
            "omega": float(qs.omega(returns.to_frame()).iloc[0]),
            "max_drawdown": float(qs.max_drawdown(returns)),
            "value_at_risk": float(qs.value_at_risk(returns, prepare_returns=False)),
            "cvar": float(qs.cvar(returns, prepare_returns=False)),
            "tail_ratio": float(qs.tail_ratio(returns, prepare_returns=False)),
            "skew": float(qs.skew(returns, prepare_returns=False)),
            "kurtosis": float(qs.kurtosis(returns, prepare_returns=False)),
            "profit_factor": float(qs.profit_factor(returns, prepare_returns=False)),
            "win_rate": float(qs.win_rate(returns, prepare_returns=False)),
            "payoff_ratio": float(qs.payoff_ratio(returns, prepare_returns=False)),
            "kelly_criterion": float(qs.kelly_criterion(returns, prepare_returns=False)),
            "ulcer_index": float(qs.ulcer_index(returns)),
            "exposure": float(qs.exposure(returns, prepare_returns=False)),
            "alpha": float(greeks["alpha"]),
            "beta": float(greeks["beta"]),
            "information_ratio": float(qs.information_ratio(returns, market, prepare_returns=False)),
        },
        "backtesting": {
            key: float(run[key])
            for key in (
                "Exposure Time [%]",
                "Equity Final [$]",
                "Return [%]",
                "Return (Ann.) [%]",
                "Volatility (Ann.) [%]",
                "CAGR [%]",
                "Sharpe Ratio",
                "Sortino Ratio",
                "Calmar Ratio",
                "Alpha [%]",
                "Beta",
                "Max. Drawdown [%]",
                "Avg. Drawdown [%]",
                "# Trades",
                "Win Rate [%]",
                "Best Trade [%]",
                "Worst Trade [%]",
                "Avg. Trade [%]",
                "Profit Factor",
                "Expectancy [%]",
                "SQN",
                "Kelly Criterion",
            )
        },
    },
    sys.stdout,
    indent=1,
)
