import type { Artifact } from '../../artifacts/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { calendarOf } from '../../domain/calendars/index.js';
import type { ReportDocument } from '../../evaluation/index.js';
import { sessionAxis, sessionOfMarks, sessionReturns, sharpe } from '../../evaluation/index.js';
import type { ModelFile } from '../../models/model-file.js';
import { isoTime } from '../../platform/index.js';
import { TrialLedger } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { openRun, type RunFile } from './run.js';

/**
 * Counts a run as a trial: a distinct combination of source, instruments, interval, strategy, model and label settings and
 * seed. Counted again it stays one.
 */
export async function countTrial(
  runtime: Runtime,
  artifact: Artifact,
  model: ModelFile,
  dataset: Pick<OpenDataset, 'series'>,
): Promise<void> {
  const { run, equity } = await openRun(artifact);
  const sources = [...new Set(dataset.series.map(({ pin }) => pin.key.source))].sort();
  const { returns, sessions } = sessionsOf(run, equity);
  await withLedger(runtime, (ledger) =>
    ledger.record(
      {
        source: sources.join('+'),
        instruments: run.instruments,
        interval: run.interval,
        strategy: model.trainer.text,
        settings: {
          trainer: model.trainer.settings,
          module: model.trainer.sha256,
          features: model.features,
          label: model.label,
          segments: model.segments.map(({ trainFrom, trainTo, embargo }) => ({ trainFrom, trainTo, embargo })),
          execution: run.strategy,
        },
        seed: run.seed,
        sharpe: sharpe(returns, 1),
        sessions,
      },
      runtime.clock.now(),
    ),
  );
}

/** The ledger as a report states it; the variance is over trials at least half as long as this run. */
export function trialsFor(
  runtime: Runtime,
  run: RunFile,
  equity: { readonly time: Float64Array; readonly equity: Float64Array },
): Promise<NonNullable<ReportDocument['trials']> & { readonly sharpes: Float64Array; readonly own: number }> {
  const { returns, sessions } = sessionsOf(run, equity);
  return withLedger(runtime, async (ledger) => {
    const trials = await ledger.list();
    const sharpes = Float64Array.from(
      trials.filter((t) => t.sessions >= sessions / 2 && Number.isFinite(t.sharpe)),
      (t) => t.sharpe,
    );
    const mean = sharpes.reduce((a, b) => a + b, 0) / sharpes.length;
    const squares = sharpes.reduce((a, b) => a + (b - mean) * (b - mean), 0);
    return {
      ledger: ledger.id,
      since: isoTime(ledger.since),
      count: Math.max(1, trials.length),
      comparable: sharpes.length,
      sharpe_variance: sharpes.length < 2 ? 0 : squares / (sharpes.length - 1),
      sharpes,
      own: sharpe(returns, 1),
    };
  });
}

function sessionsOf(run: RunFile, { time, equity }: { time: Float64Array; equity: Float64Array }) {
  const axis = sessionAxis(calendarOf(run.calendar), time);
  const { returns } = sessionReturns(equity, sessionOfMarks(time, axis), axis.dates.length, run.initialEquity);
  return { returns, sessions: axis.dates.length };
}

async function withLedger<T>(runtime: Runtime, use: (ledger: TrialLedger) => Promise<T>): Promise<T> {
  const ledger = await TrialLedger.open(runtime.trialLedger, runtime.clock.now());
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}
