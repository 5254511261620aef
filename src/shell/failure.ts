import { EXIT_CODES, isQuantlineError, QuantlineError } from '../core/errors/index.js';
import { storageError } from '../core/platform/index.js';
import { userModuleOf } from '../core/registry/index.js';
import { writeMessage, writeOutput } from './output.js';

/** The document printed on stdout under --json when a command fails (schemas/error.json). */
export interface ErrorDocument {
  readonly error: {
    readonly code: string;
    readonly exit_code: number;
    readonly message: string;
    readonly hint: string | null;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

export interface FailureOptions {
  readonly json: boolean;
  /** Prints the stack of a bug. */
  readonly debug: boolean;
  readonly redact?: (text: string) => string;
}

/** Turns whatever was thrown into the one error class. What is not known is a bug. */
export function toQuantlineError(error: unknown): QuantlineError {
  if (isQuantlineError(error)) return error;
  if (error instanceof AggregateError && error.errors.length > 0) {
    const first = toQuantlineError(error.errors[0]);
    const more = error.errors.slice(1).map((other) => toQuantlineError(other).message);
    return new QuantlineError(first.code, [first.message, ...more].join('\n'), {
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      details: first.details,
      cause: error,
    });
  }
  if (error instanceof Error) {
    const path = (error as NodeJS.ErrnoException).path;
    const storage = storageError(error, path ?? 'the output');
    if (isQuantlineError(storage)) return storage;
    if ((error as { oclif?: unknown }).oclif !== undefined) return parserError(error);
    if (error.name === 'ExitPromptError' || error.name === 'AbortError') {
      return new QuantlineError('INTERRUPTED', 'Interrupted.', { cause: error });
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  const own = error instanceof Error ? userModuleOf(error) : undefined;
  if (own !== undefined) {
    return new QuantlineError('INPUT', `${own}: ${message}`, {
      hint: 'Correct the module; --log-level debug prints the line.',
      cause: error,
    });
  }
  return new QuantlineError('BUG', `Unexpected error: ${message}`, {
    hint: 'This is a defect of Quantline. Run again with --log-level debug and report what it prints.',
    cause: error,
  });
}

/** oclif's parser errors carry argv and the whole configuration: only the message is kept. */
function parserError(error: Error): QuantlineError {
  const message = error.message.replace(/\n*See more help with --help\s*$/, '').trim();
  const text = message
    .replace(/^Nonexistent flags?: /, 'Unknown flag: ')
    .replace(/^Unexpected arguments?: /, 'Unexpected argument: ')
    .replace(/^Missing 1 required arg:\n(\S+)\s+(.*)$/s, 'Missing argument: $1. $2');
  return new QuantlineError('USAGE', text, { hint: 'See --help.' });
}

/** Reports an error on stderr, under --json also as a document on stdout, and returns the exit code. */
export function reportFailure(thrown: unknown, options: FailureOptions): number {
  const error = toQuantlineError(thrown);
  const redact = options.redact ?? ((text: string) => text);
  const lines = [`Error: ${error.message}`];
  if (error.hint !== undefined) lines.push(`  ${error.hint}`);
  if (options.debug) lines.push(stackOf(error));
  writeMessage(`${redact(lines.join('\n'))}\n`);
  if (options.json) {
    try {
      writeOutput(`${redact(JSON.stringify(errorDocument(error), undefined, 2))}\n`);
    } catch {
      // The output is what failed; the message on stderr has said so.
    }
  }
  return error.exitCode;
}

export function errorDocument(error: QuantlineError): ErrorDocument {
  return {
    error: {
      code: error.code,
      exit_code: error.exitCode ?? EXIT_CODES.bug,
      message: error.message,
      hint: error.hint ?? null,
      details: error.details,
    },
  };
}

function stackOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) parts.push(at.stack ?? at.message);
  return parts.join('\ncaused by: ');
}
