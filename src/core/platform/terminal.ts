import { isatty } from 'node:tty';

/** Whether a person can be asked: both ends are a terminal. */
export const isInteractive = (): boolean => isatty(0) && isatty(2);

/** Whether stderr is a terminal that can show a moving spinner; on one without a width it would clear lines for ever. */
export const isLiveTerminal = (
  { isTTY, columns }: { readonly isTTY?: boolean; readonly columns: number } = process.stderr,
  { TERM, CI }: { readonly TERM?: string; readonly CI?: string } = process.env,
): boolean => isTTY === true && columns !== 0 && TERM !== 'dumb' && !CI;

/** Whether stdout is a terminal. */
export const isOutputTerminal = (): boolean => isatty(1);
