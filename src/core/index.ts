/**
 * The library: every stage as a function, the ports that adapters implement, the engine, and the indicators.
 *
 *   import { createRuntime, ingest, train, backtest, evaluate, Sma } from 'quantline';
 */
export * from './artifacts/index.js';
export { type ConfigInput, type ResolvedConfig, resolveConfig } from './config/resolve.js';
export {
  type BacktestOptions,
  COMMAND_OPTIONS,
  type CommandId,
  type EvaluateOptions,
  type IngestOptions,
  type TradeOptions,
  type TrainOptions,
} from './config/schemas/index.js';
export type { OpenDataset } from './data/dataset.js';
export { openDataset } from './data/open.js';
export type { BarRequest, MarketDataSource, SourceContext } from './data/source.js';
export type { BarStore, PutResult, SeriesInfo, SeriesPin } from './data/store.js';
export * from './domain/index.js';
export * from './engine/index.js';
export { EXIT_CODES, QuantlineError } from './errors/index.js';
export type { Broker, BrokerCapabilities } from './execution/broker.js';
export type { Feature, FeatureModule, FeatureSet, Label } from './features/index.js';
export { parseFeatures, parseLabel } from './features/index.js';
export * from './indicators/index.js';
export * from './market/index.js';
export type { ScoreKind, SignalModel, SignalScorer } from './models/model.js';
export type {
  FitContext,
  FittedModel,
  Learner,
  ModelTrainer,
  Rule,
  TrainerModule,
  TrainingRows,
} from './models/trainer.js';
export * from './platform/index.js';
export type { RiskPolicy, RiskState, Sizing } from './risk/index.js';
export { backtest } from './stages/backtest.js';
export { type OrderRow, orders } from './stages/book.js';
export { openRun } from './stages/compose/run.js';
export { listDatasets, showDataset } from './stages/datasets.js';
export { evaluate } from './stages/evaluate.js';
export { explainModel, modelImportance } from './stages/explain.js';
export { ingest } from './stages/ingest.js';
export { type PositionRow, positions } from './stages/positions.js';
export { showReport } from './stages/reports.js';
export { createRuntime, type Runtime, type RuntimeOptions } from './stages/runtime.js';
export { sweep } from './stages/sweep.js';
export { trade } from './stages/trade.js';
export { train } from './stages/train.js';
export { tune } from './stages/tune.js';
export type { Journal } from './state/journal.js';
