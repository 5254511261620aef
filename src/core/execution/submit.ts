import { isQuantlineError, QuantlineError } from '../errors/index.js';
import { isoTime } from '../platform/index.js';
import type {
  DecisionOptions,
  DecisionRecord,
  DecisionResult,
  Lease,
  NewIntent,
  OrderRecord,
  OrderReport,
  PositionRecord,
} from '../state/index.js';
import { checkAsset } from './assets.js';
import { bookOrders } from './booking.js';
import { type BrokerOrder, type OrderHint, sendError, sendOutcome } from './broker.js';
import { type ExecutionContext, fault, limitsOf, pause } from './context.js';

export interface SubmitOptions {
  /** After this instant nothing more is sent: the decision has expired. */
  readonly validUntil?: number;
  /** Orders that were marked as leaving when they were recorded, and have not left yet. */
  readonly leaving?: ReadonlySet<string>;
  /** What the strategy owned and had open just before its decision, where nothing has changed since: not read again. */
  readonly standing?: { readonly positions: readonly PositionRecord[]; readonly open: readonly OrderRecord[] };
}

/** Makes a slot's decision durable with all its intents; the network comes after. */
export async function commitDecision(
  context: ExecutionContext,
  lease: Lease,
  decision: DecisionRecord,
  intents: readonly NewIntent[],
  options: DecisionOptions = {},
): Promise<DecisionResult> {
  const result = await context.journal.recordDecision(context.scope, lease, decision, intents, options);
  if (!result.existed) fault(context, 'after-intent');
  return result;
}

const isMismatch = (error: unknown): error is QuantlineError => isQuantlineError(error) && error.code === 'MISMATCH';

/** Whether a decision was not recorded because another strategy of the account has ordered since it was looked at. */
export const accountMoved = (error: unknown): boolean =>
  isMismatch(error) && error.details['reason'] === 'account_moved';

/** Makes further orders of a slot durable: protection, emergency exits, flattening. */
export async function commitIntents(
  context: ExecutionContext,
  lease: Lease,
  slot: number,
  intents: readonly NewIntent[],
): Promise<readonly OrderRecord[]> {
  const orders = await context.journal.recordIntents(context.scope, lease, slot, intents, context.clock.now());
  fault(context, 'after-intent');
  return orders;
}

/**
 * Sends recorded orders, exits before entries, each at most once under one id, and returns what became of them. A
 * refusal of one does not stop the others. An answer that leaves it open is followed by look-ups under the same id;
 * what stays open is `unknown` and left to reconciliation. Throws STATE when the lease is lost, CREDENTIALS when the
 * venue does not accept the keys; both after recording what is known.
 */
export async function submitOrders(
  context: ExecutionContext,
  lease: Lease,
  orders: readonly OrderRecord[],
  options: SubmitOptions = {},
): Promise<readonly OrderRecord[]> {
  if (orders.length === 0) return [];
  const { leaving = NONE } = options;
  const allowed = await withoutEntriesUnlessActive(context, orders, leaving);
  const unmarked = allowed.map((order) => order.clientOrderId).filter((id) => !leaving.has(id));
  if (unmarked.length > 0) await context.journal.markSending(unmarked, lease, context.clock.now());
  const replies = new Replies(context);
  const run = new Sender(context, lease, options, replies, allowed);
  try {
    await run.all(allowed.filter((order) => order.leg !== 'entry'));
    await run.all(allowed.filter((order) => order.leg === 'entry'));
  } finally {
    await replies.flush();
  }
  if (run.stop !== undefined) throw run.stop;
  return context.journal.ordersById(orders.map((order) => order.clientOrderId));
}

const NONE: ReadonlySet<string> = new Set();

/** Longest time for which a strategy that was active is taken to be so still, ms. */
const STATE_HOLDS_MS = 1000;

const stillHolds = (readAt: number, now: number): boolean => Math.abs(now - readAt) < STATE_HOLDS_MS;

/** When the transaction that marked all of these as leaving found the strategy active, where that still holds. */
function seenActive(orders: readonly OrderRecord[], leaving: ReadonlySet<string>, now: number): number | undefined {
  const marked = Math.min(...orders.map((order) => (leaving.has(order.clientOrderId) ? (order.sentAt ?? 0) : 0)));
  return stillHolds(marked, now) ? marked : undefined;
}

/** Whether an earlier send may have brought it to the venue. */
const hasBegun = ({ clientOrderId, status }: OrderRecord, leaving: ReadonlySet<string>): boolean =>
  status !== 'intended' && !leaving.has(clientOrderId);

/** A strategy that was halted or is reducing opens nothing any more, whatever was decided a moment ago. */
async function withoutEntriesUnlessActive(
  { journal, scope, clock }: ExecutionContext,
  orders: readonly OrderRecord[],
  leaving: ReadonlySet<string>,
): Promise<readonly OrderRecord[]> {
  if (seenActive(orders, leaving, clock.now()) !== undefined) return orders;
  const { state, reason } = await journal.state(scope);
  if (state === 'active') return orders;
  const entries = orders.filter((order) => order.leg === 'entry');
  await journal.recordReports(
    entries.map((order) => ({
      clientOrderId: order.clientOrderId,
      // What may be at the venue already is found or given up by reconciliation.
      status: hasBegun(order, leaving) ? 'unknown' : 'expired',
      reason: notActive(state, reason),
    })),
    clock.now(),
  );
  return orders.filter((order) => order.leg !== 'entry');
}

