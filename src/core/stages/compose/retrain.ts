import type { Manifest } from '../../artifacts/index.js';
import { childSeed, seededRandom } from '../../domain/random.js';
import { type HonestyResult, permutedLabels, shuffle } from '../../evaluation/index.js';
import { rowsBetween, scoreRows, selectRows } from '../../models/rows.js';
import type { Segment } from '../../models/segments.js';
import type { TrainingRows } from '../../models/trainer.js';
import { isoTime } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import type { Learned } from './learned.js';
import { fitOnce } from './segments.js';

/**
 * Honesty checks that train again: the last segment by its own recipe (engine, rounds, weights, choice of columns), on its own
 * rows with labels permuted.
 */
export async function retrainChecks(
  learned: Learned,
  segment: Segment,
  { engine }: Manifest,
  seed: number,
  runtime: Runtime,
): Promise<HonestyResult[]> {
  const { learner, label, rows, fit, until } = learned;
  if (learner.agent !== undefined) {
    const detail = 'Not applicable: an agent learns from what it earns, not from labels.';
    return [{ name: 'permuted-labels', pass: true, detail }];
  }
  const train = selectRows(rows, rowsBetween(rows, segment.trainFrom, segment.trainTo, segment.trainTo));
  const test = selectRows(rows, rowsBetween(rows, segment.validFrom, segment.validTo ?? Infinity, Infinity));
  if (train.rows < 20 || test.rows === 0) return [permutedLabels(new Float64Array(0), new Float64Array(0), 0)];
  const y = train.y.slice();
  shuffle(y, seededRandom(childSeed(seed, 'permuted-labels')));
  const name = engine?.name === 'native' ? 'native' : 'embedded';
  const job = { learner, rows, label, engine: name, options: fit, runtime } as const;
  const fitted = await fitOnce(job, { ...train, y }, 'on permuted labels');
  const permuted = permutedLabels(scoreRows(fitted, test), test.y, independentRows(test.decided, test.labelEnd));
  if (until === undefined) return [permuted];
  const early = until(segment.trainTo);
  const same = selectRows(early, rowsBetween(early, segment.trainFrom, segment.trainTo, segment.trainTo));
  const scores = [];
  for (const own of [train, same]) scores.push(scoreRows(await fitOnce(job, own, 'without later bars'), test));
  return [permuted, blindTraining(scores[0]!, scores[1]!, test)];
}

/** Whether a user's learner, trained in a market that ends with its training range, learns the same: its rows tell it more. */
function blindTraining(seeing: Float64Array, blind: Float64Array, { instrument, at, series, source }: TrainingRows) {
  const name = 'blind-training';
  const r = seeing.findIndex((score, k) => !Object.is(score, blind[k]));
  const detail = `Trained where no bar after the training range is there, ${seeing.length} scores are equal to the last bit.`;
  if (r < 0) return { name, pass: true, detail };
  const bars = source.bars[instrument[r]!]!;
  const time = isoTime(bars.time[at[r]! - series.starts[instrument[r]!]!]!);
  return {
    ...{ name, pass: false, broke_at: { instrument: bars.instrument, time } },
    detail: `Trained where no bar after the training range is there, the score of ${time} is another one: training looks ahead, or does not repeat.`,
  };
}

/** Rows whose labels do not overlap: the span of time over the mean length of a label. */
function independentRows(decided: Float64Array, labelEnd: Float64Array): number {
  let length = 0;
  let end = Number.NEGATIVE_INFINITY;
  let start = Number.POSITIVE_INFINITY;
  for (let i = 0; i < decided.length; i++) {
    length += (labelEnd[i]! - decided[i]!) / decided.length;
    start = Math.min(start, decided[i]!);
    end = Math.max(end, labelEnd[i]!);
  }
  return length > 0 ? Math.max(1, (end - start) / length) : decided.length;
}
