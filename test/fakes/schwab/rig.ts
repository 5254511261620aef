import { appHash, LOGIN_MS, tokenFile, writeTokens } from '../../../src/core/clients/schwab/index.js';
import { create, settings } from '../../../src/core/execution/brokers/schwab.js';
import type { BrokerContext } from '../../../src/core/execution/index.js';
import type { VenueView } from '../oracle.js';
import { ExecutionRig, type RigParts, rigParts, T0 } from '../rig.js';
import type { BookOrder } from './book.js';
import { FakeSchwab } from './server.js';

export { buy, T0 } from '../rig.js';

const SCOPE = { venue: 'schwab-live', account: '12345678', strategy: 'swing' };

export const contextOf = (venue: FakeSchwab, parts: RigParts): BrokerContext => ({
  clock: parts.clock,
  logger: parts.logger,
  secrets: venue.secrets,
  live: true,
  instruments: [],
  stateDir: `${parts.folder.path}/state`,
});

/** The login as `quantline login schwab` leaves it. */
export const logIn = (venue: FakeSchwab, stateDir: string, at = T0): Promise<void> =>
  writeTokens(tokenFile(venue.secrets, stateDir), {
    schema: 1,
    app: appHash(venue.app),
    access_token: venue.accessToken,
    access_expires_at: at + venue.tokenSeconds * 1000,
    refresh_token: venue.refreshToken,
    refresh_expires_at: at + LOGIN_MS,
  });

const rootOf = (order: BookOrder): BookOrder => (order.parent === undefined ? order : rootOf(order.parent));

/** Schwab keeps no id of ours: an accepted order is told by the venue id that the journal has for it. */
export function viewOf(venue: FakeSchwab): VenueView {
  return {
    accepted: (orders) =>
      venue.accepted
        // One that was refused after it was taken is told by its reply alone.
        .filter(({ status }) => status !== 'REJECTED')
        .map(({ id }) => orders.find((one) => one.venueOrderId === String(id))?.clientOrderId ?? `unknown: ${id}`),
    fills: () =>
      venue.book.all
        .filter((order) => venue.accepted.includes(rootOf(order)))
        .flatMap(({ fills }) => fills.map(({ id }) => id)),
    violations: () => venue.violations.filter((text) => !venue.lies?.test(text)),
    secrets: () => [venue.app.secret, venue.accessToken, venue.refreshToken],
  };
}

/** The fake host, the adapter at it, and the path of an order through the real execution layer. */
export class Rig extends ExecutionRig {
  readonly venue: FakeSchwab;

  private constructor(venue: FakeSchwab, ...rest: ConstructorParameters<typeof ExecutionRig>) {
    super(...rest);
    this.venue = venue;
  }

  static async start(timeoutSeconds = 5): Promise<Rig> {
    const parts = await rigParts();
    const venue = await FakeSchwab.start(() => parts.clock.now());
    venue.book.prices.set('AAPL', 100);
    venue.book.prices.set('MSFT', 200);
    await logIn(venue, contextOf(venue, parts).stateDir);
    const [journal, lease] = await ExecutionRig.journal(parts, SCOPE);
    const broker = create({ ...settings.parse({}), timeoutSeconds }, contextOf(venue, parts));
    return new Rig(venue, parts, broker, SCOPE, journal, lease, viewOf(venue));
  }

  get rigParts(): RigParts {
    return this.parts;
  }

  override async close(): Promise<void> {
    this.venue.disarm();
    await super.close();
    await this.venue.close();
  }
}
