import type { Random } from '../../domain/random.js';
import { normalQuantile } from '../../domain/special.js';
import type { History } from './history.js';
import { fastNormalCdf } from './normal.js';
import type { Axis } from './space.js';

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/**
 * A mixture over trials, one kernel each and one for the prior, every kernel a product over axes: normals cut to the axis
 * (integrated over a cell where there is a grid), or categorical distributions. Bandwidths and clipping follow Optuna's
 * Parzen estimator: the larger distance to a neighbour, at least (upper − lower)/min(100, kernels + 1).
 */
export class ParzenEstimator {
  /** Kernels in use; the last one is the prior. */
  private kernels = 0;
  private weights = new Float64Array(0);
  private readonly mus: Float64Array[];
  private readonly sigmas: Float64Array[];
  /** −log(σ·Z·√2π) of numeric kernels. */
  private readonly norms: Float64Array[];
  private exponents = new Float64Array(0);
  private slots = new Int32Array(0);
  private position = new Int32Array(0);

  constructor(private readonly axes: readonly Axis[]) {
    this.mus = axes.map(() => new Float64Array(0));
    this.sigmas = axes.map(() => new Float64Array(0));
    this.norms = axes.map(() => new Float64Array(0));
  }

  /** Fits to the trials whose mark equals `wanted`, in order of arrival; `weigh` gives the weight of each of n. */
  fit(history: History, marks: Uint8Array, wanted: number, weigh: (index: number, count: number) => number): void {
    const total = history.trials.length;
    this.reserve(total + 1);
    const { slots, position, weights } = this;
    let count = 0;
    for (let slot = 0; slot < total; slot++) {
      if (marks[slot] !== wanted) continue;
      position[slot] = count;
      slots[count++] = slot;
    }
    this.kernels = count + 1;
    let sum = 1;
    for (let k = 0; k < count; k++) sum += weights[k] = weigh(k, count);
    weights[count] = 1;
    for (let k = 0; k <= count; k++) weights[k] = Math.log(weights[k]! / sum);
    this.axes.forEach((axis, a) => {
      if (axis.choices === null) this.fitNumeric(a, axis, history, marks, wanted, count);
      else for (let k = 0; k < count; k++) this.mus[a]![k] = history.columns[a]![slots[k]!]!;
    });
  }

  /** Draws a point into `out`, one number an axis; grid values are on the grid. */
  sample(random: Random, out: Float64Array): void {
    let u = random.next();
    let k = 0;
    for (; k < this.kernels - 1; k++) {
      u -= Math.exp(this.weights[k]!);
      if (u < 0) break;
    }
    this.axes.forEach((axis, a) => {
      const v = random.next();
      if (axis.choices !== null) {
        out[a] = this.sampleChoice(k, a, axis.choices.length, v);
        return;
      }
      const mu = this.mus[a]![k]!;
      const sigma = this.sigmas[a]![k]!;
      const low = fastNormalCdf((axis.lower - mu) / sigma);
      const high = fastNormalCdf((axis.upper - mu) / sigma);
      const x = mu + sigma * normalQuantile(low + v * (high - low));
      out[a] = snap(axis, Math.max(axis.lower, Math.min(axis.upper, x)));
    });
  }

  /** Log density of each of `count` points lying one after another. */
  logDensity(points: Float64Array, count: number, out: Float64Array): void {
    const { axes, kernels, exponents, weights } = this;
    const dims = axes.length;
    const cells = axes.map(() => new Map<number, Float64Array>());
    for (let p = 0; p < count; p++) {
      for (let k = 0; k < kernels; k++) exponents[k] = weights[k]!;
      for (let a = 0; a < dims; a++) {
        const axis = axes[a]!;
        const x = points[p * dims + a]!;
        if (axis.choices === null && axis.step === 0) {
          addNormals(exponents, x, this.mus[a]!, this.sigmas[a]!, this.norms[a]!, kernels);
        } else {
          // Few values, many points on each: one table a value.
          let table = cells[a]!.get(x);
          if (table === undefined) {
            table = axis.choices === null ? this.cellTable(a, axis, x) : this.choiceTable(a, axis.choices.length, x);
            cells[a]!.set(x, table);
          }
          for (let k = 0; k < kernels; k++) exponents[k] = exponents[k]! + table[k]!;
        }
      }
      out[p] = logSumExp(exponents, kernels);
    }
  }

  private fitNumeric(a: number, axis: Axis, history: History, marks: Uint8Array, wanted: number, count: number): void {
    const mus = this.mus[a]!;
    const sigmas = this.sigmas[a]!;
    const norms = this.norms[a]!;
    const column = history.columns[a]!;
    const sorted = history.sorted[a]!;
    const { position } = this;
    const total = history.trials.length;
    const range = axis.upper - axis.lower;
    const smallest = range / Math.min(100, 2 + count);
    // Walks the kernels in sorted order; one pass knows both neighbours of the kernel before.
    let before = axis.lower;
    let slot = -1;
    let seen = 0;
    const settle = (after: number, last: boolean): void => {
      const x = column[slot]!;
      const left = x - before;
      const right = after - x;
      let sigma = Math.max(left, right);
      if (count >= 2 && seen === 1) sigma = right;
      if (count >= 2 && last) sigma = left;
      const k = position[slot]!;
      sigma = Math.max(smallest, Math.min(range, sigma));
      if (mus[k] !== x || sigmas[k] !== sigma) norms[k] = logNorm(axis, x, sigma);
      mus[k] = x;
      sigmas[k] = sigma;
      before = x;
    };
    for (let i = 0; i < total; i++) {
      const next = sorted[i]!;
      if (marks[next] !== wanted) continue;
      if (slot >= 0) settle(column[next]!, false);
      slot = next;
      seen++;
    }
    if (slot >= 0) settle(axis.upper, true);
    mus[count] = 0.5 * (axis.lower + axis.upper);
    sigmas[count] = range;
    norms[count] = logNorm(axis, mus[count]!, range);
  }

