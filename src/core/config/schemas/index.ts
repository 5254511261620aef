import { backtestOptions } from './backtest.js';
import { accountOptions, fillsOptions, ordersOptions, positionsOptions, statusOptions } from './book.js';
import { evaluateOptions, trialsOptions } from './evaluate.js';
import { ingestOptions } from './ingest.js';
import { journalBackupOptions, journalExportOptions, journalRestoreOptions, journalVerifyOptions } from './journal.js';
import { loginSchwabOptions } from './login.js';
import { doctorOptions, flattenOptions, haltOptions, resumeOptions } from './operate.js';
import { configOptions, initOptions } from './setup.js';
import {
  listOptions,
  modelsCompareOptions,
  modelsExplainOptions,
  modelsImportanceOptions,
  modelsPruneOptions,
  modelsTagOptions,
  runShowOptions,
  showOptions,
} from './show.js';
import {
  compareOptions,
  newsOptions,
  pruneOptions,
  repairOptions,
  seriesOptions,
  storeCostOptions,
  storeInitOptions,
  storeQueryOptions,
  storeSyncOptions,
} from './store.js';
import { tradeOptions } from './trade.js';
import { trainOptions } from './train.js';
import { tuneOptions } from './tune.js';

export * from './backtest.js';
export * from './book.js';
export * from './evaluate.js';
export * from './global.js';
export * from './ingest.js';
export * from './journal.js';
export type { SplitPoint } from './kinds.js';
export * from './login.js';
export * from './operate.js';
export * from './setup.js';
export { FORMATS, type Format } from './shared.js';
export * from './show.js';
export * from './store.js';
export { type StrategyOptions, strategyOptions } from './strategy.js';
export * from './trade.js';
export * from './train.js';
export * from './tune.js';

/** Command id (as oclif names it) → options. The one list that flags, configuration and documents are made from. */
export const COMMAND_OPTIONS = {
  ingest: ingestOptions,
  train: trainOptions,
  tune: tuneOptions,
  backtest: backtestOptions,
  evaluate: evaluateOptions,
  trade: tradeOptions,
  positions: positionsOptions,
  orders: ordersOptions,
  fills: fillsOptions,
  account: accountOptions,
  status: statusOptions,
  'journal:backup': journalBackupOptions,
  'journal:restore': journalRestoreOptions,
  'journal:export': journalExportOptions,
  'journal:verify': journalVerifyOptions,
  doctor: doctorOptions,
  halt: haltOptions,
  resume: resumeOptions,
  flatten: flattenOptions,
  datasets: listOptions,
  'datasets:show': showOptions,
  models: listOptions,
  'models:show': showOptions,
  'models:compare': modelsCompareOptions,
  'models:importance': modelsImportanceOptions,
  'models:explain': modelsExplainOptions,
  'models:tag': modelsTagOptions,
  'models:prune': modelsPruneOptions,
  runs: listOptions,
  'runs:show': runShowOptions,
  reports: listOptions,
  'reports:show': showOptions,
  trials: trialsOptions,
  config: configOptions,
  init: initOptions,
  'login:schwab': loginSchwabOptions,
  'ingest:status': seriesOptions,
  'ingest:verify': seriesOptions,
  'ingest:repair': repairOptions,
  'ingest:compare': compareOptions,
  'ingest:news': newsOptions,
  'store:init': storeInitOptions,
  'store:prune': pruneOptions,
  'store:sync': storeSyncOptions,
  'store:query': storeQueryOptions,
  'store:cost': storeCostOptions,
} as const;
export type CommandId = keyof typeof COMMAND_OPTIONS;
