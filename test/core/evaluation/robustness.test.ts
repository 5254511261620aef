import { describe, expect, it } from 'vitest';
import type { BarColumns } from '../../../src/core/domain/bars.js';
import { calendarOf, defaultInstrument, knownAt } from '../../../src/core/domain/index.js';
import { accountColumns } from '../../../src/core/engine/account.js';
import type { runBacktest } from '../../../src/core/engine/backtest.js';
import { buildFeed } from '../../../src/core/engine/feed.js';
import { LEGS } from '../../../src/core/engine/order-log.js';
import {
  breakEven,
  buyAndHold,
  costCurve,
  delayed,
  delayTest,
  frictionless,
  heldPositions,
  labelShift,
  lateStart,
  paidPerFill,
  partOfBarLate,
  permutedLabels,
  type Replay,
  reproduces,
  rerun,
  scramble,
  scrambling,
  truncation,
  withAddedCost,
} from '../../../src/core/evaluation/robustness/index.js';
import { create as nextOpen } from '../../../src/core/market/fills/next-open.js';
import { create as quote, settings as quoteSettings } from '../../../src/core/market/fills/quote.js';
import { NO_COSTS, NO_SLIPPAGE } from '../../../src/core/market/index.js';
import type { SignalScorer } from '../../../src/core/models/model.js';
import { normals } from './significance/series.js';

const calendar = calendarOf('24/7');
const DAY = 86_400_000;

function walk(instrument: string, n: number, seed: number): BarColumns {
  const e = normals(seed, 2 * n);
  const time = Float64Array.from({ length: n }, (_, i) => Date.UTC(2020, 0, 1) + i * DAY);
  const open = new Float64Array(n);
  const close = new Float64Array(n);
  let price = 100;
  for (let i = 0; i < n; i++) {
    open[i] = price *= Math.exp(0.004 * e[2 * i]!);
    close[i] = price *= Math.exp(0.012 * e[2 * i + 1]!);
  }
  const high = open.map((o, i) => Math.max(o, close[i]!) * 1.002);
  const low = open.map((o, i) => Math.min(o, close[i]!) * 0.998);
  return { instrument, interval: '1d', time, open, high, low, close, volume: new Float64Array(n).fill(1e6) };
}

/** A rule from a function of the bars; `memory` as it claims. */
function replayOf(score: (bars: BarColumns, i: number) => number, memory = 5, n = 400, names = ['A', 'B']): Replay {
  const instruments = names.map((id) => defaultInstrument(id, '24/7'));
  const bars = names.map((id, j) => walk(id, n, 40 + j));
  const scorer = (): SignalScorer => ({
    consume(columns, from, to, out) {
      for (let i = from; i < to; i++) out[i] = score(columns, i);
    },
  });
  const model = { scoreKind: 'position' as const, warmup: 2, memory, scorer };
  const feed = buildFeed(
    instruments,
    bars,
    bars.map((b) => knownAt(b, calendar, 0)),
    calendar,
  );
  const scores = bars.map((columns) => {
    const out = new Float64Array(n);
    scorer().consume(columns, 0, n, out);
    return out;
  });
  return {
    feed,
    model,
    calendars: names.map(() => calendar),
    signals: { scores, measures: undefined },
    strategy: {
      thresholds: { enterLong: 0.5, exitLong: 0, enterShort: -0.5, exitShort: 0 },
      entry: { type: 'market' },
      sizing: { kind: 'equal', fraction: 1 },
      protection: undefined,
      timeStop: Number.POSITIVE_INFINITY,
      reentry: 'new-signal',
      policies: [],
    },
    venue: {
      cash: 10_000,
      costs: NO_COSTS,
      slippage: NO_SLIPPAGE,
      fill: nextOpen({ limits: 'through' }),
      leverage: 1,
      allowShort: true,
    },
    rounding: { quantity: (_j, q) => q, sum: (_j, q) => q, price: (_j, p) => p },
    from: 10,
    to: n,
  };
}

