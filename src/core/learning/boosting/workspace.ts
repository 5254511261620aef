import { type Kernels, sharedMemory } from './kernels.js';
import { Layout } from './layout.js';
import type { Matrix } from './matrix.js';
import { OBJECTIVES, type ResolvedParams } from './params.js';
import { Control, TaskPool } from './pool.js';
import { GROUP, RESULT_BYTES, SCRATCH_HISTOGRAM, type Shared, TASK_CAPACITY, TASK_FIELDS } from './tasks.js';
import type { WasmMemory } from './wasm.js';

/** Histograms kept for subtraction may take this much; deeper levels are built anew, with the same result. */
const HISTOGRAM_BYTES = 192 * 2 ** 20;
const MIN_BLOCK = 16384;
const MAX_BLOCKS = 64;

/** Rows per block: from the data alone, never from the number of threads. */
export const blockSize = (rows: number): number => Math.max(MIN_BLOCK, Math.ceil(rows / MAX_BLOCKS / 1024) * 1024);

export interface LabelledMatrix {
  readonly x: Matrix;
  readonly y: Float32Array;
  readonly weights: Float32Array | undefined;
}

/** A data set binned inside the workspace. */
export interface BinnedSet {
  readonly rows: number;
  readonly bins: number;
  readonly margins: number;
}

/** One training's shared memory: binned data, margins and the buffers of the growing tree. */
export class Workspace {
  readonly memory: WasmMemory;
  readonly shared: Shared;
  readonly pool: TaskPool;
  readonly kernels: Kernels;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  readonly train: BinnedSet;
  readonly evaluation: readonly BinnedSet[];
  readonly cols: number;
  readonly block: number;
  readonly nodesCap: number;
  readonly maskStep: number;
  /** Two sets of (rows, gradients, segments), used alternately. */
  readonly order: readonly [OrderBuffers, OrderBuffers];
  readonly pairMaxima: number;
  readonly flatTree: number;
  /** Per feature i32 count of numbers (or -1 - row of an infinity) and i32 bins. */
  readonly sketchResults: number;
  readonly slots: number[] = [];
  readonly cutsAt: number;
  /** Where a raw matrix is staged while it is binned. */
  readonly raw: number;
  readonly slotBytes: number;

  constructor(
    train: LabelledMatrix,
    evaluation: readonly LabelledMatrix[],
    readonly params: ResolvedParams,
    threads: number,
  ) {
    const n = train.x.rows;
    const cols = train.x.cols;
    const groups = Math.ceil(cols / GROUP);
    const k = params.num_class;
    const m = new Layout();
    this.cols = cols;
    this.block = blockSize(n);
    const blocks = Math.ceil(n / this.block);
    this.nodesCap = Math.min(2 ** (params.max_depth - 1), n) + 1;
    this.maskStep = params.colsample_bynode < 1 ? groups * GROUP : 0;
    const control = m.take(Control.size * 4);
    const tasks = m.take(TASK_CAPACITY * TASK_FIELDS * 4);
    const settings = m.take(128);
    const groupTable = m.take(groups * 16);
    const featureTable = m.take(groups * GROUP * 8);
    this.cutsAt = m.take(groups * GROUP * 1024);
    this.sketchResults = m.take(groups * GROUP * 8);
    const allowed = m.take(this.maskStep === 0 ? groups * GROUP : this.maskStep * this.nodesCap);
    const set = (rows: number): BinnedSet => ({
      rows,
      bins: m.take(groups * rows * GROUP),
      margins: m.take(k * rows * 4),
    });
    this.train = set(n);
    this.evaluation = evaluation.map((e) => set(e.x.rows));
    const labels = m.take(n * 4);
    const weights = train.weights === undefined ? 0 : m.take(n * 4);
    this.pairMaxima = m.take(k * blocks * 8);
    const results = m.take(this.nodesCap * groups * RESULT_BYTES);
    const nodeTable = m.take(this.nodesCap * 48);
    this.flatTree = m.take(Math.min(2 ** (params.max_depth + 1), 2 * n + 1) * 32);
    const scratchBytes = Math.max(SCRATCH_HISTOGRAM + 1024, k * 8);
    const scratch = m.take(scratchBytes * threads);
    // What follows is used in turns: raw values and sorting while binning, then the buffers of the trees.
    const mark = m.mark();
    const sketchBytes = n * 16 + 8192;
    const sketch = m.take(sketchBytes * threads);
    this.raw = m.take(Math.max(n, ...evaluation.map((e) => e.x.rows)) * cols * 4);
    m.release(mark);
    const pairs = m.take(k * n * 8);
    const buffers = (): OrderBuffers => ({
      rows: m.take(n * 4),
      grads: m.take(n * 8),
      segments: m.take(this.nodesCap * blocks * 8),
    });
    this.order = [buffers(), buffers()];
    this.slotBytes = groups * 256 * 128;
    const wanted = Math.min(2 ** (params.max_depth - 1), n);
    const slots = Math.max(1, Math.min(wanted, Math.floor(HISTOGRAM_BYTES / this.slotBytes)));
    for (let s = 0; s < slots; s++) this.slots.push(m.take(this.slotBytes));
    this.memory = sharedMemory(m.peak, `Training on ${n} rows × ${cols} features`);
    const buffer = this.memory.buffer;
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
    const objective = OBJECTIVES.indexOf(params.objective);
    this.shared = {
      control,
      tasks,
      scratch,
      scratchBytes,
      sketch,
      sketchBytes,
      rows: n,
      classes: k,
      groups,
      groupTable,
      featureTable,
      weights,
      labels,
      margins: this.train.margins,
      pairs,
      blocks,
      results,
      settings,
      allowed,
      nodeTable,
      objective,
    };
    this.f32.set(train.y, labels / 4);
    if (train.weights !== undefined) this.f32.set(train.weights, weights / 4);
    this.pool = new TaskPool(this.memory, this.shared);
    this.kernels = this.pool.kernels;
  }
}

export interface OrderBuffers {
  readonly rows: number;
  readonly grads: number;
  readonly segments: number;
}
