import type { TradeOptions } from '../../config/index.js';
import { timeRange } from '../../data/range.js';
import { firstTickAt, spreadsOf } from '../../engine/feed.js';
import { ReplaySource } from '../../engine/live/index.js';
import type { ManualClock } from '../../platform/index.js';
import { detailOf } from '../compose/detail.js';
import { feedOf, returnCalendar, signalsOf } from '../compose/market.js';
import type { ComposedStrategy } from '../compose/strategy.js';
import type { Runtime } from '../runtime.js';
import type { TradeMarket } from './market.js';
import type { Tradeable } from './tradeable.js';

/** The dataset of the report as if it arrived now; the simulated venue's clock goes with it. */
export async function replayMarket(
  { dataset, model, run }: Tradeable,
  { strategy, venue }: ComposedStrategy,
  clock: ManualClock,
  options: Pick<TradeOptions, 'until'>,
  runtime: Runtime,
): Promise<TradeMarket> {
  const feed = { ...feedOf(dataset), detail: await detailOf(runtime, dataset, run) };
  const signals = signalsOf(dataset, model.model, strategy.sizing);
  const { to } = timeRange({ to: options.until }, returnCalendar(dataset), dataset.scope, Number.POSITIVE_INFINITY);
  return {
    source: new ReplaySource(
      feed,
      signals,
      firstTickAt(feed, run.run.from),
      firstTickAt(feed, model.expiry),
      spreadsOf(feed, venue.fill),
    ),
    until: to,
    slotAfter: () => Number.POSITIVE_INFINITY,
    arrive: (tick) => clock.set(tick.time),
    follow: async () => {},
    settle: async () => {},
    actions: async () => [],
    close: async () => {},
  };
}
