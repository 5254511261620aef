import type { MarketDataSource } from '../../data/source.js';
import { calendarOf, DAY_MS, decimal, markPrice, type Quote } from '../../domain/index.js';
import { isQuantlineError } from '../../errors/index.js';
import type { Broker } from '../../execution/index.js';
import { openSource } from '../ingest.js';
import type { Runtime } from '../runtime.js';
import { brokerSettings, sourceSettings } from '../trade/venue.js';
import type { AskOptions, VenueView } from './ask.js';
import { adapterOfVenue, openVenue } from './venues.js';

/** What a unit is worth, as decimal text, the instant of that price, and what it comes from. */
export interface PriceNow {
  readonly price: string;
  readonly time: number;
  /** `venue`: as the venue values its positions; `decision`: the close of the bar that was decided on last. */
  readonly kind: 'quote' | 'bar' | 'venue' | 'decision';
  /** Name of the source, or of the venue. */
  readonly source: string;
  readonly bid?: string;
  readonly ask?: string;
}

type Prices = ReadonlyMap<string, PriceNow>;

function quoted(quotes: readonly Quote[], source: string): Map<string, PriceNow> {
  const prices = new Map<string, PriceNow>();
  for (const quote of quotes) {
    const { instrument, time, bid, ask } = quote;
    const price = markPrice(quote);
    if (price === undefined) continue;
    prices.set(instrument, { price, time, kind: 'quote', source, ...(bid && { bid }), ...(ask && { ask }) });
  }
  return prices;
}

/** Quotes are worth asking for, and never worth failing for. */
async function attempt(who: string, ask: () => Promise<readonly Quote[]> | undefined, { logger }: Runtime) {
  try {
    return quoted((await ask()) ?? [], who);
  } catch (error) {
    if (!isQuantlineError(error)) throw error;
    // Keys that are not there are no news; why others do not serve is.
    logger[error.code === 'CREDENTIALS' ? 'info' : 'warn'](`No quotes of ${who}. ${error.message}`);
    return new Map<string, PriceNow>();
  }
}

/** Prices by the source of `--source`: its quotes where it has them, otherwise its newest bars. */
export async function sourcePrices(
  options: Pick<AskOptions, 'set'> & { readonly source?: string | undefined },
  symbols: readonly string[],
  runtime: Runtime,
): Promise<Prices> {
  const { source: name } = options;
  if (name === undefined || symbols.length === 0) return new Map();
  const { source } = await openSource({ source: name, symbols, set: sourceSettings(options) }, runtime);
  const prices = await attempt(name, () => source.latestQuotes?.(symbols), runtime);
  const missing = symbols.filter((symbol) => !prices.has(symbol));
  if (missing.length > 0)
    for (const [symbol, price] of await lastBars(name, source, missing, runtime)) prices.set(symbol, price);
  return prices;
}

/**
 * Prices at each venue of what is held there: its quotes; where it was asked for its positions, what it says that those
 * are worth. A simulated venue values by its bars.
 */
export async function venuePrices(
  options: AskOptions,
  held: ReadonlyMap<string, readonly string[]>,
  views: readonly VenueView[],
  runtime: Runtime,
): Promise<ReadonlyMap<string, Prices>> {
  const found = new Map<string, Prices>();
  for (const [venue, instruments] of held) {
    const prices = new Map<string, PriceNow>();
    for (const { positions, valuedAt } of views.filter((view) => view.venue === venue)) {
      for (const { instrument, marketPrice: price } of positions)
        if (price !== undefined) prices.set(instrument, { price, time: valuedAt, kind: 'venue', source: venue });
    }
    for (const [name, price] of await venueQuotes(options, venue, instruments, runtime)) prices.set(name, price);
    found.set(venue, prices);
  }
  return found;
}

/** Only market data is asked for; without the venue's keys there is none. */
async function venueQuotes(options: AskOptions, venue: string, instruments: readonly string[], runtime: Runtime) {
  const { name, live } = adapterOfVenue(venue);
  if (name === 'sim' || instruments.length === 0) return new Map<string, PriceNow>();
  let broker: Broker | undefined;
  const ask = async () => {
    broker = await openVenue({ broker: name, live, set: brokerSettings(options) }, undefined, runtime);
    return (await broker.quotes?.(instruments)) ?? [];
  };
  try {
    return await attempt(venue, ask, runtime);
  } finally {
    await broker?.close();
  }
}

const MINUTE = 60_000;
/** The newest minute where there is one; the newest day of what trades rarely, or while the market is closed. */
const LOOKS = [
  { interval: '1m', scope: 'extended', back: 15 * MINUTE },
  { interval: '1d', scope: 'regular', back: 10 * DAY_MS },
] as const;

/** Newest closes by a source of bars. What it does not know is left out, with a warning. */
async function lastBars(
  name: string,
  source: MarketDataSource,
  symbols: readonly string[],
  runtime: Runtime,
): Promise<Prices> {
  const prices = new Map<string, PriceNow>();
  const size = source.batch ?? 1;
  for (const look of LOOKS) {
    const missing = symbols.filter((symbol) => !prices.has(symbol));
    for (let at = 0; at < missing.length; at += size) {
      await read(name, source, look, missing.slice(at, at + size), prices, runtime);
    }
  }
  return prices;
}

async function read(
  name: string,
  source: MarketDataSource,
  { interval, scope, back }: (typeof LOOKS)[number],
  symbols: readonly string[],
  prices: Map<string, PriceNow>,
  { clock, logger, signal }: Runtime,
): Promise<void> {
  const to = clock.now();
  try {
    const calendars = new Map((await source.instruments(symbols)).map(({ id, calendar }) => [id, calendar]));
    for await (const { instrument, time, close } of source.bars(
      { symbols, interval, scope, from: to - back, to },
      signal,
    )) {
      const opened = time.at(-1);
      if (opened === undefined) continue;
      const session = () => calendarOf(calendars.get(instrument) ?? '24/7').nextSession(opened - 1);
      const end = interval === '1m' ? opened + MINUTE : session().close;
      const price = decimal.decimalText(close.at(-1)!);
      prices.set(instrument, { price, time: Math.min(to, end), kind: 'bar', source: name });
    }
  } catch (error) {
    const failures = error instanceof AggregateError ? error.errors : [error];
    for (const failure of failures) {
      if (!isQuantlineError(failure) || failure.code === 'CREDENTIALS') throw failure;
      logger.warn(failure.message);
    }
  }
}
