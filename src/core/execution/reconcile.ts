import { compare, signOf, subtract, sum } from '../domain/decimal.js';
import { QuantlineError } from '../errors/index.js';
import {
  type ExecutionRecord,
  isTerminal,
  isUnresolved,
  type OrderRecord,
  type OrderReport,
  type PositionRecord,
  strategyPrefix,
} from '../state/index.js';
import { type AnnouncedAction, applyDone, applyInForce } from './actions.js';
import { attachAlone } from './attached.js';
import { bookExecutions, bookOrders, executionsSince } from './booking.js';
import type { BrokerAccount, BrokerOrder, BrokerPosition } from './broker.js';
import { type ExecutionContext, limitsOf, pause } from './context.js';
import { bookFeesInKind } from './fees-in-kind.js';
import {
  compareHoldings,
  type Difference,
  differenceTable,
  type ExternalHolding,
  magnitude,
  unitsOf,
} from './holdings.js';
import { find } from './submit.js';

export interface ReconcileOptions {
  /** Whether an order that never reached the venue may still be sent: its decision has not expired. Default: no. */
  readonly sendable?: (order: OrderRecord) => boolean;
  /**
   * Splits, dividends, renames and delistings of what is owned; each is applied once, before anything is compared. Asked
   * again where executions were booked: what they bought may have been split since.
   */
  readonly actions?: () => Promise<readonly AnnouncedAction[]>;
  /**
   * The same of these instruments, asked of the source anew, the coming session included: the venue may be ahead of us. Of
   * those of which it holds less than is owned, or other external units than `external`.
   */
  readonly announced?: (instruments: readonly string[]) => Promise<readonly AnnouncedAction[]>;
  /** External units at the last look. Absent: none. */
  readonly external?: readonly ExternalHolding[];
  /** `report` returns differences instead of halting: for listings. */
  readonly onDifference?: 'halt' | 'report';
}

export interface ReconcileResult {
  readonly account: BrokerAccount;
  readonly positions: readonly BrokerPosition[];
  /** Orders that are recorded, not at the venue, and may be sent now under the id that they have. */
  readonly resend: readonly OrderRecord[];
  /** Orders that may or may not exist at the venue. */
  readonly unresolved: readonly OrderRecord[];
  /** Our orders that are open after this. */
  readonly open: readonly OrderRecord[];
  readonly booked: readonly ExecutionRecord[];
  readonly external: readonly ExternalHolding[];
  /** Open orders from elsewhere. */
  readonly externalOrders: readonly BrokerOrder[];
  /** All open orders of the account at the venue, what hangs on others included, and when they were asked for. */
  readonly listed: readonly BrokerOrder[];
  readonly listedAt: number;
  /** Positions that an exit has turned over: both of two exits filled, or an exit after the position was gone. */
  readonly reversed: readonly PositionRecord[];
  readonly differences: readonly Difference[];
}

/**
 * Brings the journal up to date with the venue: adopts orders whose sending was left open, books executions once,
 * closes what is over, and compares positions. A failed read throws and concludes nothing. With differences that stay,
 * the strategy is halted in the journal and HALTED is thrown with the table.
 */
