import { expect } from 'vitest';
import { QuantlineError } from '../../src/core/errors/index.js';
import {
  type Broker,
  commitDecision,
  type ExecutionContext,
  type OrderRequest,
  pollOrders,
  reconcile,
  submitOrders,
} from '../../src/core/execution/index.js';
import { type Logger, ManualClock } from '../../src/core/platform/index.js';
import {
  type Journal,
  type Lease,
  type NewIntent,
  type OrderRecord,
  openJournal,
  type StrategyScope,
  streamOf,
} from '../../src/core/state/index.js';
import { temporaryFolder } from '../core/state/helpers.js';
import { checkOracle, type VenueView } from './oracle.js';

export const T0 = Date.UTC(2026, 10, 23, 15);

export const buy = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  instrument: 'AAPL',
  side: 'buy',
  type: 'market',
  timeInForce: 'day',
  quantity: '10',
  ...more,
});

/** A folder, a clock that a test sets, and what was said: what an adapter is made with. */
export interface RigParts {
  readonly folder: { readonly path: string; readonly remove: () => Promise<void> };
  readonly clock: ManualClock;
  readonly said: string[];
  readonly logger: Logger;
}

export async function rigParts(): Promise<RigParts> {
  const said: string[] = [];
  const log = (text: string) => void said.push(text);
  const folder = await temporaryFolder();
  return { folder, clock: new ManualClock(T0), said, logger: { debug: log, info: log, warn: log } };
}

/** The adapter, a journal on disk, and the path of an order through the real execution layer. */
export class ExecutionRig {
  private slot = T0;

  constructor(
    protected readonly parts: RigParts,
    readonly broker: Broker,
    readonly scope: StrategyScope,
    readonly journal: Journal,
    readonly lease: Lease,
    private readonly view: VenueView,
  ) {}

  /** Opens the journal and takes the lease. */
  protected static async journal(parts: RigParts, scope: StrategyScope): Promise<[Journal, Lease]> {
    const journal = await openJournal(`${parts.folder.path}/journal.db`);
    return [journal, (await journal.acquireLease(streamOf(scope), 'test', T0, 10 * 86_400_000)) as Lease];
  }

  get clock(): ManualClock {
    return this.parts.clock;
  }

  get said(): readonly string[] {
    return this.parts.said;
  }

  get context(): ExecutionContext {
    const { journal, broker, scope } = this;
    const { clock, logger } = this.parts;
    return { journal, broker, scope, clock, logger };
  }

  /** Decides and submits in a slot of its own. */
  async submit(...requests: OrderRequest[]): Promise<readonly OrderRecord[]> {
    return this.send(await this.intend(...requests));
  }

  async intend(...requests: OrderRequest[]): Promise<readonly OrderRecord[]> {
    this.slot += 60_000;
    const intents: NewIntent[] = requests.map((request) => ({
      leg: request.opens === false ? 'exit' : 'entry',
      request,
    }));
    const decision = { slot: this.slot, report: 'r1', time: this.clock.now(), body: {} };
    return (await commitDecision(this.context, this.lease, decision, intents)).orders;
  }

  send(orders: readonly OrderRecord[]): Promise<readonly OrderRecord[]> {
    return submitOrders(this.context, this.lease, orders);
  }

  /** As `submit`, then reads what became of the orders. */
  async place(...requests: OrderRequest[]): Promise<readonly OrderRecord[]> {
    const sent = await this.submit(...requests);
    const after = await this.settle();
    return sent.map(({ clientOrderId }) => after.find((order) => order.clientOrderId === clientOrderId) as OrderRecord);
  }

  /** Reads orders and executions and returns what the journal then has. */
  async settle(): Promise<readonly OrderRecord[]> {
    await reconcile(this.context);
    const all = await this.journal.orders({ scope: this.scope });
    return pollOrders(
      this.context,
      all.map((order) => order.clientOrderId),
    );
  }

  /** The catalogue's oracle; and reading everything once more adds nothing. */
  async oracle(): Promise<void> {
    await this.settle();
    const before = await this.journal.events();
    await this.settle();
    const after = (await this.journal.events()).filter((event) => event.type !== 'cursor.moved');
    expect(after.length, 'a rerun converges').toBeLessThanOrEqual(before.length);
    await checkOracle(this.view, this.journal, this.said, this.scope);
  }

  /** A test of a fault (F1, F2 … in its name) ends in the oracle, unless the venue still refuses to be read. */
  private async afterFault(): Promise<void> {
    if (!/\bF\d+\b/.test(expect.getState().currentTestName ?? '')) return;
    await this.oracle().catch((error: unknown) => {
      if (!(error instanceof QuantlineError) || error.exitCode === 1) throw error;
    });
  }

  async close(): Promise<void> {
    await this.afterFault();
    await this.broker.close();
    await this.journal.close();
    await this.parts.folder.remove();
  }
}
