import { join } from 'node:path';
import type { z } from 'zod';
import { adapterSettings } from '../../config/index.js';
import type { Broker, BrokerContext } from '../../execution/index.js';
import * as nextOpen from '../../market/fills/next-open.js';
import { type ExchangeSettings, NO_COSTS, NO_SLIPPAGE } from '../../market/index.js';
import { ManualClock } from '../../platform/index.js';
import { adapters, loadAdapter } from '../../registry/index.js';
import type { Journal, StrategyScope } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { readRunFile } from './run.js';
import { venueOf } from './strategy.js';

interface BrokerModule {
  readonly settings: z.ZodObject;
  create(settings: unknown, context: BrokerContext): Promise<Broker>;
}

/** Which adapter and environment a venue's name in the journal stands for: `alpaca-live` is alpaca with real money. */
export function adapterOfVenue(venue: string): { readonly name: string; readonly live: boolean } {
  const known = adapters('broker').map(({ name }) => name);
  const name = known
    .filter((each) => venue === each || venue.startsWith(`${each}-`))
    .sort((a, b) => b.length - a.length)[0];
  return { name: name ?? venue, live: venue.endsWith('-live') };
}

/** Whether a venue's name in the journal is meant by `--broker`. */
export const isVenueOf = (venue: string, broker: string | undefined): boolean =>
  broker === undefined || venue === broker || venue.startsWith(`${broker}-`);

/** Looking sends no order, and Schwab has real money only. */
export const looksLive = (broker: string, live: boolean): boolean => live || broker === 'schwab';

export interface VenueRequest {
  /** Name of the adapter. */
  readonly broker: string;
  readonly live: boolean;
  /** Settings of the adapter by `--set`. */
  readonly set: Readonly<Record<string, string>>;
  /** A simulated venue's account, and whose report tells what trading costs there. */
  readonly scope?: StrategyScope;
  readonly onExpiring?: BrokerContext['onExpiring'];
}

/**
 * Opens a venue to look at it or to take orders down, without a report: a simulated one as the strategy's last report
 * has it. It is given no ticks, so nothing fills here.
 */
export async function openVenue(
  request: VenueRequest,
  journal: Journal | undefined,
  runtime: Runtime,
): Promise<Broker> {
  const { module } = await loadAdapter<BrokerModule>('broker', request.broker);
  const { scope, set, onExpiring } = request;
  const simulated = request.broker === 'sim';
  const given = simulated && scope !== undefined ? { ...set, account: scope.account } : set;
  return module.create(adapterSettings(request.broker, module.settings, undefined, given), {
    // Orders are taken at the time of the last tick, not at that of the wall clock.
    clock: simulated ? new ManualClock(0) : runtime.clock,
    logger: runtime.logger,
    secrets: runtime.secrets,
    live: request.live,
    ending: runtime.signal,
    ...(onExpiring !== undefined && { onExpiring }),
    stateDir: join(runtime.workspace, 'state'),
    ...(simulated && (await simulation(scope, journal, runtime))),
  });
}

type Simulation = Required<Pick<BrokerContext, 'exchange' | 'fractional'>>;

async function simulation(
  scope: StrategyScope | undefined,
  journal: Journal | undefined,
  runtime: Runtime,
): Promise<Simulation> {
  const last = scope === undefined ? undefined : await journal?.lastDecision(scope);
  try {
    if (last !== undefined) return await simulationOf(last.report, runtime);
  } catch (error) {
    runtime.logger.debug(`The report ${last?.report} cannot be opened: ${(error as Error).message}`);
  }
  return { exchange: PLAIN, fractional: true };
}

/** Positions and orders of a book can be read without knowing what trading costs. */
const PLAIN: ExchangeSettings = {
  cash: 0,
  costs: NO_COSTS,
  slippage: NO_SLIPPAGE,
  fill: nextOpen.create(nextOpen.settings.parse({})),
  leverage: 1,
  allowShort: true,
};

async function simulationOf(id: string, { artifacts }: Runtime): Promise<Simulation> {
  const isReport = (await artifacts.list('report')).some((report) => report.id === id);
  const run = isReport
    ? await artifacts.openInput(await artifacts.open('report', id), 'run')
    : await artifacts.open('run', id);
  const { strategy } = await readRunFile(run);
  return { exchange: await venueOf(strategy), fractional: strategy.lot === 'fractional' };
}
