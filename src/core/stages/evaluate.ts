import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId, type Json } from '../artifacts/index.js';
import { type EvaluateOptions, nearest } from '../config/index.js';
import { calendarOf } from '../domain/calendars/index.js';
import { entersByPair, PAIRED_VENUES } from '../engine/strategy.js';
import { QuantlineError } from '../errors/index.js';
import {
  type Assessment,
  assess,
  FIGURE_NAMES,
  type ProvenanceStep,
  parseGate,
  REPORT_FILE,
  type ReportDocument,
  type ResamplingJob,
  ResamplingPool,
  reportNotes,
  reportPage,
  reportTables,
  SIGNIFICANCE,
  type TableModel,
} from '../evaluation/index.js';
import { importanceMeasure } from '../models/importance.js';
import { writeFileAtomic } from '../platform/files.js';
import { type OpenReplay, openReplay } from './compose/replay.js';
import { type OpenRun, openRun } from './compose/run.js';
import { countTrial, trialsOf } from './compose/trials.js';
import { tunedReturns } from './compose/tuned.js';
import { readReport } from './reports.js';
import type { Runtime } from './runtime.js';

export interface EvaluateResult {
  readonly artifact: Artifact;
  readonly reused: boolean;
  readonly report: ReportDocument;
  /** The report in one screen, for people. */
  readonly tables: readonly TableModel[];
  readonly notes: readonly string[];
  /** `gate` (exit 5) where the verdict is a fail: a result, not an error. */
  readonly exit: 'ok' | 'gate';
  /** Absolute path of the page where --html asked for one. */
  readonly html: string | undefined;
}

/** `quantline evaluate`: figures, significance, honesty checks and the verdict of a gate on a run. */
export async function evaluate(options: EvaluateOptions, runtime: Runtime): Promise<EvaluateResult> {
  const gate = parseGate(options.gate, [...FIGURE_NAMES, ...Object.keys(SIGNIFICANCE)]);
  if (options.run === undefined) {
    throw new QuantlineError('USAGE', 'Which run?', {
      hint: 'Add --run, a path, id or tag; quantline backtest makes one.',
    });
  }
  const run = await openRun(await runtime.artifacts.open('run', options.run));
  const source = await openReplay(run, runtime);
  const benchmark = benchmarkIndex(options.benchmark, run.run.instruments);
  await countTrial(runtime, run.artifact, source.modelArtifact, source.dataset, false);
  const { stated, sharpes, own, returns } = await trialsOf(runtime, run, source.modelArtifact, source.dataset);
  const identity: ArtifactIdentity = {
    kind: 'report',
    schema: ARTIFACT_SCHEMAS.report,
    stage: 'evaluate',
    settings: {
      gate: gate.name,
      conditions: gate.conditions.map((c) => ({ ...c })),
      benchmark: options.benchmark ?? null,
      risk_free: options.riskFree,
      trials: { ...stated, returns: returns.hash },
    },
    inputs: [{ kind: 'run', id: run.artifact.id }],
    seed: options.seed,
    build: buildId(),
  };
  const pool = new ResamplingPool({
    threads: runtime.threads,
    signal: runtime.signal,
    onRows: (kind, done, total) => runtime.progress.update(RESAMPLING[kind], done, total),
  });
  let computed: Promise<Assessment> | undefined;
  const step = async (text: string, done?: number, total?: number) => {
    runtime.progress.update(text, done, total);
    // Lets a signal arrive between two parts.
    await breathe();
    runtime.signal.throwIfAborted();
  };
  const compute = (): Promise<Assessment> => (computed ??= assessed());
  const assessed = async () =>
    assess({
      run: assessedRun(run, source),
      replay: source.replay,
      calendar: calendarOf(run.run.calendar),
      gate,
      riskFree: options.riskFree,
      benchmark,
      seed: options.seed,
      trials: stated,
      trialReturns: returns,
      studyReturns: await tunedReturns(runtime, source.modelArtifact),
      neighbours: await source.neighbours(),
      policies: source.policies(),
      paths: await source.paths(),
      retrained: await source.retrained(options.seed),
      provenance: await provenanceOf(run.artifact, runtime),
      importance: await importanceOf(source, options.seed, step),
      resample: (job) => pool.run(job),
      step,
    });
  try {
    const { artifact, reused } = await runtime.artifacts.create(
      identity,
      async (folder) => {
        const { report } = await compute();
        await writeFile(join(folder, REPORT_FILE), `${JSON.stringify(report, null, 1)}\n`);
        return { summary: summaryOf(report) };
      },
      { force: options.force, signal: runtime.signal },
    );
    const report = await readReport(artifact);
    let html: string | undefined;
    if (options.html !== undefined) {
      html = resolve(options.html);
      const { series } = await compute();
      const perYear = Math.sqrt(report.convention.periods_per_year);
      const trialSharpes = { values: sharpes.map((s) => s * perYear), own: own * perYear };
      await writeFileAtomic(html, reportPage(report, { ...series, trialSharpes }));
    }
    return {
      artifact,
      reused,
      report,
      tables: reportTables(report),
      notes: reportNotes(report),
      exit: report.verdict.pass ? 'ok' : 'gate',
      html,
    };
  } finally {
    runtime.progress.end();
    await pool.close();
  }
}

