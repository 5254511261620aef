import type { Broker, BrokerAccount, BrokerOrder, BrokerPosition } from '../../execution/index.js';
import type { Journal, StrategyScope } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { brokerSettings } from '../trade/venue.js';
import { looksLive, openVenue } from './venues.js';

export interface AskOptions {
  readonly broker?: string | undefined;
  readonly live: boolean;
  readonly set: Readonly<Record<string, string>>;
}

/** One account as its venue shows it now. */
export interface VenueView {
  readonly venue: string;
  readonly account: BrokerAccount;
  readonly positions: readonly BrokerPosition[];
  /** The instant of the positions' market prices: now, or the last bar of a simulated venue. */
  readonly valuedAt: number;
  /** All open orders, attached exits included. */
  readonly orders: readonly BrokerOrder[];
}

/**
 * Asks the venue of `--broker` what it holds: the account of the keys, or each account of the simulated venue that has
 * traded. Nothing without `--broker`.
 */
export async function askVenues(
  options: AskOptions,
  scopes: readonly StrategyScope[],
  journal: Journal | undefined,
  runtime: Runtime,
): Promise<readonly VenueView[]> {
  return eachVenue(options, scopes, journal, runtime, async (broker) => ({
    venue: broker.venue,
    account: await broker.account(),
    positions: await broker.positions(),
    valuedAt: (await broker.lastTick?.()) ?? runtime.clock.now(),
    orders: (await broker.openOrders()).flatMap((order) => [order, ...(order.legs ?? [])]),
  }));
}

/** The same with a question of the caller's own. */
export async function eachVenue<T>(
  options: AskOptions,
  scopes: readonly StrategyScope[],
  journal: Journal | undefined,
  runtime: Runtime,
  ask: (broker: Broker) => Promise<T>,
): Promise<readonly T[]> {
  const { broker: name, live } = options;
  if (name === undefined) return [];
  const set = brokerSettings(options);
  const simulated = [...new Map(scopes.map((scope) => [scope.account, scope])).values()];
  const targets: readonly (StrategyScope | undefined)[] =
    name === 'sim' && set['account'] === undefined ? simulated : [undefined];
  const answers: T[] = [];
  for (const scope of targets) {
    const broker = await openVenue(
      { broker: name, live: looksLive(name, live), set, ...(scope && { scope }) },
      journal,
      runtime,
    );
    try {
      answers.push(await ask(broker));
    } finally {
      await broker.close();
    }
  }
  return answers;
}
