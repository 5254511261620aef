import { channel } from 'node:diagnostics_channel';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectEncrypted, type TLSSocket } from 'node:tls';
import { NotHttp, type ResponseReader } from './response.js';

/** Idle connections are kept for the next request, for less time than servers keep them (5 s and more). */
const KEEP_MS = 4000;
/** A server's own word is taken with this much to spare. */
const SPARE_MS = 1000;

/** Published when the system has taken the last byte of a request: `{ method }`. */
const written = channel('quantline.request.written');

interface Exchange {
  readonly reader: ResponseReader;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One connection; one request at a time. */
class Connection {
  readonly socket: Socket;
  private current: Exchange | undefined;

  constructor(
    private readonly pool: Pool,
    socket: Socket,
  ) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.receive(bytes));
    socket.on('end', () => this.ended());
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.ended());
    socket.on('timeout', () => socket.destroy());
  }

  /** Writes a request in one piece and reads its answer into `reader`. */
  run(request: string | Uint8Array, method: string, reader: ResponseReader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.current = { reader, resolve, reject };
      this.socket.write(request, () => {
        if (written.hasSubscribers) written.publish({ method });
      });
    });
  }

  /** Nothing is asked for a while. */
  rest(ms: number): void {
    this.socket.setTimeout(ms);
    this.socket.unref();
  }

  wake(): void {
    this.socket.setTimeout(0);
    this.socket.ref();
  }

  private receive(bytes: Buffer): void {
    const { current } = this;
    try {
      if (current === undefined) throw new NotHttp('an answer that nobody asked for');
      current.reader.push(bytes);
      if (current.reader.done) this.finish(current);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private ended(): void {
    const { current } = this;
    this.pool.forget(this);
    if (current?.reader.end() === true) this.finish(current);
    else if (current !== undefined)
      this.fail(Object.assign(new Error('the connection ended early'), { code: 'ECONNRESET' }));
  }

  private fail(error: Error): void {
    const { current } = this;
    this.current = undefined;
    this.pool.forget(this);
    this.socket.destroy();
    current?.reject(error);
  }

  private finish({ reader, resolve }: Exchange): void {
    this.current = undefined;
    const ms = Math.min(KEEP_MS, reader.keptMs - SPARE_MS);
    if (reader.reusable && ms > 0) this.pool.keep(this, ms);
    else this.socket.destroy();
    resolve();
  }
}

/** The connections to one origin. */
export class Pool {
  private readonly free: Connection[] = [];
  private session: Buffer | undefined;

  constructor(private readonly origin: URL) {}

  /** A connection that nothing uses, the one used last first, or a new one. */
  take(): Connection {
    for (let found = this.free.pop(); found !== undefined; found = this.free.pop()) {
      if (found.socket.destroyed || !found.socket.writable) continue;
      found.wake();
      return found;
    }
    return this.open();
  }

  keep(connection: Connection, ms: number): void {
    connection.rest(ms);
    this.free.push(connection);
  }

  forget(connection: Connection): void {
    const at = this.free.indexOf(connection);
    if (at >= 0) this.free.splice(at, 1);
  }

  /** Opens connections until `count` wait; resolves once each is open, or has failed, which the next request meets. */
  async prepare(count: number): Promise<void> {
    const missing = Math.max(0, count - this.free.length);
    await Promise.all(
      Array.from({ length: missing }, async () => {
        const connection = this.open();
        const { socket } = connection;
        await new Promise<void>((resolve) => {
          socket.once(this.encrypted ? 'secureConnect' : 'connect', () => {
            this.keep(connection, KEEP_MS);
            resolve();
          });
          socket.once('close', () => resolve());
        });
      }),
    );
  }

  private get encrypted(): boolean {
    return this.origin.protocol === 'https:';
  }

  private open(): Connection {
    const { hostname, port } = this.origin;
    const host = hostname.replace(/^\[|\]$/g, '');
    if (!this.encrypted) return new Connection(this, connectPlain({ host, port: Number(port || 80) }));
    const socket: TLSSocket = connectEncrypted({
      ...{ host, port: Number(port || 443), ALPNProtocols: ['http/1.1'] },
      ...(isIP(host) === 0 && { servername: host }),
      ...(this.session !== undefined && { session: this.session }),
    });
    socket.on('session', (session) => {
      this.session = session;
    });
    return new Connection(this, socket);
  }
}
