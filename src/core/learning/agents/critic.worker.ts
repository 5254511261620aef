import { parentPort, workerData } from 'node:worker_threads';
import { awaitChange } from '../../platform/watch.js';
import { Network } from '../networks/index.js';
import { COMMAND, type CriticWorkerData, criticGradient, NUMBER, SLOT } from './critic.js';

const { spec, rows, epsilon, memory, control, numbers } = workerData as CriticWorkerData;
const network = new Network(spec, { rows, adam: { epsilon }, memory });
let seen = 0;
parentPort!.postMessage('ready');
for (;;) {
  seen = awaitChange(control, SLOT.command, seen);
  try {
    if (control[SLOT.kind] === COMMAND.quit) break;
    if (control[SLOT.kind] === COMMAND.gradient) criticGradient(network, control[SLOT.rows]!, numbers);
    else network.step(numbers[NUMBER.rate]!, numbers[NUMBER.scale]!);
  } catch (error) {
    Atomics.store(control, SLOT.failed, 1);
    throw error;
  } finally {
    Atomics.store(control, SLOT.done, seen);
    Atomics.notify(control, SLOT.done);
  }
}
