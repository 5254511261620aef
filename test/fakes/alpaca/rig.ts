import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { create } from '../../../src/core/execution/brokers/alpaca.js';
import {
  type Broker,
  commitDecision,
  type ExecutionContext,
  type OrderRequest,
  pollOrders,
  reconcile,
  submitOrders,
} from '../../../src/core/execution/index.js';
import { ManualClock } from '../../../src/core/platform/index.js';
import {
  type Journal,
  type Lease,
  type NewIntent,
  type OrderRecord,
  openJournal,
  streamOf,
} from '../../../src/core/state/index.js';
import { FakeAlpaca } from './server.js';

export const T0 = Date.UTC(2026, 10, 23, 15);

const SCOPE = { venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'swing' };

export const buy = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  instrument: 'AAPL',
  side: 'buy',
  type: 'market',
  timeInForce: 'day',
  quantity: '10',
  ...more,
});

/** The venue, the adapter, a journal on disk, and the path of an order through the real execution layer. */
export class Rig {
  readonly said: string[] = [];
  readonly clock = new ManualClock(T0);
  private slot = T0;
  private constructor(
    readonly venue: FakeAlpaca,
    readonly broker: Broker,
    readonly journal: Journal,
    private readonly folder: string,
    private lease: Lease,
  ) {}

  static async start(settings: { timeoutSeconds?: number } = {}): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'quantline-alpaca-'));
    let rig: Rig | undefined;
    const venue = await FakeAlpaca.start(() => rig?.clock.now() ?? T0);
    for (const symbol of ['AAPL', 'MSFT']) venue.assets.set(symbol, {});
    venue.book.prices.set('AAPL', 100);
    venue.book.prices.set('MSFT', 200);
    const journal = await openJournal(join(folder, 'journal.db'));
    const lease = (await journal.acquireLease(streamOf(SCOPE), 'test', T0, 86_400_000)) as Lease;
    const said: string[] = [];
    const log = (text: string) => void said.push(text);
    const clock = new ManualClock(T0);
    const broker = create(
      { pollSeconds: 30, timeoutSeconds: settings.timeoutSeconds ?? 5 },
      {
        clock,
        logger: { debug: log, info: log, warn: log },
        secrets: venue.secrets,
        live: false,
        instruments: [],
        stateDir: join(folder, 'state'),
      },
    );
    rig = new Rig(venue, broker, journal, folder, lease);
    Object.assign(rig, { clock, said });
    return rig;
  }

  get context(): ExecutionContext {
    const log = (text: string) => void this.said.push(text);
    return {
      journal: this.journal,
      broker: this.broker,
      scope: SCOPE,
      clock: this.clock,
      logger: { debug: log, info: log, warn: log },
    };
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
    const all = await this.journal.orders({ scope: this.context.scope });
    return pollOrders(
      this.context,
      all.map((order) => order.clientOrderId),
    );
  }

  /** The catalogue's oracle. */
  async oracle(): Promise<void> {
    const orders = await this.journal.orders({ scope: this.context.scope });
    const accepted = this.venue.book.accepted.map((order) => order.client_order_id);
    expect(new Set(accepted).size, 'two orders for one intent').toBe(accepted.length);
    const sent = orders.filter((order) => order.venueOrderId !== undefined && order.parent === undefined);
    expect(accepted.filter((id) => orders.some((order) => order.clientOrderId === id)).sort()).toEqual(
      sent.map((order) => order.clientOrderId).sort(),
    );
    await this.settle();
    const booked = (await this.journal.fills({ scope: this.context.scope })).map(
      (fill) => fill.executionId.split('::')[1],
    );
    const filled = this.venue.book.fills
      .filter((fill) => accepted.includes(fill.order.client_order_id) || fill.order.parent !== undefined)
      .map((fill) => fill.id);
    expect(booked.sort(), 'every fill booked once').toEqual(filled.sort());
    const before = await this.journal.events();
    await this.settle();
    const after = (await this.journal.events()).filter((event) => event.type !== 'cursor.moved');
    expect(after.length, 'a rerun converges').toBeLessThanOrEqual(before.length);
    expect(this.venue.violations).toEqual([]);
    expect(this.said.join('\n')).not.toContain(this.venue.keys.secret);
  }

  async close(): Promise<void> {
    await this.broker.close();
    await this.journal.close();
    await this.venue.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
