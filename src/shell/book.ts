import type { CommandId, Format } from '../core/config/index.js';
import { isOutputTerminal } from '../core/platform/index.js';
import type { Context, Outcome } from './base.js';
import { type Cell, render, type Table, writeOutput } from './output.js';

type Value = string | number | boolean | null;
type Row = Readonly<Record<string, Value>>;

interface BookOptions {
  readonly format: Format;
  readonly watch?: number | undefined;
}

/** Prints rows of journal and venue, once or again and again under --watch until a signal comes. */
export async function showBook(
  context: Pick<Context<CommandId>, 'global' | 'redact' | 'signal' | 'runtime'> & { readonly options: BookOptions },
  columns: readonly string[],
  empty: string,
  read: () => Promise<readonly object[]>,
): Promise<Outcome> {
  const { format, watch } = context.options;
  const output = async (): Promise<{ rows: readonly Row[]; text: string }> => {
    const rows = (await read()) as readonly Row[];
    const text =
      format === 'json' ? JSON.stringify(rows, undefined, 2) : await render(tableOf(columns, rows, format), format);
    return { rows, text };
  };
  if (watch === undefined) {
    const { rows, text } = await output();
    return { text, json: rows, ...(rows.length === 0 ? { summary: empty } : {}) };
  }
  const { clock } = await context.runtime();
  for (;;) {
    const { rows, text } = await output();
    // One document a line for machines; a screen that is cleared, and written from its top, for people.
    const shown = context.global.json
      ? JSON.stringify(rows)
      : `${isOutputTerminal() ? '\u001b[2J\u001b[H' : ''}${rows.length === 0 && format === 'table' ? empty : text}`;
    if (!writeOutput(`${context.redact(shown)}\n`)) return { text: '', json: rows };
    await clock.sleep(watch, context.signal);
  }
}

/** Every column, in a table for people with at most six decimals; CSV holds the text as it is. */
const tableOf = (columns: readonly string[], rows: readonly Row[], format: Format): Table => ({
  columns,
  rows: rows.map((row) => columns.map((column): Cell => (format === 'table' ? shorten(row[column]) : row[column]))),
  alignRight: columns.map((column) => rows.length > 0 && rows.every((row) => isDecimal(row[column]))),
});

const isDecimal = (value: Value | undefined): boolean =>
  value === null || typeof value === 'number' || /^-?\d+(\.\d+)?$/.test(String(value ?? 'x'));

function shorten(value: Value | undefined): Cell {
  const long = typeof value === 'number' ? !Number.isInteger(value) : /^-?\d+\.\d{7,}$/.test(String(value));
  if (value === null || value === undefined || !long) return value;
  return Number(value)
    .toFixed(6)
    .replace(/\.?0+$/, '');
}
