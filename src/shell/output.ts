import { writeSync } from 'node:fs';
import type { Format } from '../core/config/index.js';
import { QuantlineError } from '../core/errors/index.js';

/** A cell of a table. Numbers are aligned right; undefined and NaN show as nothing. */
export type Cell = string | number | boolean | null | undefined;

/** Named columns of equal length, the only form in which rows are printed. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: Iterable<readonly Cell[]>;
  /** Decimal places of the numbers of a column for people; exact otherwise. */
  readonly decimals?: Readonly<Record<string, number>>;
  /** Columns of text to be aligned right as if they were numbers. */
  readonly alignRight?: readonly boolean[];
}

/**
 * Writes to stdout. A reader that went away (EPIPE) is no error: `quantline runs show … | head -1`; false says so.
 * STORAGE where the output is a file on a full disk.
 */
export function writeOutput(text: string): boolean {
  const bytes = Buffer.from(text, 'utf8');
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') continue;
      if (code === 'EPIPE') return false;
      throw new QuantlineError('STORAGE', `Cannot write to stdout: ${message}`, {
        hint: 'Check where the output goes.',
        cause: error,
      });
    }
  }
  return true;
}

/** Writes a line for people to stderr; nothing can be done where that fails. */
export function writeMessage(text: string): void {
  try {
    writeSync(2, text);
  } catch {}
}

/** Rows as a table for people, as CSV (RFC 4180, header line), or as a JSON array of objects. Ends without newline. */
export async function render(table: Table, format: Format): Promise<string> {
  if (format === 'json') return JSON.stringify(asObjects(table), undefined, 2);
  if (format === 'csv') {
    const lines = [table.columns.map(quote).join(',')];
    for (const row of table.rows) lines.push(row.map((cell) => quote(exact(cell))).join(','));
    return lines.join('\n');
  }
  return renderTable(table);
}

/** Rows as objects; a cell without a value is null. */
export function asObjects(table: Table): Record<string, Cell>[] {
  return Array.from(table.rows, (row) =>
    Object.fromEntries(table.columns.map((column, i) => [column, hasValue(row[i]) ? row[i] : null])),
  );
}

const hasValue = (cell: Cell): boolean =>
  cell !== undefined && cell !== null && !(typeof cell === 'number' && Number.isNaN(cell));
const exact = (cell: Cell): string => (hasValue(cell) ? String(cell) : '');
const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function renderTable({ columns, rows, decimals = {}, alignRight }: Table): Promise<string> {
  const { default: CliTable } = await import('cli-table3');
  const body: string[][] = [];
  const numeric = columns.map(() => true);
  for (const row of rows) {
    body.push(
      columns.map((column, i) => {
        const cell = row[i];
        if (hasValue(cell) && typeof cell !== 'number') numeric[i] = false;
        if (typeof cell === 'number' && decimals[column] !== undefined && Number.isFinite(cell)) {
          return cell.toFixed(decimals[column]);
        }
        return exact(cell);
      }),
    );
  }
  const table = new CliTable({
    head: [...columns],
    colAligns: (alignRight ?? numeric).map((right) => (right ? 'right' : 'left')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    chars: {
      ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
      ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' },
      middle: '  ',
    },
  });
  table.push(...body);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/**
 * Vendors' libraries log as they like (yahoo-finance2 does about a reply of another form): while a command runs that goes
 * to stderr. Returns what puts the console back; help is printed through it.
 */
export function consoleToStderr(): () => void {
  const { log, info, debug, dir, error } = console;
  Object.assign(console, { log: error, info: error, debug: error, dir: error });
  return () => void Object.assign(console, { log, info, debug, dir });
}
