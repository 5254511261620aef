import { type Tree, treeDepth } from './forest.js';
import { instantiate, type Kernels, kernelModule, sharedMemory } from './kernels.js';
import { Layout } from './layout.js';
import { expandRow, type FloatMatrix, isSparse, type Matrix } from './matrix.js';
import type { WasmMemory } from './wasm.js';

/** Trees up to this depth are stored complete (2^depth leaves): no child pointers, no branches. */
const COMPLETE_DEPTH = 8;

interface Placed {
  readonly depth: number;
  readonly nodes: number;
  readonly defaults: number;
  readonly leaves: number;
}

/** Addresses of a packed forest and of its row and output buffers. */
export interface PackedShape {
  readonly trees: number;
  readonly count: number;
  readonly cols: number;
  readonly classes: number;
  /** Rows that pass over all trees together. */
  readonly blockRows: number;
  /** Rows that the buffers hold, a multiple of blockRows. */
  readonly capacity: number;
  readonly rows: number;
  readonly out: number;
  /** Per thread: the block it works on, as columns. */
  readonly columns: readonly number[];
  /** 512 bytes for the threads to agree in. */
  readonly control: number;
}

/** Rows of a block stay in the first-level cache while every tree passes over them. */
export const rowsPerBlock = (cols: number): number =>
  Math.max(8, Math.min(128, Math.floor(24576 / (cols * 4) / 8) * 8));

/** A forest in the memory of the prediction kernel. */
export class PackedForest {
  readonly memory: WasmMemory;
  readonly shape: PackedShape;
  readonly kernels: Kernels;
  private readonly f32: Float32Array;

  /** `blocks`: how many blocks of rows the buffers hold; `threads`: how many work at once. */
  constructor(trees: readonly Tree[], cols: number, classes: number, blocks = 1, threads = 1) {
    const layout = new Layout();
    const table = layout.take(trees.length * 32);
    const placed = trees.map((tree) => place(layout, tree));
    const blockRows = rowsPerBlock(cols);
    const capacity = blockRows * blocks;
    this.shape = {
      trees: table,
      count: trees.length,
      cols,
      classes,
      blockRows,
      capacity,
      rows: layout.take(capacity * cols * 4),
      out: layout.take(capacity * classes * 4),
      columns: Array.from({ length: threads }, () => layout.take(blockRows * cols * 4)),
      control: layout.take(512),
    };
    this.memory = sharedMemory(layout.peak, `Scoring ${trees.length} trees`);
    this.kernels = instantiate(kernelModule(), this.memory);
    this.f32 = new Float32Array(this.memory.buffer);
    const u32 = new Uint32Array(this.memory.buffer);
    trees.forEach((tree, i) => {
      const p = placed[i]!;
      u32.set([p.depth >>> 0, p.nodes, p.defaults, p.leaves, tree.group], table / 4 + i * 8);
      if (p.depth < 0) writeLinked(tree, p, this.memory.buffer, blockRows * 4);
      else writeComplete(tree, p, this.memory.buffer, blockRows * 4);
    });
  }

  /** Margins of all rows of `x`, starting from `base`. */
  predict(x: Matrix, base: Float32Array, out: Float32Array | Float64Array): void {
    const { blockRows } = this.shape;
    for (let at = 0; at < x.rows; at += blockRows) {
      const n = Math.min(blockRows, x.rows - at);
      this.stage(x, at, n, 0, base);
      predictBlock(this.kernels, this.shape, 0, n, 0);
      this.collect(0, n, out, at);
    }
  }

  /** Copies rows [from, from + n) of `x` into the buffer at row `at`, and the base margins into their outputs. */
  stage(x: Matrix, from: number, n: number, at: number, base: Float32Array): void {
    const { cols, classes, rows, out } = this.shape;
    const cells = rows / 4 + at * cols;
    copyRows(x, from, n, this.f32.subarray(cells, cells + n * cols));
    const margins = out / 4 + at * classes;
    if (classes === 1) this.f32.fill(base[0]!, margins, margins + n);
    else for (let i = 0; i < n; i++) this.f32.set(base, margins + i * classes);
  }

