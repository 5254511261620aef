// Records decisions and fills for ever and prints each one that the journal has confirmed; killed by the test.
import { openJournal, streamOf } from '../../../dist/core/state/index.js';

const [path, first] = process.argv.slice(2);
const scope = { venue: 'fake', account: 'A1', strategy: 'swing' };
const journal = await openJournal(path);
const lease = await journal.acquireLease(streamOf(scope), 'child', 0, 1e12, () => true);
const request = { instrument: 'SPY', side: 'buy', type: 'market', timeInForce: 'day', quantity: '3' };
for (let slot = Number(first); ; slot++) {
  const decision = { slot, report: 'r', time: slot, body: { padding: 'x'.repeat(2000) } };
  const intents = ['SPY', 'QQQ', 'IWM'].map((instrument) => ({ leg: 'entry', request: { ...request, instrument } }));
  const { orders } = await journal.recordDecision(scope, lease, decision, intents);
  await journal.markSending(
    orders.map((o) => o.clientOrderId),
    lease,
    slot,
  );
  await journal.recordExecutions(
    orders.map((o) => ({
      executionId: `e-${o.clientOrderId}`,
      clientOrderId: o.clientOrderId,
      instrument: o.instrument,
      side: 'buy',
      quantity: '3',
      price: '100',
      time: slot,
      kind: 'fill',
    })),
    slot,
  );
  process.stdout.write(`${slot}\n`);
}
