import { z } from 'zod';
import type { CommandId } from '../../core/config/index.js';
import { accountResult, fillsResult, ordersResult, positionsResult, standingsResult } from './book.js';
import { loginResult } from './login.js';
import {
  doctorResult,
  flattenResult,
  journalBackupResult,
  journalExportResult,
  journalRestoreResult,
  journalVerifyResult,
  standingResult,
} from './operate.js';
import {
  configResult,
  datasetResult,
  initResult,
  listResult,
  modelsCompareResult,
  modelsExplainResult,
  modelsImportanceResult,
  modelsPruneResult,
  modelsTagResult,
  rowsResult,
  showResult,
  trialsResult,
} from './show.js';
import {
  backtestResult,
  driftResult,
  evaluateResult,
  ingestResult,
  reportResult,
  tradeResult,
  trainCompareResult,
  trainResult,
  tuneResult,
} from './stages.js';
import {
  compareResult,
  costResult,
  newsResult,
  pruneResult,
  queryResult,
  repairResult,
  statusResult,
  storeInitResult,
  syncResult,
  verifyResult,
} from './store.js';

export * from './book.js';
export * from './common.js';
export * from './login.js';
export * from './operate.js';
export * from './show.js';
export * from './stages.js';
export * from './store.js';

/** Command → what it prints under --json; published as schemas/<command>.json. */
export const COMMAND_RESULTS: Readonly<Record<CommandId, z.ZodType>> = {
  ingest: ingestResult,
  train: z.union([trainResult, trainCompareResult]),
  tune: tuneResult,
  backtest: backtestResult,
  evaluate: z.union([evaluateResult, driftResult]),
  trade: tradeResult,
  positions: positionsResult,
  orders: ordersResult,
  fills: fillsResult,
  account: accountResult,
  status: standingsResult,
  'journal:backup': journalBackupResult,
  'journal:restore': journalRestoreResult,
  'journal:export': journalExportResult,
  'journal:verify': journalVerifyResult,
  doctor: doctorResult,
  halt: standingResult,
  resume: standingResult,
  flatten: flattenResult,
  datasets: listResult,
  'datasets:show': datasetResult,
  models: listResult,
  'models:show': showResult,
  'models:compare': modelsCompareResult,
  'models:importance': modelsImportanceResult,
  'models:explain': modelsExplainResult,
  'models:tag': modelsTagResult,
  'models:prune': modelsPruneResult,
  runs: listResult,
  'runs:show': z.union([showResult, rowsResult]),
  reports: listResult,
  'reports:show': reportResult,
  trials: trialsResult,
  config: configResult,
  init: initResult,
  'login:schwab': loginResult,
  'ingest:status': statusResult,
  'ingest:verify': verifyResult,
  'ingest:repair': repairResult,
  'ingest:compare': compareResult,
  'ingest:news': newsResult,
  'store:init': storeInitResult,
  'store:prune': pruneResult,
  'store:sync': syncResult,
  'store:query': queryResult,
  'store:cost': costResult,
};
