import { join } from 'node:path';
import { expect } from 'vitest';
import { QuantlineError } from '../../../src/core/errors/index.js';
import { type ExecutionContext, reconcile } from '../../../src/core/execution/index.js';
import { ManualClock } from '../../../src/core/platform/index.js';
import { type Journal, type Lease, openJournal, streamOf } from '../../../src/core/state/index.js';
import { checkOracle, type VenueView } from '../../fakes/oracle.js';
import { SCOPE, T0, temporaryFolder } from '../state/helpers.js';
import { FakeVenue } from './fakeVenue.js';

/** Orders of ours begin with `ql-`, and what hangs on them has no id of its own. */
const viewOf = (venue: FakeVenue): VenueView => ({
  accepted: () => venue.accepted.filter((id) => id.startsWith('ql-')),
  fills: () => {
    const busted = new Set(venue.trades.flatMap(({ refersTo }) => refersTo ?? []));
    const isOurs = (id: string) => {
      const { clientOrderId, external } = venue.orders.get(id)!;
      return external !== true && clientOrderId?.startsWith('ql-') !== false;
    };
    return venue.trades
      .filter(({ kind, executionId, venueOrderId: of }) => kind !== 'bust' && !busted.has(executionId) && isOurs(of))
      .map(({ executionId }) => executionId);
  },
  violations: () => [],
  secrets: () => [],
});

export interface OpenExecution {
  readonly clock: ManualClock;
  readonly venue: FakeVenue;
  readonly journal: Journal;
  readonly lease: Lease;
  readonly context: ExecutionContext;
  /** What is logged, at whatever level. */
  readonly said: readonly string[];
  /** Verifies the journal; a test of a fault (F1, F2 … in its name) ends in the catalogue's oracle first. */
  close(): Promise<void>;
}

/** The execution layer of one strategy over a fresh journal, at a fake venue. */
export async function openExecution(): Promise<OpenExecution> {
  const folder = await temporaryFolder();
  const clock = new ManualClock(T0);
  const venue = new FakeVenue(clock);
  const said: string[] = [];
  const log = (text: string) => void said.push(text);
  const journal = await openJournal(join(folder.path, 'journal.db'));
  const lease = (await journal.acquireLease(streamOf(SCOPE), 'me', T0, 3_600_000))!;
  const context = { journal, broker: venue, scope: SCOPE, clock, logger: { debug: log, info: log, warn: log } };
  const afterFault = async () => {
    if (!/\bF\d+\b/.test(expect.getState().currentTestName ?? '')) return;
    venue.fault = () => undefined;
    venue.lagging = 0;
    for (const order of venue.orders.values()) order.visibleFrom = 0;
    // A strategy that halts has read all the same.
    const again = () =>
      reconcile(context).catch((error: unknown) => {
        if (!(error instanceof QuantlineError) || error.exitCode !== 6) throw error;
      });
    await again();
    const before = await checkOracle(viewOf(venue), journal, []);
    await again();
    expect(await checkOracle(viewOf(venue), journal, []), 'a rerun converges').toEqual(before);
  };
  const close = async () => {
    await afterFault();
    await journal.verify();
    await journal.close();
    await folder.remove();
  };
  return { clock, venue, journal, lease, context, said, close };
}
