import { ERROR_CODES, type ErrorCode, EXIT_CODES } from './table.js';

export { ERROR_CODES, type ErrorCode, EXIT_CODES, type ExitName } from './table.js';

export interface ErrorOptions {
  /** The next thing to do, one sentence, imperative. */
  readonly hint?: string;
  /** Facts for machines: file, line, column, symbol … Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The only error class that crosses a layer. Anything else that reaches the shell is a bug (exit 1). */
export class QuantlineError extends Error {
  override readonly name = 'QuantlineError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return EXIT_CODES[ERROR_CODES[this.code]];
  }
}

export const isQuantlineError = (value: unknown): value is QuantlineError => value instanceof QuantlineError;

/** Narrows what JavaScript cannot: a state that correct code never reaches. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new QuantlineError('BUG', message);
}
