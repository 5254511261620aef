import type { TableModel } from '../core/evaluation/index.js';
import { render } from './output.js';

/** The tables of a report, each under its title, and the footnote. */
export async function reportText(tables: readonly TableModel[], footnote: string): Promise<string> {
  const parts: string[] = [];
  for (const { title, head, rows } of tables) {
    parts.push(`${title}\n${await render({ columns: head, rows, alignRight: numericColumns(rows) }, 'table')}`);
  }
  return [...parts, footnote].join('\n\n');
}

/** Columns whose texts all begin like numbers. */
function numericColumns(rows: readonly (readonly string[])[]): readonly boolean[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: count }, (_, i) => rows.every((row) => /^([+\-−]?[\d.]|$)/.test(row[i] ?? '')));
}
