import { absolute, isZero, negate, signOf, smaller, sum } from '../domain/decimal.js';
import { isQuantlineError } from '../errors/index.js';
import {
  clientOrderIdOf,
  isTerminal,
  type Lease,
  type NewIntent,
  type OrderRecord,
  type PositionRecord,
} from '../state/index.js';
import { executionsSince, ownerOf } from './booking.js';
import { type BrokerOrder, type BrokerPosition, type OrderRequest, sendOutcome } from './broker.js';
import { type ExecutionContext, limitsOf, pause } from './context.js';
import { compareHoldings, type ExternalHolding } from './holdings.js';
import { awaitOutcome, cancelOrder } from './outcome.js';
import { reconcile } from './reconcile.js';
import { commitIntents, submitOrders } from './submit.js';

/** What a flattening will do, as far as can be told before it. Quantities are decimal text. */
export interface FlattenPlan {
  /** Our orders that are open. */
  readonly cancel: readonly OrderRecord[];
  readonly close: readonly { readonly instrument: string; readonly quantity: string }[];
  /** Only with `all`: what nobody in this journal ordered or bought. */
  readonly cancelExternal: readonly BrokerOrder[];
  readonly closeExternal: readonly { readonly instrument: string; readonly quantity: string }[];
}

export interface FlattenResult {
  readonly cancelled: readonly OrderRecord[];
  readonly exits: readonly OrderRecord[];
  readonly external: readonly ExternalStep[];
  /** Nothing is held any more and nothing works at the venue. */
  readonly flat: boolean;
  /** When the market opens, where exits wait for that; epoch ms. */
  readonly opensAt?: number | undefined;
  /** What did not go as asked: a refusal, an order whose fate is open, a position that the venue does not show. */
  readonly problems: readonly string[];
}

/** One order or position of somebody else that was cancelled or closed. */
export interface ExternalStep {
  readonly instrument: string;
  readonly action: 'cancel' | 'close';
  readonly quantity: string | undefined;
  readonly outcome: string;
}

/** Longest wait for exits while the market is closed, ms. */
const CLOSED_MS = 5000;
/** How long a cancel may take before it is asked for again where the venue does not say that it is pending, ms. */
const ASK_AGAIN_MS = 5000;

/** Reads journal and venue and changes neither. */
export async function planFlatten(context: ExecutionContext, all: boolean): Promise<FlattenPlan> {
  const { journal, broker, scope } = context;
  const ours = await journal.orders({ scope, open: true });
  const owned = await ownedNow(context);
  const venue = await broker.positions();
  const { external } = compareHoldings(owned, venue);
  const own = owned.filter(({ strategy }) => strategy === scope.strategy);
  const moved = all ? new Set<string>() : perhapsRenamed(own, venue, external);
  const cancel = ours.filter((order) => !isExitOf(moved, order));
  const close = own.filter(({ instrument }) => !moved.has(instrument)).map(sizeOf);
  if (!all) return { cancel, close, cancelExternal: [], closeExternal: [] };
  const open = (await broker.openOrders()).flatMap((order) => [order, ...(order.legs ?? [])]);
  const cancelExternal: BrokerOrder[] = [];
  for (const order of open) if ((await ownerOf(context, order)) === undefined) cancelExternal.push(order);
  return { cancel, close, cancelExternal, closeExternal: external.map(sizeOf) };
}

type Owned = Pick<PositionRecord, 'strategy' | 'instrument' | 'quantity'>;

/** What the strategies of the account own, with the fills that the venue has and the journal does not hold yet. */
async function ownedNow(context: ExecutionContext): Promise<readonly Owned[]> {
  const { journal, scope } = context;
  const { venue, account } = scope;
  const { executions } = await executionsSince(context);
  const ids = executions.map(({ executionId }) => executionId);
  const booked = new Set(await journal.bookedExecutions(scope, ids));
  const owned = new Map<string, Owned>();
  const add = (one: Owned) => {
    const key = `${one.strategy}\n${one.instrument}`;
    owned.set(key, { ...one, quantity: sum([owned.get(key)?.quantity ?? '0', one.quantity]) });
  };
  for (const position of await journal.positions({ venue, account })) add(position);
  for (const execution of executions) {
    const { executionId, kind, instrument, side, quantity } = execution;
    if (kind !== 'fill' || booked.has(executionId)) continue;
    booked.add(executionId);
    const order = await ownerOf(context, execution);
    if (order === undefined) continue;
    add({ strategy: order.strategy, instrument, quantity: side === 'buy' ? quantity : negate(quantity) });
  }
  return [...owned.values()].filter(({ quantity }) => !isZero(quantity));
}

