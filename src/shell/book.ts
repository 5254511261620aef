import type { CommandId, Format } from '../core/config/index.js';
import { isQuantlineError } from '../core/errors/index.js';
import { isOutputTerminal, isoTime } from '../core/platform/index.js';
import type { Context, Outcome } from './base.js';
import { type Cell, render, type Table, writeMessage, writeOutput } from './output.js';
import { Screen } from './screen.js';

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
  const watched = watch !== undefined && isOutputTerminal() && !context.global.json;
  // A screen is narrow: columns in which nothing stands make room.
  const shown = (rows: readonly Row[]) =>
    watched ? columns.filter((column) => rows.some((row) => (row[column] ?? '') !== '')) : columns;
  const output = async (): Promise<{ rows: readonly Row[]; text: string }> => {
    const rows = (await read()) as readonly Row[];
    const text =
      format === 'json' ? JSON.stringify(rows, undefined, 2) : await render(tableOf(shown(rows), rows, format), format);
    return { rows, text };
  };
  if (watch === undefined) {
    const { rows, text } = await output();
    return { text, json: rows, ...(rows.length === 0 ? { summary: empty } : {}) };
  }
  const { clock } = await context.runtime();
  const screen = watched ? new Screen(process.stdout, writeOutput) : undefined;
  const show = (text: string): boolean =>
    screen === undefined ? writeOutput(`${context.redact(text)}\n`) : screen.show(context.redact(text));
  const heading = () => (screen === undefined ? '' : `${isoTime(clock.now())}, every ${watch / 1000} s\n`);
  try {
    for (;;) {
      try {
        const { rows, text } = await output();
        // One document a line for machines.
        const seen = context.global.json
          ? JSON.stringify(rows)
          : rows.length === 0 && format === 'table'
            ? empty
            : text;
        if (!show(heading() + seen)) return NOTHING;
      } catch (error) {
        // A venue that does not answer now is asked again.
        if (context.signal.aborted || !isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
        const text = `${error.message} Looking again in ${watch / 1000} s.`;
        if (screen === undefined) writeMessage(`${context.redact(text)}\n`);
        else show(heading() + text);
      }
      await clock.sleep(watch, context.signal);
    }
  } catch (error) {
    // A signal is how watching ends.
    if (context.signal.aborted) return NOTHING;
    throw error;
  } finally {
    screen?.close();
  }
}

/** Everything has been shown. */
const NOTHING: Outcome = { text: '', json: undefined };

/** Every column, in a table for people with six decimals, or four digits of what is tiny; CSV holds the text as it is. */
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
  const number = Number(value);
  // Of what is tiny (0.00001234 BTC) four digits stay.
  const decimals = number === 0 ? 0 : Math.max(6, Math.min(20, 3 - Math.floor(Math.log10(Math.abs(number)))));
  return number.toFixed(decimals).replace(/\.?0+$/, '');
}