  /** Copies the margins of n buffered rows from row `at` into `target`, as rows `to` and later. */
  collect(at: number, n: number, target: Float32Array | Float64Array, to: number): void {
    const { classes, out } = this.shape;
    target.set(this.f32.subarray(out / 4 + at * classes, out / 4 + (at + n) * classes), to * classes);
  }
}

/** Adds all trees to the n rows (at most a block) from row `at` of the buffer; `thread` chooses working memory only. */
export function predictBlock(kernels: Kernels, shape: PackedShape, at: number, n: number, thread: number): void {
  const { cols, classes, blockRows } = shape;
  const rows = shape.rows + at * cols * 4;
  const columns = shape.columns[thread]!;
  const missing = kernels.anyMissing(rows, n * cols);
  kernels.transposeRows(rows, n, cols, columns, blockRows);
  kernels.predictTrees(shape.trees, 0, shape.count, columns, n, missing, shape.out + at * classes * 4, classes);
}

/** Copies rows [from, from + n) as dense rows. */
function copyRows(x: Matrix, from: number, n: number, cells: Float32Array): void {
  const { cols } = x;
  if (isSparse(x)) {
    for (let i = 0; i < n; i++) expandRow(x, from + i, cells.subarray(i * cols, (i + 1) * cols));
    return;
  }
  const { data, rows, layout }: FloatMatrix = x;
  if (layout !== 'column') {
    cells.set(data.subarray(from * cols, (from + n) * cols));
    return;
  }
  for (let j = 0; j < cols; j++) for (let i = 0; i < n; i++) cells[i * cols + j] = data[j * rows + from + i]!;
}

function place(layout: Layout, tree: Tree): Placed {
  const depth = treeDepth(tree);
  if (depth > COMPLETE_DEPTH) {
    const n = tree.left.length;
    return { depth: -1, nodes: layout.take(n * 16), defaults: layout.take(n), leaves: 0 };
  }
  const leaves = 2 ** depth;
  return { depth, nodes: layout.take(leaves * 8), defaults: layout.take(leaves), leaves: layout.take(leaves * 4) };
}

function writeLinked(tree: Tree, p: Placed, buffer: ArrayBufferLike, columnBytes: number): void {
  const i32 = new Int32Array(buffer);
  const f32 = new Float32Array(buffer);
  new Uint8Array(buffer).set(tree.defaultLeft, p.defaults);
  for (let i = 0; i < tree.left.length; i++) {
    const at = p.nodes / 4 + i * 4;
    i32[at] = tree.left[i]!;
    i32[at + 1] = tree.right[i]!;
    i32[at + 2] = tree.feature[i]! * columnBytes;
    f32[at + 3] = tree.value[i]!;
  }
}

/** A leaf above the last level is repeated below itself, so that either way out of a filler node is right. */
function writeComplete(tree: Tree, p: Placed, buffer: ArrayBufferLike, columnBytes: number): void {
  const u32 = new Uint32Array(buffer);
  const f32 = new Float32Array(buffer);
  const u8 = new Uint8Array(buffer);
  const visit = (node: number, place: number, depth: number): void => {
    const leaf = tree.left[node]! < 0;
    if (depth === p.depth) {
      f32[p.leaves / 4 + place - 2 ** p.depth] = tree.value[node]!;
      return;
    }
    u32[p.nodes / 4 + place * 2] = leaf ? 0 : tree.feature[node]! * columnBytes;
    f32[p.nodes / 4 + place * 2 + 1] = leaf ? 0 : tree.value[node]!;
    u8[p.defaults + place] = leaf ? 0 : tree.defaultLeft[node]!;
    visit(leaf ? node : tree.left[node]!, place * 2, depth + 1);
    visit(leaf ? node : tree.right[node]!, place * 2 + 1, depth + 1);
  };
  visit(0, 1, 0);
}
