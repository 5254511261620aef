import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currentOwner, openJournal, ownerIsGone } from '../../../src/core/state/index.js';
import { failure, SCOPE, temporaryFolder } from './helpers.js';

let folder: { path: string; remove: () => Promise<void> };
let file: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder.path, 'journal.db');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await folder.remove();
});

function start(script: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

/** Lets the writer confirm some decisions, then kills it; returns the last confirmed slot. */
async function writeAndKill(first: number, decisions: number): Promise<number> {
  const child = start('./writer.child.mjs', file, String(first));
  let last = first - 1;
  for await (const line of createInterface({ input: child.stdout! })) {
    last = Number(line);
    if (last - first + 1 >= decisions) child.kill('SIGKILL');
  }
  return last;
}

describe('F11', () => {
  test('kill -9 in the middle of writing: all that was confirmed is there, nothing is half', async () => {
    let next = 1;
    for (const decisions of [3, 11, 26]) {
      const confirmed = await writeAndKill(next, decisions);
      const journal = await openJournal(file);
      await journal.verify();
      const orders = await journal.orders();
      const fills = await journal.fills();
      // A decision has all its three orders or none, a batch of fills likewise.
      expect(orders.length % 3).toBe(0);
      expect(fills.length % 3).toBe(0);
      const unfilled = orders.filter((o) => o.status !== 'filled').map((o) => o.slot);
      expect(unfilled.filter((slot) => slot >= next && slot <= confirmed)).toEqual([]);
      expect(orders.at(-1)!.slot).toBeGreaterThanOrEqual(confirmed);
      expect(new Set(unfilled.filter((slot) => slot >= next)).size).toBeLessThanOrEqual(1);
      const held = await journal.positions(SCOPE);
      expect(held.map((p) => p.quantity)).toEqual(['IWM', 'QQQ', 'SPY'].map(() => String(fills.length)));
      next = ((await journal.lastDecision(SCOPE))?.slot ?? 0) + 1;
      await journal.close();
    }
  });

  test('a cut or NUL-filled end of the log costs at most what was not confirmed before it', async () => {
    await writeAndKill(1, 6);
    const wal = await readFile(`${file}-wal`);
    for (const damage of ['cut', 'nul'] as const) {
      const copy = join(folder.path, `${damage}.db`);
      await copyFile(file, copy);
      const torn = Buffer.from(wal);
      if (damage === 'nul') torn.fill(0, torn.length - 3000);
      await writeFile(`${copy}-wal`, damage === 'cut' ? torn.subarray(0, torn.length - 3000) : torn);
      const journal = await openJournal(copy);
      await journal.verify();
      expect((await journal.orders()).length % 3).toBe(0);
      expect((await journal.orders()).length).toBeGreaterThan(0);
      await journal.close();
    }
  });

  test('a damaged file is refused loudly, never read as empty', async () => {
    await writeAndKill(1, 20);
    await (await openJournal(file)).close();
    const good = await readFile(file);
    const damages: Record<string, (bytes: Buffer) => Buffer> = {
      'NUL-filled header': (b) => b.fill(0, 0, 100),
      'NUL-filled file': (b) => b.fill(0),
      'NUL-filled page': (b) => b.fill(0, 8192, 12288),
      'half a file': (b) => b.subarray(0, Math.floor(b.length / 2)),
      'text instead': () => Buffer.from('{}'.repeat(600)),
    };
    for (const [name, damage] of Object.entries(damages)) {
      await writeFile(file, damage(Buffer.from(good)));
      const error = await failure(openJournal(file));
      expect([error.code, error.exitCode], name).toEqual(['STATE', 4]);
      expect(error.message).toContain(file);
    }
    await writeFile(file, good);
    await (await openJournal(file)).close();
  });

  test('one changed character in an event is found', async () => {
    await writeAndKill(1, 5);
    await (await openJournal(file)).close();
    const bytes = await readFile(file);
    // All copies of it: pages that were split keep stale ones.
    const needle = '"executionId":"e-';
    const start = bytes.indexOf(needle);
    expect(start).toBeGreaterThan(0);
    const id = bytes.toString('latin1', start, start + 44);
    for (let at = start; at >= 0; at = bytes.indexOf(id, at + 1)) bytes[at + 16] = 'x'.charCodeAt(0);
    await writeFile(file, bytes);
    expect((await failure(openJournal(file))).message).toMatch(/damaged at event \d+/);
  });

  test('an emptied file, a folder or a missing permission is an error', async () => {
    await (await openJournal(file)).close();
    await truncate(file, 0);
    // SQLite takes it for a new database; what was traded would be forgotten silently.
    expect(await failure(openJournal(file))).toMatchObject({ code: 'STATE', hint: expect.stringContaining('restore') });
    expect((await stat(file)).size).toBe(0);
    expect((await failure(openJournal(folder.path))).code).toBe('STORAGE');
    expect((await failure(openJournal(join(file, 'x', 'journal.db')))).code).toBe('STORAGE');
  });
});

test('F12: of twenty processes in the same second exactly one gets the lease', async () => {
  await (await openJournal(file)).close();
  const all = Array.from({ length: 20 }, () => start('./lease.child.mjs', file, 'fake/A1/swing'));
  const answers = await Promise.all(
    all.map(async (child) => {
      const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
      return line;
    }),
  );
  expect(answers.filter((line) => line.startsWith('won'))).toEqual(['won 1']);
  expect(answers.filter((line) => line === 'lost')).toHaveLength(19);
});

test('F13: the lease of a killed process is taken over at once, that of a living one or another host is not', async () => {
  const first = start('./lease.child.mjs', file, 'race');
  await once(createInterface({ input: first.stdout! }), 'line');
  const journal = await openJournal(file);
  const holder = await journal.leaseHolder('race', Date.now());
  expect(ownerIsGone(holder!.owner)).toBe(false);
  expect(await journal.acquireLease('race', 'me', Date.now(), 1000, ownerIsGone)).toBeUndefined();
  const [host, place, pid] = holder!.owner.split('|');
  expect(ownerIsGone([`${host}-elsewhere`, place, pid, '1'].join('|'))).toBe(false);
  if (process.platform === 'linux') {
    // The process id is in use, by a process that started at another time: it was given again.
    expect(ownerIsGone([host, place, pid, '1'].join('|'))).toBe(true);
    // The machine was restarted since; another container's ids mean nothing here.
    expect(ownerIsGone([host, `00000000/${place!.split('/')[1]}`, pid, '1'].join('|'))).toBe(true);
    expect(ownerIsGone([host, `${place!.split('/')[0]}/1`, '999999999', '1'].join('|'))).toBe(false);
  }
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect((await journal.acquireLease('race', 'me', Date.now(), 1000, ownerIsGone))?.token).toBe(2);
  await journal.close();
});

test.runIf(process.platform === 'linux')(
  'F13: a killed process that its parent has not asked about is gone',
  async () => {
    // What the shell becomes knows nothing of its child.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(parent);
    const [pid] = (await once(createInterface({ input: parent.stdout! }), 'line')) as [string];
    const [host, place] = currentOwner().split('|');
    await expect.poll(() => ownerIsGone([host, place, pid, ''].join('|')), { timeout: 20_000 }).toBe(true);
    expect(() => process.kill(Number(pid), 0)).not.toThrow();
  },
);
