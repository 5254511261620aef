/** The market and the two settings of W1, for w1.mjs and w1-on.mjs. */
import { calendarOf } from '../../dist/core/domain/calendars/index.js';
import { defaultInstrument } from '../../dist/core/domain/instrument.js';
import { runBacktest } from '../../dist/core/engine/backtest.js';
import { buildFeed } from '../../dist/core/engine/feed.js';
import { defaultThresholds } from '../../dist/core/engine/strategy.js';
import * as nextOpen from '../../dist/core/market/fills/next-open.js';
import { NO_COSTS, NO_SLIPPAGE, US_REGULATORY_FEES } from '../../dist/core/market/index.js';
import { roundingOf } from '../../dist/core/market/rounding.js';
import * as smaCross from '../../dist/core/models/trainers/sma-cross.js';
import * as maxDrawdown from '../../dist/core/risk/policies/max-drawdown.js';
import * as maxGross from '../../dist/core/risk/policies/max-gross.js';
import { bars as genBars } from './inputs.mjs';

/** Commission of 0.1 %, a risk policy, the ledger. */
export const PLAIN = {
  strategy: () => ({ protection: undefined, policies: [maxGross.create({ multiple: 2 })] }),
  venue: { cash: 1e8, costs: { ...NO_COSTS, percent: 0.001 }, slippage: NO_SLIPPAGE },
};

/**
 * Beside that: stop, target, trailing stop, fees per share and by date, slippage by share of volume, a drawdown halt. The
 * strategy and the bars are those of PLAIN; trades differ, because stops, costs and partial fills change them. A bar has
 * 3,300 units of about $100, of which 5 % may be taken: from $10,000 an entry usually fills in one bar, from $100,000 it
 * is spread over four, so that the venue has four times as many fills to book. `cash` says which.
 */
export const SWITCHED_ON = {
  strategy: () => ({
    protection: { stopLoss: 0.003, takeProfit: 0.01, trailingStop: 0.003 },
    policies: [maxGross.create({ multiple: 2 }), maxDrawdown.create({ fraction: 0.9 })],
  }),
  venue: {
    cash: 1e4,
    costs: { ...NO_COSTS, percent: 0.0004, perShare: 0.005, fees: US_REGULATORY_FEES },
    slippage: { kind: 'volume-share', limit: 0.05, impact: 0.1 },
  },
};

/**
 * SMA(10)/SMA(30) on `count` series of n bars on one clock; returns one run, indicators included. With `pieces` the run is
 * that of as many strategies of the same settings, each of which takes over what the one before holds (the result is the
 * same), and `mark` is called at the start, after the indicators, where each takes over, and at the end.
 */
export function workload(n, count) {
  const calendar = calendarOf('24/7');
  const series = Array.from({ length: count }, (_, j) => ({
    instrument: `S${j + 1}`,
    interval: '1m',
    ...genBars(n, j + 1),
  }));
  const instruments = series.map((bars) => defaultInstrument(bars.instrument, '24/7', { lot: 1 }));
  const known = series.map((bars) => bars.time.map((t) => t + 60_000));
  const feed = buildFeed(instruments, series, known, calendar);
  const rule = smaCross.create({ fast: 10, slow: 30, side: 'long' });
  return ({ strategy, venue }, fractional, pieces = 1, mark = () => {}) => {
    mark();
    const scores = series.map((bars, j) => {
      const out = new Float64Array(n);
      rule.scorer(instruments[j], calendar).consume(bars, 0, n, out);
      return out;
    });
    mark();
    const signals = { scores, measures: undefined };
    const settings = {
      thresholds: defaultThresholds('position', false),
      entry: { type: 'market' },
      sizing: { kind: 'equal', fraction: 1 },
      timeStop: Number.POSITIVE_INFINITY,
      reentry: 'new-signal',
      ...strategy(),
    };
    const changes = Array.from({ length: pieces - 1 }, (_, p) => ({
      from: Math.floor(((p + 1) * n) / pieces),
      signals,
      get strategy() {
        mark();
        return settings;
      },
    }));
    const result = runBacktest(feed, signals, {
      strategy: settings,
      changes,
      venue: { fill: nextOpen.create({ limits: 'through' }), leverage: 1, allowShort: false, ...venue },
      rounding: roundingOf(instruments, fractional),
      from: 0,
      to: feed.clock.length,
      closeAtEnd: false,
    });
    mark();
    return result;
  };
}

/** What proves the same work. */
export const figures = ({ orders, trades, finalEquity, fills }) => ({
  orders: orders.side.length,
  entries: fills.leg.reduce((sum, leg) => sum + (leg === 1 ? 1 : 0), 0),
  closed_trades: trades.pnl.length,
  final_equity: Number(finalEquity.toFixed(2)),
});
