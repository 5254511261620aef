import { parentPort, workerData } from 'node:worker_threads';
import type { KernelMemory, KernelModule } from './kernels.js';
import { type SessionPlaces, ShardRunner } from './session.js';
import type { Scaler } from './windows.js';

/** What the main thread passes to each worker of a training session. */
export interface ShardWorkerData {
  readonly places: SessionPlaces;
  readonly memory: KernelMemory;
  readonly module: KernelModule;
  readonly thread: number;
  readonly features: { readonly values: Float32Array | Float64Array; readonly cols: number };
  readonly scaler: Scaler | null;
}

const data = workerData as ShardWorkerData;
const runner = new ShardRunner(data.places, data.memory, data.thread, data.features, data.scaler, data.module);
parentPort!.postMessage('ready');
runner.tickets.serve(runner.run);
