import type { CommissionReport, Contract, Execution, Order, OrderState } from '@stoqey/ib';
import { ibkrTime } from '../../clients/ibkr/index.js';
import { decimal, type OrderStatus } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import type { Attachment, BrokerExecution, BrokerOrder, VenueOrderType } from '../broker.js';

/**
 * TWS's messages as the port's values. An order is known by its permId, which the account gives out and keeps, and by
 * orderRef, our client order id; the order number changes its owner after a restart and names nothing here.
 */
const STATUSES: Readonly<Record<string, OrderStatus>> = {
  ApiPending: 'accepted',
  PendingSubmit: 'accepted',
  PreSubmitted: 'accepted',
  Submitted: 'accepted',
  PendingCancel: 'pending_cancel',
  Cancelled: 'canceled',
  ApiCancelled: 'canceled',
  Filled: 'filled',
};

const TYPES: Readonly<Record<string, VenueOrderType>> = {
  MKT: 'market',
  MOC: 'market',
  LMT: 'limit',
  LOC: 'limit',
  STP: 'stop',
  'STP LMT': 'stop_limit',
  TRAIL: 'trailing_stop',
};

/** Ends of the orderRef of attached exits, and of the second of two entries; what precedes is the client order id. */
export const LEG = { target: '/tp', stop: '/sl', second: '/2' } as const;

const LEGS = [
  [LEG.target, 'target'],
  [LEG.stop, 'stop'],
  [LEG.second, 'entry'],
] as const;

/** What an order hangs on, by its orderRef; undefined for an order of its own. */
export function attachmentOf(ref: string): Attachment | undefined {
  for (const [end, leg] of LEGS) if (ref.endsWith(end)) return { clientOrderId: ref.slice(0, -end.length), leg };
  return undefined;
}

/** Whose an order or an execution is: exits and second entries belong to the first order and have no id of their own. */
function belongs(ref: string): Pick<BrokerOrder, 'clientOrderId' | 'attachedTo'> {
  const attachedTo = attachmentOf(ref);
  if (attachedTo !== undefined) return { clientOrderId: undefined, attachedTo };
  return { clientOrderId: ref === '' ? undefined : ref };
}

/** An order as TWS shows it, with what only this connection can use. */
export interface SeenOrder {
  readonly ref: string;
  /** Number by which the client that placed it cancels it; 0 where there is none. */
  readonly orderId: number;
  readonly clientId: number | undefined;
  readonly order: BrokerOrder;
  /** As TWS showed it, to be sent again with another price. */
  readonly raw: { readonly contract: Contract; readonly order: Order };
}

export const unreadable = (what: string, lacking: string): QuantlineError =>
  new QuantlineError('UNAVAILABLE', `TWS's ${what} lacks ${lacking}; it is not acted on.`, {
    hint: 'Try again in a moment; if it stays, a newer version of Quantline is needed.',
  });

/** TWS sends doubles: their shortest text. The largest double stands for "not set". */
function text(value: number | undefined): string | undefined {
  return value === undefined || !Number.isFinite(value) || value === Number.MAX_VALUE
    ? undefined
    : decimal.decimalText(value);
}

const price = (value: number | undefined): string | undefined => (value === 0 ? undefined : text(value));

/** Our id of a stock; other kinds get one that no stock has. IBKR writes classes of shares with a blank. */
export function instrumentOf(contract: Contract, what: string): string {
  const symbol = contract.symbol;
  if (symbol === undefined || symbol === '') throw unreadable(what, 'its symbol');
  const own = symbol.replaceAll(' ', '.');
  return contract.secType === 'STK' ? own : `${contract.secType ?? '?'}:${contract.localSymbol || own}`;
}

export const symbolOf = (instrument: string): string => instrument.replaceAll('.', ' ');

/** Progress of an open order: comes in a message of its own. */
export interface StatusReport {
  readonly status: string;
  readonly filled: number | undefined;
  readonly averagePrice: number | undefined;
}

export function openOrder(contract: Contract, order: Order, state: OrderState, report?: StatusReport): SeenOrder {
  const venueStatus = report?.status ?? state.status;
  const filled = report?.filled ?? 0;
  const known = STATUSES[venueStatus as string] ?? 'unknown';
  return seen(contract, order, {
    venueStatus: String(venueStatus),
    // An inactive order may be refused or only held: it counts as open until it is listed as completed.
    status: known === 'accepted' && filled > 0 ? 'partially_filled' : known,
    quantity: text(order.totalQuantity),
    filledQuantity: text(filled)!,
    averagePrice: price(report?.averagePrice),
    updatedAt: undefined,
    ...(state.warningText ? { reason: state.warningText } : {}),
  });
}

