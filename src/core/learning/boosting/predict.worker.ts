import { parentPort, workerData } from 'node:worker_threads';
import { instantiate } from './kernels.js';
import { SPIN } from './pool.js';
import { drainBlocks, Field, type ScorerData } from './scorer.js';

const { module, memory, shape, thread } = workerData as ScorerData;
const kernels = instantiate(module, memory);
const control = new Int32Array(memory.buffer, shape.control, Field.size);
let seen = Atomics.load(control, Field.sequence);
parentPort?.postMessage('ready');

for (;;) {
  for (let spin = 0; spin < SPIN && Atomics.load(control, Field.sequence) === seen; spin++);
  Atomics.wait(control, Field.sequence, seen);
  seen = Atomics.load(control, Field.sequence);
  drainBlocks(kernels, shape, control, thread);
}
