import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../../../src/core/state/database.js';
import { type Lease, streamOf } from '../../../src/core/state/index.js';
import { migrate } from '../../../src/core/state/migrate.js';
import { JOURNAL_MIGRATIONS } from '../../../src/core/state/sql/journal-schema.js';
import { openSqlite } from '../../../src/core/state/sqlite.js';
import { SqlJournal } from '../../../src/core/state/sqlJournal.js';
import { entry, fill, SCOPE, T0, temporaryFolder } from './helpers.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let journal: SqlJournal;
let lease: Lease;
/** Of each write, in order: whether it waits for the disk. */
let waits: boolean[];

beforeEach(async () => {
  folder = await temporaryFolder();
  const db = await openSqlite(join(folder.path, 'journal.db'));
  await migrate(db, 'journal', JOURNAL_MIGRATIONS);
  const write: Database['write'] = (work, options = {}) => {
    waits.push(options.relaxed !== true);
    return db.write(work, options);
  };
  journal = new SqlJournal(Object.assign(Object.create(db) as Database, { write }));
  waits = [];
  lease = (await journal.acquireLease(streamOf(SCOPE), 'me', T0, 60_000))!;
  expect(waits.splice(0)).toEqual([true]);
});
afterEach(async () => {
  await journal.close();
  await folder.remove();
});

const decide = (options = {}) =>
  journal.recordDecision(SCOPE, lease, { slot: T0, report: 'r1', time: T0, body: {} }, [entry()], options);

test('intents, marks, executions and states wait for the disk; what the venue tells again does not', async () => {
  const { orders } = await decide();
  const id = orders[0]!.clientOrderId;
  await journal.markSending([id], lease, T0);
  await journal.recordReports([{ clientOrderId: id, status: 'accepted', venueOrderId: 'v' }], T0);
  await journal.recordExecutions([fill(id, 'e1', '1', '100')], T0);
  await journal.setCursor(SCOPE, 'c', T0);
  await journal.setState(SCOPE, 'reducing', 'enough', T0);
  expect(waits).toEqual([true, true, false, true, false, true]);
});

test('a decision with the marks of its orders is one flush', async () => {
  expect((await decide({ leaves: () => true })).orders).toMatchObject([{ status: 'sending' }]);
  expect(waits).toEqual([true]);
});

test('what follows on tidying does not begin the log anew, which would flush its head', async () => {
  const head = async () => (await readFile(join(folder.path, 'journal.db-wal'))).subarray(0, 32).toString('hex');
  await decide();
  const before = await head();
  await journal.tidy();
  const tidied = await head();
  await journal.note(SCOPE, 'next', {}, T0);
  expect([tidied === before, await head()]).toEqual([false, tidied]);
});
