import { answerCalls } from '../../platform/worker-calls.js';
import { kernelOf } from './jobs.js';
import { drainRows, type ResamplingTask } from './pool.js';

answerCalls(({ job, control, table }: ResamplingTask) => drainRows(kernelOf(job), { control, table }));
