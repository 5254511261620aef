import { create, type IbkrBrokerSettings, settings } from '../../../src/core/execution/brokers/ibkr.js';
import type { Broker } from '../../../src/core/execution/index.js';
import type { VenueView } from '../oracle.js';
import { ExecutionRig, type RigParts, rigParts } from '../rig.js';
import { FakeTws } from './server.js';

export { buy, T0 } from '../rig.js';

const SCOPE = { venue: 'ibkr-paper', account: 'DU1234567', strategy: 'swing' };

/** An adapter of its own at a fake TWS; the pace that the real one asks for is tested once, not waited for everywhere. */
export function brokerAt(
  venue: FakeTws,
  parts: RigParts,
  more: Partial<IbkrBrokerSettings> = {},
  live = false,
): Broker {
  return create(
    {
      ...settings.parse({}),
      host: '127.0.0.1',
      port: venue.port,
      clientId: 17,
      timeoutSeconds: 5,
      maxRequestsPerSecond: 5000,
      ...more,
    },
    {
      clock: parts.clock,
      logger: parts.logger,
      secrets: {},
      live,
      instruments: [],
      stateDir: `${parts.folder.path}/state`,
    },
  );
}

export function viewOf(venue: FakeTws): VenueView {
  const { book } = venue;
  const own = (ref: string): boolean => ref.startsWith('ql-swing-') && !/\/(tp|sl|2)$/.test(ref);
  const corrected = (id: string) =>
    book.executions.some(({ execId }) => execId > id && execId.slice(0, -2) === id.slice(0, -2));
  return {
    accepted: () => book.accepted.map(({ orderRef }) => orderRef).filter(own),
    fills: () =>
      book.executions
        .filter(({ order, execId }) => order.orderRef.startsWith('ql-swing-') && !corrected(execId))
        .map(({ execId }) => execId),
    violations: () => [],
    secrets: () => [],
  };
}

/** The fake TWS, the adapter at it, and the path of an order through the real execution layer. */
export class Rig extends ExecutionRig {
  readonly venue: FakeTws;

  private constructor(venue: FakeTws, ...rest: ConstructorParameters<typeof ExecutionRig>) {
    super(...rest);
    this.venue = venue;
  }

  static async start(more: Partial<IbkrBrokerSettings> = {}): Promise<Rig> {
    const parts = await rigParts();
    const venue = await FakeTws.start(() => parts.clock.now());
    venue.book.prices.set('AAPL', 100);
    venue.book.prices.set('MSFT', 200);
    const [journal, lease] = await ExecutionRig.journal(parts, SCOPE);
    const broker = brokerAt(venue, parts, more);
    return new Rig(venue, parts, broker, SCOPE, journal, lease, viewOf(venue));
  }

  /** Another adapter at the same TWS, as another process has one. */
  another(more: Partial<IbkrBrokerSettings> = {}, live = false): Broker {
    return brokerAt(this.venue, this.parts, more, live);
  }

  override async close(): Promise<void> {
    this.venue.disarm();
    await super.close();
    await this.venue.close();
  }
}
