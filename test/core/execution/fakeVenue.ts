import { add, compare, isZero, negate, subtract, sum } from '../../../src/core/domain/decimal.js';
import type { OrderStatus } from '../../../src/core/domain/orders.js';
import { QuantlineError } from '../../../src/core/errors/index.js';
import {
  type Broker,
  type BrokerAccount,
  type BrokerAsset,
  type BrokerCapabilities,
  type BrokerClock,
  type BrokerEvent,
  type BrokerExecution,
  type BrokerOrder,
  type BrokerPosition,
  type ExecutionPage,
  type OrderRequest,
  sendError,
} from '../../../src/core/execution/index.js';
import type { Clock } from '../../../src/core/platform/index.js';
import { isTerminal } from '../../../src/core/state/index.js';

export type Operation = 'account' | 'positions' | 'open' | 'lookup' | 'submit' | 'cancel' | 'replace' | 'executions';

/**
 * `lost-before`: nothing happened, no answer. `lost-after`: it happened, no answer. `reject`, `throttle`: a clear no.
 * `fail`: a read that fails.
 */
export type Fault = 'lost-before' | 'lost-after' | 'reject' | 'throttle' | 'fail';

interface Booked {
  readonly venueOrderId: string;
  readonly clientOrderId: string;
  readonly request: OrderRequest;
  readonly acceptedAt: number;
  status: OrderStatus;
  venueStatus: string;
  filled: string;
  replacedBy?: string;
  replaces?: string;
  /** Not shown by look-ups and lists before this instant. */
  visibleFrom: number;
}

/** A venue in memory with a ledger of every order that it ever accepted, and faults on demand. */
export class FakeVenue implements Broker {
  readonly venue = 'fake';
  capabilities: BrokerCapabilities = {
    clientOrderIds: true,
    orderTypes: new Set(['market', 'limit', 'stop', 'stop_limit']),
    timesInForce: new Set(['day', 'gtc']),
    notional: true,
    fractional: true,
    short: true,
    extendedHours: false,
    attachedProtection: false,
    oco: false,
    trailingStop: false,
    replace: true,
    stream: false,
  };
  /** Client ids in order of acceptance. */
  readonly accepted: string[] = [];
  readonly orders = new Map<string, Booked>();
  readonly trades: BrokerExecution[] = [];
  /** What its stream has said since the beginning. */
  readonly told: BrokerEvent[] = [];
  /** Client ids that came while another order for their instrument was open. */
  readonly doubled: string[] = [];
  /** Newest trades that the list of executions does not show yet. */
  lagging = 0;
  readonly external = new Map<string, string>();
  readonly calls: Operation[] = [];
  fault: (operation: Operation) => Fault | undefined = () => undefined;
  /** How long new orders stay invisible, in milliseconds. */
  invisible = 0;
  page = 3;
  private ids = 0;

  constructor(private readonly time: Clock) {}

  private read<T>(operation: Operation, answer: () => T): Promise<T> {
    this.calls.push(operation);
    const fault = this.fault(operation);
    if (fault === undefined) return Promise.resolve(answer());
    return Promise.reject(new QuantlineError('UNAVAILABLE', `${operation} answered 500`));
  }

  account(): Promise<BrokerAccount> {
    return this.read('account', () => ({
      id: 'A1',
      currency: 'USD',
      cash: '100000',
      equity: '100000',
      buyingPower: '100000',
      lastEquity: undefined,
      blocked: false,
      shortingEnabled: true,
      paper: true,
    }));
  }

  async clock(): Promise<BrokerClock> {
    return { now: this.time.now(), open: true, nextOpen: undefined, nextClose: undefined };
  }

  async asset(instrument: string): Promise<BrokerAsset> {
    return { instrument, tradable: true, shortable: true, fractionable: true };
  }

  held(instrument: string): string {
    const quantities = this.trades
      .filter((trade) => trade.instrument === instrument)
      .map((trade) => {
        const signed = trade.side === 'buy' ? trade.quantity : negate(trade.quantity);
        return trade.kind === 'bust' ? negate(signed) : signed;
      });
    return sum([...quantities, this.external.get(instrument) ?? '0']);
  }

  positions(): Promise<readonly BrokerPosition[]> {
    return this.read('positions', () => {
      const names = new Set([...this.trades.map((trade) => trade.instrument), ...this.external.keys()]);
      return [...names]
        .map((instrument) => ({ instrument, quantity: this.held(instrument), averagePrice: '1', marketPrice: '1' }))
        .filter((row) => !isZero(row.quantity));
    });
  }

  openOrders(): Promise<readonly BrokerOrder[]> {
    return this.read('open', () =>
      [...this.orders.values()].filter((o) => !isTerminal(o.status) && this.visible(o)).map((o) => this.view(o)),
    );
  }

  orderByClientId(id: string): Promise<BrokerOrder | undefined> {
    return this.read('lookup', () => {
      const order = [...this.orders.values()].find((o) => o.clientOrderId === id && this.visible(o));
      return order === undefined ? undefined : this.view(order);
    });
  }

  orderByVenueId(id: string): Promise<BrokerOrder | undefined> {
    return this.read('lookup', () => {
      const order = this.orders.get(id);
      return order === undefined || !this.visible(order) ? undefined : this.view(order);
    });
  }

