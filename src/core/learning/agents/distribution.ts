import type { Random } from '../../domain/random.js';
import { normals } from '../networks/index.js';
import type { ActionSpace } from './environment.js';

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/** The random policy over a network's outputs: softmax over logits, or independent normals with a shared log deviation. */
export interface ActionDistribution {
  /** Draws an action for outputs at `at` into `actions[to…]` (unclipped); returns its log density. */
  sample(outputs: Float32Array, at: number, actions: Float32Array, to: number): number;
  /** Log density of an action; `entropy` holds the distribution's entropy afterwards. */
  logProbability(outputs: Float32Array, at: number, actions: Float32Array, from: number): number;
  readonly entropy: number;
  /** For the row given last to `logProbability`: writes d/d(output) of `byLog·log π + byEntropy·entropy`. */
  gradient(byLog: number, byEntropy: number, actions: Float32Array, from: number, out: Float32Array, to: number): void;
}

class Categorical implements ActionDistribution {
  entropy = 0;
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

  logProbability(outputs: Float32Array, at: number, actions: Float32Array, from: number): number {
    this.softmax(outputs, at);
    let entropy = 0;
    for (let k = 0; k < this.count; k++) entropy -= this.p[k]! * this.logP[k]!;
    this.entropy = entropy;
    return this.logP[actions[from]!]!;
  }

  gradient(byLog: number, byEntropy: number, actions: Float32Array, from: number, out: Float32Array, to: number): void {
    const taken = actions[from]!;
    for (let k = 0; k < this.count; k++) {
      const p = this.p[k]!;
      out[to + k] = byLog * ((k === taken ? 1 : 0) - p) - byEntropy * p * (this.logP[k]! + this.entropy);
    }
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
  entropy = 0;
  readonly logStd: Float64Array;
  /** Sum of the gradient over the rows of a batch; the caller clears it. */
  readonly logStdGradient: Float64Array;
  private readonly mean: Float64Array;
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
    this.mean = new Float64Array(size);
    this.m = new Float64Array(size);
    this.v = new Float64Array(size);
  }

  sample(outputs: Float32Array, at: number, actions: Float32Array, to: number): number {
    for (let k = 0; k < this.size; k++) actions[to + k] = outputs[at + k]! + Math.exp(this.logStd[k]!) * this.normal();
    return this.logProbability(outputs, at, actions, to);
  }

  logProbability(outputs: Float32Array, at: number, actions: Float32Array, from: number): number {
    let log = 0;
    let entropy = 0;
    for (let k = 0; k < this.size; k++) {
      this.mean[k] = outputs[at + k]!;
      const z = (actions[from + k]! - this.mean[k]!) / Math.exp(this.logStd[k]!);
      log -= 0.5 * z * z + this.logStd[k]! + HALF_LOG_2PI;
      entropy += this.logStd[k]! + HALF_LOG_2PI + 0.5;
    }
    this.entropy = entropy;
    return log;
  }

  gradient(byLog: number, byEntropy: number, actions: Float32Array, from: number, out: Float32Array, to: number): void {
    for (let k = 0; k < this.size; k++) {
      const deviation = Math.exp(this.logStd[k]!);
      const z = (actions[from + k]! - this.mean[k]!) / deviation;
      out[to + k] = (byLog * z) / deviation;
      this.logStdGradient[k] = this.logStdGradient[k]! + byLog * (z * z - 1) + byEntropy;
    }
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
