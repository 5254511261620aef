import { execFileSync } from 'node:child_process';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { currentOwner } from '../../../src/core/state/index.js';
import { writeMeta } from '../../../src/core/state/migrate.js';
import { openSqlite } from '../../../src/core/state/sqlite.js';
import { dailyBars, session, VenueRig, walk } from '../../support/venue.js';

/** The catalogue of FAULTS.md at the level of a start of `quantline trade`: its own memory, damaged, locked or lost. */
const FRIDAY = '2026-11-27';
const NOW = session(FRIDAY).close + 5000;

interface LibsqlPrototype {
  exec(sql: string): unknown;
  prepare(sql: string): { all(params: readonly unknown[]): Record<string, number>[] };
}

let rig: VenueRig;
let journal: string;
beforeEach(async () => {
  rig = await VenueRig.start({ bars: () => dailyBars(walk(60), FRIDAY), now: NOW });
  (rig.clock as ManualClock).set(NOW);
  journal = rig.runtime.journal;
});
afterEach(() => rig.close());

const refused = (code: string, message: RegExp, given: Readonly<Record<string, unknown>> = {}) =>
  expect(rig.start(given)).rejects.toMatchObject({ code, exitCode: 4, message: expect.stringMatching(message) });

describe('F11', () => {
  test('a journal cut or NUL-filled is refused, exit 4, never read as empty; the good one goes on', async () => {
    await rig.once();
    const good = await readFile(journal);
    for (const bad of [good.subarray(0, good.length / 2), Buffer.alloc(good.length), Buffer.from('{}')]) {
      await writeFile(journal, bad);
      await refused('STATE', /journal/);
    }
    expect(rig.venue.book.accepted).toHaveLength(1);
    await writeFile(journal, good);
    await rig.converges();
  });

  test('an older copy put back: the slot gets the same id again, the venue’s order is adopted and its fill booked', async () => {
    await rig.journal(async () => {});
    await copyFile(journal, `${journal}.old`);
    await rig.once();
    for (const end of ['', '-wal', '-shm']) await rm(journal + end, { force: true });
    await copyFile(`${journal}.old`, journal);
    await rig.once();
    await rig.converges();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });
});

describe('F13: the lease of another start', () => {
  const hold = (owner: string) =>
    rig.journal((one) => one.acquireLease('alpaca-paper/PA3FAKE00001/swing', owner, NOW, 60_000));

  test('of a process that is gone: taken over at once', async () => {
    const [host, place] = currentOwner().split('|');
    await hold([host, place, '999999999', '1'].join('|'));
    expect((await rig.once()).outcome).toBe('decided');
    await rig.converges();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });

  test('of another host: left alone, said by name, until its deadline has passed', async () => {
    await hold('elsewhere||4711|1');
    const taken = await rig.start({ strictSlot: true });
    expect(taken).toMatchObject({
      exit: 'nothing',
      session: { outcome: 'slot-taken', reason: expect.stringContaining('elsewhere') },
    });
    expect(rig.venue.book.accepted).toEqual([]);
    rig.clock.set(NOW + 61_000);
    expect((await rig.once()).outcome).toBe('decided');
    await rig.converges();
  });
});

describe('F46: state that cannot be used is refused before anything is sent', () => {
  /** SQLite's own answer to a full disk: no page can be added beyond those of this moment. */
  async function onFullDisk<T>(after: RegExp, work: () => Promise<T>): Promise<T> {
    const { default: Libsql } = (await import('libsql')) as unknown as { default: { prototype: LibsqlPrototype } };
    const { prepare } = Libsql.prototype;
    let full = false;
    Libsql.prototype.prepare = function (this: LibsqlPrototype, sql: string) {
      if (!full && after.test(sql)) {
        full = true;
        this.exec(`PRAGMA max_page_count=${Object.values(prepare.call(this, 'PRAGMA page_count').all([])[0]!)[0]}`);
      }
      return prepare.call(this, sql);
    };
    try {
      return await work();
    } finally {
      Libsql.prototype.prepare = prepare;
    }
  }

  test('a disk that is full as the decision is recorded: exit 4, nothing is sent; with room again a rerun converges', async () => {
    await rig.journal(async () => {});
    // A decision that is longer than what is free in its page.
    const names = Array.from({ length: 2000 }, (_, i) => `X${i}`);
    await onFullDisk(/INSERT INTO decisions/, () =>
      refused('STORAGE', /journal.*full/, { risk: `no-trade(${names})` }),
    );
    expect(rig.venue.book.accepted).toEqual([]);
    expect(await rig.journal((one) => one.orders())).toEqual([]);
    expect((await rig.once()).outcome).toBe('decided');
    await rig.converges();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });

  test('a journal of a newer version', async () => {
    await rig.journal(async () => {});
    const db = await openSqlite(journal);
    await db.write((sql) => writeMeta(sql, 'journal_schema', '99'));
    await db.close();
    await refused('STATE', /newer version/);
    expect(rig.venue.book.accepted).toEqual([]);
  });

  /** As a person without rights on what is root's; only root can put them on and off. */
  async function withoutRights<T>(work: () => Promise<T>): Promise<T> {
    process.seteuid!(65_534);
    try {
      return await work();
    } finally {
      process.seteuid!(0);
    }
  }

  test.skipIf(process.getuid?.() !== 0).each([
    ['a folder that may not be written, without a journal', 0o555, undefined],
    ['a journal of somebody else', 0o777, 0o600],
    ['a journal that may only be read', 0o777, 0o444],
  ])('%s: exit 4, nothing is sent; with the right to it a rerun converges', async (_, folder, file) => {
    await rig.journal(async () => {});
    execFileSync('chmod', ['-R', 'a+rwX', rig.runtime.workspace]);
    if (file === undefined) await rm(journal);
    else await chmod(journal, file);
    await chmod(dirname(journal), folder);
    await withoutRights(() => refused('STORAGE', /journal\.sqlite/));
    expect(rig.venue.book.accepted).toEqual([]);
    expect((await rig.once()).outcome).toBe('decided');
    await rig.converges();
    expect(await rig.oracle()).toEqual({ accepted: 1, fills: 1 });
  });

  test('a file where the folder of the journal should be', async () => {
    const file = join(rig.runtime.workspace, 'a-file');
    await writeFile(file, '');
    await expect(rig.start({}, { journal: join(file, 'journal.sqlite') })).rejects.toMatchObject({
      code: 'STORAGE',
      exitCode: 4,
    });
    expect(rig.venue.book.accepted).toEqual([]);
  });
});
