import { create } from '../../../src/core/execution/brokers/alpaca.js';
import type { VenueView } from '../oracle.js';
import { ExecutionRig, rigParts } from '../rig.js';
import { activityId } from './render.js';
import { FakeAlpaca } from './server.js';

export { buy, T0 } from '../rig.js';

const SCOPE = { venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'swing' };

/** Orders of ours begin with `ql-`; what was placed by hand is none. */
export function viewOf(venue: FakeAlpaca): VenueView {
  const ours = () => venue.book.accepted.filter(({ client_order_id: id }) => id.startsWith('ql-'));
  return {
    accepted: () => ours().map(({ client_order_id: id }) => id),
    fills: () => {
      const own = new Set(ours());
      return venue.book.fills.filter(({ order }) => own.has(order) || order.parent !== undefined).map(activityId);
    },
    violations: () => venue.violations,
    secrets: () => [venue.keys.secret],
  };
}

/** The fake venue, the adapter at it, and the path of an order through the real execution layer. */
export class Rig extends ExecutionRig {
  readonly venue: FakeAlpaca;

  private constructor(venue: FakeAlpaca, ...rest: ConstructorParameters<typeof ExecutionRig>) {
    super(...rest);
    this.venue = venue;
  }

  static async start(settings: { timeoutSeconds?: number } = {}): Promise<Rig> {
    const parts = await rigParts();
    const venue = await FakeAlpaca.start(() => parts.clock.now());
    for (const symbol of ['AAPL', 'MSFT']) venue.assets.set(symbol, {});
    venue.book.prices.set('AAPL', 100);
    venue.book.prices.set('MSFT', 200);
    const [journal, lease] = await ExecutionRig.journal(parts, SCOPE);
    const broker = create(
      { pollSeconds: 30, timeoutSeconds: settings.timeoutSeconds ?? 5 },
      {
        clock: parts.clock,
        logger: parts.logger,
        secrets: venue.secrets,
        live: false,
        instruments: [],
        stateDir: `${parts.folder.path}/state`,
      },
    );
    return new Rig(venue, parts, broker, SCOPE, journal, lease, viewOf(venue));
  }

  override async close(): Promise<void> {
    this.venue.disarm();
    await super.close();
    await this.venue.close();
  }
}
