import type { StrategyOptions } from '../../config/index.js';
import type { OpenDataset } from '../../data/dataset.js';
import { type BacktestResult, runBacktest } from '../../engine/backtest.js';
import { firstTickAt, type MarketFeed, type Signals } from '../../engine/feed.js';
import type { Thresholds } from '../../engine/strategy.js';
import {
  computeFigures,
  type FigureName,
  type SessionAxis,
  sessionAxis,
  sessionOfMarks,
  sessionReturns,
  sharpe,
} from '../../evaluation/index.js';
import type { Label } from '../../features/index.js';
import { sided } from '../../models/meta.js';
import type { ScoreKind } from '../../models/model.js';
import { ruleModel } from '../../models/segmented.js';
import type { Learner, TrainingRows } from '../../models/trainer.js';
import { adjustingOf } from './as-of.js';
import { metaRule } from './labels.js';
import { measuresOf, returnCalendar, signalsOf } from './market.js';
import { type ComposedStrategy, composeStrategy, type StrategySettings, strategySettingsOf } from './strategy.js';

/** The score that asks for no position: the middle, or for what is never short anything that lets go of a long. */
export function neutral(kind: ScoreKind, { enterShort, exitLong }: Thresholds): number {
  const middle = kind === 'probability' ? 0.5 : 0;
  return enterShort > Number.NEGATIVE_INFINITY ? middle : Math.min(middle, exitLong - 1e-9);
}

/** Where scores of folds are traded, and how. */
export interface FoldMarket {
  readonly dataset: OpenDataset;
  readonly feed: MarketFeed;
  readonly kind: ScoreKind;
  /** What of the options decides it, as a run would store it. */
  readonly settings: StrategySettings;
  readonly composed: ComposedStrategy;
  readonly measures: Signals['measures'];
  /** Of a meta-label: the side of its rule at each bar, by instrument. */
  readonly sides?: readonly Float64Array[] | undefined;
  /** Further figures of each fold's backtest that something asks for. */
  readonly figures?: readonly FigureName[] | undefined;
}

/** Trades scores of this kind as `backtest` would with the same options; what a fold leaves open is closed at its end. */
export async function foldMarket(
  options: StrategyOptions,
  { kind, short }: { readonly kind: ScoreKind; readonly short: boolean },
  { dataset, feed }: Pick<FoldMarket, 'dataset' | 'feed'>,
): Promise<FoldMarket> {
  const settings = strategySettingsOf({ ...options, short: options.short || short, closeAtEnd: 'close' });
  const composed = await composeStrategy(settings, kind, dataset.instruments);
  const measures = measuresOf(dataset, composed.strategy.sizing, adjustingOf(dataset));
  return { dataset, feed, kind, settings, composed, measures };
}

/** The market of a learner's folds. An agent's is that of its targets; by its own metrics it is judged in its own. */
export async function learnerMarket(
  options: StrategyOptions,
  { agent }: Pick<Learner, 'agent'>,
  { text, scoreKind }: Pick<Label, 'text' | 'scoreKind'>,
  at: Pick<FoldMarket, 'dataset' | 'feed'>,
): Promise<FoldMarket> {
  if (agent !== undefined) return foldMarket(options, { kind: 'target', short: agent.short }, at);
  const rule = await metaRule(text);
  const market = await foldMarket(options, { kind: scoreKind, short: false }, at);
  return { ...market, sides: rule && signalsOf(at.dataset, ruleModel(rule), options.sizing).scores };
}

/** A backtest of scores. */
export interface TradedScores {
  readonly total_return: number;
  /** Returns of its sessions, and how many of them a usual year has. */
  readonly dates: readonly string[];
  readonly returns: Float64Array;
  readonly periodsPerYear: number;
  /** The backtest itself. */
  readonly result: BacktestResult;
  readonly axis: SessionAxis;
}

/** What it earns, and the figures that the market was asked for; NaN where one is not defined. */
export interface Money {
  readonly total_return: number;
  readonly sharpe: number;
  readonly [figure: string]: number;
}

/** What scores of these rows would have earned; undefined where there are fewer than two instants. */
export function moneyOf(market: FoldMarket, rows: TrainingRows, values: Float64Array): Money | undefined {
  const traded = tradeScores(market, rows, values);
  if (traded === undefined) return undefined;
  const { total_return, returns, periodsPerYear } = traded;
  // A model that never trades has no ratio, and earns nothing.
  return { ...figuresOf(market, traded), total_return, sharpe: sharpe(returns, periodsPerYear) || 0 };
}

function figuresOf({ figures = [], settings }: FoldMarket, { result, axis }: TradedScores): Record<string, number> {
  if (figures.length === 0) return {};
  const { equity, trades, turnover, costs } = result;
  const { values } = computeFigures({
    ...{ initialEquity: settings.cash, time: equity.time, equity: equity.equity },
    // What is held is not kept of a fold, and no figure of it is asked for.
    gross: new Float64Array(equity.time.length),
    ...{ trades, tradedValue: turnover, costs, sessions: axis },
  });
  return Object.fromEntries(figures.map((name) => [name, values[name] ?? Number.NaN]));
}

/**
 * Trades scores of these rows (one a row, NaN = none): a backtest over the bars from the first of them to the last, with
 * the strategy, fills and costs of this market. Flat on bars of no row.
 */
export function tradeScores(market: FoldMarket, rows: TrainingRows, values: Float64Array): TradedScores | undefined {
  const { dataset, feed, kind, settings, composed, measures, sides } = market;
  const outside = neutral(kind, composed.strategy.thresholds);
  const scores = feed.bars.map(({ time }) => new Float64Array(time.length).fill(outside));
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let r = 0; r < rows.rows; r++) {
    if (Number.isNaN(values[r]!)) continue;
    const j = rows.instrument[r]!;
    const i = rows.at[r]! - rows.series.starts[j]!;
    scores[j]![i] = sides === undefined ? values[r]! : sided(sides[j]![i]!, values[r]!);
    first = Math.min(first, rows.decided[r]!);
    last = Math.max(last, rows.decided[r]!);
  }
  if (!(last > first)) return undefined;
  const from = firstTickAt(feed, first);
  // One bar more: what was decided last fills there.
  const to = Math.min(feed.clock.length, firstTickAt(feed, last) + 2);
  const result = runBacktest(feed, { scores, measures }, { ...composed, from, to });
  const { equity } = result;
  const axis = sessionAxis(returnCalendar(dataset), equity.time);
  const { cash } = settings;
  const sessions = sessionReturns(equity.equity, sessionOfMarks(equity.time, axis), axis.dates.length, cash);
  return {
    total_return: equity.equity.at(-1)! / cash - 1,
    dates: axis.dates,
    returns: sessions.returns,
    periodsPerYear: axis.periodsPerYear,
    ...{ result, axis },
  };
}
