import { workerData } from 'node:worker_threads';
import { answerCalls } from '../../platform/index.js';
import { drainTasks, type SweepMessage, type SweepWorkerData } from './sweep-pool.js';
import { SweepRunner } from './sweep-runner.js';

const { job } = workerData as SweepWorkerData;
const runner = new SweepRunner(job);

answerCalls((message: SweepMessage) => drainTasks(runner, message));
