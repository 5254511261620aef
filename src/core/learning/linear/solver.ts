import { QuantlineError } from '../../errors/index.js';
import { type Design, readRow } from './design.js';

export type Family = 'binomial' | 'gaussian';

export interface Penalty {
  readonly lambda: number;
  readonly l1Ratio: number;
}

export interface Solution {
  readonly coefficients: Float64Array;
  readonly intercept: number;
  readonly iterations: number;
  readonly objective: number;
}

const MAX_SWEEPS = 10_000;
const MAX_HALVINGS = 40;
/** Keeps the curvature of settled rows above zero. */
const LEAST_CURVATURE = 1e-12;

/**
 * Minimises Σ wᵢ loss(yᵢ, b + xᵢ·β) + λ [(1 - ρ)/2 ‖β‖² + ρ ‖β‖₁] with Σ wᵢ = 1 by the proximal Newton method: a
 * quadratic model whose Gram matrix is summed in row order, solved by cyclic coordinate descent, then a backtracking
 * line search (Lee, Sun, Saunders 2014; Friedman, Hastie, Tibshirani 2010). Stops when the largest violation of the
 * optimality conditions is below `tolerance`. Throws QUALITY when it does not get there.
 */
export function solve(
  d: Design,
  family: Family,
  penalty: Penalty,
  tolerance: number,
  maxIterations: number,
  checkpoint: () => void,
): Solution {
  const p = d.x.cols;
  const beta = new Float64Array(p);
  let intercept = startOf(d, family);
  const model = new QuadraticModel(p);
  let value = model.update(d, family, beta, intercept) + penaltyOf(beta, penalty);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    checkpoint();
    if (violation(model, beta, penalty) < tolerance)
      return { coefficients: beta, intercept, iterations: iteration, objective: value };
    const { step, step0 } = descend(model, beta, penalty, tolerance / 10);
    const moved = new Float64Array(p);
    for (let j = 0; j < p; j++) moved[j] = beta[j]! + step[j]!;
    let expected = penaltyOf(moved, penalty) - penaltyOf(beta, penalty) - model.gradient0 * step0;
    for (let j = 0; j < p; j++) expected -= model.gradient[j]! * step[j]!;
    let size = 1;
    let halvings = 0;
    for (; halvings < MAX_HALVINGS; halvings++, size /= 2) {
      for (let j = 0; j < p; j++) moved[j] = beta[j]! + size * step[j]!;
      const next = model.update(d, family, moved, intercept + size * step0) + penaltyOf(moved, penalty);
      // Rounding of the value itself is no failure of the step.
      if (next <= value + 1e-4 * size * expected + 1e-15 * Math.abs(value)) {
        beta.set(moved);
        intercept += size * step0;
        value = next;
        break;
      }
    }
    if (halvings === MAX_HALVINGS) break;
  }
  const left = violation(model, beta, penalty);
  throw new QuantlineError(
    'QUALITY',
    `The regression did not converge (optimality violated by ${left.toPrecision(2)}).`,
    {
      hint: 'Raise lambda: without a penalty, separable or collinear columns have no finite solution.',
    },
  );
}

function startOf(d: Design, family: Family): number {
  let mean = 0;
  for (let i = 0; i < d.weights.length; i++) mean += d.weights[i]! * d.y[i]!;
  return family === 'gaussian' ? mean : Math.log(mean / (1 - mean));
}

function penaltyOf(beta: Float64Array, { lambda, l1Ratio }: Penalty): number {
  let squares = 0;
  let absolute = 0;
  for (const b of beta) {
    squares += b * b;
    absolute += Math.abs(b);
  }
  return lambda * (((1 - l1Ratio) / 2) * squares + l1Ratio * absolute);
}

/** Loss, its negative gradient and its Gram matrix at one point; the last row and column belong to the intercept. */
class QuadraticModel {
  readonly gradient: Float64Array;
  gradient0 = 0;
  readonly gram: Float64Array;
  readonly cross: Float64Array;
  total = 0;
  private readonly row: Float64Array;