const sizeOf = ({ instrument, quantity }: { readonly instrument: string; readonly quantity: string }) => ({
  instrument,
  quantity,
});

/**
 * Instruments that may have another name at the venue by now: it holds none of them, but something on the same side
 * that nobody here bought. Corporate actions are applied by a start of `trade`, which knows their source. Until then
 * such a position cannot be closed, and without its exits it would be bare. Where the venue holds nothing else, it was
 * closed there, and exits that are left would open the other side.
 */
function perhapsRenamed(
  owned: readonly Pick<Owned, 'instrument' | 'quantity'>[],
  venue: readonly BrokerPosition[],
  external: readonly ExternalHolding[],
): ReadonlySet<string> {
  const held = new Set(venue.filter(({ quantity }) => !isZero(quantity)).map(({ instrument }) => instrument));
  const sides = new Set(external.map(({ quantity }) => signOf(quantity)));
  const gone = owned.filter(({ instrument, quantity }) => !held.has(instrument) && sides.has(signOf(quantity)));
  return new Set(gone.map(({ instrument }) => instrument));
}

const isExitOf = (instruments: ReadonlySet<string>, { instrument, leg }: OrderRecord): boolean =>
  leg !== 'entry' && instruments.has(instrument);

/**
 * Cancels every open order of the strategy, then closes what it owns at market, each position once, never more than the
 * venue holds of it. Waits for both until `until`. Can be repeated: what works already is cancelled first. `all` does the
 * same with what others ordered and bought in this account. Without it, exits of what may have another name at the venue
 * stay, and what to do is a problem of the result.
 */
export async function flatten(
  context: ExecutionContext,
  lease: Lease,
  slot: number,
  options: { readonly until: number; readonly all: boolean },
): Promise<FlattenResult> {
  const { journal, scope, clock } = context;
  const problems: string[] = [];
  // The venue moves only when it is told ticks: waiting for it would be waiting for nobody.
  const until = context.broker.onTick === undefined ? options.until : clock.now();
  const before = await reconcile(context, { onDifference: 'report' });
  const venueClock = await context.broker.clock();
  const closed = context.broker.onTick === undefined && !venueClock.open;
  for (const { instrument, explanation, owned, venue } of before.differences) {
    problems.push(`${instrument}: ${explanation} (journal ${owned}, venue ${venue})`);
  }
  // With `all`, what has another name is closed as what others bought: its exits must not stay behind.
  const moved = options.all
    ? new Set<string>()
    : perhapsRenamed(await journal.positions(scope), before.positions, before.external);
  for (const instrument of moved) {
    problems.push(
      `${instrument}: has it another name at the venue? Its exits are left there, nothing is sent; ` +
        'run quantline trade --once, which applies renames, and flatten again, or close it and its orders at the venue',
    );
  }
  const cancelled = await cancelAll(context, moved, until, problems);
  const after = await reconcile(context, { onDifference: 'report' });
  const positions = (await journal.positions(scope)).filter(({ instrument }) => !moved.has(instrument));
  const intents = positions.flatMap((position) => exitOf(position, after.positions, after.open, problems));
  const recorded = intents.length === 0 ? [] : await commitIntents(context, lease, slot, intents);
  const sent = await submitOrders(context, lease, recorded);
  // The venue's clock is that of its stock market: crypto fills all the same, and at once.
  const exits = await awaitOutcome(context, sent.map(idOf), closed ? Math.min(until, clock.now() + CLOSED_MS) : until);
  for (const { instrument, status, reason } of exits) {
    if (status !== 'rejected' && status !== 'unknown' && status !== 'expired') continue;
    problems.push(`${instrument}: the exit is ${status}${reason === undefined ? '' : `, ${reason}`}`);
  }
  const external = options.all ? await flattenExternal(context, until, problems) : [];
  const flat =
    (await journal.positions(scope)).length === 0 && (await journal.orders({ scope, open: true })).length === 0;
  return { cancelled, exits, external, flat, problems, ...(closed && !flat ? { opensAt: venueClock.nextOpen } : {}) };
}

const idOf = ({ clientOrderId }: OrderRecord): string => clientOrderId;

