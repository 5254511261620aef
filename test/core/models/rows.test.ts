import { expect, test } from 'vitest';
import { calendarOf, defaultInstrument } from '../../../src/core/domain/index.js';
import { parseFeatures, parseLabel } from '../../../src/core/features/index.js';
import { buildRows } from '../../../src/core/models/rows.js';
import { tinyBars } from '../../support/market.js';

const source = (closes: readonly number[]) => {
  const bars = tinyBars(closes.map((c) => [c, c, c, c] as const));
  return {
    instruments: [defaultInstrument('X', '24/7')],
    calendars: [calendarOf('24/7')],
    bars: [bars],
    knownAt: [bars.time.map((t) => t + 60_000)],
  };
};
const rowsOf = (closes: readonly number[]) =>
  buildRows(source(closes), parseFeatures('ret(1)'), parseLabel('return(1)'));

test('rows hold what the bars before them say and what comes after', () => {
  const rows = rowsOf([100, 110, 99, 99, 99]);
  expect([...rows.x.slice(0, 2)].map((x) => x.toFixed(6))).toEqual(['0.100000', '-0.100000']);
  expect(rows.y.every(Number.isFinite)).toBe(true);
});

test('a label that is not finite is refused, with its instrument and instant, never trained on', () => {
  expect(() => rowsOf([100, 110, 0, 99, 98, 97])).toThrow(
    expect.objectContaining({
      code: 'QUALITY',
      message: expect.stringMatching(/^The label return\(1\) of X is not finite at \d{4}-/),
      hint: expect.stringContaining('ingest it again'),
    }),
  );
});