const momentum = (b: BarColumns, i: number) => (i < 1 ? Number.NaN : b.close[i]! > b.close[i - 1]! ? 1 : -1);
const score = (r: ReturnType<typeof runBacktest>) => ({ totalReturn: r.finalEquity / 10_000 - 1, sharpe: 1 });

describe('honesty checks', () => {
  it('all pass on a rule that looks back', () => {
    const replay = replayOf(momentum);
    const { equity } = rerun(replay).equity;
    for (const result of [
      reproduces(replay, equity),
      truncation(replay),
      scrambling(replay, 1),
      lateStart(replay),
      labelShift(replay),
    ])
      expect(result, result.detail).toMatchObject({ pass: true });
  });

  it('a changed run does not reproduce, and the mark is named', () => {
    const replay = replayOf(momentum);
    const equity = rerun(replay).equity.equity.slice();
    equity[50] = equity[50]! + 1e-9;
    const result = reproduces(replay, equity);
    expect(result.pass).toBe(false);
    expect(result.broke_at?.time).toBe(new Date(replay.feed.clock[60]!).toISOString().replace('.000', ''));
  });

  it.each<[string, (b: BarColumns, i: number) => number, string[]]>([
    [
      'the next close',
      (b, i) => ((b.close[i + 1] ?? 0) > b.close[i]! ? 1 : -1),
      ['truncation', 'scrambling', 'label-shift'],
    ],
    ['a ratio of the last two closes', (b) => b.close.at(-1)! / b.close.at(-2)!, ['truncation', 'scrambling']],
    ['the number of bars', (b, i) => (i / b.close.length > 0.5 ? 1 : -1), ['truncation']],
    [
      'the next close, on one bar in fifty',
      (b, i) => (i % 50 === 7 && b.close[i + 1]! > b.close[i]! ? 1 : 0),
      ['truncation'],
    ],
    ['the volume ahead', (b, i) => ((b.volume[i + 3] ?? 0) > 1e6 ? 1 : 0), ['scrambling']],
  ])('a rule that looks at %s is caught', (_what, cheat, caughtBy) => {
    const replay = replayOf(cheat);
    const failed = [truncation(replay), scrambling(replay, 1), labelShift(replay)].filter((r) => !r.pass);
    for (const name of caughtBy) expect(failed.map((r) => r.name)).toContain(name);
    for (const r of failed) if (r.name !== 'label-shift') expect(['A', 'B']).toContain(r.broke_at?.instrument);
  });

  it('a memory that is longer than stated is caught by a late start', () => {
    const long = (b: BarColumns, i: number) => (i < 60 ? Number.NaN : b.close[i]! > b.close[i - 60]! ? 1 : -1);
    expect(lateStart(replayOf(long, 61)).pass).toBe(true);
    const result = lateStart(replayOf(long, 10));
    expect(result.pass).toBe(false);
    expect(result.broke_at?.instrument).toBe('A');
    expect(lateStart(replayOf(long, Number.POSITIVE_INFINITY)).detail).toMatch(/^Not applicable/);
  });

  it('bars stamped one day early are found by the label shift alone', () => {
    // The rule is causal; what is called today's bar holds tomorrow's close.
    const honest = replayOf(momentum);
    const peek = (b: BarColumns, i: number) =>
      Math.sign((b.close[i + 1] ?? b.close[i]!) - (b.open[i + 1] ?? b.close[i]!));
    const early = {
      ...honest,
      signals: { ...honest.signals, scores: honest.feed.bars.map((b) => b.close.map((_, i) => peek(b, i))) },
    };
    expect(labelShift(early).pass).toBe(false);
  });

  it('permuted labels: noise passes, knowledge of the true labels does not', () => {
    const labels = normals(3, 1_000);
    expect(permutedLabels(normals(4, 1_000), labels, 1_000).pass).toBe(true);
    expect(
      permutedLabels(
        labels.map((y, i) => y + 3 * normals(5, 1_000)[i]!),
        labels,
        1_000,
      ).pass,
    ).toBe(false);
    expect(permutedLabels(new Float64Array(5), new Float64Array(5), 5).detail).toMatch(/^Not applicable/);
  });

  it('scrambling leaves what is before the cut and keeps candles possible', () => {
    const bars = walk('A', 100, 1);
    const out = scramble(bars, 60, 7);
    expect([...out.close.subarray(0, 60)]).toEqual([...bars.close.subarray(0, 60)]);
    expect([...out.time]).toEqual([...bars.time]);
    let changed = 0;
    for (let i = 60; i < 100; i++) {
      if (out.close[i] !== bars.close[i]) changed++;
      expect(out.low[i]!).toBeLessThanOrEqual(Math.min(out.open[i]!, out.close[i]!));
      expect(out.high[i]!).toBeGreaterThanOrEqual(Math.max(out.open[i]!, out.close[i]!));
    }
    expect(changed).toBe(40);
  });
});