  private act<T>(operation: Operation, action: () => T): Promise<T> {
    this.calls.push(operation);
    const fault = this.fault(operation);
    const refuse = (error: unknown) => Promise.reject(error);
    if (fault === 'reject') return refuse(sendError('rejected', `${operation} refused`));
    if (fault === 'throttle')
      return refuse(sendError('not_sent', 'too many requests', { retryAt: this.time.now() + 50 }));
    if (fault === 'lost-before' || fault === 'fail') return refuse(sendError('ambiguous', `${operation}: no answer`));
    try {
      const result = action();
      if (fault === 'lost-after') return refuse(sendError('ambiguous', `${operation}: connection lost`));
      return Promise.resolve(result);
    } catch (error) {
      return refuse(error);
    }
  }

  submit(request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    return this.act('submit', () => {
      const alive = this.open().some((order) => order.request.instrument === request.instrument);
      const order = this.accept(request, clientOrderId);
      if (alive) this.doubled.push(clientOrderId);
      return this.view(order);
    });
  }

  private accept(request: OrderRequest, clientOrderId: string): Booked {
    if (this.accepted.includes(clientOrderId)) throw sendError('duplicate', 'client order id must be unique');
    this.accepted.push(clientOrderId);
    const order: Booked = {
      venueOrderId: `v${++this.ids}`,
      clientOrderId,
      request,
      acceptedAt: this.time.now(),
      status: 'accepted',
      venueStatus: 'new',
      filled: '0',
      visibleFrom: this.time.now() + this.invisible,
    };
    this.orders.set(order.venueOrderId, order);
    this.tell(order);
    return order;
  }

  /** Announces an order as it is now. */
  tell(order: Booked, execution?: BrokerExecution): void {
    this.told.push({ type: 'order', order: this.view(order), ...(execution !== undefined && { execution }) });
  }

  cancel(venueOrderId: string): Promise<void> {
    return this.act('cancel', () => {
      const order = this.orders.get(venueOrderId);
      if (order === undefined || isTerminal(order.status)) return;
      order.status = 'pending_cancel';
      this.tell(order);
    });
  }

  replace(venueOrderId: string, request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    return this.act('replace', () => {
      const old = this.orders.get(venueOrderId)!;
      if (isTerminal(old.status)) throw sendError('rejected', 'order is not open');
      const fresh = this.accept(request, clientOrderId);
      fresh.replaces = old.venueOrderId;
      old.replacedBy = fresh.venueOrderId;
      old.status = 'replaced';
      this.tell(old);
      return this.view(fresh);
    });
  }

  executions(cursor: string | undefined): Promise<ExecutionPage> {
    return this.read('executions', () => {
      const from = Number(cursor ?? 0);
      const visible = this.trades.slice(0, Math.max(0, this.trades.length - this.lagging));
      this.lagging = Math.max(0, this.lagging - 1);
      const executions = visible.slice(from, from + this.page);
      return { executions, cursor: String(from + executions.length) };
    });
  }

  async close(): Promise<void> {}

  private visible(order: Booked): boolean {
    return this.time.now() >= order.visibleFrom;
  }

  private view(order: Booked): BrokerOrder {
    const { request } = order;
    return {
      venueOrderId: order.venueOrderId,
      clientOrderId: order.clientOrderId,
      instrument: request.instrument,
      side: request.side,
      type: request.type,
      status: order.status,
      venueStatus: order.venueStatus,
      quantity: request.quantity,
      notional: request.notional,
      filledQuantity: order.filled,
      averagePrice: undefined,
      limitPrice: request.limitPrice,
      stopPrice: request.stopPrice,
      submittedAt: order.acceptedAt,
      updatedAt: this.time.now(),
      ...(order.replacedBy === undefined ? {} : { replacedBy: order.replacedBy }),
      ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
    };
  }

  find(clientOrderId: string): Booked | undefined {
    return [...this.orders.values()].find((order) => order.clientOrderId === clientOrderId);
  }

  /** Fills part of an order; more than is left is cut. */
  fill(order: Booked, quantity: string, price = '100'): BrokerExecution | undefined {
    const left = subtract(order.request.quantity!, order.filled);
    const filled = compare(quantity, left) < 0 ? quantity : left;
    if (isZero(filled)) return undefined;
    order.filled = add(order.filled, filled);
    if (order.filled === order.request.quantity) order.status = 'filled';
    else if (order.status === 'accepted') order.status = 'partially_filled';
    const { instrument, side } = order.request;
    const trade: BrokerExecution = {
      executionId: `x${this.trades.length + 1}`,
      venueOrderId: order.venueOrderId,
      clientOrderId: undefined,
      instrument,
      side,
      quantity: filled,
      price,
      time: this.time.now(),
      kind: 'fill',
    };
    this.trades.push(trade);
    this.tell(order, trade);
    return trade;
  }

  /** Takes an execution back. */
  bust(trade: BrokerExecution): void {
    const executionId = `x${this.trades.length + 1}`;
    const execution: BrokerExecution = { ...trade, executionId, kind: 'bust', refersTo: trade.executionId };
    this.trades.push(execution);
    this.told.push({ type: 'execution', execution });
    const order = this.orders.get(trade.venueOrderId)!;
    order.filled = subtract(order.filled, trade.quantity);
  }

  open(): readonly Booked[] {
    return [...this.orders.values()].filter((order) => !isTerminal(order.status));
  }

  finishCancels(): void {
    for (const order of this.open()) if (order.status === 'pending_cancel') order.status = 'canceled';
  }
}