/** What is being resampled, for the progress line. */
const RESAMPLING: Readonly<Record<ResamplingJob['kind'], string>> = {
  paths: 'bootstrap of the returns',
  trades: 'shuffling trades',
  entries: 'random entries',
  splits: 'probability of overfitting',
  superior: 'test of superior ability',
};

async function importanceOf(
  source: OpenReplay,
  seed: number,
  step: (text: string, done: number, total: number) => Promise<void>,
): Promise<ReportDocument['importance']> {
  const found = await source.importance(seed, (done, total) => step('importance of features', done, total));
  if (found.length === 0) return null;
  return { measure: importanceMeasure(source.model.scoreKind), features: found.map((one) => ({ ...one })) };
}

function assessedRun({ artifact, run, equity, trades, fills, flows }: OpenRun, { model, replay }: OpenReplay) {
  return {
    id: artifact.id,
    strategy: model.trainer.text,
    instruments: run.instruments,
    interval: run.interval,
    in_sample: run.inSample,
    fill: run.strategy.fill,
    live_order: run.liveOrder,
    only_at: entersByPair(replay.strategy) ? [...PAIRED_VENUES] : null,
    largest_volume_share: run.largestShare > 0 ? run.largestShare : null,
    detail: run.detail && { interval: run.detail.interval, bars: run.detail.bars, detailed: run.detail.detailed },
    halted: run.halted,
    initialEquity: run.initialEquity,
    costs: run.costs,
    tradedValue: run.tradedValue,
    time: equity.time,
    equity: equity.equity,
    gross: equity.gross,
    trades,
    fills,
    flows,
  };
}

function benchmarkIndex(name: string | undefined, instruments: readonly string[]): number | undefined {
  if (name === undefined) return undefined;
  const index = instruments.indexOf(name);
  if (index >= 0) return index;
  const near = nearest(name, instruments);
  throw new QuantlineError('NO_DATA', `The run's dataset has no instrument ${name} to compare with.`, {
    hint:
      near === undefined
        ? `It has ${instruments.join(', ')}; ingest ${name} along with them.`
        : `Did you mean ${near}?`,
    details: { benchmark: name },
  });
}

/** The run and everything behind it, nearest first. */
async function provenanceOf(run: Artifact, runtime: Runtime): Promise<ProvenanceStep[]> {
  const chain: Artifact[] = [run];
  const model = await runtime.artifacts.openInput(run, 'model');
  chain.push(model, await runtime.artifacts.openInput(run, 'dataset'));
  for (const { kind, id } of model.manifest.inputs) {
    if (chain.some((a) => a.kind === kind && a.id === id)) continue;
    chain.push(await runtime.artifacts.openInput(model, kind));
  }
  return chain.map(({ kind, id, manifest }) => ({
    kind,
    id,
    stage: manifest.stage,
    build: manifest.build,
    settings: manifest.settings,
    ...(manifest.engine !== undefined && { engine: manifest.engine }),
    ...(manifest.seed !== undefined && { seed: manifest.seed }),
  }));
}

function summaryOf({ run, verdict, figures, convention }: ReportDocument): Json {
  const pick = (name: string) => figures[name] ?? null;
  return {
    strategy: run.strategy,
    instruments: run.instruments,
    from: convention.first_session,
    to: convention.last_session,
    gate: verdict.gate,
    pass: verdict.pass,
    failed: verdict.failed,
    total_return: pick('total_return'),
    sharpe: pick('sharpe'),
    max_drawdown: pick('max_drawdown'),
    trades: pick('trades'),
  };
}
