import type { Random } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import type { History } from './history.js';
import { snap } from './parzen.js';
import type { Axis } from './space.js';

/** Proposes points. Holds no state that the history does not hold, so that a resumed study goes on as it would have. */
export interface Sampler {
  /** Trials after which nothing is left to propose. */
  readonly size: number;
  /** Writes a point, one number an axis, for trial `number`; `random` is the trial's own stream. */
  propose(history: History, number: number, random: Random, out: Float64Array): void;
}

/** A point drawn evenly: every cell of a grid with the same probability, log axes evenly in the logarithm. */
function uniform(axis: Axis, random: Random): number {
  const u = random.next();
  if (axis.choices !== null) return Math.min(axis.choices.length - 1, Math.floor(u * axis.choices.length));
  return snap(axis, axis.lower + u * (axis.upper - axis.lower));
}

export class RandomSampler implements Sampler {
  readonly size = Number.POSITIVE_INFINITY;

  constructor(private readonly axes: readonly Axis[]) {}

  propose(_: History, __: number, random: Random, out: Float64Array): void {
    this.axes.forEach((axis, a) => {
      out[a] = uniform(axis, random);
    });
  }
}

/** All combinations, the last parameter fastest. Continuous axes need `points`: so many values, ends included. */
export class GridSampler implements Sampler {
  readonly size: number;
  private readonly values: readonly Float64Array[];

  constructor(axes: readonly Axis[], points?: number) {
    this.values = axes.map((axis) => {
      if (axis.choices !== null) return Float64Array.from(axis.choices, (_, i) => i);
      const scale = (x: number): number => (axis.log ? Math.log(x) : x);
      const count = axis.step > 0 ? Math.round((axis.high - axis.low) / axis.step) + 1 : 0;
      if (points !== undefined && (count === 0 || points < count)) {
        if (!Number.isInteger(points) || points < 1)
          throw new QuantlineError('CONFIG', `A grid of ${points} points an axis.`, {
            hint: 'Set a whole number from 1.',
          });
        const [low, high] = [scale(axis.low), scale(axis.high)];
        const list = Array.from({ length: points }, (_, i) =>
          snap(axis, points === 1 ? 0.5 * (low + high) : low + (i / (points - 1)) * (high - low)),
        );
        return Float64Array.from(new Set(list));
      }
      if (count === 0)
        throw new QuantlineError('CONFIG', `Grid search needs values for "${axis.name}", which is continuous.`, {
          hint: 'Give it a step, or set the number of grid points.',
          details: { parameter: axis.name },
        });
      return Float64Array.from({ length: count }, (_, i) => scale(axis.low + i * axis.step));
    });
    this.size = this.values.reduce((total, list) => total * list.length, 1);
  }

  propose(_: History, number: number, __: Random, out: Float64Array): void {
    let rest = number % this.size;
    for (let a = this.values.length - 1; a >= 0; a--) {
      const list = this.values[a]!;
      out[a] = list[rest % list.length]!;
      rest = Math.floor(rest / list.length);
    }
  }
}
