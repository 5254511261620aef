import type { Random } from '../../domain/random.js';
import { normals } from '../networks/index.js';
import type { ActionSpace } from './environment.js';

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/** The random policy over a network's outputs: softmax over logits, or independent normals with a shared log deviation. */
export interface ActionDistribution {
  /** Draws an action for outputs at `at` into `actions[to…]` (unclipped); returns its log density. */
  sample(outputs: Float32Array, at: number, actions: Float32Array, to: number): number;
}

class Categorical implements ActionDistribution {
  private readonly p: Float64Array;
  private readonly logP: Float64Array;

  constructor(
    private readonly count: number,
    private readonly random: Random,
  ) {
    this.p = new Float64Array(count);
    this.logP = new Float64Array(count);
  }

  sample(outputs: Float32Array, at: number, actions: Float32Array, to: number): number {
    this.softmax(outputs, at);
    const u = this.random.next();
    let k = 0;
    for (let sum = this.p[0]!; u >= sum && k < this.count - 1; sum += this.p[k]!) k++;
    actions[to] = k;
    return this.logP[k]!;
  }

  private softmax(z: Float32Array, at: number): void {
    const { count, p, logP } = this;
    let largest = z[at]!;
    for (let k = 1; k < count; k++) if (z[at + k]! > largest) largest = z[at + k]!;
    let total = 0;
    for (let k = 0; k < count; k++) total += p[k] = Math.exp(z[at + k]! - largest);
    const log = Math.log(total) + largest;
    for (let k = 0; k < count; k++) {
      p[k] = p[k]! / total;
      logP[k] = z[at + k]! - log;
    }
  }
}

/** Diagonal normal; its log deviations are trained beside the network, by the Adam of `stepLogStd`. */
export class DiagonalNormal implements ActionDistribution {
  readonly logStd: Float64Array;
  /** Of the loss of a batch, by the caller. */
  readonly logStdGradient: Float64Array;
  private readonly m: Float64Array;
  private readonly v: Float64Array;
  private power1 = 1;
  private power2 = 1;
  private readonly normal: () => number;

  constructor(
    private readonly size: number,
    random: Random,
    initialLogStd: number,
  ) {
    this.normal = normals(random);
    this.logStd = new Float64Array(size).fill(initialLogStd);
    this.logStdGradient = new Float64Array(size);
    this.m = new Float64Array(size);
    this.v = new Float64Array(size);
  }

  sample(outputs: Float32Array, at: number, actions: Float32Array, to: number): number {
    let log = 0;
    for (let k = 0; k < this.size; k++) {
      const z = this.normal();
      actions[to + k] = outputs[at + k]! + Math.exp(this.logStd[k]!) * z;
      log -= 0.5 * z * z + this.logStd[k]! + HALF_LOG_2PI;
    }
    return log;
  }

  /** Adam (β 0.9, 0.999) on the log deviations with `logStdGradient` times `scale`. */
  stepLogStd(rate: number, scale: number, epsilon: number): void {
    this.power1 *= 0.9;
    this.power2 *= 0.999;
    const { power1, power2 } = this;
    for (let k = 0; k < this.size; k++) {
      const g = this.logStdGradient[k]! * scale;
      this.m[k] = 0.9 * this.m[k]! + 0.1 * g;
      this.v[k] = 0.999 * this.v[k]! + 0.001 * g * g;
      const step = this.m[k]! / (1 - power1) / (Math.sqrt(this.v[k]! / (1 - power2)) + epsilon);
      this.logStd[k] = this.logStd[k]! - rate * step;
    }
  }
}

export const distributionFor = (space: ActionSpace, random: Random, initialLogStd: number): ActionDistribution =>
  space.kind === 'discrete'
    ? new Categorical(space.count, random)
    : new DiagonalNormal(space.size, random, initialLogStd);