describe('costs and delay', () => {
  it('break-even lies where the line crosses zero', () => {
    const at = (x: number, totalReturn: number) => ({ at: x, totalReturn });
    expect(breakEven([at(0, 0.3), at(0.001, 0.1), at(0.002, -0.1)])).toBeCloseTo(0.0015, 14);
    expect(breakEven([at(0, -0.1), at(0.001, -0.2)])).toBe(0);
    expect(breakEven([at(0, 0.3), at(0.001, 0.1)])).toBeNull();
  });

  it('an added cost is what each fill pays more', async () => {
    const replay = replayOf((_b, i) => (i % 40 < 20 ? 1 : -1));
    const free = rerun(replay);
    const dear = rerun(replay, { venue: withAddedCost(replay.venue, 0.001) });
    expect(free.costs).toBe(0);
    expect(dear.costs / dear.turnover).toBeCloseTo(0.001, 12);
    const curve = await costCurve(replay, score);
    for (let i = 1; i < curve.points.length; i++)
      expect(curve.points[i]!.totalReturn).toBeLessThan(curve.points[i - 1]!.totalReturn);
  });

  it('a delay moves scores down their series', () => {
    const { scores, measures } = delayed(
      { scores: [Float64Array.of(1, 2, 3)], measures: [Float64Array.of(4, 5, 6)] },
      2,
    );
    expect([...scores[0]!]).toEqual([Number.NaN, Number.NaN, 1]);
    expect([...measures![0]!]).toEqual([Number.NaN, Number.NaN, 4]);
    expect([...delayed({ scores: [Float64Array.of(1)], measures: undefined }, 3).scores[0]!]).toEqual([Number.NaN]);
  });

  it('half a bar late: a position held over all bars loses half of the first one', async () => {
    const replay = replayOf(() => 1, 5, 60, ['A']);
    const prompt = rerun(replay);
    const late = rerun(replay, { venue: { ...replay.venue, fill: partOfBarLate(replay.venue.fill, 0.5) } });
    const bar = replay.feed.bars[0]!;
    expect(prompt.fills.price[0]).toBe(bar.open[11]);
    expect(late.fills.price[0]).toBeCloseTo((bar.open[11]! + bar.close[11]!) / 2, 12);
    const { points } = await delayTest(replay, score, score(prompt));
    expect(points.map((d) => d.bars)).toEqual([0.25, 0.5, 1, 2]);
  });

  it('a part of a bar late, bid and ask are still paid', () => {
    const fill = partOfBarLate(quote(quoteSettings.parse({})), 0.25);
    const bar = { time: 0, open: 100, high: 111, low: 99, close: 108, volume: 1, spread: 0.01 };
    const at = (side: number) => fill.reference('market', side, Number.NaN, Number.NaN, false, bar);
    expect([at(1), at(-1)]).toEqual([102 * 1.005, 102 * 0.995]);
    expect(fill.reference('limit', 1, 98, Number.NaN, false, bar)).toBeNaN();
  });

  it('the delay that an edge bears ends where the return does', async () => {
    const replay = replayOf((b, i) => ((b.close[i + 1] ?? 0) > b.open[i + 1]! ? 1 : -1));
    // It knows the next session: one bar late there is nothing left, half a bar late half of it.
    const { points, breakEven: bars } = await delayTest(replay, score, score(rerun(replay)));
    expect(points[1]!.totalReturn).toBeGreaterThan(0);
    expect(bars).toBeGreaterThan(0.5);
    expect(bars).toBeLessThan(2);
  });

  it('what a fill paid is found again, commission and slippage alike', () => {
    const replay = replayOf((_b, i) => (i % 40 < 20 ? 1 : -1));
    const returnsOf = (venue: Replay['venue']) => {
      const { equity } = rerun(replay, { venue }).equity;
      return equity.map((v, k) => v / (k === 0 ? venue.cash : equity[k - 1]!) - 1);
    };
    const paid = (venue: Replay['venue']) => {
      const { turnover, equity } = rerun(replay, { venue });
      const mean = equity.equity.reduce((a, b) => a + b, 0) / equity.equity.length;
      return paidPerFill(returnsOf(venue), returnsOf(frictionless(venue)), turnover / mean);
    };
    expect(paid(replay.venue)).toBe(0);
    expect(paid(withAddedCost(replay.venue, 0.001))).toBeCloseTo(0.001, 5);
    const slipping = { ...replay.venue, slippage: { kind: 'fixed', fraction: 0.002 } as const };
    expect(paid(slipping)).toBeCloseTo(0.002, 4);
    expect(paid(withAddedCost(slipping, 0.001))).toBeCloseTo(0.003, 4);
    expect(paidPerFill(new Float64Array(3), new Float64Array(3), 0)).toBeNaN();
  });
});

