import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { DONE, TwsBook, type TwsExecution, type TwsOrder } from './book.js';
import * as wire from './wire.js';

/** What a fault may do with one message of a client. */
export interface TwsFault {
  /** Lets TWS act; with `silent`, nothing of what it says is sent. */
  readonly process: (silent?: boolean) => void;
  readonly error: (code: number, message: string, id?: number) => void;
  /** Drops the connection. */
  readonly drop: () => void;
  readonly send: (fields: readonly wire.Field[]) => void;
  /** Writes bytes as they are. */
  readonly raw: (bytes: Buffer) => void;
  readonly fields: readonly string[];
}
export type Fault = (fault: TwsFault) => void;

interface Client {
  readonly socket: Socket;
  id: number;
  ready: boolean;
}

/**
 * TWS on loopback, in its wire format: its own order book, ledger of accepted orders, accounts and contracts, and faults
 * by message. The vendor's client connects to it as to the real one.
 */
export class FakeTws {
  readonly contracts: wire.TwsContract[] = [
    { conId: 265598, symbol: 'AAPL', primaryExch: 'NASDAQ', currency: 'USD' },
    { conId: 272093, symbol: 'MSFT', primaryExch: 'NASDAQ', currency: 'USD' },
    { conId: 72063691, symbol: 'BRK B', primaryExch: 'NYSE', currency: 'USD' },
  ];
  accounts = ['DU1234567'];
  readonly book: TwsBook;
  /** Messages received, by name and with their fields. */
  readonly requests: { readonly name: string; readonly fields: readonly string[]; readonly clientId: number }[] = [];
  /** Next order number that is given to a client. */
  nextId = 1;
  readOnly = false;
  /** Quotes are those of a quarter of an hour ago: there is no subscription. */
  delayed = false;
  /** −1: as many as one likes. */
  dayTradesRemaining = '-1';
  /** Announce nothing about executions as they happen. */
  mute = false;
  /** Announces everything twice. */
  twice = false;
  /** Client ids that other programs hold. */
  readonly taken = new Set<number>();
  /** No records of orders and executions before this instant. */
  recordsFrom = 0;
  /** Sent to each client right after its handshake. */
  greeting: readonly (readonly wire.Field[])[] = [
    wire.errorMessage(-1, 2104, 'Market data farm connection is OK:usfarm'),
  ];
  now: () => number;
  private readonly faults: { name: string; fault: Fault; times: number }[] = [];
  private readonly clients = new Set<Client>();
  private silent = false;
  private server!: Server;

  private constructor(now: () => number) {
    this.now = now;
    this.book = new TwsBook(() => ({ text: easternText(this.now()), at: this.now() }), {
      order: (order) => this.tellOrder(order),
      execution: (one) => this.tellExecution(one),
      costs: (one) => {
        if (!this.mute) this.tell(one.order.clientId, wire.commissionReport(one));
      },
    });
  }

  static async start(now: () => number = Date.now, port = 0): Promise<FakeTws> {
    const fake = new FakeTws(now);
    await fake.listen(port);
    return fake;
  }

