import type { Worker } from 'node:worker_threads';
import { QuantlineError } from '../../errors/index.js';
import { startWorker } from '../../platform/workers.js';
import { type Kernels, kernelModule } from './kernels.js';
import { checkMatrix, type Matrix } from './matrix.js';
import type { BoostedModel } from './model.js';
import { transformMargins } from './objectives.js';
import { PackedForest, type PackedShape, predictBlock, rowsPerBlock } from './packed.js';
import { SPIN } from './pool.js';
import type { WasmMemory, WasmModule } from './wasm.js';

/** Scores matrices with several threads; every score has the bits that the model itself gives. */
export interface ModelScorer {
  /** As BoostedModel.predictMargin. Blocks the calling thread, which takes its share. */
  predictMargin<T extends Float32Array | Float64Array>(x: Matrix, out: T): T;
  predict<T extends Float32Array | Float64Array>(x: Matrix, out: T): T;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Fields of the control block, in int32, each on a cache line of its own. */
export const Field = { sequence: 0, next: 16, ready: 32, done: 48, rows: 64, size: 96 } as const;
/** Blocks staged at a time: enough to keep threads busy, little memory. */
const STAGED_BYTES = 4 * 2 ** 20;
const PATIENCE_MS = 60_000;

export interface ScorerData {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly shape: PackedShape;
  readonly thread: number;
}

/**
 * Claims blocks until none is left; a block may be claimed while its rows are still being copied, then it is awaited.
 * `next` is reset only while every claim of the last batch is answered for, see ThreadedScorer.
 */
export function drainBlocks(kernels: Kernels, shape: PackedShape, control: Int32Array, thread: number): void {
  for (;;) {
    const block = Atomics.add(control, Field.next, 1);
    const rows = Atomics.load(control, Field.rows);
    const at = block * shape.blockRows;
    if (at >= rows) return;
    while (Atomics.load(control, Field.ready) <= block);
    predictBlock(kernels, shape, at, Math.min(shape.blockRows, rows - at), thread);
    Atomics.add(control, Field.done, 1);
    Atomics.notify(control, Field.done);
  }
}

class ThreadedScorer implements ModelScorer {
  private readonly packed: PackedForest;
  private readonly control: Int32Array;
  private readonly workers: Worker[] = [];

  constructor(
    private readonly model: BoostedModel,
    threads: number,
  ) {
    const bytes = rowsPerBlock(model.features) * model.features * 4;
    const blocks = Math.max(8, Math.ceil(STAGED_BYTES / bytes));
    this.packed = new PackedForest(model.trees, model.features, model.classes, blocks, threads);
    this.control = new Int32Array(this.packed.memory.buffer, this.packed.shape.control, Field.size);
    this.control[Field.next] = CLOSED;
  }

  async start(threads: number): Promise<void> {
    const ready: Promise<void>[] = [];
    for (let thread = 1; thread < threads; thread++) {
      const { memory, shape } = this.packed;
      const workerData: ScorerData = { module: kernelModule(), memory, shape, thread };
      const worker = startWorker(import.meta.url, './predict.worker.js', { workerData });
      this.workers.push(worker);
      ready.push(
        new Promise((resolve, reject) => {
          worker.once('message', () => resolve());
          worker.once('error', (cause) => reject(new QuantlineError('BUG', 'A scoring thread failed.', { cause })));
        }),
      );
    }
    await Promise.all(ready);
    // A scorer that is never closed must not keep the process alive.
    for (const worker of this.workers) worker.unref();
  }

  predictMargin<T extends Float32Array | Float64Array>(x: Matrix, out: T): T {
    const { features, classes, baseMargins } = this.model;
    const { shape, kernels } = this.packed;
    if (this.workers.length === 0 || x.cols !== features || x.rows <= shape.blockRows)
      return this.model.predictMargin(x, out);
    checkMatrix(x, 'Matrix to score');
    if (out.length < x.rows * classes)
      throw new QuantlineError('BUG', `The output holds ${out.length} of ${x.rows * classes} scores.`);
    const { control } = this;
    for (let from = 0; from < x.rows; from += shape.capacity) {
      const rows = Math.min(shape.capacity, x.rows - from);
      const blocks = Math.ceil(rows / shape.blockRows);
      Atomics.store(control, Field.done, 0);
      Atomics.store(control, Field.ready, 0);
      Atomics.store(control, Field.rows, rows);
      Atomics.store(control, Field.next, 0);
      Atomics.add(control, Field.sequence, 1);
      Atomics.notify(control, Field.sequence);
      for (let block = 0; block < blocks; block++) {
        const at = block * shape.blockRows;
        this.packed.stage(x, from + at, Math.min(shape.blockRows, rows - at), at, baseMargins);
        Atomics.store(control, Field.ready, block + 1);
      }
      drainBlocks(kernels, shape, control, 0);
      this.await(blocks);
      Atomics.store(control, Field.next, CLOSED);
      this.packed.collect(0, rows, out, from);
    }
    return out;
  }

  private await(blocks: number): void {
    const { control } = this;
    for (let spin = 0; spin < SPIN; spin++) if (Atomics.load(control, Field.done) === blocks) return;
    for (;;) {
      const done = Atomics.load(control, Field.done);
      if (done === blocks) return;
      if (Atomics.wait(control, Field.done, done, PATIENCE_MS) === 'timed-out')
        throw new QuantlineError('BUG', 'A scoring thread stopped answering.', { hint: 'Try fewer threads.' });
    }
  }

  predict<T extends Float32Array | Float64Array>(x: Matrix, out: T): T {
    this.predictMargin(x, out);
    transformMargins(this.model.objective, out, x.rows, this.model.classes);
    return out;
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    this.workers.length = 0;
  }
}

/** Larger than any block number, with room for late claims. */
const CLOSED = 0x40000000;

/** A scorer with `threads` threads, the caller's included. Close it when done. */
export async function createModelScorer(
  model: BoostedModel,
  options: { readonly threads?: number } = {},
): Promise<ModelScorer> {
  const threads = options.threads ?? 1;
  const scorer = new ThreadedScorer(model, threads);
  await scorer.start(threads);
  return scorer;
}
