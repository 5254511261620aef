import type { StandingResult } from '../core/stages/halt.js';
import type { Outcome } from './base.js';
import { render } from './output.js';
import { rowsTable } from './series.js';

const ACCEPTED = ['instrument', 'order', 'owned', 'venue', 'before', 'after'];

/** What `halt` and `resume` print. */
export async function standingOutcome({ rows, exit }: StandingResult): Promise<Outcome> {
  const asked = rows.some(({ at_venue }) => at_venue !== null);
  const columns = ['strategy', 'venue', 'account', 'before', 'state', 'reason', ...(asked ? ['at_venue'] : [])];
  const text = await render(rowsTable(columns, rows as never), 'table');
  const accepted = rows.find((row) => row.accepted !== null)?.accepted;
  if (accepted === undefined || accepted === null) return { text, json: rows, exit };
  if (accepted.length === 0) return { text, json: rows, exit, summary: 'Journal and venue agree: nothing to accept.' };
  const table = await render(rowsTable(ACCEPTED, accepted as never), 'table');
  return { text: `${table}\n${text}`, json: rows, exit };
}
