import type { Random } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import type { History } from './history.js';
import { ParzenEstimator, snap } from './parzen.js';
import { RandomSampler, type Sampler } from './samplers.js';
import type { Axis } from './space.js';

export interface TpeSettings {
  /** Trials drawn evenly before the first model. */
  readonly startupTrials: number;
  /** Points drawn from the good trials' density, of which the best by l/g is proposed. */
  readonly candidates: number;
  /** One model over all parameters together; false models each on its own. */
  readonly multivariate: boolean;
  /** Good trials weigh by how much better they are than the first of the rest; false as Optuna: all alike. */
  readonly improvementWeights: boolean;
  /** Every so many trials the best one is varied instead of a draw from the model; 0 = never (as Optuna). */
  readonly varyEvery: number;
}

/**
 * The split and the bandwidths are Optuna's. Twice its start-up trials and candidates, weights by improvement and the
 * variation of the best trial lower the median best on Branin, Hartmann-6 and a mixed space (60 seeds each): the model
 * alone settles in a basin or category that was lucky early, and refines the last digits slowly.
 */
export const TPE_DEFAULTS: TpeSettings = {
  startupTrials: 20,
  candidates: 48,
  multivariate: true,
  improvementWeights: true,
  varyEvery: 4,
};

const GOOD = 1;
const REST = 2;

interface Group {
  readonly axes: readonly number[];
  readonly good: ParzenEstimator;
  readonly rest: ParzenEstimator;
}

/**
 * Tree-structured Parzen estimator (Bergstra et al. 2011; Watanabe 2023 for its components): the best ⌈n/10⌉ trials, at
 * most 25, against the rest, running ones included among the rest. Trials of the rest before the last 25 fade in weight.
 */
export class TpeSampler implements Sampler {
  readonly size = Number.POSITIVE_INFINITY;
  private readonly groups: readonly Group[];
  private readonly settings: TpeSettings;
  private readonly start: RandomSampler;
  private marks = new Uint8Array(64);

  constructor(
    private readonly axes: readonly Axis[],
    settings: Partial<TpeSettings> = {},
  ) {
    this.settings = { ...TPE_DEFAULTS, ...settings };
    const check = (field: 'startupTrials' | 'candidates' | 'varyEvery', least: number): void => {
      const value = this.settings[field];
      if (!Number.isInteger(value) || value < least)
        throw new QuantlineError(
          'CONFIG',
          `TPE setting ${field} is ${value}; it must be a whole number from ${least}.`,
          {
            hint: `Set ${field} to a whole number from ${least}.`,
            details: { field, value },
          },
        );
    };
    check('startupTrials', 1);
    check('candidates', 1);
    check('varyEvery', 0);
    const numbers = axes.map((_, a) => a);
    const groups = this.settings.multivariate ? [numbers] : numbers.map((a) => [a]);
    this.groups = groups.map((list) => ({
      axes: list,
      good: new ParzenEstimator(list.map((a) => axes[a]!)),
      rest: new ParzenEstimator(list.map((a) => axes[a]!)),
    }));
    this.start = new RandomSampler(axes);
  }

  propose(history: History, number: number, random: Random, out: Float64Array): void {
    const { startupTrials, candidates, multivariate, improvementWeights, varyEvery } = this.settings;
    const finished = history.ranked.length;
    if (finished < startupTrials) {
      this.start.propose(history, number, random, out);
      return;
    }
    const good = Math.min(25, Math.ceil(finished / 10));
    this.mark(history, good);
    if (varyEvery > 0 && number % varyEvery === varyEvery - 1 && this.marks[history.ranked[0]!] === GOOD) {
      this.vary(history, good, random, out);
      return;
    }
    const goodWeight = improvementWeights ? this.improvements(history, good) : even;
    for (const group of this.groups) {
      const dims = group.axes.length;
      const view = multivariate ? history : slice(history, group.axes);
      group.good.fit(view, this.marks, GOOD, goodWeight);
      group.rest.fit(view, this.marks, REST, fading);
      const points = new Float64Array(candidates * dims);
      for (let c = 0; c < candidates; c++) group.good.sample(random, points.subarray(c * dims, (c + 1) * dims));
      const better = new Float64Array(candidates);
      const worse = new Float64Array(candidates);
      group.good.logDensity(points, candidates, better);
      group.rest.logDensity(points, candidates, worse);
      let best = 0;
      for (let c = 1; c < candidates; c++) if (better[c]! - worse[c]! > better[best]! - worse[best]!) best = c;
      group.axes.forEach((a, i) => {
        out[a] = points[best * dims + i]!;
      });
    }
  }

