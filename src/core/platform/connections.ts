import type { Socket } from 'node:net';
import type { buildConnector, Pool } from 'undici';

/** Idle connections are kept for the next request, for less time than servers keep them (5 s and more). */
const KEEP_MS = 4000;
/** A server's own word is taken with this much to spare. */
const SPARE_MS = 1000;

/** What ends a waiting connection. */
const ENDS = ['end', 'timeout', 'error'] as const;

function drop(this: Socket): void {
  this.destroy();
}

/** The connections to one origin: undici's, and some that were opened ahead and that it has not asked for yet. */
export class Connections {
  readonly pool: Pool;
  private readonly ready: Socket[] = [];
  private readonly open: buildConnector.connector;
  private readonly target: buildConnector.Options;

  private constructor(undici: typeof import('undici'), { origin, hostname, host, protocol, port }: URL) {
    this.target = { host, hostname: hostname.replace(/^\[|\]$/g, ''), protocol, port };
    this.open = undici.buildConnector({});
    this.pool = new undici.Pool(origin, {
      // Deadlines are the caller's.
      ...{ headersTimeout: 0, bodyTimeout: 0 },
      ...{ keepAliveTimeout: KEEP_MS, keepAliveMaxTimeout: KEEP_MS, keepAliveTimeoutThreshold: SPARE_MS },
      connect: (options, done) => {
        const socket = this.take();
        if (socket === undefined) this.open(options, done);
        // undici does not expect it within its own call.
        else queueMicrotask(() => done(null, socket));
      },
    });
  }

  /** undici is loaded by the first call of a service. */
  static async to(origin: URL): Promise<Connections> {
    return new Connections(await import('undici'), origin);
  }

  /** Opens connections until `count` wait; resolves once each is open, or has failed, which the next request meets. */
  async prepare(count: number): Promise<void> {
    const ready = this.ready.filter((socket) => !socket.destroyed);
    this.ready.splice(0, this.ready.length, ...ready);
    const missing = Math.max(0, count - ready.length - this.pool.stats.free);
    await Promise.all(Array.from({ length: missing }, () => this.one()));
  }

  private one(): Promise<void> {
    return new Promise((resolve) => {
      this.open(this.target, (error, socket) => {
        if (error === null) this.keep(socket!);
        resolve();
      });
    });
  }

  private keep(socket: Socket): void {
    for (const event of ENDS) socket.on(event, drop);
    socket.setTimeout(KEEP_MS);
    socket.unref();
    this.ready.push(socket);
  }

  private take(): Socket | undefined {
    for (let socket = this.ready.pop(); socket !== undefined; socket = this.ready.pop()) {
      // What came before anything was asked is no answer.
      if (socket.readableLength > 0) socket.destroy();
      if (socket.destroyed) continue;
      for (const event of ENDS) socket.off(event, drop);
      socket.setTimeout(0);
      socket.ref();
      return socket;
    }
    return undefined;
  }
}