describe('positions and benchmark', () => {
  it('held weights times price changes give back the equity, fills at the open included', () => {
    const replay = replayOf((_b, i) => (i % 40 < 20 ? 1 : -1));
    const { fills, flows, equity } = rerun(replay);
    const held = heldPositions(replay.feed, fills, flows, equity.equity, replay.from, replay.to);
    expect(fills.price.length).toBeGreaterThan(30);
    for (let k = 1; k < equity.equity.length; k++) {
      let r = 0;
      for (const step of [2 * k, 2 * k + 1])
        for (const [j, w] of held.weights.entries()) r += w[step]! * held.returns[j]![step]!;
      expect(r).toBeCloseTo(equity.equity[k]! / equity.equity[k - 1]! - 1, 10);
    }
  });

  it('a stop inside the bar ends the position with that bar', () => {
    const base = replayOf((_b, i) => (i % 40 < 20 ? 1 : -1));
    const replay = { ...base, strategy: { ...base.strategy, protection: { stopLoss: 0.02 } } };
    const { fills, flows, equity } = rerun(replay);
    expect([...fills.leg].filter((leg) => LEGS[leg] === 'stop').length).toBeGreaterThan(5);
    const { gross } = accountColumns(replay.feed, fills, flows, 10_000, replay.from, replay.to);
    const held = heldPositions(replay.feed, fills, flows, equity.equity, replay.from, replay.to);
    for (let k = 1; k < gross.length; k++) {
      const into = held.weights.reduce((total, w) => total + Math.abs(w[2 * k]!), 0);
      expect(into).toBeCloseTo(gross[k - 1]! / equity.equity[k - 1]!, 10);
    }
  });

  it('buy and hold splits the money at the first closes of the range', () => {
    const { feed } = replayOf(momentum);
    const value = buyAndHold(feed, 10, 400, 1_000);
    expect(value[0]).toBe(1_000);
    const [a, b] = feed.bars;
    expect(value.at(-1)).toBeCloseTo(500 * (a!.close[399]! / a!.close[10]! + b!.close[399]! / b!.close[10]!), 8);
    expect(buyAndHold(feed, 10, 400, 1_000, [1]).at(-1)).toBeCloseTo((1_000 * b!.close[399]!) / b!.close[10]!, 8);
  });
});
