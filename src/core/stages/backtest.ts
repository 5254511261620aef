import { ARTIFACT_SCHEMAS, type Artifact, type ArtifactIdentity, buildId } from '../artifacts/index.js';
import type { BacktestOptions } from '../config/index.js';
import type { OpenDataset } from '../data/dataset.js';
import { timeRange } from '../data/range.js';
import { runBacktest } from '../engine/backtest.js';
import { firstTickAt, type MarketFeed } from '../engine/feed.js';
import { entersByPair, PAIRED_VENUES } from '../engine/strategy.js';
import { QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import { openDetail, pinDetail } from './compose/detail.js';
import { feedOf, returnCalendar, signalsOf } from './compose/market.js';
import { type OpenModel, openModelAndData } from './compose/model.js';
import { type RunFile, writeRun } from './compose/run.js';
import { composeStrategy, liveOrderOf, strategySettingsOf } from './compose/strategy.js';
import { countTrial } from './compose/trials.js';
import type { Runtime } from './runtime.js';

export interface BacktestStageResult {
  readonly artifact: Artifact;
  readonly reused: boolean;
}

/** `quantline backtest`: a model over a dataset, on the bars that it may score. */
export async function backtest(options: BacktestOptions, runtime: Runtime): Promise<BacktestStageResult> {
  if (options.model === undefined) {
    throw new QuantlineError('USAGE', 'Which model?', {
      hint: 'Add --model, a path, id or tag; quantline train makes one.',
    });
  }
  const { model, data, dataset } = await openModelAndData(runtime, options.model, options);
  const feed = feedOf(dataset);
  const ticks = tradedTicks(options, runtime, dataset, feed, model);
  const detail = options.detail && (await pinDetail(runtime, dataset, options.detail));
  const settings = { ...strategySettingsOf(options), short: options.short || model.file.short };
  const identity: ArtifactIdentity = {
    kind: 'run',
    schema: ARTIFACT_SCHEMAS.run,
    stage: 'backtest',
    settings: {
      strategy: settings,
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
      runtime.progress.update('scoring');
      const composed = await composeStrategy(settings, model.file.scoreKind, dataset.instruments);
      if (entersByPair(composed.strategy))
        runtime.logger.info(`It enters by pairs of orders, which these brokers take: ${PAIRED_VENUES.join(', ')}.`);
      const signals = signalsOf(dataset, model.model, composed.strategy.sizing);
      runtime.signal.throwIfAborted();
      runtime.progress.update('trading');
      const followed = { ...feed, detail: detail && (await openDetail(runtime, dataset, detail)) };
      const result = runBacktest(followed, signals, { ...composed, ...ticks });
      runtime.signal.throwIfAborted();
      const file: RunFile = {
        schema: 1,
        strategy: settings,
        scoreKind: model.file.scoreKind,
        interval: dataset.interval,
        scope: dataset.scope,
        instruments: dataset.instruments.map(({ id }) => id),
        calendar: returnCalendar(dataset).id,
        from: feed.clock[ticks.from]!,
        to: feed.clock[ticks.to - 1]!,
        inSample: options.inSample && model.file.kind === 'learner',
        seed: options.seed,
        initialEquity: settings.cash,
        finalEquity: result.finalEquity,
        costs: result.costs,
        tradedValue: result.turnover,
        largestShare: result.largestShare,
        detail: detail === undefined ? null : { ...detail, ...result.detail! },
        halted: result.halted,
        liveOrder: liveOrderOf(settings, composed.venue) ?? null,
      };
      runtime.progress.update('writing');
      await writeRun(folder, file, feed, result, ticks);
      return { summary: summaryOf(file, model, result.trades.pnl.length) };
    },
    { force: options.force, signal: runtime.signal },
  );
  await countTrial(runtime, created.artifact, model.artifact, dataset, !created.reused);
  runtime.progress.end();
  if (options.tag !== undefined) await runtime.artifacts.tag(options.tag, { kind: 'run', id: created.artifact.id });
  return created;
}

const summaryOf = (file: RunFile, model: OpenModel, trades: number) => ({
  model: model.file.trainer.text,
  instruments: file.instruments,
  interval: file.interval,
  from: isoTime(file.from),
  to: isoTime(file.to),
  in_sample: file.inSample,
  total_return: file.finalEquity / file.initialEquity - 1,
  final_equity: file.finalEquity,
  trades,
  costs: file.costs,
  ...(file.detail !== null && {
    detail: `${file.detail.detailed} of ${file.detail.bars} bars by ${file.detail.interval}`,
  }),
});

/**
 * Ticks [from, to) that are traded: what was asked, within what the model may score. Bars before are warm-up.
 * LEAKAGE where the range begins inside the training range, NO_DATA where nothing is left.
 */
export function tradedTicks(
  options: BacktestOptions,
  runtime: Runtime,
  dataset: OpenDataset,
  feed: MarketFeed,
  model: OpenModel,
): { from: number; to: number } {
  const calendar = returnCalendar(dataset);
  const asked = timeRange(options, calendar, dataset.scope, runtime.clock.now());
  const { segments } = model.file;
  const first = segments[0]?.validFrom ?? Number.NEGATIVE_INFINITY;
  // A bar is known after it opens: the first tick of a range is the first bar's, the last tick is that of its last bar.
  const openAt = (t: number, fallback: number) => (Number.isFinite(t) ? firstTickAt(feed, t + 1) : fallback);
  let from = openAt(asked.from, 0);
  let to = openAt(asked.to, feed.clock.length);
  const valid = Number.isFinite(first) ? firstTickAt(feed, first) : 0;
  if (from < valid && !options.inSample) {
    if (options.from !== undefined) {
      throw new QuantlineError(
        'LEAKAGE',
        `The range begins at ${isoTime(feed.clock[from]!)}, but the model may score from ${isoTime(first)} on: before that lies its training range.`,
        { hint: 'Begin later, leave --from out, or pass --in-sample, which marks the run and fails every gate.' },
      );
    }
    from = valid;
  }
  const expires = firstTickAt(feed, model.expiry);
  if (expires < to) {
    runtime.logger.warn(`The model is too old from ${isoTime(model.expiry)} on; the run ends there.`);
    to = expires;
  }
  if (to - from < 1) {
    throw new QuantlineError(
      'NO_DATA',
      'No bar is left to trade: the dataset ends before the range or the model begins.',
      {
        hint: 'Ingest newer bars, or train on an earlier --split.',
      },
    );
  }
  return { from, to };
}
