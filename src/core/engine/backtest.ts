import {
  capsVolume,
  type ExchangeSettings,
  onPath,
  openEntries,
  type Rounding,
  SimulatedExchange,
  type TradeColumns,
} from '../market/index.js';
import { SessionActivity } from '../risk/index.js';
import { type AccountView, allocateView, type MarketView, type Targets } from './decide.js';
import { type DetailCount, pathOf } from './detail.js';
import type { EventSink } from './events.js';
import { type MarketFeed, type Signals, spreadsOf } from './feed.js';
import { LedgerCalendar } from './ledger-calendar.js';
import type { OrderColumns } from './order-log.js';
import { type FillColumns, type FlowColumns, Recorder } from './recorder.js';
import { QuietScan } from './scan.js';
import { Stepper } from './step.js';
import type { Strategy } from './strategy.js';
import { Watch } from './watch.js';

export interface BacktestOptions {
  readonly strategy: Strategy;
  readonly venue: ExchangeSettings;
  readonly rounding: Rounding;
  /** Ticks [from, to) are traded; bars before are warm-up only. */
  readonly from: number;
  readonly to: number;
  /** Close what is open at the end of the last bar, or at its open (backtesting.py's `finalize_trades`). */
  readonly closeAtEnd: boolean | 'open';
  /** From a tick on another strategy trades on with what the one before holds: a replay over retraining. Ascending. */
  readonly changes?: readonly StrategyChange[];
  readonly events?: EventSink;
}

export interface StrategyChange {
  readonly from: number;
  readonly strategy: Strategy;
  readonly signals: Signals;
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
  readonly flows: FlowColumns;
  readonly orders: OrderColumns;
  readonly finalEquity: number;
  readonly costs: number;
  readonly turnover: number;
  /** Largest fraction of a bar's volume that a fill used. */
  readonly largestShare: number;
  /** Bars with orders or protection in play, and how many of them were followed inside; undefined without finer bars. */
  readonly detail: DetailCount | undefined;
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
  const room = roomFor(Math.max(0, options.to - options.from) * size);
  const recorder = new Recorder(names, options.events, room, capsVolume(options.venue.slippage) ? 4 : 1);
  const exchange = new SimulatedExchange(size, options.venue, options.rounding, recorder, room >> 1);
  const { ledger } = exchange;
  const { view, account } = viewsOf(size, exchange);
  const { from, to } = options;
  const ticks = Math.max(0, to - from);
  const equity = new Float64Array(ticks);
  const spreads = spreadsOf(feed, options.venue.fill);
  const detail = { bars: 0, detailed: 0 };
  const session = { index: -1, start: 0, end: from };
  const dated = new LedgerCalendar(feed, exchange, { from, to }, options.events);
  const phases = [{ from, signals, strategy: options.strategy }, ...(options.changes ?? [])];
  let peak = options.venue.cash;
  for (let n = 0; n < phases.length; n++) {
    const { strategy, signals, from: begin } = phases[n]!;
    const end = phases[n + 1]?.from ?? to;
    const stepper = new Stepper(names, strategy, options.rounding, peak, options.events, signals.inStep);
    const watch = new Watch(exchange, account, strategy, feed.detail !== undefined);
    const scan = new QuietScan(feed, signals, ledger, watch, stepper);
    const everyTick = stepper.mustObserve;
    const { risk } = stepper;
    const { needsExposure } = risk;
    if (risk.needsActivity) {
      recorder.activity ??= new SessionActivity(feed.calendar);
      risk.state.activity = recorder.activity;
    }
    watch.refresh();
    for (let k = begin; k < end; k++) {
      if (k >= session.end) enterSession(session, feed, options, equity, k);
      risk.enter(session.index, session.start);
      if (watch.working === 0 && !(everyTick || watch.pending || account.halted || recorder.waiting)) {
        const until = Math.min(end, session.end);
        k = scan.run(k, Math.min(until, dated.next), from, equity);
        if (k === end) break;
        if (k === until) {
          // Risk hears of the next session first.
          k--;
          continue;
        }
      }
      const now = feed.clock[k]!;
      recorder.time = now;
      if (k === dated.next) dated.apply(k);
      venueBars(feed, exchange, spreads, detail, k);
      recorder.endBars();
      const worth = ledger.equity();
      equity[k - from] = worth;
      watch.refresh();
      const asked = everyTick || watch.pending || scan.outside(k);
      if (!asked && risk.isCalm(worth)) {
        account.halted = false;
        continue;
      }
      if (needsExposure) risk.state.held = ledger.gross();
      account.halted = risk.observe(now, worth, session.index, session.start);
      if (!asked && !account.halted) continue;
      account.equity = worth;
      account.cash = ledger.cash;
      lookAt(feed, signals, k, view, account.halted);
      const planned = stepper.step(view, account);
      if (stepper.targets.releases > 0) releaseLockouts(stepper.targets, exchange);
      for (let p = 0; p < planned.length; p++) {
        const order = planned[p]!;
        if (order.action === 'cancel') cancelEntries(exchange, order.index);
        else exchange.submit(order.index, order.intent, now, order.reason);
      }
      watch.refresh();
    }
    peak = risk.state.peak;
  }
  if (options.closeAtEnd && ticks > 0) {
    recorder.time = feed.clock[to - 1]!;
    closeOut(feed, exchange, to - 1, equity, options.closeAtEnd === 'open');
  }
  return {
    equity: { time: feed.clock.subarray(from, to), equity },
    trades: ledger.trades.toColumns(),
    fills: recorder.fills(),
    flows: recorder.flows(),
    orders: recorder.orders(exchange.working()),
    finalEquity: ticks > 0 ? equity[ticks - 1]! : options.venue.cash,
    costs: ledger.costs,
    turnover: ledger.turnover,
    largestShare: exchange.largestShare,
    detail: feed.detail && detail,
    halted: account.halted,
  };
}

