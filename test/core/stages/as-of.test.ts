import { expect, test } from 'vitest';
import { adjustBars } from '../../../src/core/data/adjust.js';
import type { OpenDataset } from '../../../src/core/data/dataset.js';
import { type BarColumns, sliceBars } from '../../../src/core/domain/bars.js';
import { type CorporateAction, calendarOf, defaultInstrument } from '../../../src/core/domain/index.js';
import { parseFeatures, parseLabel } from '../../../src/core/features/index.js';
import { ruleModel } from '../../../src/core/models/segmented.js';
import type { Rule } from '../../../src/core/models/trainer.js';
import * as breakout from '../../../src/core/models/trainers/breakout.js';
import * as smaCross from '../../../src/core/models/trainers/sma-cross.js';
import { adjustingOf, asOfModel, rowsOf } from '../../../src/core/stages/compose/as-of.js';
import { measuresOf } from '../../../src/core/stages/compose/market.js';
import { randomCandles } from '../../support/market.js';

const xnys = calendarOf('XNYS');
const instrument = defaultInstrument('A', 'XNYS');
const N = 120;

const sessions = xnys.sessionsBetween(Date.UTC(2024, 0, 1), Date.UTC(2024, 11, 31)).slice(0, N);
const dateOf = (i: number) => sessions[i]!.date;
const actions: CorporateAction[] = [
  { type: 'split', instrument: 'A', date: dateOf(40), ratio: 3 },
  { type: 'dividend', instrument: 'A', date: dateOf(70), amount: 2 },
  { type: 'split', instrument: 'A', date: dateOf(71), ratio: 0.5 },
];
/** Daily candles; from each split on, prices in the new shares. */
const bars: BarColumns = (() => {
  const candles = randomCandles(N, 3);
  const scale = (i: number) => (i >= 71 ? 2 / 3 : i >= 40 ? 1 / 3 : 1);
  const column = (f: 0 | 1 | 2 | 3) => Float64Array.from(candles, (c, i) => c[f] * scale(i));
  return {
    ...{ instrument: 'A', interval: '1d' as const, time: Float64Array.from(sessions, ({ open }) => open) },
    ...{ open: column(0), high: column(1), low: column(2), close: column(3) },
    volume: Float64Array.from(candles, (c, i) => c[4]! / scale(i)),
  };
})();
const dataset = {
  instruments: [instrument],
  calendars: [xnys],
  bars: [bars],
  interval: '1d',
  knownAt: [Float64Array.from(sessions, ({ close }) => close)],
  series: [{ instrument, basis: 'raw', actions }],
} as unknown as OpenDataset;

/** What an observer of bar i alone would have seen: everything up to it, adjusted on that day. */
const seenAt = (i: number) => adjustBars(sliceBars(bars, 0, i + 1), actions, xnys, 'total', bars.time[i]!);

test.each([
  ['sma-cross', () => smaCross.create({ fast: 3, slow: 8, side: 'short' })],
  ['breakout', () => breakout.create(breakout.settings.parse({ entry: 10, exit: 5 }))],
] as [string, () => Rule][])('each score of %s comes from prices adjusted as of its bar', (_name, create) => {
  const rule = create();
  const out = new Float64Array(N);
  asOfModel(ruleModel(rule), adjustingOf(dataset)).scorer(instrument, xnys).consume(bars, 0, N, out);
  const raw = new Float64Array(N);
  rule.scorer(instrument, xnys).consume(bars, 0, N, raw);
  for (let i = 0; i < N; i++) {
    const alone = new Float64Array(i + 1);
    rule.scorer(instrument, xnys).consume(seenAt(i), 0, i + 1, alone);
    expect([i, out[i]]).toEqual([i, alone[i]]);
  }
  expect(out).not.toEqual(raw);
  // Bar by bar or in one go: the same bits.
  const step = new Float64Array(N);
  const scorer = asOfModel(ruleModel(rule), adjustingOf(dataset)).scorer(instrument, xnys);
  for (let i = 0; i < N; i++) scorer.consume(bars, i, i + 1, step);
  expect(step).toEqual(out);
});

test('features and labels of training rows: as of each bar, and across splits', async () => {
  const features = await parseFeatures('ret(1), zscore(5), ema_ratio(3,8)', { interval: '1d' } as never);
  const label = parseLabel('return(1)');
  const rows = rowsOf(dataset, features, label);
  const width = rows.columns.length;
  for (const i of [39, 40, 41, 60, 70, 71, 72, 100]) {
    const x = new Float32Array((i + 1) * width);
    features.createState(instrument, xnys).consume(seenAt(i), 0, i + 1, x);
    const row = rows.decided.indexOf(dataset.knownAt[0]![i]!);
    for (let c = 0; c < width; c++) expect(rows.x[row * width + c]).toBeCloseTo(x[i * width + c]!, 5);
  }
  const row = rows.decided.indexOf(dataset.knownAt[0]![39]!);
  const adjusted = adjustBars(bars, actions, xnys, 'total', Number.POSITIVE_INFINITY);
  expect(rows.y[row]).toBe(label.compute(adjusted, dataset.knownAt[0]!).values[39]);
  expect(Math.abs(rows.y[row]!)).toBeLessThan(0.05);
  expect(label.compute(bars, dataset.knownAt[0]!).values[38]).toBeLessThan(-0.5);
});

test('the ATR of a sizing is in the shares of its bar', () => {
  const sizing = { kind: 'atr-risk', risk: 0.01, multiple: 2, window: 5 } as const;
  const [measured] = measuresOf(dataset, sizing, adjustingOf(dataset))!;
  const [raw] = measuresOf(dataset, sizing, new Map())!;
  expect(measured![38]).toBe(raw![38]);
  expect(measured![40]! * 2).toBeLessThan(raw![40]!);
});

test('prices that are adjusted already are left alone', () => {
  const split = { ...dataset, series: [{ ...dataset.series[0]!, basis: 'split' as const }] };
  const model = ruleModel(smaCross.create({ fast: 3, slow: 8, side: 'long' }));
  expect(asOfModel(model, adjustingOf(split))).toBe(model);
});
