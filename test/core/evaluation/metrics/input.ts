import type { FigureInput } from '../../../../src/core/evaluation/metrics/index.js';

const DAY = 86_400_000;
const START = Date.UTC(2020, 0, 1, 14, 30);

export const f64 = (...values: number[]): Float64Array => Float64Array.from(values);

/** A run with one mark per session from day to day, flat trades unless given. */
export function dailyRun(equity: readonly number[], overrides: Partial<FigureInput> = {}): FigureInput {
  const open = Float64Array.from(equity, (_, i) => START + i * DAY);
  return {
    initialEquity: 100,
    time: open.map((t) => t + 6.5 * 3_600_000),
    equity: Float64Array.from(equity),
    gross: new Float64Array(equity.length),
    trades: { pnl: f64(), return: f64(), barsHeld: f64() },
    tradedValue: 0,
    costs: 0,
    sessions: {
      dates: Array.from(open, (t) => new Date(t).toISOString().slice(0, 10)),
      open,
      periodsPerYear: 252,
    },
    ...overrides,
  };
}
