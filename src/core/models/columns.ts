import { QuantlineError } from '../errors/index.js';

/** MISMATCH where a model file was made from other columns: another number of them, or other names where it has names. */
export function requireColumns(
  what: string,
  model: { readonly count: number; readonly names?: readonly string[] },
  columns: readonly string[],
): void {
  const hint = 'The model file belongs to another feature set; train the model again.';
  if (model.count !== columns.length)
    throw new QuantlineError('MISMATCH', `${what} ${model.count} columns, the features make ${columns.length}.`, {
      hint,
    });
  const { names = [] } = model;
  const other = names.length === columns.length ? columns.findIndex((name, c) => names[c] !== name) : -1;
  if (other >= 0)
    throw new QuantlineError(
      'MISMATCH',
      `${what} ${names[other]} as column ${other + 1}, the features make ${columns[other]}.`,
      { hint },
    );
}
