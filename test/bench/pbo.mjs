// PBO by CSCV with S = 16 (12,870 splits) on 100 trials of 1,000 sessions of noise.
import { readFileSync } from 'node:fs';
import { seededRandom } from '../../dist/core/domain/index.js';
import { overfittingProbability } from '../../dist/core/evaluation/index.js';
import { bench, emit } from './harness.mjs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url)));
const random = seededRandom(1);
const columns = Array.from({ length: 100 }, () => Float64Array.from({ length: 1000 }, () => random.next() - 0.5));
const measured = await bench(
  () => {
    const { pbo, splits, probabilityOfLoss } = overfittingProbability(columns, 16);
    return { pbo, splits, probability_of_loss: probabilityOfLoss };
  },
  { warmup: 1 },
);
emit('pbo', version, measured, measured.result.splits);
