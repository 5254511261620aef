import { expect, test } from 'vitest';
import { clientOrderIdOf } from '../../../src/core/state/clientOrderId.js';
import { SCOPE, T0 } from './helpers.js';

const KEY = { instrument: 'SPY', slot: T0, leg: 'entry', revision: 0 };

test('the id of an order is the same on every start, and another for everything that makes another order', () => {
  const ids = [
    clientOrderIdOf(SCOPE, KEY),
    ...[{ venue: 'v' }, { account: 'a' }].map((other) => clientOrderIdOf({ ...SCOPE, ...other }, KEY)),
    // Cut and written in small letters, both names look the same in front.
    ...['Swing', 'swing!'].map((strategy) => clientOrderIdOf({ ...SCOPE, strategy }, KEY)),
    ...[{ instrument: 'QQQ' }, { slot: T0 + 1 }, { leg: 'exit' }, { revision: 1 }].map((other) =>
      clientOrderIdOf(SCOPE, { ...KEY, ...other }),
    ),
  ];
  expect(new Set(ids).size).toBe(9);
  expect(ids[0]).toBe(clientOrderIdOf({ ...SCOPE }, { ...KEY }));
  for (const id of ids) expect(id).toMatch(/^ql-swing-695bd1f0[0-9a-f]{12}$/);
  const long = clientOrderIdOf({ ...SCOPE, strategy: 'A name – of more than twenty-four characters' }, KEY);
  expect(long).toMatch(/^ql-[a-z0-9-]+-[0-9a-f]{20}$/);
  expect(long.length).toBeLessThanOrEqual(48);
});