export function completedOrder(contract: Contract, order: Order, state: OrderState, zone: string): SeenOrder {
  const venueStatus = String(state.status);
  const said = state.completedStatus ?? '';
  const filled = order.filledQuantity ?? 0;
  const ended: OrderStatus = /expired/i.test(said)
    ? 'expired'
    : venueStatus === 'Filled'
      ? 'filled'
      : venueStatus === 'Inactive' && filled === 0
        ? 'rejected'
        : 'canceled';
  // The total is not kept for all completed orders.
  const total = order.totalQuantity ?? 0;
  return seen(contract, order, {
    venueStatus,
    status: ended,
    quantity: total > 0 ? text(total) : ended === 'filled' ? text(filled) : undefined,
    filledQuantity: text(filled)!,
    averagePrice: undefined,
    updatedAt: ibkrTime(state.completedTime, zone),
    ...(said === '' ? {} : { reason: said }),
  });
}

type Progress = Pick<BrokerOrder, 'venueStatus' | 'status' | 'quantity' | 'filledQuantity' | 'averagePrice'> &
  Pick<BrokerOrder, 'updatedAt' | 'reason'>;

function seen(contract: Contract, order: Order, progress: Progress): SeenOrder {
  const { permId, orderId, clientId, action, orderType } = order;
  if (permId === undefined || permId === 0) throw unreadable('order', 'permId');
  if (action !== 'BUY' && action !== 'SELL' && (action as string) !== 'SSHORT') throw unreadable('order', 'action');
  const ref = order.orderRef ?? '';
  const type = TYPES[orderType as string] ?? 'other';
  const stop = type === 'stop' || type === 'stop_limit';
  return {
    ref,
    orderId: orderId ?? 0,
    clientId,
    raw: { contract, order },
    order: {
      venueOrderId: String(permId),
      ...belongs(ref),
      instrument: instrumentOf(contract, 'order'),
      side: action === 'BUY' ? 'buy' : 'sell',
      type,
      notional: undefined,
      limitPrice: type === 'limit' || type === 'stop_limit' ? price(order.lmtPrice) : undefined,
      stopPrice: stop ? price(order.auxPrice) : type === 'trailing_stop' ? price(order.trailStopPrice) : undefined,
      submittedAt: undefined,
      ...progress,
    },
  };
}

/** Orders with their exits and second entries hung on them, those of orders that are gone beside them. */
export function withLegs(list: readonly SeenOrder[]): readonly SeenOrder[] {
  const legs = new Map<string, BrokerOrder[]>();
  for (const { order } of list) {
    const parent = order.attachedTo?.clientOrderId;
    if (parent !== undefined) legs.set(parent, [...(legs.get(parent) ?? []), order]);
  }
  return list.map((one) => {
    const own = one.ref === '' ? undefined : legs.get(one.ref);
    return own === undefined ? one : { ...one, order: { ...one.order, legs: own } };
  });
}

/**
 * An execution. A corrected one comes again with the last number of its id raised: it stands in the place of the one
 * before, and earlier ones are void.
 */
export function executionsFrom(
  contract: Contract,
  execution: Execution,
  report: CommissionReport | undefined,
  zone: string,
): readonly BrokerExecution[] {
  const { execId, permId, side, shares, price: paid } = execution;
  const time = ibkrTime(execution.time, zone);
  const quantity = text(shares);
  const at = text(paid);
  if (execId === undefined || execId === '') throw unreadable('execution', 'execId');
  if (permId === undefined || permId === 0) throw unreadable('execution', 'permId');
  if (side !== 'BOT' && side !== 'SLD') throw unreadable('execution', 'side');
  if (quantity === undefined || quantity.startsWith('-') || at === undefined)
    throw unreadable('execution', 'quantity or price');
  if (time === undefined) throw unreadable('execution', 'time');
  const parts = /^(.*\.)(\d+)$/.exec(execId);
  const version = parts === null ? 1 : Number(parts[2]);
  const earlier = (n: number): string => `${parts![1]}${String(n).padStart(parts![2]!.length, '0')}`;
  const costs = report?.commission === undefined ? undefined : text(report.commission);
  const common = {
    venueOrderId: String(permId),
    ...belongs(execution.orderRef ?? ''),
    instrument: instrumentOf(contract, 'execution'),
    side: side === 'BOT' ? ('buy' as const) : ('sell' as const),
    quantity,
    price: at,
    time,
  };
  const stale = Array.from({ length: Math.max(0, version - 2) }, (_, k) => ({
    ...common,
    executionId: `${earlier(k + 1)}/void`,
    kind: 'bust' as const,
    refersTo: earlier(k + 1),
  }));
  return [
    ...stale,
    {
      ...common,
      executionId: execId,
      ...(version > 1 ? { kind: 'correction', refersTo: earlier(version - 1) } : { kind: 'fill' }),
      ...(costs === undefined ? {} : { costs }),
    },
  ];
}