export async function reconcile(context: ExecutionContext, options: ReconcileOptions = {}): Promise<ReconcileResult> {
  const { journal, broker, scope } = context;
  const account = await broker.account();
  if (account.id !== scope.account) {
    throw new QuantlineError('CREDENTIALS', `The keys belong to account ${account.id}, not to ${scope.account}.`, {
      hint: 'Use the keys of the account that the strategy trades.',
    });
  }
  let coming: readonly AnnouncedAction[] = [];
  const applyActions = async () => {
    coming = await applyInForce(context, (await options.actions?.()) ?? []);
  };
  await applyActions();
  const fills = new FillReader(context);
  const before = await journal.orders({ scope, open: true });
  // Orders that the venue has said are over only wait for their executions: these save asking for each of them.
  const told = before.some(({ closing }) => closing !== undefined);
  if (told) await fills.read();
  const ours = fills.booked.length === 0 ? before : await journal.orders({ scope, open: true });
  const orders = await reconcileOrders(context, ours, options);
  // What the orders show may be younger than the executions that were read before them.
  const behind = !told || !orders.unchanged;
  const known = fills.booked.length;
  if (behind) await fills.read();
  if (fills.booked.length > 0) await applyActions();
  const quiet = orders.unchanged && fills.booked.length === known;
  let state = await compareAll(context, quiet ? ours : await journal.orders({ scope, open: true }));
  const applyEarly = async (actions: readonly AnnouncedAction[]) => {
    if (!(await applyDone(context, actions, state.positions, options.external ?? []))) return;
    state = await compareAll(context, await journal.orders({ scope, open: true }));
  };
  await applyEarly(coming);
  for (const delay of limitsOf(context).settleDelays) {
    if (state.differences.length === 0) break;
    await pause(context, delay);
    await fills.read();
    if (fills.booked.length > known) await applyActions();
    await refreshClosing(context);
    state = await compareAll(context, await journal.orders({ scope, open: true }));
  }
  const moved = movedUnits(context, state, options.external ?? []);
  if (moved.length > 0) await applyEarly((await options.announced?.(moved)) ?? []);
  const fees = await bookFeesInKind(context, state.owned, state.open, state.differences);
  const left = state.differences.filter(({ kind, instrument }) => kind !== 'position' || !fees.has(instrument));
  const differences = [...orders.differences, ...left, ...doubtful(orders.presumed, state.external)];
  const { open } = state;
  const questions = open.filter(isUnresolved);
  const unresolved = questions.filter(
    (order) => !orders.resend.some((each) => each.clientOrderId === order.clientOrderId),
  );
  // A page that was read while an order of ours had no venue id may hold its fills: it is read again.
  if (differences.length === 0 && questions.length === 0) await fills.saveCursor();
  if (differences.length > 0 && options.onDifference !== 'report') await halt(context, differences);
  return {
    account,
    positions: state.positions,
    resend: orders.resend,
    unresolved,
    open,
    booked: fills.booked,
    external: state.external,
    externalOrders: orders.externalOrders,
    listed: orders.listed,
    listedAt: orders.listedAt,
    reversed: await reversedPositions(context),
    differences,
  };
}

/** Instruments of the strategy of which the venue holds less than is owned, or other external units than `before`. */
function movedUnits(
  { scope }: ExecutionContext,
  { differences, external, owned }: Compared,
  before: readonly ExternalHolding[],
): readonly string[] {
  const missing = differences.filter(({ kind }) => kind === 'position').map(({ instrument }) => instrument);
  const beside = owned
    .filter(({ strategy }) => strategy === scope.strategy)
    .map(({ instrument }) => instrument)
    .filter((instrument) => unitsOf(external, instrument) !== unitsOf(before, instrument));
  return [...new Set([...missing, ...beside])];
}

interface OrdersResult {
  /** Nothing about them was recorded. */
  readonly unchanged: boolean;
  readonly resend: readonly OrderRecord[];
  readonly externalOrders: readonly BrokerOrder[];
  readonly listed: readonly BrokerOrder[];
  readonly listedAt: number;
  /** Orders that are over and of which the venue does not know any more how they ended. */
  readonly presumed: readonly BrokerOrder[];
  readonly differences: readonly Difference[];
}

