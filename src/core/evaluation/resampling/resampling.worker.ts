import { parentPort } from 'node:worker_threads';
import { kernelOf } from './jobs.js';
import { drainRows, type ResamplingTask } from './pool.js';

const port = parentPort!;

port.on('message', ({ job, control, table }: ResamplingTask) => {
  Promise.resolve()
    .then(() => drainRows(kernelOf(job), { control, table }))
    .then(
      () => port.postMessage({}),
      (error: unknown) => port.postMessage({ error: String(error) }),
    );
});
