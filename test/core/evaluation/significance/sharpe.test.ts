import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  deflatedSharpe,
  effectiveTrials,
  expectedMaximum,
  loEta,
  minimumBacktestLength,
  minimumTrackRecord,
  probabilisticSharpe,
  type SharpeSample,
  sharpeDeviation,
  sharpeSample,
} from '../../../../src/core/evaluation/significance/index.js';
import { normals } from './series.js';

const truth = JSON.parse(
  readFileSync(new URL('../../../../fixtures/truth/evaluation/published.json', import.meta.url), 'utf8'),
);
const sample = (n: number, sharpe: number, skew = 0, kurtosis = 3): SharpeSample => ({ n, sharpe, skew, kurtosis });
const relative = (value: number, expected: number) => Math.abs(value / expected - 1);

describe('published examples of Sharpe inference', () => {
  it('PSR of Bailey and López de Prado (2012)', () => {
    expect(probabilisticSharpe(sample(24, 0.458))).toBeCloseTo(0.982, 3);
    expect(
      relative(probabilisticSharpe(sample(24, 1.585 / Math.sqrt(12), -2.448, 10.164)), 0.91323430688486),
    ).toBeLessThan(1e-12);
  });

  it('standard deviation and minimum track record of the two hedge fund styles', () => {
    const a = sample(134, 0.7079, -0.225, 2.957);
    const b = sample(134, 0.8183, -1.4455, 7.0497);
    expect(sharpeDeviation(a)).toBeCloseTo(0.1028, 4);
    expect(sharpeDeviation(b)).toBeCloseTo(0.155, 4);
    expect(minimumTrackRecord(a) / 12).toBeCloseTo(0.7152, 4);
    expect(minimumTrackRecord(b) / 12).toBeCloseTo(1.1593, 4);
  });

  it('minimum track record of figure 8: daily, weekly, monthly', () => {
    const at = (annual: number, target: number, p: number, skew = 0, kurt = 3) =>
      minimumTrackRecord(sample(0, annual / Math.sqrt(p), skew, kurt), target / Math.sqrt(p)) / p;
    expect(relative(at(2, 1, 250), 2.7311878017281761)).toBeLessThan(1e-12);
    expect(relative(at(2, 1, 52), 2.8288335869452368)).toBeLessThan(1e-12);
    expect(relative(at(3, 2.5, 12, -0.72, 5.78), 27.352920196040301)).toBeLessThan(1e-12);
  });

  it('deflated Sharpe ratio of the paper (JPM 2014)', () => {
    const s = sample(1250, 2.5 / Math.sqrt(250), -3, 10);
    expect(relative(expectedMaximum(100), 2.5306028932016846)).toBeLessThan(1e-12);
    const { probability, hurdle } = deflatedSharpe(s, 0.5 / 250, 100);
    expect(relative(probability, 0.9003968344493903)).toBeLessThan(1e-12);
    expect(hurdle).toBeCloseTo(0.113172, 6);
    expect(deflatedSharpe(s, 0.5 / 250, 46).probability).toBeCloseTo(0.9505, 4);
    expect(deflatedSharpe(sample(1250, 2.5 / Math.sqrt(250)), 0.5 / 250, 88).probability).toBeCloseTo(0.95049, 5);
  });

  it('minimum backtest length', () => {
    expect(relative(minimumBacktestLength(45, 1), 4.9980870044434038)).toBeLessThan(1e-12);
    expect(minimumBacktestLength(45, 1)).toBeLessThan(2 * Math.log(45));
  });

  it('the fifty returns of Briones', () => {
    const t = truth.rubenbriones;
    // That project divides by n − 1 as we do, and takes biased moments.
    const s = sharpeSample(Float64Array.from(t.returns));
    expect(relative(s.sharpe, t.sharpe)).toBeLessThan(1e-12);
    expect(relative(sharpeDeviation(s), t.deviation)).toBeLessThan(1e-12);
    expect(relative(probabilisticSharpe(s, t.target), t.psr)).toBeLessThan(1e-12);
    expect(relative(minimumTrackRecord(s, t.target, 0.9), t.minimumTrackRecord90)).toBeLessThan(1e-12);
  });

  it('mlfinlab', () => {
    expect(probabilisticSharpe(sample(250, 1.14), 1)).toBeCloseTo(0.95727, 4);
    expect(minimumTrackRecord(sample(250, 1.14), 1)).toBeCloseTo(228.73497, 4);
    const trials = [3.5, 1.01, 1.02];
    const m = trials.reduce((a, b) => a + b, 0) / 3;
    // Its variance divides by n.
    const variance = trials.reduce((a, x) => a + (x - m) ** 2, 0) / 3;
    expect(deflatedSharpe(sample(250, 1.14), variance, 3).probability).toBeCloseTo(0.95836, 4);
  });

  it.each(truth.loEta.rows as [number, number][])("Lo's factor for q = %i", (q, expected) => {
    const rho = Float64Array.from({ length: q }, (_, k) => truth.loEta.rho ** (k + 1));
    expect(loEta(q, rho) / Math.sqrt(q)).toBeCloseTo(expected, 5);
    const r = truth.loEta.rho as number;
    const closed = Math.sqrt(q) / Math.sqrt(1 + ((2 * r) / (1 - r)) * (1 - (1 - r ** q) / (q * (1 - r))));
    expect(loEta(q, rho)).toBeCloseTo(closed, 10);
    expect(loEta(q, [])).toBeCloseTo(Math.sqrt(q), 12);
  });
});

describe('edges', () => {
  it('one trial is not deflated', () => {
    const s = sample(500, 0.08);
    expect(deflatedSharpe(s, 0.01, 1).probability).toBe(probabilisticSharpe(s));
  });
  it('no positive Sharpe ratio ever has a track record', () => {
    expect(minimumTrackRecord(sample(100, -0.1))).toBe(Number.POSITIVE_INFINITY);
    expect(minimumBacktestLength(10, 0)).toBe(Number.POSITIVE_INFINITY);
  });
  it('correlated trials count less', () => {
    expect(effectiveTrials(100, 0)).toBe(100);
    expect(effectiveTrials(100, 0.5)).toBe(51);
    expect(effectiveTrials(100, 1)).toBe(1);
  });
  it('expected maximum agrees with simulation', () => {
    const x = normals(5, 20_000 * 20);
    let total = 0;
    for (let s = 0; s < 20_000; s++) total += Math.max(...x.subarray(s * 20, s * 20 + 20));
    expect(expectedMaximum(20)).toBeCloseTo(total / 20_000, 1);
  });
});
