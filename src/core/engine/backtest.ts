import {
  type ExchangeSettings,
  type Rounding,
  SimulatedExchange,
  type TradeColumns,
  type VenueOrder,
} from '../market/index.js';
import { type AccountView, allocateView, holdBand, type MarketView, type Targets } from './decide.js';
import type { EventSink } from './events.js';
import type { MarketFeed, Signals } from './feed.js';
import { type FillColumns, Recorder } from './recorder.js';
import { QuietScan } from './scan.js';
import { Stepper } from './step.js';
import type { Strategy } from './strategy.js';

export interface BacktestOptions {
  readonly strategy: Strategy;
  readonly venue: ExchangeSettings;
  readonly rounding: Rounding;
  /** Ticks [from, to) are traded; bars before are warm-up only. */
  readonly from: number;
  readonly to: number;
  /** Close what is open at the end of the last bar, or at its open (backtesting.py's `finalize_trades`). */
  readonly closeAtEnd: boolean | 'open';
  readonly events?: EventSink;
}

/** Equity by tick; `time` is the clock instant. Cash and exposure follow from the fills: `accountColumns`. */
export interface EquityColumns {
  readonly time: Float64Array;
  readonly equity: Float64Array;
}

export interface BacktestResult {
  readonly equity: EquityColumns;
  readonly trades: TradeColumns;
  readonly fills: FillColumns;
  readonly orders: readonly VenueOrder[];
  readonly finalEquity: number;
  readonly costs: number;
  readonly turnover: number;
  /** Largest fraction of a bar's volume that a fill used. */
  readonly largestShare: number;
  /** Whether risk had halted the strategy at the end. */
  readonly halted: boolean;
}

/**
 * The columnar backtest: one pass over the clock; per tick fills first, then marks, then decide, then new orders, which
 * can fill from the next bar on. Nothing is allocated on a tick without an order.
 */
export function runBacktest(feed: MarketFeed, signals: Signals, options: BacktestOptions): BacktestResult {
  const names = feed.instruments.map((instrument) => instrument.id);
  const size = names.length;
  const recorder = new Recorder(names, options.events);
  const exchange = new SimulatedExchange(size, options.venue, options.rounding, recorder);
  const { ledger } = exchange;
  const stepper = new Stepper(names, options.strategy, options.rounding, options.venue.cash, options.events);
  const { view, account } = viewsOf(size, exchange);
  const scan = new QuietScan(feed, signals, ledger, exchange.busy);
  const { from, to } = options;
  const ticks = Math.max(0, to - from);
  const equity = new Float64Array(ticks);
  const everyTick = stepper.mustObserve;

  const unsettled = new Uint8Array(size);
  const refresh = () => refreshWorking(account, exchange, options.strategy, scan, unsettled);
  let pending = refresh();
  let seen = exchange.revision;

  for (let k = from; k < to; k++) {
    if (!everyTick && !pending) {
      k = scan.run(k, to, from, equity);
      if (k === to) break;
    }
    const now = feed.clock[k]!;
    recorder.time = now;
    venueBars(feed, exchange, k);
    recorder.endBars();
    const worth = ledger.equity();
    equity[k - from] = worth;
    if (everyTick) account.halted = observe(stepper, feed, options, equity, k);
    if (exchange.revision !== seen) {
      pending = refresh();
      seen = exchange.revision;
    }
    if (!(pending || account.halted || worth <= 0 || scan.outside(k))) continue;
    if (!everyTick) account.halted = observe(stepper, feed, options, equity, k);
    account.equity = worth;
    lookAt(feed, signals, k, view);
    const planned = stepper.step(view, account);
    if (stepper.targets.releases > 0) {
      releaseLockouts(stepper.targets, ledger.lockout, exchange.changed);
      pending = refresh();
    }
    for (let p = 0; p < planned.length; p++) {
      const order = planned[p]!;
      if (order.action === 'cancel') exchange.cancelAll(order.index, 'canceled');
      else exchange.submit(order.index, order.intent, now, order.reason);
    }
    if (exchange.revision !== seen) {
      pending = refresh();
      seen = exchange.revision;
    }
  }
  if (options.closeAtEnd && ticks > 0) {
    recorder.time = feed.clock[to - 1]!;
    closeOut(feed, exchange, to - 1, equity, options.closeAtEnd === 'open');
  }
  return {
    equity: { time: feed.clock.subarray(from, to), equity },
    trades: ledger.trades.toColumns(),
    fills: recorder.fills(),
    orders: recorder.orders,
    finalEquity: ticks > 0 ? equity[ticks - 1]! : options.venue.cash,
    costs: ledger.costs,
    turnover: ledger.turnover,
    largestShare: exchange.largestShare,
    halted: account.halted,
  };
}

