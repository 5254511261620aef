#!/usr/bin/env python3
"""Records what other engines make of SMA 10/30 on the shipped daily bars: fixtures/truth/engines/*.json.

    python -m venv peers && peers/bin/pip install backtesting==0.6.6 backtrader==1.9.78.123 pandas numpy
    peers/bin/python scripts/record-engines.py backtesting backtrader
    python3.12 -m venv vbt && vbt/bin/pip install vectorbt
    vbt/bin/python scripts/record-engines.py vectorbt

Bars are numbered from 0 in the file's own order of time; times are left to the reader of the bars.
"""
import hashlib, json, sys, warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parent.parent
BARS = ROOT / "fixtures" / "bars"
OUT = ROOT / "fixtures" / "truth" / "engines"
# Bars by name: file, and the first date. In the early years of MSFT both averages are sometimes equal to the last digit
# that a double has, and rounding noise decides; see docs/engines.md and the run "msft_ties".
SERIES = {
    "msft": ("msft-daily-1990-2022", "2011-01-01"),
    "spy": ("spy-daily-2017-2018", None),
    "sp500": ("sp500-daily-1999-2020", None),
    "btc": ("btc-daily-2017-2021", None),
    "msft_ties": ("msft-daily-1990-2022", None),
}
FILES = ["msft", "spy", "sp500", "btc"]
CASH = 1_000_000
FAST, SLOW = 10, 30
PLAIN = {"none": {}, "commission": {"commission": 0.002}, "spread": {"spread": 0.001}, "this_close": {"trade_on_close": True},
         "fixed_commission": {"commission": (5.0, 0.0)}}
STOPS = {"stop_target": (0.05, 0.1), "tight_stop_target": (0.01, 0.015)}


def frame(name):
    file, start = SERIES[name]
    d = pd.read_csv(BARS / f"{file}.csv", encoding="utf-8-sig")
    d.columns = [c.capitalize() for c in d.columns]
    d = d.rename(columns={"Timestamp": "Date"})
    d["Date"] = pd.to_datetime(d["Date"])
    return d.set_index("Date").sort_index().loc[start:]


def clean(value):
    if isinstance(value, (np.integer, int)):
        return int(value)
    if isinstance(value, (np.floating, float)):
        return float(value) if np.isfinite(value) else None
    return str(value)


def write(peer, runs, more=None):
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{peer}.json"
    path.write_text(json.dumps({"runs": runs}, separators=(",", ":")) + "\n")
    meta = {
        "file": path.name,
        "what": f"SMA {FAST}/{SLOW} on the daily bars of fixtures/bars, as {peer} trades it: trades and statistics",
        "source": f"{peer} {version(peer)} (PyPI), recorded by scripts/record-engines.py",
        "versions": {"python": sys.version.split()[0], peer: version(peer), "pandas": version("pandas"), "numpy": version("numpy")},
        "licence": "numbers computed here; the engine itself is not part of the project",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        **(more or {}),
    }
    (OUT / f"{peer}.meta.json").write_text(json.dumps(meta, indent=2) + "\n")
    print(path, len(runs), "runs")


