import type { BarColumns } from '../../domain/bars.js';
import { QuantlineError } from '../../errors/index.js';
import type { TrainingRows } from '../trainer.js';

/**
 * A stretch of bars of one instrument in which an agent can act: it observes at the close of each bar [from, to), acts at
 * each but the last, and is filled and rewarded by the bar after.
 */
export interface MarketRun {
  readonly bars: BarColumns;
  readonly knownAt: Float64Array;
  readonly from: number;
  readonly to: number;
  /** Features of bar i at `features[(first + i) · columns …]`. */
  readonly features: Float32Array;
  readonly first: number;
  readonly columns: number;
}

/** The stretches that these rows cover: consecutive bars of one instrument with every feature known. */
export function marketRuns(rows: TrainingRows): MarketRun[] {
  const { series, source } = rows;
  const { columns } = series;
  const byInstrument = source.bars.map((): number[] => []);
  for (let r = 0; r < rows.rows; r++) {
    const j = rows.instrument[r]!;
    const known = finite(series.x, rows.at[r]! * columns, columns);
    const bar = rows.at[r]! - series.starts[j]!;
    if (known) byInstrument[j]!.push(bar);
  }
  return byInstrument.flatMap((bars, j) =>
    stretches(bars).map(([from, to]) => ({
      ...{ bars: source.bars[j]!, knownAt: source.knownAt[j]!, from, to },
      ...{ features: series.x, first: series.starts[j]!, columns },
    })),
  );
}

/** NO_DATA where an agent has too little to act in. */
export function requireRuns(runs: readonly MarketRun[], least: number, what: string): void {
  const bars = runs.reduce((sum, { from, to }) => sum + to - from, 0);
  if (bars >= least) return;
  throw new QuantlineError('NO_DATA', `${bars} bars with every feature known are too few for an agent's ${what}.`, {
    hint: 'Ingest a longer range, or choose features with a shorter warm-up.',
    details: { bars, least },
  });
}

/** The first `share` of the bars of all runs by time for training, the rest for validation. */
export function splitRuns(runs: readonly MarketRun[], share: number): { train: MarketRun[]; validation: MarketRun[] } {
  const times = Float64Array.from(runs.flatMap(({ knownAt, from, to }) => [...knownAt.subarray(from, to)])).sort();
  const cut = times[Math.floor(times.length * share)] ?? Number.POSITIVE_INFINITY;
  const cutOf = (run: MarketRun): number => {
    let i = run.from;
    while (i < run.to && run.knownAt[i]! < cut) i++;
    return i;
  };
  return {
    train: runs.map((run) => ({ ...run, to: cutOf(run) })).filter(({ from, to }) => to - from > 1),
    validation: runs.map((run) => ({ ...run, from: cutOf(run) })).filter(({ from, to }) => to - from > 1),
  };
}

function stretches(ascending: readonly number[]): [from: number, to: number][] {
  const out: [number, number][] = [];
  for (const bar of ascending) {
    const last = out.at(-1);
    if (last !== undefined && last[1] === bar) last[1] = bar + 1;
    else out.push([bar, bar + 1]);
  }
  return out.filter(([from, to]) => to - from > 1);
}

function finite(x: Float32Array, at: number, columns: number): boolean {
  for (let c = 0; c < columns; c++) if (!Number.isFinite(x[at + c]!)) return false;
  return true;
}
