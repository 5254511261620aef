import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { calendarOf } from '../../domain/calendars/index.js';
import {
  LEAST_TRIALS,
  type ReportDocument,
  sessionAxis,
  sessionOfMarks,
  sessionReturns,
  sharpe,
  type TrialReturns,
} from '../../evaluation/index.js';
import type { TrainingRows } from '../../models/trainer.js';
import { isoTime, sha256, writeFileAtomic } from '../../platform/index.js';
import { TrialLedger, trialKey } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { type FoldMarket, tradeScores } from './money.js';
import { type OpenRun, openRun } from './run.js';
import { newTrial, type Tried, triedOf } from './trial-identity.js';

/** A run as the ledger knows it. */
interface CountedRun extends Tried {
  readonly dates: readonly string[];
  readonly returns: Float64Array;
}

function describeTrial(
  { run, equity }: OpenRun,
  { id, manifest }: Artifact,
  { series }: Pick<OpenDataset, 'series'>,
): CountedRun {
  const axis = sessionAxis(calendarOf(run.calendar), equity.time);
  const sessionOf = sessionOfMarks(equity.time, axis);
  const { returns } = sessionReturns(equity.equity, sessionOf, axis.dates.length, run.initialEquity);
  const { trainer } = manifest.summary as { readonly trainer?: string };
  const model = { text: trainer ?? id, settings: manifest.settings, seed: manifest.seed };
  const tried = triedOf({ series, interval: run.interval }, run.instruments, model, run.strategy);
  return { ...tried, dates: axis.dates, returns };
}

/**
 * Counts a run as a trial: a distinct combination of source, instruments, interval, strategy, model and label settings and
 * seed. Counted again it stays one. Its session returns are kept beside the ledger, for the probability of overfitting.
 */
export async function countTrial(
  runtime: Runtime,
  artifact: Artifact,
  model: Artifact,
  dataset: Pick<OpenDataset, 'series'>,
  ran: boolean,
): Promise<void> {
  await countTrials(runtime, [describeTrial(await openRun(artifact), model, dataset)].map(withSharpe), ran);
}

/** Counts the combination of scores that were traded fold by fold or segment by segment: the trial of its own backtest. */
export async function countScores(
  runtime: Runtime,
  tried: Tried,
  market: FoldMarket,
  rows: TrainingRows,
  asked: Float64Array,
): Promise<void> {
  const traded = tradeScores(market, rows, asked);
  if (traded === undefined) return;
  const { dates, returns } = traded;
  await withLedger(runtime, (ledger) =>
    ledger.record(newTrial(tried, { sharpe: sharpe(returns, 1), sessions: dates.length }), runtime.clock.now()),
  );
}

/** What a sweep tried: each combination as the trial that its own backtest would be. */
export interface SweptTrial extends Tried {
  readonly dates: readonly string[];
  /** Per session, not annualised. */
  readonly sharpe: number;
  /** Session returns; absent where the sweep is too large to keep them. */
  readonly returns: Float64Array | undefined;
}

const withSharpe = (run: CountedRun): SweptTrial => ({ ...run, sharpe: sharpe(run.returns, 1) });

/**
 * Counts combinations in one transaction and keeps their returns. Where `ran` is false (a result that was there is read or
 * judged) a known trial's runs stay as they are. Returns how many were new.
 */
export async function countTrials(runtime: Runtime, trials: readonly SweptTrial[], ran: boolean): Promise<number> {
  const rows = trials.map((trial) => newTrial(trial, { sharpe: trial.sharpe, sessions: trial.dates.length }));
  const added = await withLedger(runtime, (ledger) =>
    ran ? ledger.recordAll(rows, runtime.clock.now()) : ledger.enterAll(rows, runtime.clock.now()),
  );
  for (const { identity, dates, returns } of trials) {
    const path = returns === undefined ? undefined : returnsFile(runtime, trialKey(identity));
    if (path !== undefined) await writeFileAtomic(path, JSON.stringify({ dates, returns: Array.from(returns!) }));
  }
  return added;
}

export interface TrialsOfRun {
  readonly stated: NonNullable<ReportDocument['trials']>;
  /** Per session, of the trials in the variance; and this run's own. */
  readonly sharpes: Float64Array;
  readonly own: number;
  /** Returns of all trials on the same bars over this run's sessions; empty for fewer than ten. */
  readonly returns: TrialReturns;
}

/** The ledger as a report states it; the variance is over trials at least half as long as this run. */
export async function trialsOf(
  runtime: Runtime,
  run: OpenRun,
  model: Artifact,
  dataset: Pick<OpenDataset, 'series'>,
): Promise<TrialsOfRun> {
  const own = describeTrial(run, model, dataset);
  const { id, since, all, alike } = await withLedger(runtime, async (ledger) => ({
    id: ledger.id,
    since: ledger.since,
    all: await ledger.list(),
    alike: await ledger.list({
      source: own.identity.source,
      interval: own.identity.interval,
      instruments: own.identity.instruments,
    }),
  }));
  const sharpes = Float64Array.from(
    all.filter((t) => t.sessions >= own.dates.length / 2 && Number.isFinite(t.sharpe)),
    (t) => t.sharpe,
  );
  const mean = sharpes.reduce((a, b) => a + b, 0) / sharpes.length;
  const squares = sharpes.reduce((a, b) => a + (b - mean) * (b - mean), 0);
  const found = await Promise.all(alike.map(async ({ key }) => ({ key, column: await columnOf(runtime, key, own) })));
  const columns = found.flatMap(({ key, column }) => (column === undefined ? [] : [{ key, column }]));
  return {
    stated: {
      ledger: id,
      since: isoTime(since),
      count: Math.max(1, all.length),
      comparable: sharpes.length,
      sharpe_variance: sharpes.length < 2 ? 0 : squares / (sharpes.length - 1),
    },
    sharpes,
    own: sharpe(own.returns, 1),
    returns:
      columns.length < LEAST_TRIALS
        ? { columns: [], hash: '' }
        : {
            columns: columns.map(({ column }) => column),
            hash: sha256(JSON.stringify(columns.map(({ key, column }) => [key, Array.from(column)]))).slice(0, 16),
          },
  };
}

/** A trial's returns over this run's sessions; undefined where it does not cover them or was counted elsewhere. */
async function columnOf(runtime: Runtime, key: string, own: CountedRun): Promise<Float64Array | undefined> {
  const path = returnsFile(runtime, key);
  if (path === undefined) return undefined;
  let stored: { dates: string[]; returns: number[] };
  try {
    stored = JSON.parse(await readFile(path, 'utf8')) as typeof stored;
  } catch {
    return undefined;
  }
  const start = stored.dates.indexOf(own.dates[0]!);
  const end = start + own.dates.length;
  if (start < 0 || stored.dates[end - 1] !== own.dates.at(-1) || stored.returns.length < end) return undefined;
  return Float64Array.from(stored.returns.slice(start, end));
}

/** Beside a ledger that is a file; a ledger on a server keeps no returns. */
const returnsFile = ({ trialLedger }: Runtime, key: string): string | undefined =>
  trialLedger.includes('://') ? undefined : join(`${trialLedger}.returns`, `${key}.json`);

async function withLedger<T>(runtime: Runtime, use: (ledger: TrialLedger) => Promise<T>): Promise<T> {
  const ledger = await TrialLedger.open(runtime.trialLedger, runtime.clock.now());
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}
