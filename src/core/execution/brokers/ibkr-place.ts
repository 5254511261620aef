import type { Contract, Order, OrderState } from '@stoqey/ib';
import { type IbkrSession, meaningOf, readOnlyError } from '../../clients/ibkr/index.js';
import type { QuantlineError } from '../../errors/index.js';
import { deadline, deadlineText, type Logger } from '../../platform/index.js';
import { type BrokerOrder, sendError } from '../broker.js';
import { openOrder, type SeenOrder, type StatusReport, withLegs } from './ibkr-read.js';
import { type PartialOrder, sendFailure } from './ibkr-send.js';

export interface Placement {
  readonly instrument: string;
  readonly contract: Contract;
  readonly account: string;
  /** The first is the order itself, the others its exits. */
  readonly parts: readonly PartialOrder[];
  readonly timeoutMs: number;
  /** Once it aborts, a few seconds are left. */
  readonly ending?: AbortSignal | undefined;
  readonly logger: Logger;
}

/** States that TWS gives an order before anybody else has looked at it. */
const NOT_YET = new Set(['PendingSubmit', 'ApiPending', 'Inactive', 'Unknown']);
/** An order that stays in one of them is reported as it is after this time; a refusal comes sooner. */
const SETTLE_MS = 1000;

/**
 * Sends a group once and waits until TWS shows it. Only messages that carry our reference count: numbers of orders
 * are given out again after a restart, and messages about an older order would come under ours.
 */
export async function placeGroup(session: IbkrSession, placement: Placement): Promise<BrokerOrder> {
  const { instrument, contract, account, parts, timeoutMs, ending, logger } = placement;
  const first = session.orderIds(parts.length);
  const orders = parts.map(({ order, child }, i) => ({
    ...order,
    account,
    orderId: first + i,
    ...(child ? { parentId: first } : {}),
  }));
  const shown = new Map<string, [Contract, Order, OrderState]>();
  const reports = new Map<number, StatusReport>();
  /** Parts that were not sent, or whose numbers other orders have had. */
  const untaken = new Set<number>();
  const cleanup: (() => void)[] = [];
  try {
    return await new Promise<BrokerOrder>((resolve, reject) => {
      const seenOf = (ref: string | undefined): SeenOrder | undefined => {
        const one = shown.get(ref ?? '');
        return one === undefined ? undefined : openOrder(...one, reports.get(one[1].permId ?? 0));
      };
      const answer = (final: boolean): void => {
        if (untaken.size > 0) return;
        const all = orders.map(({ orderRef }) => seenOf(orderRef));
        const entry = all[0];
        if (entry === undefined) return;
        if (!final && (all.includes(undefined) || all.some((one) => NOT_YET.has(one!.order.venueStatus)))) return;
        resolve(withLegs(all.filter((one) => one !== undefined))[0]!.order);
      };
      const later = (run: () => void, ms: number): void => {
        const timer = setTimeout(run, ms);
        cleanup.push(() => clearTimeout(timer));
      };
      const ambiguous = (why: string, cause?: unknown): void =>
        reject(
          sendError('ambiguous', `${instrument}: the order may or may not have been taken. ${why}`, {
            hint: 'It is looked up by its reference before anything else is done.',
            ...(cause === undefined ? {} : { cause }),
          }),
        );
      const cancel = (orderId: number): void => session.send((api) => api.cancelOrder(orderId, ''));
      /** The numbers of the other parts may be those of other orders too: only what TWS shows as ours is cancelled. */
      const notTaken = (index: number, error: QuantlineError): void => {
        if (untaken.size === 0) {
          for (const [, { orderId }] of shown.values()) cancel(orderId!);
          later(
            () => ambiguous(`A part of it was not taken: ${error.message} The rest is cancelled.`, error),
            SETTLE_MS,
          );
        }
        untaken.add(index);
        if (untaken.size === parts.length) reject(error);
      };
      const failed = (index: number, code: number, message: string): void => {
        const meaning = meaningOf(code, message);
        if (meaning === 'info') logger.info(`${instrument}: TWS: ${message} (${code})`);
        else if (meaning === 'read-only') reject(readOnlyError());
        // A cancelled order has been one: it is shown as such.
        else if (meaning === 'canceled') later(() => answer(true), 50);
        else if (meaning === 'duplicate-id' || meaning === 'not-connected')
          notTaken(index, sendFailure(instrument, code, message));
        else {
          // No part of a group may stay behind: neither exits without their entry nor an entry without its exits.
          if (parts.length > 1) for (const { orderId } of orders) if (orderId !== first + index) cancel(orderId);
          const alone = index === 0 && parts.slice(1).every(({ child }) => child);
          if (alone) reject(sendFailure(instrument, code, message));
          else ambiguous(`A part of it was refused: ${message} (${code}); the rest is cancelled.`);
        }
      };
      cleanup.push(
        session.onEnd((error) => ambiguous(error.message, error)),
        session.listen({
          openOrder: (_id: number, about: Contract, order: Order, state: OrderState) => {
            if (!orders.some(({ orderRef }) => orderRef === order.orderRef)) return;
            if (shown.size === 0) later(() => answer(true), SETTLE_MS);
            if (untaken.size > 0 && !shown.has(order.orderRef!)) cancel(order.orderId!);
            shown.set(order.orderRef!, [about, order, state]);
            answer(false);
          },
          orderStatus: (
            _id: number,
            status: string,
            filled: number,
            _r: number,
            averagePrice: number,
            permId: number,
          ) => {
            reports.set(permId, { status, filled, averagePrice });
            answer(false);
          },
          error: (error: Error, code: number, id: number) => {
            const index = orders.findIndex(({ orderId }) => orderId === id);
            if (index >= 0) failed(index, code, error.message);
          },
        }),
      );
      cleanup.push(
        deadline(timeoutMs, ending, () => ambiguous(`TWS did not show it ${deadlineText(timeoutMs, ending)}.`)),
      );
      for (const order of orders) session.send((api) => api.placeOrder(order.orderId, contract, order));
    });
  } finally {
    for (const each of cleanup) each();
  }
}