  private cellTable(a: number, axis: Axis, x: number): Float64Array {
    const { kernels } = this;
    const table = new Float64Array(kernels);
    const value = axis.log ? Math.exp(x) : x;
    const scale = (y: number): number => (axis.log ? Math.log(y) : y);
    const low = scale(value - axis.step / 2);
    const high = scale(value + axis.step / 2);
    const width = Math.log(high - low);
    const middle = 0.5 * (low + high);
    for (let k = 0; k < kernels; k++) {
      const mu = this.mus[a]![k]!;
      const sigma = this.sigmas[a]![k]!;
      const z = (middle - mu) / sigma;
      const h = (high - low) / sigma;
      const norm = this.norms[a]![k]!;
      const curve = (h * h * (z * z - 1)) / 24;
      // In a narrow cell the density in its middle with one term of curvature is as good; far out, where the difference
      // of two tails would cancel, the density alone decides.
      if (h < 0.5 && curve > -0.5) table[k] = norm - 0.5 * z * z + width + Math.log1p(curve);
      else if (Math.abs(z) - h / 2 > 6) table[k] = norm - 0.5 * z * z + width;
      else {
        const mass = cellMass((low - mu) / sigma, (high - mu) / sigma);
        table[k] = Math.log(mass) + norm + HALF_LOG_2PI + Math.log(sigma);
      }
    }
    return table;
  }

  private choiceTable(a: number, choices: number, x: number): Float64Array {
    const { kernels } = this;
    const table = new Float64Array(kernels);
    const other = 1 / kernels / (1 + choices / kernels);
    const hit = Math.log((1 + 1 / kernels) / (1 + choices / kernels));
    const miss = Math.log(other);
    for (let k = 0; k < kernels - 1; k++) table[k] = this.mus[a]![k] === x ? hit : miss;
    table[kernels - 1] = -Math.log(choices);
    return table;
  }

  private sampleChoice(k: number, a: number, choices: number, v: number): number {
    const { kernels } = this;
    const uniform = Math.min(choices - 1, Math.floor(v * choices));
    if (k === kernels - 1) return uniform;
    // One share of 1 for the observed choice, 1/kernels for every one.
    const all = 1 + choices / kernels;
    const u = v * all;
    return u < 1 ? this.mus[a]![k]! : Math.min(choices - 1, Math.floor((u - 1) * kernels));
  }

  private reserve(count: number): void {
    if (this.weights.length >= count) return;
    const size = Math.max(64, count * 2);
    this.weights = new Float64Array(size);
    this.exponents = new Float64Array(size);
    this.slots = new Int32Array(size);
    this.position = new Int32Array(size);
    for (let a = 0; a < this.axes.length; a++) {
      this.mus[a] = new Float64Array(size).fill(Number.NaN);
      this.sigmas[a] = new Float64Array(size);
      this.norms[a] = new Float64Array(size);
    }
  }
}

/** −log(σ·√2π·Z), Z the mass of the normal inside the axis. */
function logNorm(axis: Axis, mu: number, sigma: number): number {
  const mass = fastNormalCdf((axis.upper - mu) / sigma) - fastNormalCdf((axis.lower - mu) / sigma);
  return -Math.log(sigma * mass) - HALF_LOG_2PI;
}

/** Mass between two points, from the tail that cancels less. */
function cellMass(low: number, high: number): number {
  return low > 0 ? fastNormalCdf(-low) - fastNormalCdf(-high) : fastNormalCdf(high) - fastNormalCdf(low);
}

/** The nearest point of the axis's grid. */
export function snap(axis: Axis, x: number): number {
  if (axis.step === 0) return x;
  const raw = axis.log ? Math.exp(x) : x;
  const value = axis.low + axis.step * Math.round((raw - axis.low) / axis.step);
  const inside = Math.max(axis.low, Math.min(axis.high, value));
  return axis.log ? Math.log(inside) : inside;
}

/** Adds each kernel's log density at x to its exponent. A function of its own, so that it is compiled on its own. */
function addNormals(
  exponents: Float64Array,
  x: number,
  mus: Float64Array,
  sigmas: Float64Array,
  norms: Float64Array,
  count: number,
): void {
  for (let k = 0; k < count; k++) {
    const z = (x - mus[k]!) / sigmas[k]!;
    exponents[k] = exponents[k]! + norms[k]! - 0.5 * z * z;
  }
}

function logSumExp(exponents: Float64Array, count: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) if (exponents[k]! > largest) largest = exponents[k]!;
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const d = exponents[k]! - largest;
    // Below e⁻³⁶ a kernel adds nothing to a float64 sum.
    if (d > -36) sum += Math.exp(d);
  }
  return largest + Math.log(sum);
}
