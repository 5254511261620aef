import type { Artifact } from '../../../../src/core/artifacts/index.js';
import { create } from '../../../../src/core/execution/brokers/alpaca.js';
import {
  commitDecision,
  type ExecutionContext,
  type OrderRequest,
  pollOrders,
  reconcile,
  submitOrders,
} from '../../../../src/core/execution/index.js';
import { ManualClock, silentLogger } from '../../../../src/core/platform/index.js';
import { backtest } from '../../../../src/core/stages/backtest.js';
import { ingest } from '../../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../../src/core/stages/runtime.js';
import { train } from '../../../../src/core/stages/train.js';
import { openJournal, streamOf } from '../../../../src/core/state/index.js';
import { FakeAlpaca } from '../../../fakes/alpaca/server.js';
import { fixture, optionsOf, testRuntime } from '../../../support/workspace.js';

/** A run of a rule on SPY's days from November 2018 on, in a workspace that the whole file shares. */
export async function spyRun(
  runtime: Runtime,
  more: Record<string, unknown> = {},
  trainer = 'sma-cross(3,8)',
): Promise<Artifact> {
  const data = await ingest(
    optionsOf('ingest', { source: 'csv', symbols: 'SPY', file: [fixture('bars/spy-daily-2017-2018.csv')] }),
    runtime,
  );
  const model = await train(optionsOf('train', { data: data.artifact.path, trainer }), runtime);
  const options = { model: model.artifact.path, from: '2018-11-01', commission: '0.1%', ...more };
  return (await backtest(optionsOf('backtest', options), runtime)).artifact;
}

export const T0 = Date.UTC(2026, 10, 23, 15);
export const SCOPE = { venue: 'alpaca-paper', account: 'PA3FAKE00001', strategy: 'swing' };

/** A workspace whose journal has traded at a fake Alpaca. */
export class PaperRig {
  private constructor(
    readonly venue: FakeAlpaca,
    readonly runtime: Runtime,
    readonly clock: ManualClock,
  ) {}

  /** `keep`: for a whole file, which then removes the workspace itself. */
  static async start(keep = false): Promise<PaperRig> {
    const clock = new ManualClock(T0);
    const venue = await FakeAlpaca.start(() => clock.now());
    for (const [symbol, price] of [
      ['AAPL', 100],
      ['MSFT', 200],
    ] as const) {
      venue.assets.set(symbol, {});
      venue.book.prices.set(symbol, price);
    }
    return new PaperRig(venue, testRuntime({ clock, secrets: venue.secrets }, keep), clock);
  }

  /** What a runner of the strategy would do: one decision with these orders, sent and followed. */
  async trade(...requests: readonly OrderRequest[]): Promise<void> {
    const { runtime, clock } = this;
    const journal = await openJournal(runtime.journal);
    const broker = create(
      { pollSeconds: 30, timeoutSeconds: 5 },
      {
        clock,
        logger: silentLogger,
        secrets: this.venue.secrets,
        live: false,
        instruments: [],
        stateDir: runtime.workspace,
      },
    );
    const context: ExecutionContext = { journal, broker, scope: SCOPE, clock, logger: silentLogger };
    const lease = (await journal.acquireLease(streamOf(SCOPE), 'runner', clock.now(), 60_000))!;
    await clock.sleep(60_000 - 1);
    const slot = clock.now();
    const intents = requests.map((request) => ({ leg: 'entry' as const, request }));
    const { orders } = await commitDecision(context, lease, { slot, report: 'r1', time: slot, body: {} }, intents);
    const sent = await submitOrders(context, lease, orders);
    await reconcile(context);
    await pollOrders(
      context,
      sent.map((order) => order.clientOrderId),
    );
    await journal.releaseLease(lease);
    await journal.close();
    await broker.close();
  }

  /** An order from the broker's own screen. */
  byHand(body: Record<string, string>): void {
    this.venue.book.place({ side: 'buy', type: 'market', time_in_force: 'day', ...body });
  }
}

export const order = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  instrument: 'AAPL',
  side: 'buy',
  type: 'market',
  timeInForce: 'day',
  quantity: '10',
  ...more,
});
