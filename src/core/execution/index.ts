/**
 * From intents to fills. The order of a start is: `reconcile`, decide, `commitDecision` (durable), `submitOrders`,
 * `awaitOutcome`. Every function can be repeated after a crash at any point.
 */
export { acceptVenue, type Disposal, planAcceptance } from './accept.js';
export { type AnnouncedAction, inForce } from './actions.js';
export { bookEvent, bookExecutions, bookOrders } from './booking.js';
export * from './broker.js';
export * from './context.js';
export { leavesAtOnce, sendDecision } from './desk.js';
export * from './flatten.js';
export { compareHoldings, type Difference, differenceTable, type ExternalHolding } from './holdings.js';
export { awaitOutcome, cancelOrder, pollOrders, replaceOrder, tryCancel } from './outcome.js';
export { keepPairs } from './pairs.js';
export * from './protection/index.js';
export { type ReconcileOptions, type ReconcileResult, reconcile } from './reconcile.js';
export {
  accountMoved,
  commitDecision,
  commitIntents,
  type SubmitOptions,
  submitOrders,
} from './submit.js';
