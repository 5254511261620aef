import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../fakes/loopback.js';
import { quantline } from './cli.js';

test('a command tells its dead-man’s switch of success and of failure', async () => {
  const got: string[] = [];
  const server = await listen((request, response) => {
    got.push(request.url!);
    response.end();
  });
  const cwd = mkdtempSync(join(tmpdir(), 'quantline-ping-'));
  onTestFinished(async () => {
    await server.close();
    rmSync(cwd, { recursive: true, force: true });
  });
  const ping = ['--ping', `${server.url}/token`];
  const good = await quantline(
    ['ingest', '--source', 'synthetic', '--symbols', 'A', '--from', '2024-01-02', '--to', '2024-03-01', ...ping],
    { cwd },
  );
  expect(good.code).toBe(0);
  const bad = await quantline(['train', '--data', 'latest', '--trainer', 'nothing-of-that-name', ...ping], { cwd });
  expect(bad.code).toBe(2);
  expect(got).toEqual(['/token/start', '/token', '/token/start', '/token/fail']);
  expect(good.stderr + bad.stderr).not.toContain('/token');
});
