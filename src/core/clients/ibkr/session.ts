import type { EventName, IBApi } from '@stoqey/ib';
import { QuantlineError } from '../../errors/index.js';
import { deadline, deadlineText, type Logger } from '../../platform/index.js';
import { connectivity, meaningOf, readOnlyError, serverLostError } from './codes.js';

/** Handlers by the vendor's event names. */
export type Handlers = Readonly<Partial<Record<`${EventName}`, (...args: never[]) => void>>>;

/** One question: what to send, and which events answer it. */
export interface Question {
  readonly send: (api: IBApi) => void;
  readonly on: Handlers;
}

export interface Answer<T> {
  /** Number of the request, where the message has one. */
  readonly id: number;
  readonly done: (value: T) => void;
  readonly fail: (error: unknown) => void;
}

export interface SessionOptions {
  readonly service: string;
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** Once it aborts, a question has a few seconds left. */
  readonly ending?: AbortSignal | undefined;
}

/** Numbers of requests and of orders share one space in error messages; orders count up from a small one. */
const FIRST_REQUEST = 1_000_000_000;

/**
 * One connection to TWS or IB Gateway, from its handshake to its end; never reconnected, because the vendor's client
 * keeps what was sent into a dead connection and sends it on the next one, however old it is by then.
 */
export class IbkrSession {
  /** Why it has ended; undefined while it lives. */
  ended: QuantlineError | undefined;
  /** TWS has no connection to Interactive Brokers. */
  lost = false;
  private requests = FIRST_REQUEST;
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly enders = new Set<(error: QuantlineError) => void>();

  constructor(
    private readonly api: IBApi,
    private readonly options: SessionOptions,
    readonly clientId: number,
    readonly accounts: readonly string[],
    private nextOrder: number,
  ) {
    this.listen({
      disconnected: () => this.end('the connection was closed'),
      error: (error: Error, code: number, id: number) => this.notice(code, error.message, id),
      info: (message: string, code: number) => this.notice(code, message, -1),
      nextValidId: (id: number) => {
        // It may roll back after a restart; a number is never used twice in one session.
        this.nextOrder = Math.max(this.nextOrder, id);
      },
    });
  }

  private notice(code: number, message: string, id: number): void {
    const change = connectivity(code);
    if (change !== undefined) this.lost = change === 'lost';
    if (id === -1 && change !== undefined) this.options.logger.warn(`${this.options.service}: ${message} (${code})`);
    else this.options.logger.debug(`${this.options.service}: ${message} (${code})`);
  }

  /** Adds handlers until the returned function is called. A handler that throws ends nothing but its event. */
  listen(handlers: Handlers): () => void {
    const added = Object.entries(handlers).map(([event, handler]) => {
      const guarded = (...args: unknown[]): void => {
        try {
          (handler as (...args: unknown[]) => void)(...args);
        } catch (error) {
          this.options.logger.warn(`${this.options.service}: ${event} could not be read: ${(error as Error).message}`);
        }
      };
      const emitter = this.api as unknown as NodeJS.EventEmitter;
      emitter.on(event, guarded);
      return () => void emitter.off(event, guarded);
    });
    return () => {
      for (const remove of added) remove();
    };
  }

  /** Called once when the session ends. */
  onEnd(listener: (error: QuantlineError) => void): () => void {
    this.enders.add(listener);
    return () => this.enders.delete(listener);
  }

  /** Asks one question. Messages without a number are asked one at a time, by `queue`. UNAVAILABLE without an answer. */
  ask<T>(what: string, question: (answer: Answer<T>) => Question, queue?: string): Promise<T> {
    if (queue === undefined) return this.askNow(what, question);
    const turn = (this.queues.get(queue) ?? Promise.resolve()).catch(() => {}).then(() => this.askNow(what, question));
    this.queues.set(queue, turn);
    return turn;
  }

  private async askNow<T>(what: string, question: (answer: Answer<T>) => Question): Promise<T> {
    if (this.ended !== undefined) throw this.ended;
    if (this.lost) throw serverLostError();
    const { service, timeoutMs, ending } = this.options;
    const id = this.requests++;
    const cleanup: (() => void)[] = [];
    try {
      return await new Promise<T>((done, fail) => {
        const late = (): void =>
          fail(
            new QuantlineError(
              'UNAVAILABLE',
              `${service}: no complete answer to ${what} ${deadlineText(timeoutMs, ending)}.`,
              { hint: 'Try again in a moment.' },
            ),
          );
        cleanup.push(deadline(timeoutMs, ending, late), this.onEnd(fail));
        const { send, on } = question({ id, done, fail });
        cleanup.push(
          this.listen(on),
          this.listen({
            error: (error: Error, code: number, about: number) => {
              if (about === id) this.refuse(what, code, error.message, fail);
            },
            info: (message: string, code: number) => {
              if (meaningOf(code, message) === 'read-only') fail(readOnlyError());
            },
          }),
        );
        send(this.api);
      });
    } finally {
      for (const each of cleanup) each();
    }
  }

  private refuse(what: string, code: number, message: string, fail: (error: unknown) => void): void {
    const meaning = meaningOf(code, message);
    if (meaning === 'info') return;
    fail(
      meaning === 'read-only'
        ? readOnlyError()
        : new QuantlineError(
            'UNAVAILABLE',
            `${this.options.service}: ${what} was not answered: ${message} (${code}).`,
            {
              hint: meaning === 'busy' ? 'Lower maxRequestsPerSecond.' : 'Try again in a moment.',
              details: { code },
            },
          ),
    );
  }

  /** So many numbers for orders, never used in this session before. */
  orderIds(count: number): number {
    const first = this.nextOrder;
    this.nextOrder += count;
    return first;
  }

  /** Orders seen on the wire with numbers of this client: theirs are not given out again. */
  usedOrderId(id: number): void {
    if (id > 0 && id < FIRST_REQUEST) this.nextOrder = Math.max(this.nextOrder, id + 1);
  }

  /** Sends without waiting for anything. */
  send(send: (api: IBApi) => void): void {
    if (this.ended !== undefined) throw this.ended;
    send(this.api);
  }

  end(reason: string): void {
    if (this.ended !== undefined) return;
    this.ended = new QuantlineError('UNAVAILABLE', `${this.options.service}: ${reason}.`, {
      hint: 'TWS and IB Gateway restart once a day; try again in a moment.',
    });
    for (const ender of [...this.enders]) ender(this.ended);
    this.api.disconnect();
    this.api.removeAllListeners();
    // A socket error after the end must not become an uncaught one.
    this.api.on('error' as EventName.error, () => {});
  }
}
