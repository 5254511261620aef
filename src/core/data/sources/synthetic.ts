import { z } from 'zod';
import {
  type BarColumns,
  defaultInstrument,
  type Instrument,
  lowerBound,
  parseDate,
  type Session,
  sliceBars,
} from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { idOf, isoTime } from '../../platform/index.js';
import type { BarRequest, MarketDataSource, SourceContext } from '../source.js';
import { edgeDrift } from '../synthetic/edge.js';
import { Simulation } from '../synthetic/market.js';

export const name = 'synthetic';
export const summary = 'A seeded, made-up market of any symbols: for tests, demonstrations and load.';

export const settings = z.strictObject({
  seed: z.int().min(0).max(0xffff_ffff).default(1),
  /** `none`, or the net Sharpe ratio a year that the oracle of the planted edge reaches after `cost`. */
  edge: z.union([z.literal('none'), z.number().nonnegative()]).default('none'),
  /** Cost of a side as a fraction, which the planted edge pays for. */
  cost: z.number().min(0).max(0.05).default(0.0005),
  calendar: z.enum(['XNYS', '24/7']).default('XNYS'),
  /** First session of the simulation; prices of a session depend on all since then. */
  start: z.string().default('2010-01-01'),
  /** Standard deviation of returns and expected return, a year. */
  volatility: z.number().min(0.01).max(5).default(0.2),
  drift: z.number().min(-1).max(1).default(0.05),
  /** Between any two instruments. */
  correlation: z.number().min(0).max(0.99).default(0.4),
  /** Jumps a year and instrument, and their standard deviation. */
  jumps: z.number().min(0).max(100).default(2),
  jumpSize: z.number().min(0).max(0.5).default(0.03),
  /** Typical first price and daily volume. */
  price: z.number().positive().default(100),
  volume: z.number().positive().default(5_000_000),
});
export type SyntheticSettings = z.output<typeof settings>;

export const create = (options: SyntheticSettings, context: SourceContext): MarketDataSource =>
  new SyntheticSource(options, context);

/** Share of variance between sessions of a venue that closes. */
const GAP_SHARE = 0.2;
/** Bars a block, about. */
const BLOCK = 50_000;

/**
 * A factor market: each instrument is √correlation times the market's shock plus its own. Both follow GARCH(1,1) by
 * session with Student-t shocks (6 degrees of freedom) and jumps; between sessions lies a gap; within one, minutes are
 * a Gaussian bridge with U-shaped variance and volume, and extremes are those of a Brownian bridge. Every interval is
 * put together from the same minutes. A path depends on seed, settings, symbol and `start`, on nothing else.
 */
class SyntheticSource implements MarketDataSource {
  readonly feed: string;
  readonly basis = 'raw';
  readonly density = 'dense';
  readonly archive = true;
  readonly endless = true;
  private readonly simulation: Simulation;
  private readonly start: number;

  constructor(
    private readonly options: SyntheticSettings,
    private readonly context: SourceContext,
  ) {
    const { edge, cost, volatility, calendar, start, seed, ...rest } = options;
    const day = parseDate(start);
    if (day === undefined)
      throw new QuantlineError('USAGE', `synthetic, start: "${start}" is no date.`, { hint: 'Write 2010-01-01.' });
    this.start = day * 86_400_000;
    const { sessionsPerYear } = context.calendar(calendar);
    const continuous = calendar === '24/7';
    // Markets of other settings are other series.
    this.feed = `seed-${seed}-${idOf(options).slice(0, 8)}`;
    this.simulation = new Simulation({
      ...rest,
      seed,
      continuous,
      sessionsPerYear,
      volatility,
      gapShare: continuous ? 0 : GAP_SHARE,
      edge: edge === 'none' ? 0 : edgeDrift(edge, volatility / Math.sqrt(sessionsPerYear), sessionsPerYear, cost),
    });
  }

  async instruments(symbols: readonly string[]): Promise<readonly Instrument[]> {
    return symbols.map((symbol) => this.instrument(symbol));
  }

  private instrument(symbol: string): Instrument {
    return defaultInstrument(symbol, this.options.calendar, { class: 'synthetic' });
  }

  async *bars(request: BarRequest, signal: AbortSignal): AsyncIterable<BarColumns> {
    const { calendar, start } = this.options;
    const { from, to, interval } = request;
    if (!Number.isFinite(from) || !Number.isFinite(to))
      throw new QuantlineError('USAGE', 'A synthetic market has no beginning and no end of its own.', {
        hint: 'Add --from 2020-01-01 --to 2020-12-31.',
      });
    if (to <= this.start)
      throw new QuantlineError('NO_DATA', `The synthetic market starts on ${start}, after ${isoTime(to)}.`, {
        hint: 'Ask for later sessions, or start it earlier with --set start=2000-01-01.',
      });
    const sessions = this.context.calendar(calendar).sessionsBetween(this.start, to - 1);
    const first = sessions.findIndex((session: Session) => session.close > from);
    if (first === -1) return;
    const perSession =
      interval === '1d' ? 1 : Math.max(1, Math.round((sessions[first]!.close - sessions[first]!.open) / 60_000));
    const step = Math.max(1, Math.floor(BLOCK / perSession));
    for (const symbol of request.symbols) {
      const instrument = this.instrument(symbol);
      for (let day = first; day < sessions.length; day += step) {
        signal.throwIfAborted();
        const bars = this.simulation.bars(
          instrument,
          symbol,
          interval,
          sessions,
          day,
          Math.min(day + step, sessions.length),
        );
        const cut = sliceBars(bars, lowerBound(bars.time, from), lowerBound(bars.time, to));
        if (cut.time.length > 0) yield cut;
      }
    }
  }
}