async function reconcileOrders(
  context: ExecutionContext,
  ours: readonly OrderRecord[],
  options: ReconcileOptions,
): Promise<OrdersResult> {
  const { journal, broker, scope, clock } = context;
  const listedAt = clock.now();
  const listed = (await broker.openOrders()).flatMap((order) => [order, ...(order.legs ?? [])]);
  const byClient = new Map(
    listed.flatMap((o) => (o.clientOrderId === undefined ? [] : [[o.clientOrderId, o] as const])),
  );
  const byVenue = new Map(listed.map((o) => [o.venueOrderId, o] as const));
  const found: { record: OrderRecord; order: BrokerOrder }[] = [];
  const conclusions: OrderReport[] = [];
  const resend: OrderRecord[] = [];
  const differences: Difference[] = [];
  for (const record of ours) {
    const order =
      byClient.get(record.clientOrderId) ??
      (record.venueOrderId === undefined ? undefined : byVenue.get(record.venueOrderId)) ??
      (await find(context, record));
    if (order !== undefined) found.push({ record, order });
    else if (record.venueOrderId !== undefined) {
      // A venue may accept an order and show it only later; that is no reason to halt.
      const young = listedAt - (record.sentAt ?? record.createdAt) < limitsOf(context).invisibleFor;
      if (!young) differences.push(missing(record));
    } else {
      const conclusion = concludeAbsent(context, record, listedAt, options);
      if (conclusion === 'resend') resend.push(record);
      else if (conclusion !== undefined) conclusions.push(conclusion);
    }
  }
  await bookOrders(context, found, true);
  for (const order of await journal.recordReports(conclusions, clock.now()))
    if (order.status === 'expired') context.onRejected?.(order);
  let unchanged = found.length === 0 && conclusions.length === 0;
  const externalOrders: BrokerOrder[] = [];
  const recorded = new Map((await journal.ordersById([...byClient.keys()])).map((each) => [each.clientOrderId, each]));
  for (const order of listed) {
    const id = order.clientOrderId;
    const known =
      (id === undefined ? undefined : recorded.get(id)) ??
      (await journal.orderByVenueId(scope.venue, scope.account, order.venueOrderId));
    const attached = known === undefined ? await attachAlone(context, order) : undefined;
    if (attached !== undefined) {
      unchanged = false;
      await bookOrders(context, [{ record: attached, order }], true);
    } else if (known === undefined) {
      externalOrders.push(order);
      if (id?.startsWith(strategyPrefix(scope.strategy))) differences.push(orphan(order, id));
    } else if (isTerminal(known.status)) {
      // Given up by us, alive at the venue: the venue is right.
      unchanged = false;
      await bookOrders(context, [{ record: known, order }], true);
    }
  }
  const presumed = found.map(({ order }) => order).filter((order) => order.presumed === true);
  return { unchanged, resend, externalOrders, listed, listedAt, presumed, differences };
}

/**
 * What an order that the venue certainly does not have has become. Its age is that of when the venue was asked: a
 * process that was suspended since knows nothing younger.
 */
function concludeAbsent(
  context: ExecutionContext,
  record: OrderRecord,
  listedAt: number,
  options: ReconcileOptions,
): OrderReport | 'resend' | undefined {
  const { broker } = context;
  const neverSent = record.status === 'intended';
  // What was to replace another order is never sent by itself: the other may still be alive.
  const sendable = record.replaces === undefined && (options.sendable?.(record) ?? false);
  if (sendable && (neverSent || broker.capabilities.clientOrderIds)) return 'resend';
  const expired = (reason: string): OrderReport => ({ clientOrderId: record.clientOrderId, status: 'expired', reason });
  if (neverSent) return expired('its decision expired before it was sent');
  if (listedAt - (record.sentAt ?? 0) >= limitsOf(context).invisibleFor) return expired('it never reached the venue');
  return { clientOrderId: record.clientOrderId, status: 'unknown', reason: 'not visible at the venue yet' };
}

/** Holdings that nobody owns may be the fills of orders whose records are gone: a person has to look. */
const doubtful = (presumed: readonly BrokerOrder[], external: readonly ExternalHolding[]): Difference[] =>
  presumed.flatMap(({ instrument, side, clientOrderId, quantity }) =>
    external
      .filter((held) => held.instrument === instrument && held.quantity.startsWith('-') === (side === 'sell'))
      .map((held) => ({
        kind: 'fills' as const,
        instrument,
        ...(clientOrderId === undefined ? {} : { clientOrderId }),
        owned: `${side} ${quantity ?? ''}`.trim(),
        venue: held.quantity,
        explanation: 'the venue keeps no record of this order any more; what it holds beyond ours may come from it',
      })),
  );

const missing = (record: OrderRecord): Difference => ({
  kind: 'order',
  instrument: record.instrument,
  clientOrderId: record.clientOrderId,
  owned: record.status,
  venue: 'none',
  explanation: 'the venue had accepted this order and does not know it any more',
});

const orphan = (order: BrokerOrder, clientOrderId: string): Difference => ({
  kind: 'order',
  instrument: order.instrument,
  clientOrderId,
  owned: 'none',
  venue: order.venueStatus,
  explanation: 'an open order of this strategy that this journal does not hold: is it the right journal?',
});

/** Orders whose executions are not all booked yet are asked for again: their final figures may have been revised. */
async function refreshClosing(context: ExecutionContext): Promise<void> {
  const { journal, scope } = context;
  for (const record of await journal.orders({ scope, open: true })) {
    if (record.closing === undefined && !owesFills(record)) continue;
    const order = await find(context, record);
    if (order !== undefined) await bookOrders(context, [{ record, order }], true);
  }
}

const owesFills = (order: OrderRecord): boolean =>
  order.reportedQuantity !== undefined && compare(order.reportedQuantity, order.filledQuantity) > 0;

