import { type EntriesJob, entriesKernel } from '../significance/entries.js';
import { type PathsJob, pathsKernel, type TradesJob, tradesKernel } from '../significance/montecarlo.js';
import { type SplitsJob, splitsKernel } from '../significance/pbo.js';
import { type SuperiorJob, superiorKernel } from '../significance/spa.js';
import type { Kernel } from './kernel.js';

/** What is resampled, as plain data that may cross to a thread. */
export type ResamplingJob = PathsJob | TradesJob | EntriesJob | SplitsJob | SuperiorJob;

export function kernelOf(job: ResamplingJob): Kernel {
  switch (job.kind) {
    case 'paths':
      return pathsKernel(job);
    case 'trades':
      return tradesKernel(job);
    case 'entries':
      return entriesKernel(job);
    case 'splits':
      return splitsKernel(job);
    case 'superior':
      return superiorKernel(job);
  }
}
