import type { TradingCalendar } from '../../domain/calendar.js';
import { type BacktestResult, runBacktest } from '../../engine/backtest.js';
import type { MarketFeed, Signals } from '../../engine/feed.js';
import type { Strategy } from '../../engine/strategy.js';
import type { ExchangeSettings, Rounding } from '../../market/index.js';
import type { SignalModel } from '../../models/model.js';

/** Everything that made a run, so that it can be run again under other conditions. Never counts as a trial. */
export interface Replay {
  readonly feed: MarketFeed;
  readonly model: SignalModel;
  /** Per instrument, as `feed.instruments`. */
  readonly calendars: readonly TradingCalendar[];
  readonly signals: Signals;
  readonly strategy: Strategy;
  readonly venue: ExchangeSettings;
  readonly rounding: Rounding;
  /** Traded ticks [from, to). */
  readonly from: number;
  readonly to: number;
  /** As the run: whether what was open at the end was closed. */
  readonly closeAtEnd?: boolean | 'open';
}

export function rerun(replay: Replay, changes: Partial<Pick<Replay, 'signals' | 'venue'>> = {}): BacktestResult {
  const { feed, signals, strategy, venue, rounding, from, to, closeAtEnd = false } = { ...replay, ...changes };
  return runBacktest(feed, signals, { strategy, venue, rounding, from, to, closeAtEnd });
}

/** All scores of a model over bars of its own: one array per instrument. */
export function scoreAll(replay: Replay, bars: Replay['feed']['bars'] = replay.feed.bars): Float64Array[] {
  return bars.map((columns, j) => {
    const out = new Float64Array(columns.time.length);
    replay.model.scorer(replay.feed.instruments[j]!, replay.calendars[j]!).consume(columns, 0, out.length, out);
    return out;
  });
}

/** What a rerun is judged by. `sharpe` NaN where returns do not vary. */
export interface Scored {
  readonly totalReturn: number;
  readonly sharpe: number;
}
