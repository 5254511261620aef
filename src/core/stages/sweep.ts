import { readFile } from 'node:fs/promises';
import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId, type Json } from '../artifacts/index.js';
import { type BacktestOptions, parseCall } from '../config/index.js';
import type { OpenDataset } from '../data/dataset.js';
import type { MarketFeed } from '../engine/feed.js';
import { QuantlineError } from '../errors/index.js';
import { sessionAxis, sharpe } from '../evaluation/index.js';
import type { TrainerModule } from '../models/trainer.js';
import { readParquet } from '../platform/parquet.js';
import { loadAdapter } from '../registry/index.js';
import { tradedTicks } from './backtest.js';
import { openDetail, pinDetail } from './compose/detail.js';
import { feedOf, returnCalendar, signalsOf } from './compose/market.js';
import { type OpenModel, openModelAndData } from './compose/model.js';
import { composeStrategy } from './compose/strategy.js';
import { figureAt, parseRanking, SWEEP_FIGURES } from './compose/sweep-figures.js';
import { buildGrid, type Combination, type Grid, plainSettings } from './compose/sweep-grid.js';
import { SweepPool, type SweepTables } from './compose/sweep-pool.js';
import type { SweepJob } from './compose/sweep-runner.js';
import { SWEEP_TEXT, writeSweep } from './compose/sweep-study.js';
import { triedOf } from './compose/trial-identity.js';
import { countTrials, type SweptTrial } from './compose/trials.js';
import type { Runtime } from './runtime.js';

export interface SweepStageResult {
  readonly artifact: Artifact;
  readonly reused: boolean;
  /** The best combinations and the heat map, for people. */
  readonly lines: readonly string[];
}

/** Session returns are kept beside the trial ledger for sweeps of up to so many combinations. */
const KEPT_RETURNS = 1000;

/** `quantline backtest --sweep`: every combination of a grid over the same bars, best first; a study. */
export async function sweep(options: BacktestOptions, runtime: Runtime): Promise<SweepStageResult> {
  if (options.model === undefined) {
    throw new QuantlineError('USAGE', 'Which model?', {
      hint: 'Add --model: a rule whose settings the sweep varies, or a learned model whose strategy it varies.',
    });
  }
  const ranking = parseRanking(options.sweepBy);
  const { model, data, dataset } = await openModelAndData(runtime, options.model, options);
  const grid = await gridOf(options, model);
  const feed = feedOf(dataset);
  const ticks = tradedTicks(options, runtime, dataset, feed, model);
  const detail = options.detail && (await pinDetail(runtime, dataset, options.detail));
  const identity: ArtifactIdentity = {
    kind: 'study',
    schema: ARTIFACT_SCHEMAS.study,
    stage: 'sweep',
    settings: {
      axes: grid.axes as unknown as Json,
      by: options.sweepBy,
      strategy: (await plainSettings(options, model.file.short)) as unknown as Json,
      from: feed.clock[ticks.from]!,
      to: feed.clock[ticks.to - 1]!,
      inSample: options.inSample,
      ...(detail !== undefined && { detail: detail.series.map((pin) => pin?.sha256 ?? null) }),
    },
    inputs: [
      { kind: 'dataset', id: data.id },
      { kind: 'model', id: model.artifact.id },
    ],
    seed: options.seed,
    build: buildId(),
  };
  const created = await runtime.artifacts.create(
    identity,
    async (folder) => {
      const axis = sessionAxis(returnCalendar(dataset), feed.clock.subarray(ticks.from, ticks.to));
      const job = {
        ...(await jobOf(dataset, model, ticks, grid)),
        detail: detail && (await openDetail(runtime, dataset, detail)),
      };
      const sessions = grid.combinations.length <= KEPT_RETURNS ? axis.dates.length : 0;
      const tables = await runGrid(job, grid, sessions, runtime);
      runtime.progress.update('writing');
      const trials = trialsOf(grid, tables, axis, { model, dataset });
      runtime.logger.info(`trial ledger: ${await countTrials(runtime, trials, true)} new trials`);
      return writeSweep(folder, grid, tables.figures, ranking, model);
    },
    { force: options.force, signal: runtime.signal },
  );
  if (created.reused) await countAgain(created.artifact, grid, { model, dataset }, runtime, feed, ticks);
  runtime.progress.end();
  if (options.tag !== undefined) await runtime.artifacts.tag(options.tag, { kind: 'study', id: created.artifact.id });
  const text = await readFile(created.artifact.file(SWEEP_TEXT), 'utf8');
  return { ...created, lines: text.trimEnd().split('\n') };
}

