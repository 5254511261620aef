import { parentPort, type Worker } from 'node:worker_threads';
import { ERROR_CODES, type ErrorCode, isQuantlineError, QuantlineError } from '../errors/index.js';

interface Failure {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** What a worker answers. An error's class would be lost between threads, so what matters of it is written out. */
type Answer<T> = { readonly value: T } | { readonly failure: Failure };

/** In a worker: answers each message of `callWorker` with what `answer` gives or throws. */
export function answerCalls<M, T>(answer: (message: M) => T | Promise<T>): void {
  const port = parentPort!;
  port.on('message', async (message: M) => {
    let reply: Answer<T>;
    try {
      reply = { value: await answer(message) };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      reply = {
        failure: isQuantlineError(error) ? { code: error.code, message: text, hint: error.hint } : { message: text },
      };
    }
    port.postMessage(reply);
  });
}

export interface CallOptions {
  /** Who the worker is, as a sentence begins: `A worker of the sweep`. */
  readonly who: string;
  /** Ends the waiting with its reason; the worker itself goes on. */
  readonly signal?: AbortSignal;
}

/**
 * Sends a message to a worker that runs `answerCalls` and gives its answer. Throws what it threw (as QuantlineError where
 * it was one), MEMORY where the worker ran out of it, BUG where it failed or ended otherwise.
 */
export function callWorker<T>(worker: Worker, message: unknown, { who, signal }: CallOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const settle = (act: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const onMessage = (answer: Answer<T>) =>
      settle(() => ('value' in answer ? resolve(answer.value) : reject(thrown(who, answer.failure))));
    const onError = (error: unknown) => settle(() => reject(workerError(who, error)));
    const onExit = (code: number) =>
      settle(() => reject(new QuantlineError('BUG', `${who} ended early (exit code ${code}).`)));
    const onAbort = () => settle(() => reject(signal!.reason));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.postMessage(message);
  });
}

function thrown(who: string, { code, message, hint }: Failure): QuantlineError {
  if (code === undefined) return new QuantlineError('BUG', `${who} failed: ${message}`);
  return new QuantlineError(code, message, hint === undefined ? {} : { hint });
}

/** What a worker died of; what it threw and nobody caught has lost its class, but not its properties. */
export function workerError(who: string, cause: unknown): QuantlineError {
  const { code, message, hint } = cause as { code?: string; message: string; hint?: string };
  if (code !== undefined && code in ERROR_CODES) return thrown(who, { code: code as ErrorCode, message, hint });
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new QuantlineError('MEMORY', `${who} ran out of memory.`, {
      hint: 'Use fewer --threads, a shorter range or fewer features.',
      cause,
    });
  }
  return new QuantlineError('BUG', `${who} failed: ${String(cause)}`, { cause });
}