  private async listen(port: number): Promise<void> {
    // A reply of several messages would wait for the client's acknowledgement of the first one.
    this.server = createServer({ noDelay: true }, (socket) => this.connect(socket));
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Arms a fault for the next `times` messages of a name. */
  arm(name: wire.MessageName, fault: Fault, times = 1): void {
    this.faults.push({ name, fault, times });
  }

  disarm(): void {
    this.faults.length = 0;
  }

  count(name: wire.MessageName): number {
    return this.requests.filter((one) => one.name === name).length;
  }

  /** Tells every client something that nobody asked for. */
  notice(code: number, message: string): void {
    for (const client of this.clients) if (client.ready) this.write(client, wire.errorMessage(-1, code, message));
  }

  dropAll(): void {
    for (const { socket } of this.clients) socket.destroy();
  }

  /** The nightly restart: connections end, the port is closed for a while; numbers may start again. */
  async restart(whileDown: () => void | Promise<void> = () => {}): Promise<void> {
    const { port } = this;
    await this.close();
    await whileDown();
    await this.listen(port);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.dropAll();
    await closed;
  }

  private connect(socket: Socket): void {
    const client: Client = { socket, id: -1, ready: false };
    const unframer = new wire.Unframer();
    let greeted = false;
    this.clients.add(client);
    socket.on('close', () => this.clients.delete(client));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const fields of unframer.push(data)) {
        if (!greeted) {
          greeted = true;
          socket.write(wire.frame([wire.SERVER_VERSION, `${easternText(this.now())}`]));
        } else this.receive(client, fields);
      }
    });
  }

  private write(client: Client, fields: readonly wire.Field[]): void {
    if (!this.silent && !client.socket.destroyed) client.socket.write(wire.frame(fields));
  }

  private tell(clientId: number, fields: readonly wire.Field[]): void {
    for (const client of this.clients)
      if (client.id === clientId && client.ready)
        for (let i = 0; i < (this.twice ? 2 : 1); i++) this.write(client, fields);
  }

  private tellOrder(order: TwsOrder): void {
    if (this.mute) return;
    if (!DONE.has(order.status)) this.tell(order.clientId, wire.openOrder(order));
    this.tell(order.clientId, wire.orderStatus(order));
  }

  private tellExecution(one: TwsExecution): void {
    if (!this.mute) this.tell(one.order.clientId, wire.execution(-1, one));
  }

  private receive(client: Client, fields: readonly string[]): unknown {
    const name = wire.IN[Number(fields[0]) as keyof typeof wire.IN];
    if (name === undefined) throw new Error(`the fake does not know message ${fields[0]}`);
    this.requests.push({ name, fields, clientId: client.id });
    const armed = this.faults.find((one) => one.times > 0 && one.name === name);
    if (armed === undefined) return this.act(client, name, fields);
    armed.times--;
    armed.fault({
      process: (silent = false) => {
        this.silent = silent;
        try {
          this.act(client, name, fields);
        } finally {
          this.silent = false;
        }
      },
      error: (code, message, id = Number(fields[1])) => this.write(client, wire.errorMessage(id, code, message)),
      drop: () => client.socket.destroy(),
      send: (message) => this.write(client, message),
      raw: (bytes) => void client.socket.write(bytes),
      fields,
    });
  }

  private act(client: Client, name: wire.MessageName, f: readonly string[]): unknown {
    const send = (...fields: wire.Field[]): void => this.write(client, fields);
    const request = Number(f[2]);
    if (
      this.readOnly &&
      !['startApi', 'reqCurrentTime', 'reqContractDetails', 'reqMarketDataType', 'reqMktData'].includes(name)
    )
      return this.write(
        client,
        wire.errorMessage(
          name === 'placeOrder' ? Number(f[1]) : name === 'reqExecutions' ? request : -1,
          321,
          "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode.",
        ),
      );
    switch (name) {
      case 'startApi':
        return this.startApi(client, Number(f[2]));
      case 'placeOrder':
        return this.place(client, wire.readOrder(f));
      case 'cancelOrder':
        return this.cancel(client, Number(f[2]));
      case 'reqIds':
        return send(9, 1, this.nextId);
      case 'reqAllOpenOrders':
        for (const order of this.book.open()) {
          const own =
            order.clientId === client.id ? order : { ...order, orderId: order.clientId === 0 ? 0 : order.orderId };
          this.write(client, wire.openOrder(own));
          this.write(client, wire.orderStatus(own));
        }
        return send(53, 1);
      case 'reqCompletedOrders':
        for (const order of this.book.orders)
          if (DONE.has(order.status) && order.gone !== true)
            this.write(
              client,
              wire.completedOrder(
                order.status === 'Rejected' ? { ...order, status: 'Inactive' } : order,
                easternText(this.now()),
              ),
            );
        return send(102);
      case 'reqExecutions': {
        const listed = this.book.executions.filter(({ at }) => at >= this.recordsFrom);
        for (const one of listed) this.write(client, wire.execution(request, one));
        send(55, 1, request);
        if (!this.book.rules.noCosts) for (const one of listed) this.write(client, wire.commissionReport(one));
        return;
      }
      case 'reqCurrentTime':
        return send(49, 1, Math.floor(this.now() / 1000));
      case 'reqPositions':
        for (const { contract, quantity, cost } of this.book.positions.values())
          this.write(client, wire.position(this.accounts[0]!, contract, quantity, cost));
        return send(62, 1);
      case 'reqAccountSummary': {
        const values = {
          ...{ NetLiquidation: '100000.00', TotalCashValue: '100000.00', BuyingPower: '400000.00' },
          PreviousDayEquityWithLoanValue: '99000.00',
          AccountReady: 'true',
          DayTradesRemaining: this.dayTradesRemaining,
        };
        for (const account of this.accounts)
          for (const [tag, value] of Object.entries(values)) send(63, 1, request, account, tag, value, 'USD');
        return send(64, 1, request);
      }
      case 'reqMktData': {
        const price = this.book.prices.get(f[4]!);
        if (price === undefined)
          return this.write(client, wire.errorMessage(request, 354, 'Requested market data is not subscribed.'));
        const [bid, ask, last, time] = this.delayed ? [66, 67, 68, 88] : [1, 2, 4, 45];
        this.write(client, wire.dataType(request, this.delayed ? 3 : 1));
        this.write(client, wire.tickPrice(request, bid!, price - 0.05));
        this.write(client, wire.tickPrice(request, ask!, price + 0.05));
        this.write(client, wire.tickPrice(request, last!, price));
        const at = this.now() - (this.delayed ? 900_000 : 1000);
        this.write(client, wire.tickString(request, time!, String(Math.floor(at / 1000))));
        return this.write(client, wire.snapshotEnd(request));
      }
      case 'reqContractDetails': {
        const found = this.contracts.filter(
          (one) => one.symbol === f[4] && (f[11] === '' || one.primaryExch === f[11]) && one.currency === f[12],
        );
        if (found.length === 0)
          return this.write(
            client,
            wire.errorMessage(request, 200, 'No security definition has been found for the request'),
          );
        for (const one of found) this.write(client, wire.contractData(request, one));
        return send(52, 1, request);
      }
      default:
        return undefined;
    }
  }

  /** The day changes: completed orders and executions of before are gone. */
  newDay(): void {
    this.recordsFrom = this.now();
    for (const order of this.book.orders) if (DONE.has(order.status)) order.gone = true;
  }

  private startApi(client: Client, id: number): void {
    if (this.taken.has(id) || [...this.clients].some((other) => other !== client && other.ready && other.id === id)) {
      this.write(
        client,
        wire.errorMessage(
          -1,
          326,
          'Unable to connect as the client id is already in use. Retry with a unique client id.',
        ),
      );
      client.socket.end();
      return;
    }
    client.id = id;
    client.ready = true;
    this.write(client, [15, 1, this.accounts.join(',')]);
    this.write(client, [9, 1, this.nextId]);
    for (const message of this.greeting) this.write(client, message);
  }

  private place(client: Client, order: ReturnType<typeof wire.readOrder>): unknown {
    const refuse = (code: number, message: string): void =>
      this.write(client, wire.errorMessage(order.orderId, code, message));
    const contract = this.contracts.find((one) => one.conId === order.conId && one.symbol === order.symbol);
    if (contract === undefined) return refuse(200, 'No security definition has been found for the request');
    const same = this.book.orders.find(
      (one) => one.clientId === client.id && one.orderId === order.orderId && !this.forgottenIds.has(one),
    );
    // The same order under the number of one that works changes that one.
    const alike = same?.orderRef === order.orderRef && same.action === order.action && same.total === order.total;
    const changes = same !== undefined && alike && !DONE.has(same.status);
    if (same !== undefined && !changes) return refuse(103, 'Duplicate order id');
    if (!this.accounts.includes(order.account)) return refuse(321, 'Invalid account code');
    if (!(order.total > 0)) return refuse(434, 'The order size cannot be zero');
    for (const price of [order.lmtPrice, order.auxPrice])
      if (price !== undefined && Math.abs(price * 100 - Math.round(price * 100)) > 1e-9)
        return refuse(110, 'The price does not conform to the minimum price variation for this contract.');
    this.nextId = Math.max(this.nextId, order.orderId + 1);
    if (changes) this.book.change(same, order);
    else this.book.add(order, contract, client.id);
  }

  /** After a restart old numbers may be given out again. */
  readonly forgottenIds = new Set<TwsOrder>();

  private cancel(client: Client, orderId: number): unknown {
    const order = this.book.orders.findLast((one) => one.clientId === client.id && one.orderId === orderId);
    if (order === undefined)
      return this.write(
        client,
        wire.errorMessage(orderId, 10147, `OrderId ${orderId} that needs to be cancelled is not found.`),
      );
    if (DONE.has(order.status))
      return this.write(
        client,
        wire.errorMessage(
          orderId,
          10148,
          `OrderId ${orderId} that needs to be cancelled can not be cancelled, state: ${order.status}.`,
        ),
      );
    this.book.cancel(order);
    this.write(client, wire.errorMessage(orderId, 202, 'Order Canceled - reason:'));
  }
}

/** New York's time as TWS writes it. */
export function easternText(at: number): string {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-US', {
      timeZone: 'America/New_York',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  return `${parts['year']}${parts['month']}${parts['day']} ${parts['hour']}:${parts['minute']}:${parts['second']} US/Eastern`;
}
