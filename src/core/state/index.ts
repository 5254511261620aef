/**
 * Durable state: the journal of trading, leases, the ledger of trials, studies. See `journal.ts` for the port.
 *
 *   const journal = await openJournal(location);                       // a file, or postgres://…
 *   const lease = await journal.acquireLease(streamOf(scope), currentOwner(), clock.now(), 60_000, ownerIsGone);
 *   const { orders, existed } = await journal.recordDecision(scope, lease, decision, intents);
 *   await journal.markSending(orders.map((o) => o.clientOrderId), lease, clock.now());
 */

export { currentOwner, ownerIsGone } from '../platform/index.js';
export { clientOrderIdOf, type OrderKey, strategyPrefix } from './clientOrderId.js';
export type { Database, Sql, SqlValue } from './database.js';
export * from './journal.js';
export { applyToQuantity } from './lots.js';
export { type Migration, migrate } from './migrate.js';
export { type DiskKind, diskOf, isServer, openJournal, requireDurableDisk } from './open.js';
export { isTerminal, isUnresolved, mergeFilled, mergeReport, type OrderState } from './orderState.js';
export * from './records.js';
export { openSqlite } from './sqlite.js';
export { StudyJournal, type StudyJournalOptions, type StudyRecord } from './studies.js';
export {
  backupJournal,
  JOURNAL_TABLES,
  type JournalRow,
  type JournalTable,
  readTable,
  restoreJournal,
} from './transfer.js';
export {
  type NewTrial,
  type Trial,
  type TrialFilter,
  type TrialIdentity,
  TrialLedger,
  type TrialResult,
  type TrialSummary,
  trialKey,
} from './trials.js';
