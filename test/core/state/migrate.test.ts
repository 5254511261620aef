import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../src/core/platform/index.js';
import { diskOf, openJournal, requireDurableDisk, TrialLedger } from '../../../src/core/state/index.js';
import { type Migration, migrate, writeMeta } from '../../../src/core/state/migrate.js';
import { JOURNAL_MIGRATIONS } from '../../../src/core/state/sql/journal-schema.js';
import { openSqlite } from '../../../src/core/state/sqlite.js';
import { failure, T0, temporaryFolder } from './helpers.js';

let folder: { path: string; remove: () => Promise<void> };
let file: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'journal.db');
});
afterEach(() => folder.remove());

const NOW = JOURNAL_MIGRATIONS.at(-1)!.version;
const NEXT: readonly Migration[] = [
  ...JOURNAL_MIGRATIONS,
  { version: NOW + 1, statements: ['CREATE TABLE later (x TEXT)', "INSERT INTO later VALUES ('done')"] },
];

test('an older journal is copied, then brought forward in one step', async () => {
  await (await openJournal(file)).close();
  const db = await openSqlite(file);
  await migrate(db, 'journal', NEXT);
  await migrate(db, 'journal', NEXT);
  expect(await db.read((sql) => sql.all('SELECT x FROM later'))).toEqual([{ x: 'done' }]);
  await db.close();
  expect((await readdir(folder.path)).filter((name) => name.endsWith('.backup'))).toEqual([
    `journal.db.v${NOW}.backup`,
  ]);
  await (await openJournal(join(folder.path, `journal.db.v${NOW}.backup`))).close();
});

test('a step that fails changes nothing', async () => {
  await (await openJournal(file)).close();
  const db = await openSqlite(file);
  const broken = [...JOURNAL_MIGRATIONS, { version: NOW + 1, statements: ['CREATE TABLE later (x TEXT)', 'NONSENSE'] }];
  await failure(migrate(db, 'journal', broken));
  await db.close();
  const journal = await openJournal(file);
  await journal.verify();
  await journal.close();
});

test('two at once migrate once', async () => {
  await (await openJournal(file)).close();
  const both = await Promise.all([openSqlite(file), openSqlite(file)]);
  await Promise.all(both.map((db) => migrate(db, 'journal', NEXT)));
  expect(await both[1].read((sql) => sql.all('SELECT x FROM later'))).toHaveLength(1);
  for (const db of both) await db.close();
});

test('a newer journal and a database of another kind are refused', async () => {
  const db = await openSqlite(file);
  await migrate(db, 'journal', JOURNAL_MIGRATIONS);
  await db.write((sql) => writeMeta(sql, 'journal_schema', '99'));
  await db.close();
  const newer = await failure(openJournal(file));
  expect([newer.code, newer.exitCode]).toEqual(['STATE', 4]);
  expect(newer.message).toContain('newer version');
  const trials = join(folder.path, 'trials.db');
  await (await TrialLedger.open(trials, T0)).close();
  expect((await failure(openJournal(trials))).message).toContain('is a trials, not a journal');
});

test('F46: a full disk undoes the transaction and says so', async () => {
  const db = await openSqlite(file);
  await db.write((sql) => sql.run('CREATE TABLE t (x TEXT)'));
  await db.write((sql) => sql.run("INSERT INTO t VALUES ('kept')"));
  await db.read((sql) => sql.all('PRAGMA max_page_count = 8'));
  const error = await failure(
    db.write(async (sql) => {
      await sql.run("INSERT INTO t VALUES ('first')");
      await sql.run('INSERT INTO t VALUES (?)', ['x'.repeat(200_000)]);
    }),
  );
  expect([error.code, error.exitCode]).toEqual(['STORAGE', 4]);
  expect(error.hint).toContain('full');
  expect(await db.read((sql) => sql.all('SELECT x FROM t'))).toEqual([{ x: 'kept' }]);
  await db.close();
});

test('a backup is a journal; it never overwrites', async () => {
  const journal = await openJournal(file);
  await journal.note({ venue: 'v', account: 'a', strategy: 's' }, 'hello', { n: 1 }, T0);
  const copy = join(folder.path, 'copy.db');
  await journal.backup(copy);
  expect((await failure(journal.backup(copy))).code).toBe('STORAGE');
  await journal.close();
  const restored = await openJournal(copy);
  expect(await restored.events()).toMatchObject([{ type: 'note:hello', body: { n: 1 } }]);
  await restored.close();
});

test.each(['v1', 'v2', 'v3'])('a journal of the released schema %s opens, verifies and is rebuilt', async (version) => {
  const fixture = fileURLToPath(new URL(`../../../fixtures/journal/${version}`, import.meta.url));
  const meta = JSON.parse(await readFile(`${fixture}.json`, 'utf8'));
  expect(sha256(await readFile(`${fixture}.db`))).toBe(meta.sha256);
  await copyFile(`${fixture}.db`, file);
  const journal = await openJournal(file);
  expect((await journal.verify()).events).toBe(meta.events);
  await journal.rebuild();
  const scope = (await journal.scopes())[0]!;
  const positions = await journal.positions(scope);
  expect(positions.map((p) => [p.instrument, p.quantity, p.averagePrice, p.realised])).toEqual(meta.positions);
  expect((await journal.orders()).map((o) => [o.instrument, o.leg, o.revision, o.status])).toEqual(meta.orders);
  await journal.close();
});

test('disks that lose a journal are recognised', async () => {
  expect(await diskOf('postgres://host/db')).toBe('server');
  await requireDurableDisk('postgres://host/db');
  if (process.platform !== 'linux') return;
  expect(await diskOf('/dev/shm/some/journal.db')).toBe('memory');
  const error = await failure(requireDurableDisk('/dev/shm/some/journal.db'));
  expect(error.code).toBe('STATE');
  expect(error.message).toContain('in memory');
});