const notActive = (state: string, reason: string | undefined): string =>
  `not sent: the strategy is ${state}${reason === undefined ? '' : ` (${reason})`}`;

type Reply =
  | { readonly record: OrderRecord; readonly order: BrokerOrder }
  | { readonly record: OrderRecord; readonly report: OrderReport };

/** Records replies while others are still on their way: those that wait share one transaction. */
class Replies {
  private waiting: Reply[] = [];
  private writing: Promise<void> | undefined;

  constructor(private readonly context: ExecutionContext) {}

  add(reply: Reply): void {
    this.waiting.push(reply);
    this.writing ??= this.write();
    // Whoever flushes sees the error; until then it must not count as unhandled.
    this.writing.catch(() => {});
  }

  private async write(): Promise<void> {
    // Orders that are on their way out go first; the replies that come meanwhile are recorded together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0);
      const orders = batch.filter((reply) => 'order' in reply);
      if (orders.length > 0) await bookOrders(this.context, orders, false);
      const reports = batch.flatMap((reply) => ('report' in reply ? [reply.report] : []));
      if (reports.length > 0) await this.context.journal.recordReports(reports, this.context.clock.now());
      fault(this.context, 'after-reply');
    }
    this.writing = undefined;
  }

  async flush(): Promise<void> {
    await this.writing;
  }
}

class Sender {
  /** Why nothing more may be sent. */
  stop: QuantlineError | undefined;
  private activeAt: number;
  /** Orders that an earlier send may have brought to the venue: not sending them again, or a refusal, ends none of them. */
  private readonly doubtful: Set<string>;

  constructor(
    private readonly context: ExecutionContext,
    private readonly lease: Lease,
    private readonly options: SubmitOptions,
    private readonly replies: Replies,
    orders: readonly OrderRecord[],
  ) {
    const { leaving = NONE } = options;
    const begun = orders.filter((order) => hasBegun(order, leaving));
    this.doubtful = new Set(begun.map((order) => order.clientOrderId));
    const now = context.clock.now();
    this.activeAt = seenActive(orders, leaving, now) ?? now;
  }