def backtesting():
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover
    from backtesting.test import SMA

    class SmaCross(Strategy):
        """The strategy of the engine's own test suite."""
        sl = tp = None

        def init(self):
            self.sma1 = self.I(SMA, self.data.Close, FAST)
            self.sma2 = self.I(SMA, self.data.Close, SLOW)

        def enter(self, side):
            close = self.data.Close[-1]
            more = {} if self.sl is None else {"sl": close * (1 - side * self.sl), "tp": close * (1 + side * self.tp)}
            (self.buy if side > 0 else self.sell)(**more)

        def next(self):
            if crossover(self.sma1, self.sma2):
                self.position.close()
                self.enter(1)
            elif crossover(self.sma2, self.sma1):
                self.position.close()
                self.enter(-1)

    figures = ["Exposure Time [%]", "Equity Final [$]", "Equity Peak [$]", "Return [%]", "Max. Drawdown [%]", "# Trades",
               "Win Rate [%]", "Best Trade [%]", "Worst Trade [%]", "Expectancy [%]", "SQN", "Commissions [$]",
               "Sharpe Ratio", "Volatility (Ann.) [%]", "CAGR [%]"]
    runs = []
    for name in SERIES:
        data = frame(name)
        cases = [("none", {}, {})] if name == "msft_ties" else [
            *((c, kw, {}) for c, kw in PLAIN.items()),
            *((c, {}, {"sl": s, "tp": t}) for c, (s, t) in STOPS.items()),
        ]
        for case, kw, params in cases:
            r = Backtest(data, SmaCross, cash=CASH, finalize_trades=True, **kw).run(**params)
            t = r["_trades"].sort_values(["EntryBar", "ExitBar"], kind="stable")
            runs.append({
                "bars": name, "case": case, "settings": {"cash": CASH, **{k: v for k, v in kw.items()}, **params},
                "trades": {"size": [int(x) for x in t["Size"]], "entry_bar": [int(x) for x in t["EntryBar"]],
                           "exit_bar": [int(x) for x in t["ExitBar"]], "entry_price": [float(x) for x in t["EntryPrice"]],
                           "exit_price": [float(x) for x in t["ExitPrice"]], "pnl": [float(x) for x in t["PnL"]],
                           "return": [float(x) for x in t["ReturnPct"]]},
                "statistics": {k: clean(r[k]) for k in figures if k in r},
                "equity_checksum": float(np.sum(r["_equity_curve"]["Equity"].to_numpy())),
            })
    write("backtesting", runs)


def backtrader():
    import backtrader as bt

    class Cross(bt.Strategy):
        def __init__(self):
            self.a, self.b = bt.ind.SMA(period=FAST), bt.ind.SMA(period=SLOW)
            self.want, self.rows = 0, []

        def next(self):
            a, b = self.a, self.b
            self.want = 1 if a[0] > b[0] and a[-1] <= b[-1] else -1 if a[0] < b[0] and a[-1] >= b[-1] else 0

        def next_open(self):
            want, self.want = self.want, 0
            if want > 0 and not self.position:
                self.buy(size=int(self.broker.getcash() / (self.data.open[0] * (1 + COMMISSION))))
            elif want < 0 and self.position:
                self.close()

        def notify_order(self, order):
            if order.status in (order.Margin, order.Rejected):
                raise RuntimeError("rejected")
            if order.status == order.Completed:
                e = order.executed
                self.rows.append([len(self.data) - 1, float(e.size), float(e.price), float(e.comm)])

    COMMISSION = 0.001
    runs = []
    for name in FILES:
        data = frame(name)
        data.columns = [c.lower() for c in data.columns]
        cerebro = bt.Cerebro(cheat_on_open=True, stdstats=False)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(COMMISSION)
        cerebro.adddata(bt.feeds.PandasData(dataname=data, openinterest=None))
        cerebro.addstrategy(Cross)
        r = cerebro.run()[0]
        rows = list(zip(*r.rows))
        runs.append({"bars": name, "case": "long_commission", "settings": {"cash": CASH, "commission": COMMISSION},
                     "fills": {"bar": list(rows[0]), "size": list(rows[1]), "price": list(rows[2]), "commission": list(rows[3])},
                     "final_equity": float(cerebro.broker.getvalue())})
    write("backtrader", runs)


def vectorbt():
    import vectorbt as vbt
    runs = []
    for name in FILES:
        d = frame(name)
        o, c = d["Open"], d["Close"]
        a, b = vbt.MA.run(c, FAST), vbt.MA.run(c, SLOW)
        pf = vbt.Portfolio.from_signals(c, a.ma_crossed_above(b), a.ma_crossed_below(b), price=o.shift(-1).fillna(c),
                                        fees=0.001, init_cash=CASH, freq="1D")
        r = pf.orders.records
        # An order is recorded at its signal's bar; the price is the next bar's open.
        runs.append({"bars": name, "case": "long_commission", "settings": {"cash": CASH, "commission": 0.001},
                     "fills": {"bar": [int(x) + 1 for x in r["idx"]], "size": [float(s) * (1 if side == 0 else -1) for s, side in zip(r["size"], r["side"])],
                               "price": [float(x) for x in r["price"]], "commission": [float(x) for x in r["fees"]]},
                     "final_equity": float(pf.final_value())})
    write("vectorbt", runs)


for peer in sys.argv[1:] or ["backtesting", "backtrader"]:
    {"backtesting": backtesting, "backtrader": backtrader, "vectorbt": vectorbt}[peer]()
