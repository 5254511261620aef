import { readFileSync } from 'node:fs';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { openDataset } from '../../../src/core/data/open.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import type { Runtime } from '../../../src/core/stages/runtime.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf } from '../../support/workspace.js';

const csv = (file: string, symbols: string, more: Readonly<Record<string, string>> = {}) => ({
  ...{ source: 'csv', interval: '1d', file: [fixture(`bars/${file}.csv`)], symbols },
  ...more,
});

/** Names as in scripts/record-engines.py → how the bars are ingested. */
export const BARS = {
  msft: csv('msft-daily-1990-2022', 'MSFT', { basis: 'split', from: '2011-01-01' }),
  spy: csv('spy-daily-2017-2018', 'SPY'),
  sp500: csv('sp500-daily-1999-2020', 'SPX'),
  btc: csv('btc-daily-2017-2021', 'BTC', { calendar: '24/7' }),
  msft_ties: csv('msft-daily-1990-2022', 'MSFT', { basis: 'split' }),
} as const;
export type BarsName = keyof typeof BARS;

export const recorded = <T>(peer: string): readonly T[] =>
  (JSON.parse(readFileSync(fixture(`truth/engines/${peer}.json`), 'utf8')) as { runs: T[] }).runs;

/** The flags of a command line as options. */
export function flags(line: string): Record<string, string> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]!);
  const out: Record<string, string> = {};
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!.replace(/^--/, '').replace(/-([a-z])/g, (_, c: string) => c.toUpperCase());
    out[name] = words[i + 1]!;
  }
  return out;
}

export interface PlayedRun {
  readonly run: Awaited<ReturnType<typeof openRun>>;
  /** Index of the bar that opens at an instant, or that became known then. */
  barAt(time: number): number;
  readonly closes: Float64Array;
}

/** Ingested bars and models of one workspace, each made once. */
export class Bench {
  private readonly made = new Map<string, Promise<Artifact>>();

  constructor(readonly runtime: Runtime) {}

  private once(key: string, make: () => Promise<{ artifact: Artifact }>): Promise<Artifact> {
    const known = this.made.get(key) ?? make().then(({ artifact }) => artifact);
    this.made.set(key, known);
    return known;
  }

  async play(bars: BarsName, trainer: string, line: string): Promise<PlayedRun> {
    const { runtime } = this;
    const data = await this.once(bars, () => ingest(optionsOf('ingest', BARS[bars]), runtime));
    const model = await this.once(`${bars} ${trainer}`, () =>
      train(optionsOf('train', { data: data.path, trainer }), runtime),
    );
    const { artifact } = await backtest(optionsOf('backtest', { model: model.path, ...flags(line) }), runtime);
    const dataset = await openDataset(runtime, data);
    const index = new Map<number, number>();
    // A daily bar opens after the one before became known, so no instant stands for two bars on an exchange's calendar;
    // on 24/7 a close is the next open: the later bar wins, and `closing` asks for the earlier.
    dataset.knownAt[0]!.forEach((t, i) => void index.set(t, i));
    dataset.bars[0]!.time.forEach((t, i) => void index.set(t, i));
    return {
      run: await openRun(artifact),
      barAt: (time) => index.get(time) ?? -1,
      closes: dataset.bars[0]!.close,
    };
  }
}

/** Largest relative difference of two columns; Infinity where their lengths differ. */
export function furthest(a: ArrayLike<number>, b: ArrayLike<number>, floor = 0): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const scale = Math.max(Math.abs(b[i]!), floor);
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!) / (scale || 1));
  }
  return worst;
}
