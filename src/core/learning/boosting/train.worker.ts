import { parentPort, workerData } from 'node:worker_threads';
import { instantiate } from './kernels.js';
import { Control, drain, SPIN, type WorkerData } from './pool.js';

const { module, memory, shared, thread } = workerData as WorkerData;
const kernels = instantiate(module, memory);
const control = new Int32Array(memory.buffer, shared.control, Control.size);
let seen = Atomics.load(control, Control.sequence);
parentPort?.postMessage('ready');

for (;;) {
  for (let spin = 0; spin < SPIN && Atomics.load(control, Control.sequence) === seen; spin++);
  Atomics.wait(control, Control.sequence, seen);
  seen = Atomics.load(control, Control.sequence);
  drain(kernels, shared, memory, thread);
}
