import { expect, test } from 'vitest';
import { sliceBars } from '../../../../src/core/domain/bars.js';
import { calendarOf } from '../../../../src/core/domain/calendars/index.js';
import { defaultInstrument } from '../../../../src/core/domain/instrument.js';
import { GrowingFeed } from '../../../../src/core/engine/live/index.js';
import { parseFeatures } from '../../../../src/core/features/index.js';
import { SegmentedModel } from '../../../../src/core/models/segmented.js';
import type { FittedModel } from '../../../../src/core/models/trainer.js';
import { asOfModel } from '../../../../src/core/stages/compose/as-of.js';
import { randomCandles, tinyBars } from '../../../support/market.js';

/** Wants the first feature times what it does not hold yet. */
const act = (x: Float32Array, at: number, weight: number): number => x[at]! * (1 - weight);
const fitted: FittedModel = {
  lookback: 0,
  act,
  predict: (x, rows, out) => {
    for (let r = 0; r < rows; r++) out[r] = act(x, 2 * r, 0);
  },
  save: async () => ({}),
  history: [],
  engine: { name: 'embedded', version: '1' },
};

const N = 120;
const bars = tinyBars(randomCandles(N, 3));
const calendar = calendarOf('24/7');
const instrument = defaultInstrument('X', '24/7');
const segment = {
  ...{ trainFrom: 0, trainTo: 1, labelEnd: 1, validFrom: bars.time[40]!, validTo: null, embargo: 0, folder: 's' },
};

test('a model that sees its own position scores bars as they arrive as it scores them at once', () => {
  const features = parseFeatures('ret(1),rsi(5)', { interval: '1m' });
  const model = new SegmentedModel('target', features, [segment], [fitted]);
  expect(model.seesPosition).toBe(true);
  const once = model.scorer(instrument, calendar);
  const scores = new Float64Array(N);
  once.consume(bars, 0, N, scores);

  const feed = new GrowingFeed(
    [sliceBars(bars, 0, 30)],
    () => ({ score: model.scorer(instrument, calendar), measure: undefined }),
    calendar,
    undefined,
    model.seesPosition,
  );
  for (let i = 30; i < N; i++) {
    feed.put(0, sliceBars(bars, i, i + 1));
    feed.score();
    for (const weight of [-0.5, 0, 1]) {
      const score = once.scoreAt!(i, weight);
      expect(feed.inStep!(0, i, weight)).toBe(score);
      expect(Number.isNaN(score)).toBe(i < 40 - 1);
    }
    expect(once.scoreAt!(i, 0)).toBe(scores[i]);
  }
});

test('and over a split, by prices as of each bar', () => {
  const straddling = tinyBars(randomCandles(N, 3), 'X', Date.UTC(2024, 0, 1, 23));
  const features = parseFeatures('ret(1),rsi(5)', { interval: '1m' });
  const since = { ...segment, validFrom: 0 };
  const model = new SegmentedModel('target', features, [since], [fitted]);
  const split = { type: 'split', date: '2024-01-02', ratio: 2, instrument: 'X' } as const;
  const scorer = asOfModel(model, new Map([['X', [split]]])).scorer(instrument, calendar);
  const scores = new Float64Array(N);
  scorer.consume(straddling, 0, N, scores);
  const plain = new Float64Array(N);
  model.scorer(instrument, calendar).consume(straddling, 0, N, plain);
  expect(scores[60]).not.toBe(plain[60]);
  for (let i = 0; i < N; i++) expect(scorer.scoreAt!(i, 0)).toBe(scores[i]);
});
