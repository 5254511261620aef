import { EXIT_CODES, QuantlineError } from '../core/errors/index.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interruption {
  /** Aborted by the first signal, with an INTERRUPTED error as its reason. */
  readonly signal: AbortSignal;
  dispose(): void;
}

/** Turns the first signal into an abort, so that stages clean up; a second one ends the process at once. */
export function interruption(): Interruption {
  const controller = new AbortController();
  const listener = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT_CODES.interrupted);
    controller.abort(
      new QuantlineError('INTERRUPTED', `Interrupted by ${name}.`, { hint: 'Run the same command again to continue.' }),
    );
  };
  for (const name of SIGNALS) process.on(name, listener);
  return {
    signal: controller.signal,
    dispose() {
      for (const name of SIGNALS) process.off(name, listener);
    },
  };
}
