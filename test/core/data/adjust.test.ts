import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adjustBars, unadjustSplits } from '../../../src/core/data/adjust.js';
import { allocateBars, type BarColumns, type CorporateAction, calendarOf } from '../../../src/core/domain/index.js';
import { fixture } from '../../support/workspace.js';

const xnys = calendarOf('XNYS');
const EVER = Number.POSITIVE_INFINITY;

function daily(from: string, closes: readonly number[]): BarColumns {
  const sessions = xnys.sessionsBetween(Date.parse(from), Date.parse(from) + closes.length * 3 * 86_400_000);
  const bars = allocateBars('A', '1d', closes.length);
  closes.forEach((close, i) => {
    bars.time[i] = sessions[i]!.open;
    for (const field of ['open', 'high', 'low', 'close'] as const) bars[field][i] = close;
    bars.volume[i] = 1000;
  });
  return bars;
}

const split = (date: string, ratio: number): CorporateAction => ({ type: 'split', instrument: 'A', date, ratio });
const dividend = (date: string, amount: number): CorporateAction => ({
  type: 'dividend',
  instrument: 'A',
  date,
  amount,
});

describe('adjusted prices', () => {
  // 2024-06-03 … 2024-06-10: a 10:1 split (ex June 7) and a dividend of 1 on a close of 100 (ex June 5).
  const raw = daily('2024-06-03', [1000, 1000, 990, 1010, 101, 102]);
  const actions = [dividend('2024-06-05', 10), split('2024-06-07', 10)];

  it('follow splits, and dividends where asked', () => {
    expect([...adjustBars(raw, actions, xnys, 'split', EVER).close]).toEqual([100, 100, 99, 101, 101, 102]);
    expect([...adjustBars(raw, actions, xnys, 'split', EVER).volume]).toEqual([
      10_000, 10_000, 10_000, 10_000, 1000, 1000,
    ]);
    const total = adjustBars(raw, actions, xnys, 'total', EVER).close;
    expect(total[0]).toBeCloseTo(99, 12);
    expect([...total.slice(2)]).toEqual([99, 101, 101, 102]);
    expect(adjustBars(raw, actions, xnys, 'raw', EVER)).toBe(raw);
  });

  it('know nothing of an action before its ex-session opens', () => {
    const before = raw.time[4]! - 1;
    expect([...adjustBars(raw, actions, xnys, 'split', before).close]).toEqual([...raw.close]);
    expect([...adjustBars(raw, actions, xnys, 'split', raw.time[4]!).close]).toEqual([100, 100, 99, 101, 101, 102]);
    expect(adjustBars(raw, actions, xnys, 'total', raw.time[2]! - 1)).toBe(raw);
  });

  it('keep returns across the ex-date: those of a holder', () => {
    const total = adjustBars(raw, actions, xnys, 'total', EVER).close;
    // Wednesday: 990 + 10 of dividend against 1000; Friday: ten shares of 101 against one of 1010.
    expect(total[2]! / total[1]!).toBeCloseTo(990 / 990, 12);
    expect(total[4]! / total[3]!).toBeCloseTo(1, 12);
  });

  it('are undone by the same splits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 58 }), fc.constantFrom(2, 4, 0.5, 8)), { maxLength: 4 }),
        (events) => {
          const bars = daily(
            '2024-01-02',
            Array.from({ length: 60 }, (_, i) => 64 + i),
          );
          const dates = new Map(events.map(([row, ratio]) => [xnys.sessionAt(bars.time[row]!)!.date, ratio]));
          const list = [...dates].map(([date, ratio]) => split(date, ratio));
          const there = adjustBars(bars, list, xnys, 'split', EVER);
          const back = unadjustSplits(there, list, xnys, EVER);
          // Powers of two: exact both ways.
          expect([...back.close]).toEqual([...bars.close]);
          expect([...back.volume]).toEqual([...bars.volume]);
        },
      ),
    );
  });

  it('refuse actions that cannot be', () => {
    expect(() => adjustBars(raw, [split('2024-06-08', 2)], xnys, 'split', EVER)).toThrow(/no session/);
    expect(() => adjustBars(raw, [split('2024-06-07', 0)], xnys, 'split', EVER)).toThrow(/ratio above 0/);
    expect(() => adjustBars(raw, [dividend('2024-06-05', 5000)], xnys, 'total', EVER)).toThrow(/below the price/);
    expect(adjustBars(raw, [dividend('2020-06-05', 5)], xnys, 'total', EVER)).toBe(raw);
  });
});

describe.each(['calm-daily-2022-2024.csv', 'ewg-daily-2022-2024.csv'])('adjusted prices of %s', (file) => {
  const rows = readFileSync(fixture(`truth/adjusted/${file}`), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  const raw = allocateBars('A', '1d', rows.length);
  for (const [i, [date, close]] of rows.entries()) {
    raw.time[i] = xnys.session(date!)!.open;
    for (const field of ['open', 'high', 'low', 'close'] as const) raw[field][i] = Number(close);
  }
  const vendor = rows.map(([, , adjusted]) => Number(adjusted));
  const dividends = rows.flatMap(([date, , , amount]) => (Number(amount) > 0 ? [dividend(date!, Number(amount))] : []));

  it('are the vendor’s own, to the digits that it keeps', () => {
    expect(dividends.length).toBeGreaterThanOrEqual(5);
    const total = adjustBars(raw, dividends, xnys, 'total', EVER).close;
    for (const [i, expected] of vendor.entries()) expect(Math.abs(total[i]! / expected - 1)).toBeLessThan(5e-7);
  });

  it('are as of any date what the vendor showed then: the same returns, ending at the raw price', () => {
    for (const at of [100, 300, 500]) {
      const total = adjustBars(raw, dividends, xnys, 'total', raw.time[at]!).close;
      const then = raw.close[at]! / vendor[at]!;
      expect(total[at]).toBe(raw.close[at]);
      for (let i = 0; i <= at; i++) expect(Math.abs(total[i]! / (vendor[i]! * then) - 1)).toBeLessThan(1e-6);
    }
  });
});
