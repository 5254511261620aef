import { describe, expect, test } from 'vitest';
import { type AccountView, allocateView } from '../../../src/core/engine/decide.js';
import { Stepper } from '../../../src/core/engine/step.js';
import * as maxGross from '../../../src/core/risk/policies/max-gross.js';
import * as maxNet from '../../../src/core/risk/policies/max-net.js';
import * as maxOrders from '../../../src/core/risk/policies/max-orders.js';
import * as maxPositions from '../../../src/core/risk/policies/max-positions.js';
import * as noShort from '../../../src/core/risk/policies/no-short.js';
import * as noTrade from '../../../src/core/risk/policies/no-trade.js';
import * as patternDayTrader from '../../../src/core/risk/policies/pattern-day-trader.js';
import * as settledCash from '../../../src/core/risk/policies/settled-cash.js';
import type { RiskPolicy } from '../../../src/core/risk/policy.js';
import { exact, strategy } from '../../support/market.js';

const thresholds = { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 };

/** One step over instruments A and B at 100, equity 10,000: what is planned, as `leg side instrument money-or-units`. */
function step(
  scores: readonly number[],
  policies: readonly RiskPolicy[],
  held: { quantity?: readonly number[]; ordered?: readonly number[]; cash?: number; fraction?: number },
): readonly string[] {
  const { quantity = [0, 0], ordered = [0, 0], cash = 10_000, fraction = 0.5 } = held;
  const view = allocateView(2, Float64Array.of(100, 100));
  view.fresh.fill(1);
  view.bar.fill(5);
  view.score.set(scores);
  const account: AccountView = {
    ...{ equity: 10_000, cash, quantity: Float64Array.from(quantity), ordered: (j) => ordered[j]! },
    ...{ entering: Int8Array.from(ordered, Math.sign), exiting: new Uint8Array(2) },
    ...{ entryBar: new Int32Array(2), lockout: new Int8Array(2), halted: false },
  };
  const sizing = { kind: 'fraction', fraction } as const;
  const stepper = new Stepper(['A', 'B'], strategy({ thresholds, policies, sizing }), exact, 10_000, undefined);
  return stepper.step(view, account).map((order) => {
    if (order.action === 'cancel') return `cancel ${order.index === 0 ? 'A' : 'B'}`;
    const { leg, side, instrument, notional, quantity: units } = order.intent;
    return `${leg} ${side} ${instrument} ${Math.round(notional ?? units!)}`;
  });
}

/** Every limit at nothing, or spent. */
const CLOSED: Readonly<Record<string, () => RiskPolicy>> = {
  'no-trade': () => noTrade.create({ symbols: ['A', 'B'] }),
  'no-short': () => noShort.create(),
  'max-gross': () => maxGross.create({ multiple: 0.01 }),
  'max-net': () => maxNet.create({ multiple: 0.01, of: 'strategy' }),
  'max-positions': () => maxPositions.create({ count: 1 }),
  'max-orders': () => {
    const policy = maxOrders.create({ count: 1, seconds: 60 });
    policy.recall!([0]);
    return policy;
  },
};

describe('an exit always passes', () => {
  test.each(Object.entries(CLOSED))('%s: a long is closed, a short is covered', (_, create) => {
    expect(step([0, 0], [create()], { quantity: [5, -5] })).toEqual(['exit sell A 5', 'exit buy B 5']);
  });

  // What a sale frees, max-net allows.
  test.each(Object.entries(CLOSED).filter(([name]) => name !== 'max-net'))(
    '%s: of a reversal to the short side the exit alone',
    (_, create) => {
      expect(step([-1, Number.NaN], [create()], { quantity: [50, 0] })).toEqual(['exit sell A 50']);
    },
  );

  test('a short that turns long under no-short is covered and bought', () => {
    expect(step([1, Number.NaN], [noShort.create()], { quantity: [-5, 0] })).toEqual([
      'exit buy A 5',
      'entry buy A 5000',
    ]);
  });

  test('settled-cash and pattern-day-trader', () => {
    const policies = [settledCash.create(), patternDayTrader.create(patternDayTrader.settings.parse({}))];
    expect(step([0, 0], policies, { quantity: [5, 5], cash: 0 })).toEqual(['exit sell A 5', 'exit sell B 5']);
  });
});

describe('an entry that still works counts', () => {
  const rests = { ordered: [4000, 0] };
  test.each<[string, RiskPolicy, readonly number[], string[]]>([
    ['max-gross', maxGross.create({ multiple: 0.6 }), [1, 1], ['entry buy B 2000']],
    ['max-net, on its side', maxNet.create({ multiple: 0.6, of: 'strategy' }), [1, 1], ['entry buy B 2000']],
    ['max-net, not on the other', maxNet.create({ multiple: 0.3, of: 'strategy' }), [1, -1], ['entry sell B 3000']],
    ['max-positions', maxPositions.create({ count: 1 }), [1, 1], []],
  ])('%s', (_, policy, scores, planned) => {
    expect(step(scores, [policy], rests)).toEqual(planned);
  });

  test('a short one counts on the other side', () => {
    const net = maxNet.create({ multiple: 0.6, of: 'strategy' });
    expect(step([-1, -1], [net], { ordered: [-4000, 0] })).toEqual(['entry sell B 2000']);
    expect(step([-1, 1], [net], { ordered: [-4000, 0] })).toEqual(['entry buy B 5000']);
  });

  test('one that is taken back does not', () => {
    const gross = maxGross.create({ multiple: 0.5 });
    expect(step([0, 1], [gross], rests)).toEqual(['cancel A', 'entry buy B 5000']);
    expect(step([-1, Number.NaN], [gross], rests)).toEqual(['cancel A', 'entry sell A 5000']);
  });

  test('what its position holds counts beside it', () => {
    expect(step([1, 1], [maxGross.create({ multiple: 0.8 })], { quantity: [10, 0], ...rests })).toEqual([
      'entry buy B 3000',
    ]);
  });
});

test('orders of one step count, exits too, wherever they stand', () => {
  const two = () => maxOrders.create({ count: 2, seconds: 60 });
  expect(step([0, 1], [two()], { quantity: [5, 0] })).toEqual(['exit sell A 5', 'entry buy B 5000']);
  expect(step([1, 0], [maxOrders.create({ count: 1, seconds: 60 })], { quantity: [0, 5] })).toEqual([
    'exit sell B 5',
    'entry buy A 5000',
  ]);
  const policy = two();
  step([0, 0], [policy], { quantity: [5, 5] });
  expect(step([1, Number.NaN], [policy], {})).toEqual([]);
});