/** An order every 32 bars at first: memory that is not used costs next to nothing, growing a table does. */
const roomFor = (bars: number): number => Math.min(1 << 16, Math.max(64, bars >> 5));

function viewsOf(size: number, exchange: SimulatedExchange): { view: MarketView; account: AccountView } {
  const { quantity, entryBar, lockout, mark } = exchange.ledger;
  return {
    // Marks are kept by the ledger: they are the last closes, also of instruments without a bar at this tick.
    view: allocateView(size, mark),
    account: {
      equity: exchange.settings.cash,
      cash: exchange.settings.cash,
      quantity,
      entryBar,
      lockout,
      entering: new Int8Array(size),
      ordered: (j) => openEntries(exchange.orders(j), mark[j]!),
      exiting: new Uint8Array(size),
      halted: false,
    },
  };
}

/** An exit beside them works on. */
function cancelEntries(exchange: SimulatedExchange, j: number): void {
  for (const order of [...exchange.orders(j)]) if (order.leg === 'entry') exchange.cancel(order);
}

function releaseLockouts(targets: Targets, exchange: SimulatedExchange): void {
  for (let j = 0; j < exchange.size; j++) {
    if (targets.release[j] === 0) continue;
    targets.release[j] = 0;
    exchange.endLockout(j);
  }
}

/** Lets this tick's bars happen at the venue and marks them. */
function venueBars(
  feed: MarketFeed,
  exchange: SimulatedExchange,
  spreads: readonly Float64Array[] | undefined,
  counted: DetailCount,
  k: number,
): void {
  const { busy, ledger } = exchange;
  for (let j = 0; j < exchange.size; j++) {
    const i = feed.barAt[j]![k]!;
    if (i < 0) continue;
    const bars = feed.bars[j]!;
    if (busy[j] === 0) ledger.mark[j] = bars.close[i]!;
    else if (bars.volume[i] === 0 && i > feed.halts[j]!) exchange.onHalt(j, bars.close[i]!);
    else {
      const spread = spreads === undefined ? 0 : spreads[j]![i]!;
      counted.bars++;
      const finer = feed.detail === undefined ? undefined : feed.detail[j];
      const path = finer && pathOf(finer, i);
      if (path !== undefined) {
        counted.detailed++;
        onPath(exchange, j, i, path, spread);
      } else exchange.onRow(j, i, bars, i, spread);
    }
  }
}

/** The session of the current tick: its number, equity at the end of the one before, first tick of the next one. */
interface CurrentSession {
  index: number;
  start: number;
  end: number;
}

function enterSession(
  session: CurrentSession,
  feed: MarketFeed,
  { from, venue }: BacktestOptions,
  equity: Float64Array,
  k: number,
): void {
  session.index = feed.sessionAt[k]!;
  const before = feed.firstTick[session.index]! - 1 - from;
  session.start = before >= 0 ? equity[before]! : venue.cash;
  session.end = feed.firstTick[session.index + 1] ?? feed.clock.length;
}

/** Lets the view show tick k; a halt closes also what has no bar then, so it needs the last one (`all`). */
function lookAt(feed: MarketFeed, signals: Signals, k: number, view: MarketView, all: boolean): void {
  view.time = feed.clock[k]!;
  for (let j = 0; j < view.size; j++) {
    const barAt = feed.barAt[j]!;
    let i = barAt[k]!;
    view.fresh[j] = i >= 0 ? 1 : 0;
    if (all) for (let before = k - 1; i < 0 && before >= 0; before--) i = barAt[before]!;
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
