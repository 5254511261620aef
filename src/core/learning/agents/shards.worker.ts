import { parentPort, workerData } from 'node:worker_threads';
import type { KernelMemory, KernelModule } from '../networks/index.js';
import { type PpoPlaces, PpoShards } from './shards.js';

/** What the main thread passes to each worker of an update. */
export interface ShardsWorkerData {
  readonly places: PpoPlaces;
  readonly memory: KernelMemory;
  readonly module: KernelModule;
  readonly thread: number;
}

const { places, memory, module, thread } = workerData as ShardsWorkerData;
const shards = new PpoShards(places, memory, module, thread);
parentPort!.postMessage('ready');
shards.tickets.serve(shards.run);
