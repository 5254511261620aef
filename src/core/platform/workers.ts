import { availableParallelism } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** Threads to use where the user did not say: all cores. Never part of an artefact's id. */
export const defaultThreads = (): number => availableParallelism();

/**
 * Starts a worker from a compiled module beside the caller: `startWorker(import.meta.url, './tree.worker.js')`.
 * Under a test runner that executes `src/*.ts`, the compiled twin in `dist/` is used.
 */
export function startWorker(callerUrl: string, relativePath: string, options: WorkerOptions = {}): Worker {
  const path = fileURLToPath(new URL(relativePath, callerUrl));
  const compiled = path.replace(/([\\/])src([\\/]core[\\/])/, '$1dist$2');
  return new Worker(pathToFileURL(compiled), options);
}

/** Zero-filled arrays in shared memory: workers see them without a copy. */
export const sharedFloat64 = (n: number): Float64Array => new Float64Array(new SharedArrayBuffer(8 * n));
export const sharedFloat32 = (n: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * n));
export const sharedInt32 = (n: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * n));

/** The column in shared memory: itself where it lies there already, otherwise a copy for all workers. */
export function sharedCopy<T extends Float64Array | Float32Array | Int32Array>(column: T): T {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const copy = new (column.constructor as new (buffer: SharedArrayBuffer) => T)(
    new SharedArrayBuffer(column.byteLength),
  );
  copy.set(column);
  return copy;
}
