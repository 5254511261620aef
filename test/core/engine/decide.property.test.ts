import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AccountView,
  allocateTargets,
  decide,
  exitBand,
  holdBand,
  lockoutBand,
  type MarketView,
} from '../../../src/core/engine/decide.js';
import type { Strategy } from '../../../src/core/engine/strategy.js';
import { strategy } from '../../support/market.js';

const thresholds = fc
  .record({
    enterLong: fc.double({ min: -1, max: 1, noNaN: true }),
    gapLong: fc.double({ min: 0, max: 0.5, noNaN: true }),
    enterShort: fc.oneof(fc.constant(Number.NEGATIVE_INFINITY), fc.double({ min: -2, max: -1, noNaN: true })),
    gapShort: fc.double({ min: 0, max: 0.5, noNaN: true }),
  })
  .map((t) => ({
    enterLong: t.enterLong,
    exitLong: t.enterLong - t.gapLong,
    enterShort: t.enterShort,
    exitShort: t.enterShort + t.gapShort,
  }));

function ask(
  score: number,
  held: number,
  limits: Parameters<typeof holdBand>[0],
  lockout = 0,
  reentry: Strategy['reentry'] = 'new-signal',
  exiting = 0,
  entering = 0,
) {
  const one = (x: number) => Float64Array.of(x);
  const view: MarketView = {
    size: 1,
    time: 0,
    bar: Int32Array.of(5),
    fresh: Uint8Array.of(1),
    close: one(100),
    score: one(score),
    measure: one(Number.NaN),
  };
  const account: AccountView = {
    cash: 0,
    equity: 1000,
    quantity: one(held),
    entering: Int8Array.of(entering),
    ordered: () => 0,
    exiting: Uint8Array.of(exiting),
    entryBar: new Int32Array(1),
    lockout: Int8Array.of(lockout),
    halted: false,
  };
  const out = allocateTargets(1);
  decide(view, account, strategy({ thresholds: limits, reentry }), out);
  return out.changes + out.releases;
}

test('scores inside the hold band change nothing, scores outside do', () => {
  fc.assert(
    fc.property(thresholds, fc.constantFrom(-3, 0, 4), fc.double({ min: -3, max: 3 }), (limits, held, score) => {
      const low = new Float64Array(1);
      const high = new Float64Array(1);
      holdBand(limits, Math.sign(held), low, high, 0);
      const outside = score >= high[0]! || score <= low[0]!;
      expect(ask(score, held, limits) > 0).toBe(outside);
    }),
    { numRuns: 2000 },
  );
});

test('while an exit is under way only scores outside its band change anything', () => {
  fc.assert(
    fc.property(thresholds, fc.constantFrom(-3, 4), fc.double({ min: -3, max: 3 }), (limits, held, score) => {
      const low = new Float64Array(1);
      const high = new Float64Array(1);
      exitBand(limits, Math.sign(held), low, high, 0);
      const outside = score >= high[0]! || score <= low[0]!;
      // Of thresholds that lie the wrong way round the long one counts: the band then asks without need.
      fc.pre(limits.enterShort < limits.enterLong);
      expect(ask(score, held, limits, 0, 'new-signal', 1) > 0).toBe(outside);
    }),
    { numRuns: 2000 },
  );
});

test('a reversal of which exit and entry work already is not asked for again', () => {
  const limits = { enterLong: 1, exitLong: 0, enterShort: -1, exitShort: 0 };
  const again = (score: number, held: number, entering: number) =>
    ask(score, held, limits, 0, 'new-signal', 1, entering);
  expect(again(-1, 4, 0)).toBe(1);
  expect(again(-1, 4, -1)).toBe(0);
  expect(again(1, -4, 1)).toBe(0);
  // A signal that has left it, back to what is held or to nothing, takes the entry back and asks for nothing else.
  for (const score of [1, 0.5, 0, Number.NaN]) expect(again(score, 4, -1)).toBe(1);
  for (const score of [1, 0.5, 0]) expect(again(score, 4, 0)).toBe(0);
});

test('scores inside the band of a lockout neither end it nor change anything, scores outside do', () => {
  const score = fc.oneof(fc.double({ min: -3, max: 3 }), fc.constantFrom(0, -0, Number.MIN_VALUE, -Number.MIN_VALUE));
  fc.assert(
    fc.property(
      thresholds.chain((t) => fc.tuple(fc.constant(t), fc.oneof(score, fc.constantFrom(...Object.values(t))))),
      fc.constantFrom(-1, 1),
      fc.constantFrom('new-signal' as const, 'immediate' as const),
      ([limits, s], lockout, reentry) => {
        // There is no short position to be locked out of.
        fc.pre(lockout > 0 || Number.isFinite(limits.enterShort));
        const low = new Float64Array(1);
        const high = new Float64Array(1);
        lockoutBand(limits, lockout, reentry, low, high, 0);
        const outside = s >= high[0]! || s <= low[0]!;
        expect(ask(s, 0, limits, lockout, reentry) > 0).toBe(outside);
      },
    ),
    { numRuns: 4000 },
  );
});
