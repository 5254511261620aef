import { QuantlineError } from '../../errors/index.js';
import type { Tree } from './forest.js';
import { checkMatrix, dense, isSparse, type Matrix } from './matrix.js';
import { baseMargin, transformMargins } from './objectives.js';
import { PackedForest } from './packed.js';
import type { Objective } from './params.js';

export interface ModelParts {
  readonly objective: Objective;
  /** Outputs per row: 1, or the number of classes. */
  readonly classes: number;
  readonly features: number;
  /** XGBoost's base_score per output: a probability for binary:logistic, otherwise a margin. */
  readonly baseScores: readonly number[];
  readonly trees: readonly Tree[];
  readonly attributes?: Readonly<Record<string, string>>;
  readonly featureNames?: readonly string[];
  readonly featureTypes?: readonly string[];
  readonly scalePosWeight?: number;
  /** XGBoost's own objective and its parameters, where it is none of ours but scores like `objective`. */
  readonly nativeObjective?: Readonly<Record<string, unknown>> | undefined;
  /** Trees that a round grows per output: more than 1 in a boosted random forest. */
  readonly parallelTrees?: number;
}

/** Fewer rows than this are walked in JavaScript, with the same bits: no copy, no call into WebAssembly. */
const SMALL = 16;

/**
 * A trained forest. Scores are sums of float32 leaf weights in tree order, after float32 comparisons, as XGBoost
 * computes them; a row's score has the same bits for every batch, layout and number of threads.
 */
export class BoostedModel {
  readonly objective: Objective;
  readonly classes: number;
  readonly features: number;
  readonly baseScores: readonly number[];
  readonly trees: readonly Tree[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly featureNames: readonly string[];
  readonly featureTypes: readonly string[];
  readonly scalePosWeight: number;
  readonly nativeObjective: Readonly<Record<string, unknown>> | undefined;
  readonly parallelTrees: number;
  /** base_score in margin space, per output. */
  readonly baseMargins: Float32Array;
  private packed: PackedForest | undefined;
  private readonly flat: FlatForest;

  constructor(parts: ModelParts) {
    this.objective = parts.objective;
    this.classes = parts.classes;
    this.features = parts.features;
    this.baseScores = parts.baseScores;
    this.trees = parts.trees;
    this.attributes = parts.attributes ?? {};
    this.featureNames = parts.featureNames ?? [];
    this.featureTypes = parts.featureTypes ?? [];
    this.scalePosWeight = parts.scalePosWeight ?? 1;
    this.nativeObjective = parts.nativeObjective;
    this.parallelTrees = parts.parallelTrees ?? 1;
    this.baseMargins = Float32Array.from(parts.baseScores, (score) => baseMargin(parts.objective, score));
    this.flat = flatten(parts.trees);
    this.single = new Float32Array(parts.classes);
  }

  get rounds(): number {
    return this.trees.length / (this.classes * this.parallelTrees);
  }

  /** The forest in WebAssembly memory; built at the first batch. */
  get forest(): PackedForest {
    this.packed ??= new PackedForest(this.trees, this.features, this.classes);
    return this.packed;
  }

  /** Margins, rows × classes row-major, into `out` or a new array. Throws MISMATCH for another number of columns. */
  predictMargin<T extends Float32Array | Float64Array = Float32Array>(x: Matrix, out?: T): T {
    checkMatrix(x, 'Matrix to score');
    const target = this.target(x, out);
    if (x.rows >= SMALL) {
      this.forest.predict(x, this.baseMargins, target);
      return target as T;
    }
    const { data, layout } = isSparse(x) ? dense(x) : x;
    const [row, column] = layout === 'column' ? [1, x.rows] : [x.cols, 1];
    for (let i = 0; i < x.rows; i++) this.walk(data, i * row, column, target, i * this.classes);
    return target as T;
  }

  /** Probabilities (binary:logistic: of label 1; multi:softprob: rows × classes) or values. */
  predict<T extends Float32Array | Float64Array = Float32Array>(x: Matrix, out?: T): T {
    const target = this.predictMargin(x, out);
    transformMargins(this.objective, target, x.rows, this.classes);
    return target;
  }

  /**
   * Margin of one row whose cells lie at `cells[offset …]`: the low-latency path, without allocation. For several
   * classes use predictMargin.
   */
  marginOfRow(cells: Float32Array, offset = 0): number {
    this.walk(cells, offset, 1, this.single, 0);
    return this.single[0]!;
  }

  /** Prediction of one row; see marginOfRow. */
  predictRow(cells: Float32Array, offset = 0): number {
    this.walk(cells, offset, 1, this.single, 0);
    transformMargins(this.objective, this.single, 1, this.classes);
    return this.single[0]!;
  }

  private readonly single: Float32Array;

  private target(x: Matrix, out: Float32Array | Float64Array | undefined): Float32Array | Float64Array {
    if (x.cols !== this.features)
      throw new QuantlineError('MISMATCH', `The model has ${this.features} features, the matrix ${x.cols} columns.`, {
        hint: 'Score with the feature set the model was trained on.',
      });
    const size = x.rows * this.classes;
    if (out === undefined) return new Float32Array(size);
    if (out.length < size) throw new QuantlineError('BUG', `The output holds ${out.length} of ${size} scores.`);
    return out.length === size ? out : out.subarray(0, size);
  }

  private walk(
    cells: Float32Array,
    offset: number,
    stride: number,
    out: Float32Array | Float64Array,
    at: number,
  ): void {
    const { start, group, left, right, feature, value, defaultLeft } = this.flat;
    for (let k = 0; k < this.classes; k++) out[at + k] = this.baseMargins[k]!;
    for (let t = 0; t < group.length; t++) {
      let i = start[t]!;
      for (;;) {
        const next = left[i]!;
        if (next < 0) break;
        const x = cells[offset + feature[i]! * stride]!;
        // NaN fails both comparisons and takes the default.
        if (x < value[i]!) i = next;
        else if (x >= value[i]!) i = right[i]!;
        else i = defaultLeft[i] === 1 ? next : right[i]!;
      }
      const k = at + group[t]!;
      out[k] = Math.fround(out[k]! + value[i]!);
    }
  }
}

interface FlatForest {
  readonly start: Int32Array;
  readonly group: Int32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly feature: Int32Array;
  readonly value: Float32Array;
  readonly defaultLeft: Uint8Array;
}

function flatten(trees: readonly Tree[]): FlatForest {
  const total = trees.reduce((sum, tree) => sum + tree.left.length, 0);
  const flat: FlatForest = {
    start: new Int32Array(trees.length),
    group: Int32Array.from(trees, (tree) => tree.group),
    left: new Int32Array(total),
    right: new Int32Array(total),
    feature: new Int32Array(total),
    value: new Float32Array(total),
    defaultLeft: new Uint8Array(total),
  };
  let at = 0;
  trees.forEach((tree, t) => {
    flat.start[t] = at;
    for (let i = 0; i < tree.left.length; i++) {
      flat.left[at + i] = tree.left[i]! < 0 ? -1 : at + tree.left[i]!;
      flat.right[at + i] = tree.left[i]! < 0 ? -1 : at + tree.right[i]!;
    }
    flat.feature.set(tree.feature, at);
    flat.value.set(tree.value, at);
    flat.defaultLeft.set(tree.defaultLeft, at);
    at += tree.left.length;
  });
  return flat;
}
