import { parentPort, workerData } from 'node:worker_threads';
import { drainTasks, type SweepMessage, type SweepWorkerData, toMessage } from './sweep-pool.js';
import { SweepRunner } from './sweep-runner.js';

const { job } = workerData as SweepWorkerData;
const runner = new SweepRunner(job);
const port = parentPort!;

port.on('message', (message: SweepMessage) => {
  drainTasks(runner, message).then(
    () => port.postMessage({ done: true }),
    (error: unknown) => port.postMessage({ error: toMessage(error) }),
  );
});
