/**
 * W1: the event-driven backtest of SMA(10)/SMA(30) through the normal runner: indicators, commission of 0.1 %, a risk
 * policy and the ledger switched on. --bars=N, --reps=N, --stops (adds stop, target, fees, volume-share slippage),
 * --instruments=10 (as many series of N bars on one clock).
 */
import { calendarOf } from '../../dist/core/domain/calendars/index.js';
import { defaultInstrument } from '../../dist/core/domain/instrument.js';
import { runBacktest } from '../../dist/core/engine/backtest.js';
import { buildFeed } from '../../dist/core/engine/feed.js';
import { roundingOf } from '../../dist/core/engine/rounding.js';
import { defaultThresholds } from '../../dist/core/engine/strategy.js';
import * as nextOpen from '../../dist/core/market/fills/next-open.js';
import { NO_COSTS, US_REGULATORY_FEES } from '../../dist/core/market/index.js';
import * as smaCross from '../../dist/core/models/trainers/sma-cross.js';
import * as maxDrawdown from '../../dist/core/risk/policies/max-drawdown.js';
import * as maxGross from '../../dist/core/risk/policies/max-gross.js';
import { arg, bench, emit, flag, version } from './harness.mjs';
import { bars as genBars } from './inputs.mjs';

const n = arg('bars', 1_000_000);
const count = arg('instruments', 1);
const heavy = flag('stops');
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

function run(fractional) {
  const scores = series.map((bars, j) => {
    const out = new Float64Array(n);
    rule.scorer(instruments[j], calendar).consume(bars, 0, n, out);
    return out;
  });
  return runBacktest(
    feed,
    { scores, measures: undefined },
    {
      strategy: {
        thresholds: defaultThresholds('position', false),
        entry: { type: 'market' },
        sizing: { kind: 'equal', fraction: 1 },
        protection: heavy ? { stopLoss: 0.02, takeProfit: 0.04 } : undefined,
        timeStop: Number.POSITIVE_INFINITY,
        reentry: 'new-signal',
        policies: [maxGross.create({ multiple: 2 }), ...(heavy ? [maxDrawdown.create({ fraction: 0.9 })] : [])],
      },
      venue: {
        cash: heavy ? 1e5 : 1e8,
        costs: { ...NO_COSTS, percent: 0.001, fees: heavy ? US_REGULATORY_FEES : [] },
        slippage: heavy ? { kind: 'volume-share', limit: 0.5, impact: 1e-6 } : { kind: 'fixed', fraction: 0 },
        fill: nextOpen.create({ limits: 'through' }),
        leverage: 1,
        allowShort: false,
      },
      rounding: roundingOf(instruments, fractional),
      from: 0,
      to: feed.clock.length,
      closeAtEnd: false,
    },
  );
}

for (const lots of ['fractional', 'whole']) {
  const b = await bench(() => run(lots === 'fractional'), { reps: arg('reps', 9), warmup: 3 });
  const { orders, trades, finalEquity, fills } = b.result;
  emit(
    `W1/${n}${count > 1 ? `x${count}` : ''}${heavy ? '+stops' : ''}${lots === 'whole' ? '/whole' : ''}`,
    version,
    b,
    n * count,
    {
      orders: orders.length,
      entries: fills.leg.reduce((sum, leg) => sum + (leg === 1 ? 1 : 0), 0),
      closed_trades: trades.pnl.length,
      final_equity: Number(finalEquity.toFixed(2)),
    },
  );
}
