import { join } from 'node:path';
import type { z } from 'zod';
import { adapterSettings, type TradeOptions } from '../../config/index.js';
import type { TradingCalendar } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { Broker, BrokerContext } from '../../execution/index.js';
import { type Clock, isoTime } from '../../platform/index.js';
import { loadAdapter } from '../../registry/index.js';
import { returnCalendar } from '../compose/market.js';
import { composeStrategy } from '../compose/strategy.js';
import type { Runtime } from '../runtime.js';
import type { Tradeable } from './tradeable.js';

interface BrokerModule {
  readonly settings: z.ZodObject;
  create(settings: unknown, context: BrokerContext): Promise<Broker>;
}

/** The venue of the options. `clock` is what a simulated one takes for the time. */
export async function openBroker(
  options: TradeOptions,
  runtime: Runtime,
  { run, model, dataset }: Tradeable,
  clock: Clock,
  onExpiring: NonNullable<BrokerContext['onExpiring']>,
): Promise<Broker> {
  const { module } = await loadAdapter<BrokerModule>('broker', options.broker);
  // With the limits of this start as well: one that cannot be read is told before the venue is asked for anything.
  const risk = [...run.run.strategy.risk, ...(options.risk ?? []).map(({ text }) => text)];
  const { venue } = await composeStrategy({ ...run.run.strategy, risk }, model.file.scoreKind, dataset.instruments);
  return module.create(adapterSettings(options.broker, module.settings, undefined, brokerSettings(options)), {
    clock,
    onExpiring,
    logger: runtime.logger,
    secrets: runtime.secrets,
    live: options.live,
    ending: runtime.signal,
    stateDir: join(runtime.workspace, 'state'),
    instruments: dataset.instruments,
    calendar: returnCalendar(dataset),
    fractional: run.run.strategy.lot === 'fractional',
    exchange: { ...venue, cash: options.cash },
  });
}

const SOURCE_PREFIX = 'source.';

/** `--set key=value` without those of the source. */
export const brokerSettings = ({ set }: Pick<TradeOptions, 'set'>): Record<string, string> =>
  Object.fromEntries(Object.entries(set).filter(([key]) => !key.startsWith(SOURCE_PREFIX)));

/** `--set source.key=value` by key. */
export const sourceSettings = ({ set }: Pick<TradeOptions, 'set'>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(set).flatMap(([key, value]) =>
      key.startsWith(SOURCE_PREFIX) ? [[key.slice(SOURCE_PREFIX.length), value]] : [],
    ),
  );

/** Clocks that differ by more are named; by more than `STOP_MS` nothing is traded. */
const WARN_MS = 2000;
const STOP_MS = 30_000;

/**
 * Holds our clock and calendar against the venue's. CONFIG where the clocks are too far apart; MISMATCH where the venue
 * keeps other hours than the calendar today, because every slot would be at a wrong time.
 */
export async function checkVenueClock(
  broker: Broker,
  runtime: Pick<Runtime, 'clock' | 'logger'>,
  calendar: TradingCalendar,
): Promise<void> {
  const asked = runtime.clock.now();
  const venue = await broker.clock();
  // The reply was on its way for half of the time that the question took, about.
  const skew = (asked + runtime.clock.now()) / 2 - venue.now;
  const by = `${(Math.abs(skew) / 1000).toFixed(1)} s ${skew > 0 ? 'ahead of' : 'behind'} the clock of ${broker.venue}`;
  if (Math.abs(skew) > STOP_MS)
    throw new QuantlineError('CONFIG', `This machine's clock is ${by}: slots would be decided at the wrong time.`, {
      hint: 'Synchronise the clock (NTP), then start again. Nothing was sent.',
      details: { skewMs: Math.round(skew) },
    });
  if (Math.abs(skew) > WARN_MS) runtime.logger.warn(`This machine's clock is ${by}.`);
  if (calendar.id !== 'XNYS') return;
  const session = calendar.sessionAt(venue.now);
  const expected = calendar.nextSession(venue.now).close;
  const agrees = venue.open === (session !== undefined) && Math.abs((venue.nextClose ?? expected) - expected) < 60_000;
  // A minute around the bell the two may differ by what they count as open.
  const edge = [session?.open, session?.close].some((t) => t !== undefined && Math.abs(venue.now - t) < 60_000);
  if (agrees || edge) return;
  const says = venue.open ? 'open' : 'closed';
  throw new QuantlineError(
    'MISMATCH',
    `${broker.venue} is ${says} and closes next at ${venue.nextClose === undefined ? 'an unknown time' : isoTime(venue.nextClose)}, but the calendar ${calendar.id} says ${session === undefined ? 'closed' : 'open'}, closing at ${isoTime(expected)}.`,
    {
      hint: 'An unscheduled closing? Nothing was sent. Update Quantline if the calendar is out of date.',
      details: { venue: { open: venue.open, nextClose: venue.nextClose }, calendar: expected },
    },
  );
}