async function cancelAll(
  context: ExecutionContext,
  moved: ReadonlySet<string>,
  until: number,
  problems: string[],
): Promise<readonly OrderRecord[]> {
  const { journal, scope, clock } = context;
  const open = (await journal.orders({ scope, open: true })).filter((order) => !isExitOf(moved, order));
  // Entries first: while exits are taken down, nothing new may come in.
  const ordered = [...open].sort((a, b) => Number(a.leg !== 'entry') - Number(b.leg !== 'entry'));
  const refused = new Map<string, string>();
  for (let left = ordered; ; ) {
    for (const order of left) {
      try {
        await cancelOrder(context, order.clientOrderId);
        refused.delete(order.clientOrderId);
      } catch (error) {
        if (!isQuantlineError(error) || error.code === 'CREDENTIALS') throw error;
        refused.set(order.clientOrderId, error.message);
      }
    }
    // A cancel that did not get through (a session that was stopped holds the connection still) is asked for again.
    const ended = await awaitOutcome(context, open.map(idOf), Math.min(until, clock.now() + ASK_AGAIN_MS));
    left = ended.filter(({ status }) => !isTerminal(status) && status !== 'pending_cancel');
    if (clock.now() < until && ended.some(({ status }) => !isTerminal(status))) continue;
    for (const { instrument, status, clientOrderId } of ended) {
      if (isTerminal(status)) continue;
      const why = refused.get(clientOrderId);
      problems.push(
        `${instrument}: the order ${clientOrderId} is still ${status}${why === undefined ? '' : `; ${why}`}`,
      );
    }
    return ended.filter(({ status }) => status === 'canceled');
  }
}

/** A market order for what both the journal and the venue say is held, less the exits that work already. */
function exitOf(
  { instrument, quantity }: PositionRecord,
  venue: readonly BrokerPosition[],
  open: readonly OrderRecord[],
  problems: string[],
): NewIntent[] {
  const there = venue.find((position) => position.instrument === instrument)?.quantity ?? '0';
  if (signOf(there) !== signOf(quantity)) {
    problems.push(`${instrument}: the journal holds ${quantity}, the venue ${there}; nothing is sent`);
    return [];
  }
  if (open.some((order) => order.instrument === instrument && order.leg !== 'entry')) {
    problems.push(`${instrument}: an exit is still open; a second one would double it`);
    return [];
  }
  const side = signOf(quantity) > 0 ? 'sell' : 'buy';
  const units = smaller(absolute(quantity), absolute(there));
  return [{ leg: 'exit', request: { ...marketExit(instrument, side, units), purpose: 'flatten' } }];
}

const marketExit = (instrument: string, side: 'buy' | 'sell', quantity: string): OrderRequest => ({
  instrument,
  side,
  type: 'market',
  timeInForce: 'day',
  quantity,
  opens: false,
});

/** Orders and positions of others. They are not ours to journal as orders; each step is noted before it is taken. */
async function flattenExternal(context: ExecutionContext, until: number, problems: string[]): Promise<ExternalStep[]> {
  const { broker } = context;
  const steps: ExternalStep[] = [];
  const { cancelExternal } = await planFlatten(context, true);
  for (const order of cancelExternal) {
    const { instrument, quantity, venueOrderId } = order;
    const outcome = await attempt(context, 'external-cancel', { instrument, venueOrderId }, () =>
      broker.cancel(venueOrderId),
    );
    if (outcome !== 'done') problems.push(`${instrument}: ${outcome}`);
    steps.push({ instrument, action: 'cancel', quantity, outcome });
  }
  if (cancelExternal.length > 0)
    await pause(context, Math.min(limitsOf(context).pollEvery, Math.max(0, until - context.clock.now())));
  const { closeExternal } = await planFlatten(context, true);
  for (const { instrument, quantity } of closeExternal) {
    const request = marketExit(instrument, signOf(quantity) > 0 ? 'sell' : 'buy', absolute(quantity));
    const outcome = await closeOne(context, request);
    if (outcome !== 'done') problems.push(`${instrument}: ${outcome}`);
    steps.push({ instrument, action: 'close', quantity, outcome });
  }
  return steps;
}

async function closeOne(context: ExecutionContext, request: OrderRequest): Promise<string> {
  const { broker, scope, clock } = context;
  const { instrument } = request;
  const id = clientOrderIdOf(
    { ...scope, strategy: 'external' },
    { instrument, slot: clock.now(), leg: 'exit', revision: 0 },
  );
  return attempt(context, 'external-exit', { request, clientOrderId: id }, async () => {
    try {
      await broker.submit(request, id);
    } catch (error) {
      if (sendOutcome(error) !== 'ambiguous') throw error;
      const found = await broker.orderByClientId(id, { request, sentAt: clock.now() });
      if (found === undefined) throw error;
    }
  });
}

async function attempt(
  context: ExecutionContext,
  note: string,
  body: object,
  act: () => Promise<unknown>,
): Promise<string> {
  const { journal, scope, clock } = context;
  await journal.note(scope, note, body, clock.now());
  try {
    await act();
    return 'done';
  } catch (error) {
    if (!isQuantlineError(error) || error.code === 'CREDENTIALS') throw error;
    return error.message;
  }
}
