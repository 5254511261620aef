import type { MarketDataSource } from '../../data/source.js';
import { calendarOf, DAY_MS, decimal } from '../../domain/index.js';
import { isQuantlineError } from '../../errors/index.js';
import { openSource } from '../ingest.js';
import type { Runtime } from '../runtime.js';

/** What a unit is worth, as decimal text, and the instant of that price. */
export interface LastPrice {
  readonly price: string;
  readonly time: number;
}

const MINUTE = 60_000;
/** The newest minute where there is one; the newest day of what trades rarely, or while the market is closed. */
const LOOKS = [
  { interval: '1m', scope: 'extended', back: 15 * MINUTE },
  { interval: '1d', scope: 'regular', back: 10 * DAY_MS },
] as const;

/** Newest closes by a source of bars. What it does not know is left out, with a warning. */
export async function lastPrices(
  name: string,
  set: Readonly<Record<string, string>>,
  symbols: readonly string[],
  runtime: Runtime,
): Promise<ReadonlyMap<string, LastPrice>> {
  const prices = new Map<string, LastPrice>();
  if (symbols.length === 0) return prices;
  const { source } = await openSource({ source: name, symbols, set }, runtime);
  const size = source.batch ?? 1;
  for (const look of LOOKS) {
    const missing = symbols.filter((symbol) => !prices.has(symbol));
    for (let at = 0; at < missing.length; at += size) {
      await read(source, look, missing.slice(at, at + size), prices, runtime);
    }
  }
  return prices;
}

async function read(
  source: MarketDataSource,
  { interval, scope, back }: (typeof LOOKS)[number],
  symbols: readonly string[],
  prices: Map<string, LastPrice>,
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
      prices.set(instrument, { price: decimal.decimalText(close.at(-1)!), time: Math.min(to, end) });
    }
  } catch (error) {
    const failures = error instanceof AggregateError ? error.errors : [error];
    for (const failure of failures) {
      if (!isQuantlineError(failure) || failure.code === 'CREDENTIALS') throw failure;
      logger.warn(failure.message);
    }
  }
}
