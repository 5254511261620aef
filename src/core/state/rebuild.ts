import { QuantlineError } from '../errors/index.js';
import { canonicalJson } from '../platform/hash.js';
import type { Database, Sql } from './database.js';
import { readEvents } from './events.js';
import { project } from './projections.js';
import { PROJECTIONS } from './sql/journal-schema.js';

const CHUNK = 1000;

/** Empties the projections and applies every event again. */
export async function rebuildTables(sql: Sql): Promise<void> {
  for (const table of PROJECTIONS) await sql.run(`DELETE FROM ${table}`);
  let after = 0;
  for (;;) {
    const events = await readEvents(sql, { after, limit: CHUNK });
    await project(sql, events);
    if (events.length < CHUNK) return;
    after = events.at(-1)!.position;
  }
}

const dump = async (sql: Sql, table: string): Promise<readonly string[]> =>
  (await sql.all<Record<string, unknown>>(`SELECT * FROM ${table}`)).map(canonicalJson).sort();

/** Thrown to undo the trial rebuild. */
class Undo extends Error {}

/** Compares the tables with what the events give, without changing them; STATE naming the table that differs. */
export async function verifyTables(db: Database): Promise<void> {
  let different: string | undefined;
  try {
    await db.write(async (sql) => {
      const before = new Map<string, readonly string[]>();
      for (const table of PROJECTIONS) before.set(table, await dump(sql, table));
      await rebuildTables(sql);
      for (const table of PROJECTIONS) {
        if (canonicalJson(before.get(table)) !== canonicalJson(await dump(sql, table))) different ??= table;
      }
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  if (different === undefined) return;
  throw new QuantlineError(
    'STATE',
    `The table ${different} does not follow from the journal's events: ${db.location}`,
    {
      hint: 'Compute the tables again with `quantline journal verify --rebuild`.',
      details: { path: db.location, table: different },
    },
  );
}