/** A study that was there already counts in this user's ledger as well, without its returns. */
async function countAgain(
  artifact: Artifact,
  grid: Grid,
  from: Tried,
  runtime: Runtime,
  feed: MarketFeed,
  ticks: { readonly from: number; readonly to: number },
): Promise<void> {
  const axis = sessionAxis(returnCalendar(from.dataset), feed.clock.subarray(ticks.from, ticks.to));
  const columns = await readParquet(artifact.file('sweep.parquet'), SWEEP_FIGURES);
  const figures = new Float64Array(grid.combinations.length * SWEEP_FIGURES.length);
  for (const [k, name] of SWEEP_FIGURES.entries()) {
    for (let row = 0; row < grid.combinations.length; row++) {
      figures[row * SWEEP_FIGURES.length + k] = (columns[name] as Float64Array)[row]!;
    }
  }
  await countTrials(runtime, trialsOf(grid, { figures, returns: null }, axis, from), false);
}

/** What made the combinations. */
interface Tried {
  readonly model: OpenModel;
  readonly dataset: OpenDataset;
}

async function gridOf(options: BacktestOptions, model: OpenModel): Promise<Grid> {
  const { file } = model;
  const rule =
    file.kind === 'rule'
      ? {
          module: (await loadAdapter<TrainerModule>('trainer', file.trainer.name)).module,
          settings: file.trainer.settings,
        }
      : undefined;
  return buildGrid(options.sweep!, options, rule, async (given, settings) => {
    if (rule === undefined || settings === null) return plainSettings(given, file.short);
    const trainer = await rule.module.create(settings);
    return plainSettings(given, trainer.kind === 'rule' && trainer.short);
  });
}

async function jobOf(
  dataset: OpenDataset,
  model: OpenModel,
  ticks: { readonly from: number; readonly to: number },
  grid: Grid,
): Promise<Omit<SweepJob, 'detail'>> {
  const { file } = model;
  const learned = file.kind === 'rule' ? null : grid.combinations[0]!.strategy;
  const composed = learned && (await composeStrategy(learned, file.scoreKind, dataset.instruments));
  return {
    instruments: dataset.instruments,
    calendars: dataset.calendars.map(({ id }) => id),
    returns: returnCalendar(dataset).id,
    interval: dataset.interval,
    bars: dataset.bars,
    knownAt: dataset.knownAt,
    quotes: dataset.quoteColumns,
    series: dataset.series.map(({ instrument, basis, actions }) => ({ instrument, basis, actions })),
    ...ticks,
    scoreKind: file.scoreKind,
    rule: file.kind === 'rule' ? file.trainer.name : null,
    scores: composed && signalsOf(dataset, model.model, composed.strategy.sizing).scores,
  };
}

async function runGrid(job: SweepJob, grid: Grid, sessions: number, runtime: Runtime): Promise<SweepTables> {
  const total = grid.combinations.length;
  const pool = new SweepPool(job, Math.min(runtime.threads, total));
  try {
    return await pool.run(
      grid.combinations.map(({ rule, strategy }) => ({ rule, strategy })),
      sessions,
      { signal: runtime.signal, onDone: (done) => runtime.progress.update('sweeping', done, total) },
    );
  } finally {
    await pool.close();
  }
}

function trialsOf(
  grid: Grid,
  { figures, returns }: SweepTables,
  axis: { readonly dates: readonly string[]; readonly periodsPerYear: number },
  from: Tried,
): SweptTrial[] {
  const { model, dataset } = from;
  const { settings, seed } = model.artifact.manifest;
  const manifest = settings as Readonly<Record<string, Json>>;
  const instruments = model.file.instruments.filter((id) => dataset.instruments.some((one) => one.id === id));
  const n = axis.dates.length;
  return grid.combinations.map((combination, row) => {
    const own = returns?.subarray(row * n, (row + 1) * n);
    const tried = { text: trainerText(model, combination, grid), settings: settingsOf(manifest, combination), seed };
    return {
      ...triedOf(dataset, instruments, tried, combination.strategy),
      dates: axis.dates,
      sharpe: own === undefined ? figureAt(figures, row, 'sharpe') / Math.sqrt(axis.periodsPerYear) : sharpe(own, 1),
      returns: own,
    };
  });
}

/** The settings that the combination's own model would state in its manifest. */
function settingsOf(manifest: Readonly<Record<string, Json>>, { rule }: Combination): Json {
  if (rule === null) return manifest;
  return { ...manifest, trainer: { ...(manifest['trainer'] as object), settings: rule as Json } };
}

/** The rule as a person would write it: as many arguments as the model's own text has (all where it names some), or as the sweep needs. */
function trainerText({ file }: OpenModel, { rule }: Combination, grid: Grid): string {
  if (rule === null) return file.trainer.text;
  const keys = Object.keys(rule);
  const swept = grid.axes.map(({ key }) => keys.indexOf(key) + 1);
  const { args } = parseCall(file.trainer.text);
  const count = args.some(({ text }) => text.includes('=')) ? keys.length : Math.max(args.length, ...swept);
  return count === 0 ? file.trainer.name : `${file.trainer.name}(${Object.values(rule).slice(0, count).join(',')})`;
}
