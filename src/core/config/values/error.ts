import { QuantlineError } from '../../errors/index.js';

/** A value that cannot be read. `column` counts from 1 within `text`; without it the whole text is meant. */
export function valueError(text: string, expected: string, column?: number): QuantlineError {
  const where = column === undefined ? '' : ` at column ${column}`;
  return new QuantlineError('USAGE', `cannot read "${text}"${where}: ${expected}`, {
    details: column === undefined ? { text } : { text, column },
  });
}
