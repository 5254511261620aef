import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readParquet } from '../../../../src/core/platform/parquet.js';
import { fills } from '../../../../src/core/stages/book.js';
import {
  exportText,
  journalBackup,
  journalExport,
  journalRestore,
  journalVerify,
} from '../../../../src/core/stages/journal.js';
import type { Runtime } from '../../../../src/core/stages/runtime.js';
import { backupJournal, openJournal, readTable, restoreJournal, streamOf } from '../../../../src/core/state/index.js';
import { describeWith } from '../../../support/require.js';
import { optionsOf, testRuntime } from '../../../support/workspace.js';
import { startPostgres } from '../../state/postgresServer.js';
import { order, PaperRig, SCOPE } from './fixture.js';

let rig: PaperRig;
let runtime: Runtime;
beforeAll(async () => {
  rig = await PaperRig.start(true);
  runtime = rig.runtime;
});
afterAll(async () => {
  await rig.venue.close();
  rmSync(runtime.workspace, { recursive: true, force: true });
});

describe('journal', () => {
  test('backup, restore and verify', async () => {
    await rig.trade(order());
    const { path, events } = await journalBackup(undefined, runtime);
    expect(existsSync(path)).toBe(true);
    await expect(journalBackup(path, runtime)).rejects.toMatchObject({ code: 'STORAGE' });
    const before = await readTable(runtime.journal, 'events');
    expect(before).toHaveLength(events);
    await rig.trade(order({ instrument: 'MSFT' }));

    await expect(journalRestore(path, false, runtime)).rejects.toMatchObject({
      code: 'STATE',
      hint: expect.stringMatching(/--overwrite/),
    });
    const journal = await openJournal(runtime.journal);
    const lease = (await journal.acquireLease(streamOf(SCOPE), 'somebody', rig.clock.now(), 60_000))!;
    await expect(journalRestore(path, true, runtime)).rejects.toMatchObject({ details: { reason: 'lease_held' } });
    await expect(journalVerify(true, runtime)).rejects.toMatchObject({ details: { reason: 'lease_held' } });
    await journal.releaseLease(lease);
    await journal.close();

    const restored = await journalRestore(path, true, runtime);
    expect(restored.events).toBe(events);
    expect(existsSync(restored.kept!)).toBe(true);
    expect(await readTable(runtime.journal, 'events')).toEqual(before);
    expect(await journalVerify(false, runtime)).toBe(events);
    expect(await journalVerify(true, runtime)).toBe(events);
    // The venue is read again: what happened since the copy is found there.
    expect((await fills(optionsOf('fills', {}), runtime)).map(({ instrument }) => instrument)).toEqual(['AAPL']);
  });

  test('a damaged journal is replaced, a damaged copy is not taken', async () => {
    const { path } = await journalBackup(join(runtime.workspace, 'good.sqlite'), runtime);
    const text = readFileSync(path, 'latin1');
    const bad = join(runtime.workspace, 'bad.sqlite');
    writeFileSync(bad, text.slice(0, 6000), 'latin1');
    const before = readFileSync(runtime.journal);
    await expect(journalRestore(bad, true, runtime)).rejects.toMatchObject({ code: 'STATE' });
    expect(readFileSync(runtime.journal).equals(before)).toBe(true);
    const other = testRuntime();
    const broken = { ...other, journal: join(other.workspace, 'journal.sqlite') };
    writeFileSync(broken.journal, 'SQLite format 3, once');
    expect((await journalRestore(path, true, broken)).events).toBeGreaterThan(0);
    await expect(journalRestore(join(other.workspace, 'nothing'), false, broken)).rejects.toMatchObject({
      code: 'INPUT',
    });
    await expect(journalVerify(false, testRuntime())).rejects.toMatchObject({ code: 'NO_DATA' });
  });

  test('export: the same rows as lines of JSON, CSV and Parquet', async () => {
    const ask = (more: Record<string, unknown>) => journalExport(optionsOf('journal:export', more), runtime);
    const { rows } = await ask({ table: 'fills' });
    expect(rows).toMatchObject([{ strategy: 'swing', instrument: 'AAPL', quantity: '10', price: '100' }]);
    const lines = exportText(rows, 'ndjson').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
    const csv = exportText(rows, 'csv').split('\n');
    expect(csv[0]).toBe(Object.keys(rows[0]!).join(','));
    const out = join(runtime.workspace, 'out', 'fills.parquet');
    expect((await ask({ table: 'fills', as: 'parquet', out })).path).toBe(out);
    const columns = await readParquet(out);
    expect(columns['price']).toEqual(['100']);
    expect(columns['time']).toEqual(Float64Array.of(Number(rows[0]!['time'])));
    await expect(ask({ as: 'parquet' })).rejects.toMatchObject({ code: 'USAGE' });
    const events = await ask({ out: join(runtime.workspace, 'events.ndjson') });
    // What a server's backup is made of can be restored into a file.
    const file = join(runtime.workspace, 'imported.sqlite');
    expect((await restoreJournal(events.path!, file, 'x')).events).toBe(events.rows.length);
    expect(await readTable(file, 'positions')).toEqual(await readTable(runtime.journal, 'positions'));
    writeFileSync(join(runtime.workspace, 'odd.ndjson'), '{"position":1}\n');
    await expect(
      restoreJournal(join(runtime.workspace, 'odd.ndjson'), join(runtime.workspace, 'n'), 'y'),
    ).rejects.toMatchObject({ code: 'INPUT', message: expect.stringContaining('line 1') });
  });

  test('a copy that was cut off or emptied replaces nothing and is named; nothing is left of the try', async () => {
    const { path } = await journalBackup(undefined, runtime);
    const whole = readFileSync(path);
    const events = await journalVerify(false, runtime);
    for (const [bytes, code] of [
      [whole.subarray(0, whole.length >> 1), 'STATE'],
      [Buffer.alloc(0), 'INPUT'],
    ] as const) {
      const copy = join(runtime.workspace, 'cut');
      writeFileSync(copy, bytes);
      await expect(journalRestore(copy, true, runtime)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(/[/]cut\b/),
        hint: expect.stringContaining('another copy'),
      });
    }
    expect(await journalVerify(false, runtime)).toBe(events);
    await journalRestore(path, true, runtime);
    expect(readdirSync(dirname(runtime.journal)).filter((name) => name.includes('.restore-'))).toEqual([]);
  });
});

const server = await startPostgres();
afterAll(() => server?.stop());

describeWith('postgres', server !== undefined)('on PostgreSQL', () => {
  test('backup as events, restored into an empty database and into a file', async () => {
    const location = await server!.create('backup');
    const copy = join(runtime.workspace, 'from-file.ndjson');
    await journalExport(optionsOf('journal:export', { out: copy }), runtime);
    const { events } = await restoreJournal(copy, location, 'x');
    const back = join(runtime.workspace, 'from-server.ndjson');
    expect(await backupJournal(location, back)).toBe(events);
    expect(readFileSync(back, 'utf8')).toBe(readFileSync(copy, 'utf8'));
    await expect(restoreJournal(copy, location, 'x')).rejects.toMatchObject({ code: 'STATE' });
    // A server's journal is not replaced, and --overwrite is told so with what to do.
    await expect(journalRestore(copy, true, { ...runtime, journal: location })).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringMatching(/empty database.*without --overwrite/),
    });
    expect(await readTable(location, 'events')).toHaveLength(events);
    const empty = { ...runtime, journal: await server!.create('instead') };
    expect((await journalRestore(copy, false, empty)).events).toBe(events);
  });
});
