import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { decode, encode } from '@msgpack/msgpack';
import { type WebSocket, WebSocketServer } from 'ws';
import { Contract } from '../contract.js';
import type { FakeFill, FakeOrder } from './book.js';
import { orderJson } from './render.js';
import type { FakeAlpaca } from './server.js';

/** The venue's two websockets: trade updates (JSON in binary frames) and market data (MessagePack). */
export class FakeStreams {
  /** HTTP status with which the next connections are refused. */
  readonly refuse: number[] = [];
  /** Errors with which the next order streams are refused after their authentication, one a connection. */
  readonly refuseListening: { readonly code: number; readonly text: string }[] = [];
  /** Answers pings, but sends no events. */
  mute = false;
  /** Names of events that are lost. */
  readonly lose = new Set<string>();
  duplicate = false;
  /** Keeps events back until `flush`, then sends them in reverse. */
  reorder = false;
  revoked = false;
  connections = 0;
  /** Error that the next market data subscription gets. */
  subscribeError: { code: number; msg: string } | undefined;
  readonly subscriptions: Record<string, unknown>[] = [];
  private readonly held: unknown[] = [];
  private readonly server = new WebSocketServer({ noServer: true });
  private readonly trading = new Set<WebSocket>();
  private readonly data = new Set<WebSocket>();
  private readonly contract = Contract.load('alpaca-streams');

  constructor(private readonly venue: FakeAlpaca) {}

  attach(server: Server): void {
    server.on('upgrade', (request, socket: Duplex, head) => {
      const status = this.refuse.shift();
      if (status !== undefined) {
        socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
        return;
      }
      this.server.handleUpgrade(request, socket, head, (ws) => {
        this.connections++;
        if (request.url === '/stream') this.openTrading(ws);
        else this.openData(ws);
      });
    });
  }

  private openTrading(ws: WebSocket): void {
    const refusal = this.refuseListening.shift();
    const send = (value: unknown, schema: string) => {
      this.venue.violations.push(...this.contract.message(schema, value));
      ws.send(Buffer.from(JSON.stringify(value)));
    };
    ws.on('message', (raw: Buffer) => {
      const message = JSON.parse(raw.toString('utf8')) as {
        action?: string;
        data?: { key_id?: string; secret_key?: string };
      };
      if (message.action === 'authenticate') {
        const { id, secret } = this.venue.keys;
        const good = !this.revoked && message.data?.key_id === id && message.data.secret_key === secret;
        send(
          { stream: 'authorization', data: { status: good ? 'authorized' : 'unauthorized', action: 'authenticate' } },
          'TradingAuthorizationResponse',
        );
      } else if (message.action === 'listen') {
        this.venue.violations.push(...this.contract.message('TradingListenRequest', message));
        if (refusal !== undefined) {
          send({ stream: 'error', data: { error_message: refusal.text, code: refusal.code } }, 'TradingErrorResponse');
          return;
        }
        this.trading.add(ws);
        send({ stream: 'listening', data: { streams: ['trade_updates'] } }, 'TradingListeningResponse');
      }
    });
    ws.on('close', () => this.trading.delete(ws));
  }

  private openData(ws: WebSocket): void {
    const send = (frames: Record<string, unknown>[], schema?: string) => {
      if (schema !== undefined)
        for (const frame of frames) this.venue.violations.push(...this.contract.message(schema, frame));
      ws.send(encode(frames));
    };
    send([{ T: 'success', msg: 'connected' }], 'ControlSuccess');
    const subscribed: Record<string, unknown> = {};
    ws.on('message', (raw: Buffer) => {
      const message = decode(raw) as Record<string, unknown>;
      if (message['action'] === 'auth') {
        this.venue.violations.push(...this.contract.message('AuthRequest', message));
        const good =
          !this.revoked && message['key'] === this.venue.keys.id && message['secret'] === this.venue.keys.secret;
        if (good) send([{ T: 'success', msg: 'authenticated' }], 'ControlSuccess');
        else send([{ T: 'error', code: 402, msg: 'auth failed' }], 'ControlError');
      } else if (message['action'] === 'subscribe') {
        this.venue.violations.push(...this.contract.message('SubscribeRequest', message));
        this.subscriptions.push(message);
        if (this.subscribeError !== undefined) return send([{ T: 'error', ...this.subscribeError }], 'ControlError');
        const { action, ...channels } = message;
        Object.assign(subscribed, channels);
        this.data.add(ws);
        send([{ T: 'subscription', ...subscribed }], 'SubscriptionState');
      }
    });
    ws.on('close', () => this.data.delete(ws));
  }

  tradeUpdate(event: string, order: FakeOrder, fill?: FakeFill): void {
    const position = this.venue.book.positions.get(order.symbol)?.qty ?? 0;
    const message = {
      stream: 'trade_updates',
      data: {
        event,
        timestamp: new Date(this.venue.now()).toISOString(),
        ...(fill === undefined
          ? {}
          : { execution_id: fill.id, price: fill.price, qty: fill.qty, position_qty: String(position) }),
        order: eventOrder(orderJson(this.venue.book, order, false)),
      },
    };
    this.venue.violations.push(...this.contract.message('TradeUpdate', message));
    if (this.mute || this.lose.has(event)) return;
    if (this.reorder) {
      this.held.unshift(message);
      return;
    }
    this.send(message);
    if (this.duplicate) this.send(message);
  }

  /** Sends any message to the listeners, unchecked. */
  send(message: unknown): void {
    for (const ws of this.trading) ws.send(Buffer.from(JSON.stringify(message)));
  }

  flush(): void {
    for (const message of this.held.splice(0)) this.send(message);
  }

  /** Sends frames on the market data stream; `schema` checks them first. */
  sendData(frames: Record<string, unknown>[], schema?: string): void {
    if (schema !== undefined)
      for (const frame of frames) this.venue.violations.push(...this.contract.message(schema, frame));
    for (const ws of this.data)
      ws.send(
        encode(frames.map((frame) => (typeof frame['t'] === 'string' ? { ...frame, t: new Date(frame['t']) } : frame))),
      );
  }

  /** Ends every connection without a closing handshake. */
  drop(): void {
    for (const ws of [...this.server.clients]) ws.terminate();
  }

  close(): void {
    this.drop();
    this.server.close();
  }
}

/** The stream's order has fewer fields than the REST one, and leaves out what is null. */
function eventOrder(order: Record<string, unknown>): Record<string, unknown> {
  const fewer = new Set(['asset_id', 'notional', 'order_class', 'trail_percent', 'trail_price', 'hwm']);
  return Object.fromEntries(Object.entries(order).filter(([name, value]) => !fewer.has(name) && value !== null));
}
