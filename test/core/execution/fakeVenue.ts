import { isZero } from '../../../src/core/domain/decimal.js';
import { QuantlineError } from '../../../src/core/errors/index.js';
import {
  type Broker,
  type BrokerAccount,
  type BrokerAsset,
  type BrokerCapabilities,
  type BrokerClock,
  type BrokerExecution,
  type BrokerOrder,
  type BrokerPosition,
  type ExecutionPage,
  type OrderRequest,
  sendError,
} from '../../../src/core/execution/index.js';
import { isTerminal } from '../../../src/core/state/index.js';

import { type Booked, FakeBook, type Place } from './fakeBook.js';

export type Operation = 'account' | 'positions' | 'open' | 'lookup' | 'submit' | 'cancel' | 'replace' | 'executions';

/**
 * `lost-before`: nothing happened, no answer. `lost-after`: it happened, no answer. `half`: the first of several orders
 * arrived, no answer. `reject`, `throttle`: a clear no. `fail`: a read that fails.
 */
export type Fault = 'lost-before' | 'lost-after' | 'half' | 'reject' | 'throttle' | 'fail';

/** A venue in memory with a ledger of every order that it ever accepted, and faults on demand. */
export class FakeVenue extends FakeBook implements Broker {
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
  /** Client ids that came while another order for their instrument was open. */
  readonly doubled: string[] = [];
  /** Newest trades that the list of executions does not show yet. */
  lagging = 0;
  readonly calls: Operation[] = [];
  fault: (operation: Operation) => Fault | undefined = () => undefined;
  /** How long it asks to wait where it is asked too often, in milliseconds. */
  throttledFor = 50;
  /** Told of each order that it takes, replacements excepted. */
  onAccept: (request: OrderRequest, clientOrderId: string) => void = () => {};
  page = 3;
  /** Whether the client ids of its ledger are those that were sent: some vendors keep none. */
  keepsClientIds = true;

  /** A read that may fail. */
  read<T>(operation: Operation, answer: () => T): Promise<T> {
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
    return { now: this.now(), open: true, nextOpen: undefined, nextClose: undefined };
  }

  async asset(instrument: string): Promise<BrokerAsset> {
    return { instrument, tradable: true, shortable: true, fractionable: true };
  }

  positions(): Promise<readonly BrokerPosition[]> {
    return this.read('positions', () => {
      const names = new Set([...this.bought().keys(), ...this.external.keys()]);
      return [...names]
        .map((instrument) => ({ instrument, quantity: this.held(instrument), averagePrice: '1', marketPrice: '1' }))
        .filter((row) => !isZero(row.quantity));
    });
  }

  openOrders(): Promise<readonly BrokerOrder[]> {
    return this.read('open', () =>
      this.open()
        .filter((o) => this.visible(o) && (o.parent === undefined || isTerminal(o.parent.status)))
        .map((o) => this.view(o)),
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

  private ask<T>(operation: Operation, action: (fault: Fault | undefined) => T): Promise<T> {
    this.calls.push(operation);
    const fault = this.fault(operation);
    const refuse = (error: unknown) => Promise.reject(error);
    if (fault === 'reject') return refuse(sendError('rejected', `${operation} refused`));
    if (fault === 'throttle')
      return refuse(sendError('not_sent', 'too many requests', { retryAt: this.now() + this.throttledFor }));
    if (fault === 'lost-before' || fault === 'fail') return refuse(sendError('ambiguous', `${operation}: no answer`));
    try {
      const result = action(fault);
      if (fault === 'lost-after' || fault === 'half')
        return refuse(sendError('ambiguous', `${operation}: connection lost`));
      return Promise.resolve(result);
    } catch (error) {
      return refuse(error);
    }
  }

  submit(request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    return this.ask('submit', (fault) => {
      const alive = this.open().some(
        ({ request: { instrument }, external }) => instrument === request.instrument && external !== true,
      );
      const order = this.accept(request, clientOrderId);
      this.onAccept(request, clientOrderId);
      if (fault !== 'half') this.hang(request, order);
      // Whoever flattens does not wait for the end of a cancel.
      if (alive && request.purpose !== 'flatten') this.doubled.push(clientOrderId);
      return this.view(order);
    });
  }

  private accept(request: OrderRequest, clientOrderId: string, place: Place = {}): Booked {
    if (this.accepted.includes(clientOrderId)) throw sendError('duplicate', 'client order id must be unique');
    this.accepted.push(clientOrderId);
    return this.add(request, clientOrderId, place);
  }

  cancel(venueOrderId: string): Promise<void> {
    return this.ask('cancel', () => {
      const order = this.orders.get(venueOrderId);
      if (order === undefined || isTerminal(order.status)) return;
      for (const each of this.group(order)) {
        if (isTerminal(each.status)) continue;
        each.status = 'pending_cancel';
        this.tell(each);
      }
    });
  }

  replace(venueOrderId: string, request: OrderRequest, clientOrderId: string): Promise<BrokerOrder> {
    return this.ask('replace', () => {
      const old = this.orders.get(venueOrderId)!;
      if (isTerminal(old.status) || old.status === 'pending_cancel') throw sendError('rejected', 'order is not open');
      // It takes the old one's place in its group, and its own exits with it.
      const { parent, triggered } = old;
      const fresh = this.accept(request, clientOrderId, { parent, triggered });
      fresh.replaces = old.venueOrderId;
      old.replacedBy = fresh.venueOrderId;
      old.status = 'replaced';
      this.tell(old);
      this.moveHanging(old, fresh);
      return this.view(fresh);
    });
  }

  /** The other one of a pair stays; what an entry was to arm or to trigger comes anew with its replacement. */
  private moveHanging(old: Booked, fresh: Booked): void {
    const { either, stopLoss, opens } = old.request;
    const pair = either !== undefined || (opens === false && stopLoss !== undefined);
    if (pair) fresh.request = { ...fresh.request, ...(either === undefined ? { stopLoss: stopLoss! } : { either }) };
    else this.hang(fresh.request, fresh);
    for (const each of this.hanging(old)) {
      if (pair) each.parent = fresh;
      else if (!isTerminal(each.status)) this.end(each, 'canceled');
    }
  }

  /** Other prices for an order that stays the same one. */
  amendPrices(venueOrderId: string, prices: Pick<OrderRequest, 'limitPrice' | 'stopPrice'>): Promise<void> {
    return this.ask('replace', () => {
      const order = this.orders.get(venueOrderId)!;
      if (isTerminal(order.status)) throw sendError('rejected', 'order is not open');
      order.request = { ...order.request, ...prices };
      this.tell(order);
    });
  }

  executions(cursor: string | undefined): Promise<ExecutionPage> {
    return this.read('executions', () => {
      const from = Number(cursor ?? 0);
      const executions = this.showTrades().slice(from, from + this.page);
      return { executions, cursor: String(from + executions.length) };
    });
  }

  /** Trades as a list of executions shows them now. */
  showTrades(): readonly BrokerExecution[] {
    const visible = this.trades.slice(0, Math.max(0, this.trades.length - this.lagging));
    this.lagging = Math.max(0, this.lagging - 1);
    return visible;
  }

  async close(): Promise<void> {}
}
