import { parentPort, workerData } from 'node:worker_threads';
import { openShards } from './open.js';
import type { ShardSession } from './session.js';
import { ShardRunner } from './shard.js';

/** What the main thread passes to each worker of a training session. */
export interface ShardWorkerData {
  readonly session: ShardSession;
  readonly thread: number;
}

const { session, thread } = workerData as ShardWorkerData;
const runner = new ShardRunner(session.places, session.memory, thread, await openShards(session, thread));
parentPort!.postMessage('ready');
runner.tickets.serve(runner.run);
