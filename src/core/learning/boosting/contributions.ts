import { QuantlineError } from '../../errors/index.js';
import { type Tree, treeDepth } from './forest.js';
import { checkMatrix, expandRow, isSparse, type Matrix } from './matrix.js';
import type { BoostedModel } from './model.js';

/**
 * Exact Shapley values of every feature for every margin (TreeSHAP, Lundberg et al. 2018, path-dependent: absent
 * features follow the training cover), as XGBoost's `pred_contribs`. Rows × outputs × (features + 1), row-major; the
 * last column is the expected margin, so that each line sums to the margin. Throws MISMATCH for another width, and
 * INPUT for a model whose cover was not saved.
 */
export function predictContributions(model: BoostedModel, x: Matrix): Float64Array {
  checkMatrix(x, 'Matrix to explain');
  const { features, classes, trees, baseMargins } = model;
  if (x.cols !== features)
    throw new QuantlineError('MISMATCH', `The model has ${features} features, the matrix ${x.cols} columns.`);
  const width = features + 1;
  const out = new Float64Array(x.rows * classes * width);
  const explainers = trees.map((tree, i) => new TreeExplainer(tree, i));
  const row = new Float32Array(features);
  for (let i = 0; i < x.rows; i++) {
    copyRow(x, i, row);
    for (let k = 0; k < classes; k++) out[(i * classes + k + 1) * width - 1] = baseMargins[k]!;
    for (const explainer of explainers) explainer.add(row, out, (i * classes + explainer.tree.group) * width, features);
  }
  return out;
}

function copyRow(x: Matrix, i: number, row: Float32Array): void {
  if (isSparse(x)) expandRow(x, i, row);
  else if (x.layout === 'column') for (let j = 0; j < x.cols; j++) row[j] = x.data[j * x.rows + i]!;
  else row.set(x.data.subarray(i * x.cols, (i + 1) * x.cols));
}

/** One tree with the buffers of its recursion: a path of unique features per depth, each longer by one element. */
class TreeExplainer {
  private readonly feature: Int32Array;
  private readonly zero: Float64Array;
  private readonly one: Float64Array;
  private readonly weight: Float64Array;
  private readonly mean: number;
  private row: Float32Array = new Float32Array(0);
  private out: Float64Array = new Float64Array(0);
  private at = 0;

  constructor(
    readonly tree: Tree,
    index: number,
  ) {
    const depth = treeDepth(tree) + 2;
    const size = (depth * (depth + 1)) / 2;
    this.feature = new Int32Array(size);
    this.zero = new Float64Array(size);
    this.one = new Float64Array(size);
    this.weight = new Float64Array(size);
    if (tree.left[0]! >= 0 && !(tree.cover[0]! > 0))
      throw new QuantlineError('INPUT', `Tree ${index} has no cover (sum_hessian), which Shapley values need.`, {
        hint: 'Save the model with its statistics.',
      });
    this.mean = this.meanOf(0);
  }

  private meanOf(node: number): number {
    const { left, right, value, cover } = this.tree;
    if (left[node]! < 0) return value[node]!;
    const [l, r] = [left[node]!, right[node]!];
    return (this.meanOf(l) * cover[l]! + this.meanOf(r) * cover[r]!) / cover[node]!;
  }

  add(row: Float32Array, out: Float64Array, at: number, features: number): void {
    this.row = row;
    this.out = out;
    this.at = at;
    out[at + features] = out[at + features]! + this.mean;
    if (this.tree.left[0]! >= 0) this.visit(0, 0, 0, 1, 1, -1);
  }

  /** The path so far lies at [start, start + depth); this call appends one element. */
  private visit(node: number, start: number, depth: number, zero: number, one: number, feature: number): void {
    const { tree } = this;
    this.extend(start, depth, zero, one, feature);
    const left = tree.left[node]!;
    if (left < 0) {
      for (let i = 1; i <= depth; i++) {
        const w = this.unwoundSum(start, depth, i);
        const j = this.at + this.feature[start + i]!;
        const share = w * (this.one[start + i]! - this.zero[start + i]!) * tree.value[node]!;
        this.out[j] = this.out[j]! + share;
      }
      return;
    }
    const split = tree.feature[node]!;
    const x = this.row[split]!;
    const goLeft = Number.isNaN(x) ? tree.defaultLeft[node] === 1 : x < tree.value[node]!;
    const hot = goLeft ? left : tree.right[node]!;
    const cold = goLeft ? tree.right[node]! : left;
    // The children work on a copy one element behind.
    const next = start + depth + 1;
    const copy = (): void => {
      for (const array of [this.feature, this.zero, this.one, this.weight])
        array.copyWithin(next, start, start + depth + 1);
    };
    copy();
    let incomingZero = 1;
    let incomingOne = 1;
    let found = 1;
    while (found <= depth && this.feature[start + found] !== split) found++;
    const again = found <= depth;
    if (again) {
      incomingZero = this.zero[start + found]!;
      incomingOne = this.one[start + found]!;
    }
    const length = again ? depth : depth + 1;
    const total = tree.cover[node]!;
    for (const [child, fraction] of [
      [hot, incomingOne],
      [cold, 0],
    ] as const) {
      copy();
      if (again) this.unwind(next, depth, found);
      this.visit(child, next, length, (tree.cover[child]! / total) * incomingZero, fraction, split);
    }
  }

  private extend(start: number, depth: number, zero: number, one: number, feature: number): void {
    const { weight } = this;
    this.feature[start + depth] = feature;
    this.zero[start + depth] = zero;
    this.one[start + depth] = one;
    weight[start + depth] = depth === 0 ? 1 : 0;
    for (let i = depth - 1; i >= 0; i--) {
      weight[start + i + 1] = weight[start + i + 1]! + (one * weight[start + i]! * (i + 1)) / (depth + 1);
      weight[start + i] = (zero * weight[start + i]! * (depth - i)) / (depth + 1);
    }
  }

  /** Takes element `i` out of the path of depth + 1 elements. */
  private unwind(start: number, depth: number, i: number): void {
    const { weight } = this;
    const one = this.one[start + i]!;
    const zero = this.zero[start + i]!;
    let next = weight[start + depth]!;
    for (let j = depth - 1; j >= 0; j--) {
      if (one !== 0) {
        const kept = weight[start + j]!;
        weight[start + j] = (next * (depth + 1)) / ((j + 1) * one);
        next = kept - (weight[start + j]! * zero * (depth - j)) / (depth + 1);
      } else weight[start + j] = (weight[start + j]! * (depth + 1)) / (zero * (depth - j));
    }
    for (let j = i; j < depth; j++) {
      this.feature[start + j] = this.feature[start + j + 1]!;
      this.zero[start + j] = this.zero[start + j + 1]!;
      this.one[start + j] = this.one[start + j + 1]!;
    }
  }

  /** Sum of the weights after taking element `i` out. */
  private unwoundSum(start: number, depth: number, i: number): number {
    const { weight } = this;
    const one = this.one[start + i]!;
    const zero = this.zero[start + i]!;
    let next = weight[start + depth]!;
    let total = 0;
    for (let j = depth - 1; j >= 0; j--) {
      if (one !== 0) {
        const w = (next * (depth + 1)) / ((j + 1) * one);
        total += w;
        next = weight[start + j]! - (w * zero * (depth - j)) / (depth + 1);
      } else if (zero !== 0) total += (weight[start + j]! * (depth + 1)) / (zero * (depth - j));
    }
    return total;
  }
}
