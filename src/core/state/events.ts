import { QuantlineError } from '../errors/index.js';
import { sha256 } from '../platform/hash.js';
import type { Sql, SqlValue } from './database.js';
import type { JournalEvent } from './journal.js';

export interface EventRow {
  readonly position: number;
  readonly stream: string;
  readonly sequence: number;
  readonly type: string;
  readonly time: number;
  readonly body: string;
  readonly checksum: string;
}

export interface NewEvent {
  readonly stream: string;
  readonly type: string;
  readonly time: number;
  readonly body: unknown;
}

const COLUMNS = 'position, stream, sequence, type, time, body, checksum';

/** Each event's checksum covers the one before it, so that a changed, lost or swapped event shows. */
const checksumOf = (previous: string, row: Omit<EventRow, 'checksum'>): string =>
  sha256([previous, row.position, row.stream, row.sequence, row.type, row.time, row.body].join('\n')).slice(0, 32);

/** Where the next event goes. */
export interface ChainEnd extends Pick<EventRow, 'position' | 'checksum'> {
  /** Of streams that are known already, their last ones. */
  readonly sequences: ReadonlyMap<string, number>;
}

async function readEnd(sql: Sql): Promise<ChainEnd> {
  const head = await sql.get<Pick<EventRow, 'position' | 'checksum'>>(
    'SELECT position, checksum FROM events ORDER BY position DESC LIMIT 1',
  );
  return { position: head?.position ?? 0, checksum: head?.checksum ?? '', sequences: new Map() };
}

/** Rows of one statement. */
const CHUNK = 100;

/** Appends events in the caller's write transaction, in this order. `end`: where the caller has read it in this transaction. */
export async function appendEvents(
  sql: Sql,
  events: readonly NewEvent[],
  end?: ChainEnd,
): Promise<readonly JournalEvent[]> {
  const last = end ?? (await readEnd(sql));
  let { position, checksum } = last;
  const sequences = new Map(last.sequences);
  const appended: JournalEvent[] = [];
  const rows: SqlValue[][] = [];
  for (const { stream, type, time, body } of events) {
    const sequence = (sequences.get(stream) ?? (await lastSequence(sql, stream))) + 1;
    sequences.set(stream, sequence);
    const row = { position: ++position, stream, sequence, type, time, body: JSON.stringify(body ?? null) };
    checksum = checksumOf(checksum, row);
    rows.push([row.position, row.stream, row.sequence, row.type, row.time, row.body, checksum]);
    appended.push({ position, stream, sequence, type, time, body: body ?? null });
  }
  for (let at = 0; at < rows.length; at += CHUNK) {
    const some = rows.slice(at, at + CHUNK);
    const values = some.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ');
    await sql.run(`INSERT INTO events (${COLUMNS}) VALUES ${values}`, some.flat());
  }
  return appended;
}

const lastSequence = async (sql: Sql, stream: string): Promise<number> =>
  (
    await sql.get<{ sequence: number }>('SELECT sequence FROM events WHERE stream = ? ORDER BY sequence DESC LIMIT 1', [
      stream,
    ])
  )?.sequence ?? 0;

export interface EventFilter {
  readonly stream?: string | undefined;
  readonly after?: number | undefined;
  readonly types?: readonly string[] | undefined;
  readonly limit?: number | undefined;
}

export async function readEvents(sql: Sql, filter: EventFilter): Promise<readonly JournalEvent[]> {
  const where = ['position > ?'];
  const params: (string | number)[] = [filter.after ?? 0];
  if (filter.stream !== undefined) {
    where.push('stream = ?');
    params.push(filter.stream);
  }
  if (filter.types !== undefined) {
    where.push(`type IN (${filter.types.map(() => '?').join(', ')})`);
    params.push(...filter.types);
  }
  const rows = await sql.all<EventRow>(
    `SELECT ${COLUMNS} FROM events WHERE ${where.join(' AND ')} ORDER BY position LIMIT ?`,
    [...params, filter.limit ?? Number.MAX_SAFE_INTEGER],
  );
  return rows.map(({ checksum: _, body, ...row }) => ({ ...row, body: JSON.parse(body) }));
}

/** Checks the chain from a position on; STATE naming the first event that does not fit. Returns the events checked. */
export async function verifyChain(sql: Sql, location: string, from = 0): Promise<number> {
  const before = await sql.get<EventRow>(
    `SELECT ${COLUMNS} FROM events WHERE position <= ? ORDER BY position DESC LIMIT 1`,
    [from],
  );
  let previous = before?.checksum ?? '';
  let position = from;
  for (;;) {
    const rows = await sql.all<EventRow>(
      `SELECT ${COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT 1000`,
      [position],
    );
    for (const row of rows) {
      if (row.position !== position + 1 || row.checksum !== checksumOf(previous, row)) {
        throw new QuantlineError('STATE', `The journal is damaged at event ${position + 1}: ${location}`, {
          hint: 'Nothing was traded. Restore a copy with `quantline journal restore`; the broker is read again afterwards.',
          details: { path: location, position: position + 1 },
        });
      }
      position = row.position;
      previous = row.checksum;
    }
    if (rows.length === 0) return position - from;
  }
}
