import type { StandingResult } from '../core/stages/halt.js';
import type { Outcome } from './base.js';
import { render } from './output.js';
import { rowsTable } from './series.js';

/** What `halt` and `resume` print. */
export async function standingOutcome({ rows, exit }: StandingResult): Promise<Outcome> {
  const asked = rows.some(({ at_venue }) => at_venue !== null);
  const columns = ['strategy', 'venue', 'account', 'before', 'state', 'reason', ...(asked ? ['at_venue'] : [])];
  return { text: await render(rowsTable(columns, rows as never), 'table'), json: rows, exit };
}
