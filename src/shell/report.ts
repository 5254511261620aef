import type { TableModel } from '../core/evaluation/index.js';
import { render } from './output.js';

/** Columns that a terminal has at least. */
const WIDTH = 80;

/** The tables of a report, each under its title, and its notes. */
export async function reportText(tables: readonly TableModel[], notes: readonly string[]): Promise<string> {
  const parts: string[] = [];
  for (const { title, head, rows } of tables) {
    parts.push(`${title}\n${await render({ columns: head, rows, alignRight: numericColumns(rows) }, 'table')}`);
  }
  return [...parts, notes.map(wrapped).join('\n')].join('\n\n');
}

/** Text in lines of up to WIDTH characters, broken between words. */
function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

/** Columns whose texts all begin like numbers. */
function numericColumns(rows: readonly (readonly string[])[]): readonly boolean[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: count }, (_, i) => rows.every((row) => /^([+\-−]?[\d.]|–?$)/.test(row[i] ?? '')));
}