  constructor(readonly p: number) {
    this.gradient = new Float64Array(p);
    this.gram = new Float64Array(p * p);
    this.cross = new Float64Array(p);
    this.row = new Float64Array(p);
  }

  update(d: Design, family: Family, beta: Float64Array, intercept: number): number {
    const { p, row, gram, cross, gradient } = this;
    gram.fill(0);
    cross.fill(0);
    gradient.fill(0);
    this.gradient0 = 0;
    this.total = 0;
    let loss = 0;
    for (let i = 0; i < d.x.rows; i++) {
      readRow(d, i, row);
      let z = intercept;
      for (let j = 0; j < p; j++) z += row[j]! * beta[j]!;
      const w = d.weights[i]!;
      const y = d.y[i]!;
      let residual: number;
      let curvature: number;
      if (family === 'gaussian') {
        residual = w * (y - z);
        curvature = w;
        loss += (w * (y - z) * (y - z)) / 2;
      } else {
        const e = Math.exp(-Math.abs(z));
        const probability = z >= 0 ? 1 / (1 + e) : e / (1 + e);
        residual = w * (y - probability);
        curvature = w * Math.max(probability * (1 - probability), LEAST_CURVATURE);
        loss += w * (Math.max(z, 0) - y * z + Math.log1p(e));
      }
      this.gradient0 += residual;
      this.total += curvature;
      for (let j = 0; j < p; j++) {
        const x = row[j]!;
        gradient[j] = gradient[j]! + residual * x;
        const c = curvature * x;
        cross[j] = cross[j]! + c;
        const at = j * p;
        for (let k = 0; k <= j; k++) gram[at + k] = gram[at + k]! + c * row[k]!;
      }
    }
    for (let j = 0; j < p; j++) for (let k = 0; k < j; k++) gram[k * p + j] = gram[j * p + k]!;
    return loss;
  }
}

const soft = (x: number, by: number): number => (x > by ? x - by : x < -by ? x + by : 0);

/** Largest violation of the optimality conditions, intercept included. */
function violation(m: QuadraticModel, beta: Float64Array, { lambda, l1Ratio }: Penalty): number {
  let worst = Math.abs(m.gradient0);
  for (let j = 0; j < m.p; j++) {
    const slope = m.gradient[j]! - lambda * (1 - l1Ratio) * beta[j]!;
    const l1 = lambda * l1Ratio;
    worst = Math.max(worst, beta[j] === 0 ? Math.abs(soft(slope, l1)) : Math.abs(slope - l1 * Math.sign(beta[j]!)));
  }
  return worst;
}

/** Cyclic coordinate descent on the quadratic model plus the penalty. */
function descend(
  m: QuadraticModel,
  beta: Float64Array,
  { lambda, l1Ratio }: Penalty,
  tolerance: number,
): { step: Float64Array; step0: number } {
  const { p, gram, cross } = m;
  const step = new Float64Array(p);
  // Negative gradient of the quadratic model at the current step.
  const slope = m.gradient.slice();
  let slope0 = m.gradient0;
  let step0 = 0;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let change = 0;
    const by0 = slope0 / m.total;
    step0 += by0;
    slope0 = 0;
    for (let j = 0; j < p; j++) slope[j] = slope[j]! - cross[j]! * by0;
    change = Math.max(change, Math.abs(by0) * m.total);
    for (let j = 0; j < p; j++) {
      const curvature = gram[j * p + j]!;
      const now = beta[j]! + step[j]!;
      const next = soft(slope[j]! + curvature * now, lambda * l1Ratio) / (curvature + lambda * (1 - l1Ratio));
      const by = next - now;
      if (by === 0) continue;
      step[j] = step[j]! + by;
      for (let k = 0; k < p; k++) slope[k] = slope[k]! - gram[j * p + k]! * by;
      slope0 -= cross[j]! * by;
      change = Math.max(change, Math.abs(by) * curvature);
    }
    if (change < tolerance) break;
  }
  return { step, step0 };
}