  /**
   * The best trial with normal noise as wide as the good trials spread along each axis; half the time, one categorical
   * parameter takes another of its choices.
   */
  private vary(history: History, good: number, random: Random, out: Float64Array): void {
    const { axes } = this;
    const best = history.ranked[0]!;
    const categorical = axes.flatMap((axis, a) => (axis.choices !== null && axis.choices.length > 1 ? [a] : []));
    const swap = categorical.length > 0 && random.next() < 0.5;
    const changed = swap ? categorical[Math.floor(random.next() * categorical.length)]! : -1;
    const near = history.ranked.slice(0, Math.min(history.ranked.length, Math.max(3, good)));
    axes.forEach((axis, a) => {
      const column = history.columns[a]!;
      const x = column[best]!;
      if (axis.choices !== null) {
        const n = axis.choices.length;
        out[a] = a === changed ? (x + 1 + Math.floor(random.next() * (n - 1))) % n : x;
        return;
      }
      let mean = 0;
      for (const slot of near) mean += column[slot]!;
      mean /= near.length;
      let squares = 0;
      for (const slot of near) squares += (column[slot]! - mean) * (column[slot]! - mean);
      // Never less than a cell of a grid; wider where a category changes, because the best numbers then move too.
      const cell = axis.log ? axis.step / Math.exp(x) : axis.step;
      const spread = Math.max(Math.sqrt(squares / near.length), cell, 1e-4 * (axis.upper - axis.lower));
      const deviation = swap ? 2 * spread : spread;
      const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
      out[a] = snap(axis, Math.max(axis.lower, Math.min(axis.upper, x + deviation * normal)));
    });
  }

  private mark(history: History, good: number): void {
    const { trials, ranked } = history;
    if (this.marks.length < trials.length) this.marks = new Uint8Array(trials.length * 2);
    const { marks } = this;
    for (let slot = 0; slot < trials.length; slot++) {
      marks[slot] = trials[slot]!.state === 'failed' ? 0 : REST;
      // A trial of another space (a parameter was added or narrowed since) teaches nothing about this one.
      for (let a = 0; a < this.axes.length; a++) if (Number.isNaN(history.columns[a]![slot]!)) marks[slot] = 0;
    }
    for (let i = 0; i < good; i++) if (marks[ranked[i]!] === REST) marks[ranked[i]!] = GOOD;
  }

  /** Weights of the good trials, in order of arrival: improvement over the best of the rest, with a mean of 1. */
  private improvements(history: History, good: number): (index: number) => number {
    const { trials, ranked } = history;
    const worst = trials[ranked[Math.min(good, ranked.length - 1)]!]!;
    if (worst.state !== 'complete') return even;
    const limit = history.score(worst.value!);
    const gains: number[] = [];
    for (let slot = 0; slot < trials.length; slot++)
      if (this.marks[slot] === GOOD) gains.push(Math.max(0, limit - history.score(trials[slot]!.value!)));
    const total = gains.reduce((a, b) => a + b, 0);
    return total > 0 && Number.isFinite(total) ? (index) => (gains[index]! / total) * gains.length + 1e-12 : even;
  }
}

const even = (): number => 1;

/** 1 for the last 25 and for all of fewer than 25; before them a ramp from 1/n to 1. */
const fading = (index: number, count: number): number => {
  const ramp = count - 25;
  if (index >= ramp) return 1;
  return ramp === 1 ? 1 / count : 1 / count + (index / (ramp - 1)) * (1 - 1 / count);
};

/** The history seen along some of its axes. */
const slice = (history: History, axes: readonly number[]): History =>
  Object.assign(Object.create(history) as History, {
    columns: axes.map((a) => history.columns[a]!),
    sorted: axes.map((a) => history.sorted[a]!),
  });