interface Compared {
  readonly open: readonly OrderRecord[];
  /** What all strategies of the account own. */
  readonly owned: readonly PositionRecord[];
  readonly positions: readonly BrokerPosition[];
  readonly external: readonly ExternalHolding[];
  readonly differences: readonly Difference[];
}

async function compareAll(context: ExecutionContext, open: readonly OrderRecord[]): Promise<Compared> {
  const { journal, broker, scope, clock } = context;
  const askedAt = clock.now();
  const positions = await broker.positions();
  const owned = await journal.positions({ venue: scope.venue, account: scope.account });
  const { external, differences } = compareHoldings(owned, positions);
  const owing: Difference[] = [];
  for (const order of open.filter(owesFills)) {
    if (await isOutdated(context, order)) continue;
    owing.push({
      kind: 'fills',
      instrument: order.instrument,
      clientOrderId: order.clientOrderId,
      owned: order.filledQuantity,
      venue: order.reportedQuantity!,
      explanation: 'the venue reports more filled than its executions add up to',
    });
  }
  // What another strategy owns may have been sold by its own order, which it has not booked yet: it will say so itself.
  const own = new Set(owned.filter(({ strategy }) => strategy === scope.strategy).map(({ instrument }) => instrument));
  const left = differences.filter(
    (difference) =>
      own.has(difference.instrument) && !open.some((order) => mayExplain(context, order, difference, askedAt)),
  );
  return { open, owned, positions, external, differences: [...left, ...owing] };
}

/** Whether the venue's figure is from before it took executions back: it does not show the order at the moment. */
async function isOutdated({ journal, scope }: ExecutionContext, order: OrderRecord): Promise<boolean> {
  const fills = await journal.fills({ scope, clientOrderId: order.clientOrderId });
  const told = sum(fills.filter(({ kind }) => kind !== 'bust').map(({ quantity }) => quantity));
  return compare(order.reportedQuantity!, told) <= 0;
}

/**
 * Whether an order that may have reached the venue unseen could have moved the position as far as it moved. It stays an
 * open question until it shows or is given up; then what is left of the difference halts.
 */
function mayExplain(
  context: ExecutionContext,
  order: OrderRecord,
  { kind, instrument, owned, venue }: Difference,
  askedAt: number,
): boolean {
  if (kind !== 'position' || order.instrument !== instrument || !isUnresolved(order)) return false;
  if (askedAt - (order.sentAt ?? order.createdAt) >= limitsOf(context).invisibleFor) return false;
  const { side, quantity } = order.request;
  const moved = subtract(venue, owned);
  if (signOf(moved) !== (side === 'buy' ? 1 : -1)) return false;
  return quantity === undefined || compare(magnitude(moved), quantity) <= 0;
}

async function halt(context: ExecutionContext, differences: readonly Difference[]): Promise<never> {
  const { journal, scope, clock } = context;
  const table = differenceTable(differences);
  const first = differences[0]!;
  await journal.setState(scope, 'halted', `reconciliation: ${first.instrument}, ${first.explanation}`, clock.now());
  throw new QuantlineError('HALTED', `The journal and the venue disagree; ${scope.strategy} is halted.\n${table}`, {
    hint: 'Find out what happened at the venue. Where its figures are right for good, `quantline resume --accept-venue "reason"` takes them over. Nothing was traded.',
    details: { differences, reason: 'reconciliation' },
  });
}

/** Positions whose open lots come from an exit: a second exit filled when nothing was left to close. */
async function reversedPositions(context: ExecutionContext): Promise<readonly PositionRecord[]> {
  const positions = await context.journal.positions(context.scope);
  return positions.filter(({ lots }) => lots.some((lot) => lot.leg !== 'entry'));
}

/** Reads executions from where the journal stopped; every read is complete, or throws. */
class FillReader {
  readonly booked: ExecutionRecord[] = [];
  private cursor: string | undefined;

  constructor(private readonly context: ExecutionContext) {}

  async read(): Promise<void> {
    const { executions, cursor } = await executionsSince(this.context);
    this.booked.push(...(await bookExecutions(this.context, executions)));
    this.cursor = cursor;
  }

  async saveCursor(): Promise<void> {
    const { journal, scope, clock } = this.context;
    if (this.cursor !== undefined) await journal.setCursor(scope, this.cursor, clock.now());
  }
}
