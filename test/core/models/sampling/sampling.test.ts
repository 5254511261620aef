import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/domain/random.js';
import {
  concurrency,
  cusumEvents,
  drawProbabilities,
  ewmDeviation,
  metaLabels,
  returnWeights,
  sequentialBootstrap,
  timeDecay,
  tripleBarrier,
  uniqueness,
} from '../../../../src/core/models/sampling/index.js';

const file = (name: string) => readFileSync(new URL(`../../../../fixtures/${name}`, import.meta.url), 'utf8');
const peers = JSON.parse(file('truth/evaluation/peers-sampling.json'));
const close = Float64Array.from(
  file('bars/spy-daily-2017-2018.csv')
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => Number(line.split(',')[4])),
);
const changes = close.map((c, i) => (i === 0 ? Number.NaN : Math.log(c) - Math.log(close[i - 1]!)));
const deviation = ewmDeviation(
  close.map((c, i) => (i === 0 ? Number.NaN : c / close[i - 1]! - 1)),
  20,
);

describe('against pandas and mlfinpy on daily SPY', () => {
  it('exponentially weighted deviation', () => {
    (peers.deviation as (number | null)[]).forEach((expected, i) => {
      if (expected === null) expect(deviation[i]).toBeNaN();
      else expect(Math.abs(deviation[i]! / expected - 1)).toBeLessThan(1e-11);
    });
  });

  it('CUSUM events', () => {
    expect([...cusumEvents(changes, 0.012)]).toEqual(peers.cusum);
    expect([...cusumEvents(changes, new Float64Array(close.length).fill(0.012))]).toEqual(peers.cusum);
  });

  it('triple barriers with sides, weights and uniqueness', () => {
    const events = Int32Array.from(peers.events as number[]);
    const target = Float64Array.from(events, (i) => deviation[i]!);
    const side = Int8Array.from(peers.side as number[]);
    const labels = tripleBarrier(close, events, target, { profit: 2, loss: 1.5, horizon: 10 }, side);
    expect([...labels.end]).toEqual(peers.end);
    expect([...labels.touch]).toEqual(
      (peers.profit as boolean[]).map((profit, e) => (profit ? 1 : peers.loss[e] ? -1 : 0)),
    );
    expect(labels.open.some((open) => open === 1)).toBe(false);
    const spans = { start: events, end: labels.end };
    expect([...concurrency(spans, close.length)]).toEqual(peers.concurrency);
    uniqueness(spans, close.length).forEach((u, e) => {
      expect(u).toBeCloseTo(peers.uniqueness[e], 12);
    });
    returnWeights(
      spans,
      changes.map((c) => (Number.isNaN(c) ? 0 : c)),
    ).forEach((w, e) => {
      expect(w).toBeCloseTo(peers.weights[e], 10);
    });
    expect([...metaLabels(labels)]).toEqual([...labels.return].map((r) => (r > 0 ? 1 : 0)));
  });
});

describe("López de Prado's book matrix", () => {
  // Labels over bars 0-2, 2-3 and 4-5.
  const labels = { start: Int32Array.of(0, 2, 4), end: Int32Array.of(2, 3, 5) };

  it('uniqueness 5/6, 3/4, 1', () => {
    const u = uniqueness(labels, 6);
    expect(u[0]).toBeCloseTo(5 / 6, 14);
    expect(u[1]).toBeCloseTo(3 / 4, 14);
    expect(u[2]).toBe(1);
  });

  it('probabilities 5/14, 3/14, 6/14 after drawing label 2', () => {
    const p = drawProbabilities(labels, 6, [1]);
    expect(p[0]).toBeCloseTo(5 / 14, 14);
    expect(p[1]).toBeCloseTo(3 / 14, 14);
    expect(p[2]).toBeCloseTo(6 / 14, 14);
  });

  it('sequential draws repeat overlapping labels less than blind ones', () => {
    const drawn = sequentialBootstrap(labels, 6, 3_000, seededRandom(4));
    expect(drawn).toHaveLength(3_000);
    const counts = [0, 1, 2].map((k) => drawn.filter((d) => d === k).length);
    expect(Math.min(...counts)).toBeGreaterThan(700);
    let distinct = 0;
    for (let s = 0; s < 2_000; s++) distinct += new Set(sequentialBootstrap(labels, 6, 3, seededRandom(s))).size;
    // Three blind draws of three hold 19/9 distinct labels on average.
    expect(distinct / 2_000).toBeGreaterThan(19 / 9 + 0.08);
  });
});

describe('edges', () => {
  it('time decay is linear in cumulative uniqueness', () => {
    const u = Float64Array.of(1, 1, 1, 1);
    expect([...timeDecay(u, 1)]).toEqual([1, 1, 1, 1]);
    expect([...timeDecay(u, 0)]).toEqual([0.25, 0.5, 0.75, 1]);
    expect(timeDecay(u, 0.5)[0]).toBeCloseTo(0.625, 14);
    const cut = timeDecay(u, -0.5);
    expect([cut[0], cut[1], cut[3]]).toEqual([0, 0, 1]);
    expect(cut[2]).toBeCloseTo(0.5, 14);
  });

  it('marks a label that the data cannot finish', () => {
    const price = Float64Array.of(100, 100, 100, 100);
    const labels = tripleBarrier(price, Int32Array.of(0, 2), Float64Array.of(0.1, 0.1), {
      profit: 1,
      loss: 1,
      horizon: 3,
    });
    expect([...labels.open]).toEqual([0, 1]);
    expect([...labels.end]).toEqual([3, 3]);
  });

  it('a barrier that is only reached is not crossed', () => {
    const price = Float64Array.of(100, 125, 75, 126);
    const labels = tripleBarrier(price, Int32Array.of(0), Float64Array.of(0.25), { profit: 1, loss: 1, horizon: 3 });
    expect([labels.end[0], labels.touch[0]]).toEqual([3, 1]);
  });

  it('a barrier of zero is no barrier', () => {
    const price = Float64Array.of(100, 150, 50, 100);
    const labels = tripleBarrier(price, Int32Array.of(0), Float64Array.of(0.1), { profit: 0, loss: 1, horizon: 3 });
    expect([...labels.touch]).toEqual([-1]);
    expect([...labels.end]).toEqual([2]);
  });
});
