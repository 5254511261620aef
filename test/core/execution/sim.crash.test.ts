import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { FAULT_POINTS } from '../../../src/core/execution/index.js';
import { temporaryFolder } from '../state/helpers.js';

const child = fileURLToPath(new URL('./simTrader.child.mjs', import.meta.url));
const trade = (folder: string, point = '-', nth = 0) =>
  spawnSync(process.execPath, [child, folder, point, String(nth)], { encoding: 'utf8' });

test('SIGKILL at every named point, then a rerun: the same orders, fills and money as without', async () => {
  const folder = await temporaryFolder();
  const plain = trade(folder.path);
  expect(plain.stderr).toBe('');
  const wanted = JSON.parse(plain.stdout);
  expect(wanted.fills.length).toBeGreaterThan(10);
  expect(new Set(wanted.orders.map((order: string[]) => order[1]))).toEqual(
    new Set(['entry', 'exit', 'stop', 'target']),
  );
  for (const point of FAULT_POINTS) {
    const killed = await temporaryFolder();
    expect(trade(killed.path, point, 2).signal, point).toBe('SIGKILL');
    const rerun = trade(killed.path);
    expect(rerun.stderr).toBe('');
    expect(JSON.parse(rerun.stdout), point).toEqual(wanted);
    await killed.remove();
  }
  expect(JSON.parse(trade(folder.path).stdout), 'started once more').toEqual(wanted);
  await folder.remove();
}, 180_000);
