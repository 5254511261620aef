import type { Format } from '../core/config/index.js';
import { QuantlineError } from '../core/errors/index.js';
import { isOutputTerminal } from '../core/platform/index.js';
import type { Context, Outcome } from './base.js';
import { type Cell, render, type Table, writeOutput } from './output.js';

type Row = Readonly<Record<string, string | null>>;

interface BookOptions {
  readonly format: Format;
  readonly watch?: number | undefined;
}

/** Prints rows of the journal, once or again and again under --watch until a signal comes. */
export async function showBook(
  context: Context<'positions' | 'orders'> & { readonly options: BookOptions },
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
  if (context.global.json) {
    throw new QuantlineError('USAGE', '--watch and --json exclude each other: --json prints one document.', {
      hint: 'Leave one of them out.',
    });
  }
  const { clock } = await context.runtime();
  for (;;) {
    const { text } = await output();
    // Clears the screen and goes to its top.
    writeOutput(`${isOutputTerminal() ? '\u001b[2J\u001b[H' : ''}${context.redact(text)}\n`);
    await clock.sleep(watch, context.signal);
  }
}

/** Every column, in a table for people with at most six decimals; CSV holds the text as it is. */
const tableOf = (columns: readonly string[], rows: readonly Row[], format: Format): Table => ({
  columns,
  rows: rows.map((row) => columns.map((column): Cell => (format === 'table' ? shorten(row[column]) : row[column]))),
  alignRight: columns.map((column) => rows.length > 0 && rows.every((row) => isDecimal(row[column]))),
});

const isDecimal = (text: string | null | undefined): boolean => text === null || /^-?\d+(\.\d+)?$/.test(text ?? 'x');

function shorten(text: string | null | undefined): Cell {
  if (text === null || text === undefined || !/^-?\d+\.\d{7,}$/.test(text)) return text;
  return Number(text)
    .toFixed(6)
    .replace(/\.?0+$/, '');
}
