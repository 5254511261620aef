import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import { runBacktest } from '../../../../src/core/engine/backtest.js';
import { REBALANCE_BAND, resize, wantedWeight } from '../../../../src/core/market/index.js';
import { MarketEnvironment, type MarketRules } from '../../../../src/core/models/agents/environment.js';
import type { MarketRun } from '../../../../src/core/models/agents/runs.js';
import { levelsOf, rulesOf } from '../../../../src/core/models/agents/settings.js';
import * as ppo from '../../../../src/core/models/trainers/ppo.js';
import { exact, feedOf, randomCandles, strategy, tinyBars } from '../../../support/market.js';

const N = 200;
const bars = tinyBars(randomCandles(N, 4));
const knownAt = bars.time.map((t) => t + 60_000);
const features = Float32Array.from({ length: N * 2 }, (_, i) => Math.sin(i));
const run: MarketRun = { bars, knownAt, from: 20, to: N, features, first: 0, columns: 2 };

const options = (given: object) => ppo.settings.parse(given);
const both: MarketRules = rulesOf(options({ short: true, commission: '0.1% min $3', slippage: '5bp' }), true);

/** Equity at each close of one episode under a target that depends on bar and position. */
function play(rules: MarketRules, target: (i: number, weight: number) => number, over: MarketRun = run): number[] {
  const environment = new MarketEnvironment([over], rules, { episode: null });
  const observation = new Float32Array(environment.observationSize);
  environment.reset(0, observation);
  const equity = [environment.equity];
  let rewards = 0;
  for (let i = over.from; !environment.truncated; i++) {
    expect([...observation.subarray(0, 2)]).toEqual([...features.subarray(2 * i, 2 * i + 2)]);
    const wanted = target(i, observation[2]!);
    const action = rules.levels === null ? wanted : rules.levels.indexOf(wanted);
    rewards += environment.step(Float32Array.of(action), observation);
    equity.push(environment.equity);
  }
  expect(equity).toHaveLength(over.to - over.from);
  expect(rewards).toBeCloseTo(Math.log(equity.at(-1)! / equity[0]!), 9);
  return equity;
}

describe('the market of agents', () => {
  const random = seededRandom(9);
  // Actions are stored in float32.
  const draws = Float32Array.from({ length: N }, () => Math.round(8 * random.next() - 4) / 4);
  test.each<[string, MarketRules, (i: number) => number]>([
    ['any target on both sides', both, (i) => draws[i]!],
    ['levels, long only', rulesOf(options({ levels: 2 }), false), (i) => Math.abs(Math.round(2 * draws[i]!)) / 2],
    ['long and short', rulesOf(options({ short: true }), false), (i) => Math.round(draws[i]!) || 0],
  ])('%s: earns exactly what a backtest of the same targets earns', (_, rules, target) => {
    const earned = play(rules, (i) => target(i));
    const { equity } = runBacktest(
      feedOf(bars),
      { scores: [new Float64Array(N)], measures: undefined, inStep: (_j, i) => target(i) },
      {
        strategy: strategy({
          rebalance: REBALANCE_BAND,
          thresholds: { enterLong: 1, exitLong: 0, enterShort: rules.least < 0 ? -1 : -Infinity, exitShort: 0 },
        }),
        ...{ venue: rules.venue, rounding: exact, from: 20, to: N, closeAtEnd: false },
      },
    );
    // The engine states weights as fractions of equity in between: the last bit may differ.
    expect(earned).toHaveLength(equity.equity.length);
    earned.forEach((e, i) => {
      expect(Math.abs(e / equity.equity[i]! - 1)).toBeLessThan(1e-12);
    });
    expect(new Set(earned).size).toBeGreaterThan(100);
  });

  test('shows nothing of later bars', () => {
    const cut = 100;
    const wild = randomCandles(N, 5);
    const later = tinyBars([...randomCandles(N, 4).slice(0, cut), ...wild.slice(cut)]);
    const target = (i: number) => (i % 3) - 1;
    const first = play(both, target).slice(0, cut - run.from);
    expect(play(both, target, { ...run, bars: later }).slice(0, cut - run.from)).toEqual(first);
  });

  test('episodes start where the seed says, and are cut off, not ended', () => {
    const environment = new MarketEnvironment([run], both, { episode: 30 });
    const observation = new Float32Array(3);
    const starts = Array.from({ length: 40 }, (_, seed) => {
      environment.reset(seed, observation);
      return observation[0]!;
    });
    expect(new Set(starts).size).toBeGreaterThan(20);
    environment.reset(3, observation);
    expect(observation[0]).toBe(starts[3]);
    let steps = 0;
    for (; !environment.truncated; steps++) environment.step(Float32Array.of(0), observation);
    expect([steps, environment.terminated, environment.equity]).toEqual([30, false, 100_000]);
  });

  test('an account that is ruined ends the episode for good', () => {
    const crash = tinyBars(Array.from({ length: 10 }, (_, i) => (i < 4 ? [100, 100, 100, 100] : [300, 300, 300, 300])));
    const over = { ...run, bars: crash, from: 0, to: 10 };
    const environment = new MarketEnvironment([over], both, { episode: null });
    const observation = new Float32Array(3);
    environment.reset(0, observation);
    let reward = 0;
    for (let i = 0; i < 4; i++) reward = environment.step(Float32Array.of(-1), observation);
    expect([environment.terminated, reward]).toEqual([true, -10]);
  });
});

describe('target positions', () => {
  test.each([
    [0.05, 0, Number.NaN],
    [0.05, 0.5, 0],
    [0.5, 0, 0.5],
    [0.5, 0.45, Number.NaN],
    [0.5, 0.35, 0.5],
    [-1, 0.5, -1],
    [0, -0.2, 0],
    [0, 0, Number.NaN],
  ])('target %s, held %s: trade to %s', (target, held, wanted) => {
    expect(wantedWeight(target, held, 0.1)).toBe(wanted);
  });

  test.each([
    // held, weight → close, add at a price of 10 and an equity of 1000
    [0, 0.5, 0, 500],
    [50, 0.8, 0, 300],
    [50, 0.2, 30, 0],
    [50, -0.4, 50, 400],
    [-20, -0.1, 10, 0],
    [-20, 0, 20, 0],
  ])('of %s units to a weight of %s: closes %s units, adds %s', (held, weight, close, add) => {
    const out = { close: Number.NaN, add: Number.NaN };
    resize(held, 10, 1000, weight, out);
    expect(out.close).toBeCloseTo(close, 9);
    expect(out.add).toBeCloseTo(add, 9);
  });

  test('levels', () => {
    expect(levelsOf({ levels: 1, short: false })).toEqual([0, 1]);
    expect(levelsOf({ levels: 2, short: true })).toEqual([-1, -0.5, 0, 0.5, 1]);
  });
});
