import { absolute, signOf } from '../../domain/decimal.js';
import { isTerminal, type Lease, type OrderRecord, type PositionRecord } from '../../state/index.js';
import type { OrderRequest } from '../broker.js';
import { type ExecutionContext, limitsOf } from '../context.js';
import { awaitOutcome, tryCancel } from '../outcome.js';
import { commitIntents, submitOrders } from '../submit.js';
import { exitSide } from './levels.js';

/** What happens to a position that the venue does not protect: closed at market, or left to a person. */
export type EmergencyPolicy = 'exit' | 'hold';

/** A position that somebody has to look at, and why. */
export interface Unprotected {
  readonly instrument: string;
  readonly reason: string;
  /** No exit stands for it (default), or nothing decides about it. */
  readonly lacks?: 'protection' | 'management';
  /** Nothing was done about it yet: its exits are tried again up to this instant. */
  readonly until?: number;
}

export const alarmText = ({ instrument, reason, lacks }: Unprotected): string =>
  `${instrument} is not ${lacks === 'management' ? 'managed' : 'protected'}: ${reason}`;

/** From here on the strategy may only reduce. */
async function reduce({ journal, scope, clock, logger }: ExecutionContext, alarm: Unprotected): Promise<void> {
  logger.warn(`${alarmText(alarm)}.`);
  const { state } = await journal.state(scope);
  if (state === 'active') await journal.setState(scope, 'reducing', alarmText(alarm), clock.now());
}

/** A position of an instrument that the model does not know: what it was bought as has another name now. */
export async function unmanaged(
  context: ExecutionContext,
  { instrument, quantity }: PositionRecord,
): Promise<Unprotected> {
  const reason = `${quantity} are held, and the report that trades does not know it (renamed?)`;
  const alarm: Unprotected = { instrument, reason, lacks: 'management' };
  await reduce(context, alarm);
  return alarm;
}

/** Both orders of a pair of entries have filled, although one should have cancelled the other: more is held than wanted. */
export async function overfilled(
  context: ExecutionContext,
  { instrument }: PositionRecord,
  filled: string,
  wanted: string,
): Promise<Unprotected> {
  const reason = `both orders of its pair of entries have filled, ${filled} in place of ${wanted}`;
  const alarm: Unprotected = { instrument, reason, lacks: 'management' };
  await reduce(context, alarm);
  return alarm;
}

/** The alarm: the strategy may only reduce from here on, and by the policy the position is closed at once. */
export async function emergency(
  context: ExecutionContext,
  lease: Lease,
  { instrument }: PositionRecord,
  reason: string,
  policy: EmergencyPolicy,
): Promise<Unprotected> {
  const { journal, scope } = context;
  await reduce(context, { instrument, reason });
  const open = await journal.orders({ scope, instrument, open: true });
  if (policy === 'exit' && !open.some(closes) && (await takeDown(context, open)))
    await closeAtMarket(context, lease, instrument, 'unprotected');
  return { instrument, reason };
}

/** A position on the other side of what was entered: an exit filled when nothing was left to close. */
export function turnedOver(
  context: ExecutionContext,
  lease: Lease,
  position: PositionRecord,
  policy: EmergencyPolicy,
): Promise<Unprotected> {
  const reason = `more than one exit has filled and turned it over, to ${position.quantity}`;
  return emergency(context, lease, position, reason, policy);
}

/** An order that closes the position at market: nothing else may be sent beside it. */
export const closes = ({ leg }: OrderRecord): boolean => leg === 'exit';

/** An exit under way. Resting protection is none, unless it has begun to fill. */
export const isExiting = ({ leg, status }: OrderRecord): boolean =>
  leg === 'exit' || (leg !== 'entry' && status === 'partially_filled');

/** A market order for all of what is held. */
export async function closeAtMarket(
  context: ExecutionContext,
  lease: Lease,
  instrument: string,
  purpose: string,
): Promise<void> {
  const { journal, scope } = context;
  const position = await journal.position(scope, instrument);
  if (position === undefined || signOf(position.quantity) === 0) return;
  const request: OrderRequest = {
    instrument,
    side: exitSide(signOf(position.quantity)),
    type: 'market',
    timeInForce: 'day',
    quantity: absolute(position.quantity),
    opens: false,
    purpose,
  };
  const recorded = await commitIntents(context, lease, await lastSlot(context), [{ leg: 'exit', request }]);
  await submitOrders(context, lease, recorded);
}

/** Orders of protection belong to the slot of the last decision. */
export async function lastSlot({ journal, scope, clock }: ExecutionContext): Promise<number> {
  return (await journal.lastDecision(scope))?.slot ?? clock.now();
}

/** Cancels orders and waits until they are over; false where one is not in time: nothing else may be sent then. */
export async function takeDown(context: ExecutionContext, orders: readonly OrderRecord[]): Promise<boolean> {
  for (const order of orders) await tryCancel(context, order);
  const ids = orders.map(({ clientOrderId }) => clientOrderId);
  const ended = await awaitOutcome(context, ids, context.clock.now() + limitsOf(context).takeDownFor);
  return ended.every(({ status }) => isTerminal(status));
}