  async all(orders: readonly OrderRecord[]): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < orders.length) await this.one(orders[next++]!);
    };
    const { concurrency } = limitsOf(this.context);
    await Promise.all(Array.from({ length: Math.min(concurrency, orders.length) }, worker));
  }

  /** Why an entry may not leave any more: somebody may halt the strategy while its orders wait for the venue. */
  private async halted(): Promise<string | undefined> {
    const { journal, scope, clock } = this.context;
    if (stillHolds(this.activeAt, clock.now())) return undefined;
    const { state, reason } = await journal.state(scope);
    if (state !== 'active') return notActive(state, reason);
    this.activeAt = clock.now();
    return undefined;
  }

  private conclude(record: OrderRecord, status: OrderReport['status'], reason: string): void {
    const { clientOrderId } = record;
    const known = this.doubtful.has(clientOrderId) ? 'unknown' : status;
    this.replies.add({ record, report: { clientOrderId, status: known, reason } });
  }

  /** Whether nothing may leave any more: the order is over then. */
  private isTooLate(record: OrderRecord): boolean {
    const { clock, signal } = this.context;
    const now = clock.now();
    const over = (reason: string): true => {
      this.conclude(record, 'expired', reason);
      return true;
    };
    if (signal?.aborted) return over('stopped before it was sent');
    if (this.stop !== undefined) return over('not sent: an earlier order failed');
    if (now >= (this.options.validUntil ?? Number.POSITIVE_INFINITY))
      return over('its decision expired before it was sent');
    if (now < this.lease.deadline) return false;
    this.stop = new QuantlineError('STATE', `The lease of ${this.lease.name} ended while orders were being sent.`, {
      hint: 'Run the command again; it reconciles first.',
      details: { lease: this.lease.name, reason: 'lease_lost' },
    });
    return over('the lease ended before it was sent');
  }

  private async one(record: OrderRecord): Promise<void> {
    const { broker } = this.context;
    for (let attempt = 0; ; attempt++) {
      if (this.isTooLate(record)) return;
      const halted = record.leg === 'entry' ? await this.halted() : undefined;
      if (halted !== undefined) return this.conclude(record, 'expired', halted);
      fault(this.context, 'before-send');
      let order: BrokerOrder;
      try {
        await checkAsset(broker, record);
        // That has taken its time as well.
        if (this.isTooLate(record)) return;
        order = await notAnother(this.context, record, await broker.submit(record.request, record.clientOrderId));
      } catch (error) {
        if (await this.failed(record, error, attempt)) continue;
        return;
      }
      fault(this.context, 'after-send');
      return this.replies.add({ record, order });
    }
  }

  /** Deals with a failed send; true means: send the same order, under the same id, again. */
  private async failed(record: OrderRecord, error: unknown, attempt: number): Promise<boolean> {
    const message = error instanceof Error ? error.message : String(error);
    if (isQuantlineError(error) && error.code === 'CREDENTIALS') {
      this.stop ??= error;
      this.conclude(record, 'rejected', message);
      return false;
    }
    const outcome = sendOutcome(error);
    if (outcome === 'rejected') {
      this.conclude(record, 'rejected', message);
      return false;
    }
    if (outcome === 'not_sent') return this.waitAndRetry(record, error as QuantlineError, attempt);
    return this.lookUp(record, message, outcome === 'duplicate', attempt);
  }

  private async waitAndRetry(record: OrderRecord, error: QuantlineError, attempt: number): Promise<boolean> {
    const { clock, logger } = this.context;
    const { retries, maxRetryWait } = limitsOf(this.context);
    const named = error.details['retryAt'];
    const at = typeof named === 'number' ? named : clock.now() + 500 * 2 ** attempt;
    const wait = Math.max(0, at - clock.now());
    if (attempt >= retries || wait > maxRetryWait || at >= this.lease.deadline) {
      this.conclude(record, 'expired', `not sent: ${error.message}`);
      return false;
    }
    logger.warn(`${about(record, error.message)} Trying again at ${isoTime(at)}.`);
    await pause(this.context, wait);
    return true;
  }

  /**
   * Asks the venue for the order under its id. Found: adopted. Certainly not there: sent once more under the same id,
   * where the venue would refuse a second one. Anything else stays `unknown`.
   */
  private async lookUp(record: OrderRecord, message: string, exists: boolean, attempt: number): Promise<boolean> {
    const { broker, logger } = this.context;
    logger.warn(`${about(record, message)} Looking the order up under ${record.clientOrderId}.`);
    let absent = false;
    for (const delay of limitsOf(this.context).lookupDelays) {
      await pause(this.context, delay);
      try {
        const order = await find(this.context, record);
        if (order !== undefined) {
          this.replies.add({ record, order });
          return false;
        }
        absent = true;
      } catch (error) {
        if (isQuantlineError(error) && error.code === 'CREDENTIALS') this.stop ??= error;
        absent = false;
      }
      if (this.stop !== undefined) break;
    }
    this.doubtful.add(record.clientOrderId);
    if (absent && !exists && attempt === 0 && broker.capabilities.clientOrderIds) return true;
    this.conclude(record, 'unknown', message);
    return false;
  }
}

/** A message that names the instrument, once. */
const about = ({ instrument }: OrderRecord, message: string): string =>
  message.startsWith(`${instrument}: `) ? message : `${instrument}: ${message}`;

/**
 * Looks an order up at the venue: by its client id, or by what the venue called it. What a venue without client order
 * ids takes for ours is not, where another order of the journal is known to be that one.
 */
export async function find(context: ExecutionContext, record: OrderRecord): Promise<BrokerOrder | undefined> {
  const { broker, clock } = context;
  const { venueOrderId } = record;
  const found = await broker.orderByClientId(record.clientOrderId, {
    request: record.request,
    sentAt: record.sentAt ?? clock.now(),
    ...(venueOrderId === undefined ? await likeness(context, record) : { venueOrderId }),
  });
  if (found !== undefined || venueOrderId === undefined) return found;
  return broker.orderByVenueId(venueOrderId);
}

/**
 * The order that a venue says it made of ours. One without client order ids may name an older one with the same terms,
 * which the journal knows as another: then it is open whether ours was taken.
 */
export async function notAnother(
  context: ExecutionContext,
  record: OrderRecord,
  order: BrokerOrder,
): Promise<BrokerOrder> {
  const { venueOrderId } = order;
  if (context.broker.capabilities.clientOrderIds || !(await isAnother(context, record, venueOrderId))) return order;
  throw sendError('ambiguous', `${record.instrument}: the venue names order ${venueOrderId}, which is another one.`);
}

/** Whether the journal knows an order of the venue as another one than this. */
async function isAnother(
  { journal, scope }: ExecutionContext,
  { clientOrderId }: OrderRecord,
  venueOrderId: string,
): Promise<boolean> {
  const known = await journal.orderByVenueId(scope.venue, scope.account, venueOrderId);
  return known !== undefined && known.clientOrderId !== clientOrderId;
}

/** What tells an order that has no id at the venue yet from others. */
async function likeness(
  context: ExecutionContext,
  record: OrderRecord,
): Promise<Pick<OrderHint, 'recorded' | 'isOther'>> {
  const { broker, journal, scope } = context;
  if (broker.capabilities.clientOrderIds) return {};
  const recorded = await journal.recordedRequest(scope, record.clientOrderId);
  return {
    ...(recorded !== undefined && { recorded }),
    isOther: (id) => isAnother(context, record, id),
  };
}
