import { ERROR_CODES, type ExitName, isQuantlineError } from '../../errors/index.js';

/** One finding. `skip`: there is nothing to check. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  readonly detail: string;
  readonly hint: string | null;
  /** What a failure means for the exit code. */
  readonly exit: ExitName;
}

export const ok = (check: string, detail: string): Finding => ({ check, status: 'ok', detail, hint: null, exit: 'ok' });
export const skip = (check: string, detail: string): Finding => ({ ...ok(check, detail), status: 'skip' });
export const warn = (check: string, detail: string, hint: string | null): Finding => ({
  ...ok(check, detail),
  ...{ status: 'warn', hint },
});
export const fail = (check: string, detail: string, hint: string | null, exit: ExitName): Finding => ({
  ...{ check, status: 'fail', detail, hint, exit },
});

/** What an error means; what is no error of ours is a defect and is thrown on. */
export function failure(check: string, error: unknown): Finding {
  if (!isQuantlineError(error)) throw error;
  return fail(check, error.message, error.hint ?? null, ERROR_CODES[error.code]);
}