function viewsOf(size: number, exchange: SimulatedExchange): { view: MarketView; account: AccountView } {
  const { quantity, entryBar, lockout, mark } = exchange.ledger;
  return {
    // Marks are kept by the ledger: they are the last closes, also of instruments without a bar at this tick.
    view: allocateView(size, mark),
    account: {
      equity: exchange.settings.cash,
      quantity,
      entryBar,
      lockout,
      entering: new Int8Array(size),
      exiting: new Uint8Array(size),
      halted: false,
    },
  };
}

function releaseLockouts(targets: Targets, lockout: Int8Array, changed: Uint8Array): void {
  for (let j = 0; j < lockout.length; j++) {
    if (targets.release[j] === 0) continue;
    targets.release[j] = 0;
    lockout[j] = 0;
    changed[j] = 1;
  }
}

/** Lets this tick's bars happen at the venue and marks them. */
function venueBars(feed: MarketFeed, exchange: SimulatedExchange, k: number): void {
  const { busy, ledger } = exchange;
  for (let j = 0; j < exchange.size; j++) {
    const i = feed.barAt[j]![k]!;
    if (i < 0) continue;
    const bars = feed.bars[j]!;
    const close = bars.close[i]!;
    if (busy[j] === 1) {
      exchange.onBar(j, i, bars.time[i]!, bars.open[i]!, bars.high[i]!, bars.low[i]!, close, bars.volume[i]!);
    } else ledger.mark[j] = close;
  }
}

function observe(
  stepper: Stepper,
  feed: MarketFeed,
  options: BacktestOptions,
  equity: Float64Array,
  k: number,
): boolean {
  const session = feed.sessionAt[k]!;
  const before = feed.firstTick[session]! - 1 - options.from;
  const sessionStart = before >= 0 ? equity[before]! : options.venue.cash;
  return stepper.observe(feed.clock[k]!, equity[k - options.from]!, session, sessionStart);
}

/**
 * Brings what the account view says of working orders up to date where something changed, and the scores that keep what
 * is held. Returns whether decide must be asked on every tick: a reversal, a lockout or a time stop is pending.
 * `unsettled` remembers of which instruments that holds.
 */
function refreshWorking(
  account: AccountView,
  exchange: SimulatedExchange,
  strategy: Strategy,
  scan: QuietScan,
  unsettled: Uint8Array,
): boolean {
  const { changed } = exchange;
  let pending = false;
  for (let j = 0; j < exchange.size; j++) {
    if (changed[j] === 0) {
      if (unsettled[j] === 1) pending = true;
      continue;
    }
    changed[j] = 0;
    let entering = 0;
    let exiting = 0;
    const orders = exchange.orders(j);
    for (let k = 0; k < orders.length; k++) {
      const { leg, side, filled } = orders[k]!;
      if (leg === 'entry') entering = side;
      // Protection counts as an exit under way once it has begun to fill: that is what a venue shows of it.
      else if (leg === 'exit' || filled > 0) exiting = 1;
    }
    account.entering[j] = entering;
    account.exiting[j] = exiting;
    const held = account.quantity[j]!;
    const open =
      exiting === 1 ||
      account.lockout[j] !== 0 ||
      (held !== 0 && (entering !== 0 || strategy.timeStop < Number.POSITIVE_INFINITY));
    unsettled[j] = open ? 1 : 0;
    if (open) pending = true;
    holdBand(strategy.thresholds, held > 0 ? 1 : held < 0 ? -1 : entering, scan.low, scan.high, j);
  }
  return pending;
}

/** Lets the view show tick k. */
function lookAt(feed: MarketFeed, signals: Signals, k: number, view: MarketView): void {
  view.time = feed.clock[k]!;
  for (let j = 0; j < view.size; j++) {
    const i = feed.barAt[j]![k]!;
    view.fresh[j] = i >= 0 ? 1 : 0;
    if (i < 0) continue;
    view.bar[j] = i;
    view.score[j] = signals.scores[j]![i]!;
    if (signals.measures !== undefined) view.measure[j] = signals.measures[j]![i]!;
  }
}

function closeOut(
  feed: MarketFeed,
  exchange: SimulatedExchange,
  tick: number,
  equity: Float64Array,
  atOpen: boolean,
): void {
  for (let j = 0; j < exchange.size; j++) {
    let k = tick;
    while (k >= 0 && feed.barAt[j]![k]! < 0) k--;
    if (k < 0) continue;
    const i = feed.barAt[j]![k]!;
    const { open, time } = feed.bars[j]!;
    if (atOpen) exchange.closeAt(j, i, time[i]!, open[i]!, 'end');
    else exchange.closeAt(j, i, feed.clock[tick]!, exchange.ledger.mark[j]!, 'end');
  }
  equity[equity.length - 1] = exchange.ledger.equity();
}
