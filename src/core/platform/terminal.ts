import { isatty } from 'node:tty';

/** Whether a person can be asked: both ends are a terminal. */
export const isInteractive = (): boolean => isatty(0) && isatty(2);

/** Whether stderr is a terminal that can show a moving spinner; on one without a width it would clear lines for ever. */
export const isLiveTerminal = (): boolean =>
  isatty(2) && process.stderr.columns !== 0 && process.env['TERM'] !== 'dumb' && !process.env['CI'];

/** Whether stdout is a terminal. */
export const isOutputTerminal = (): boolean => isatty(1);
