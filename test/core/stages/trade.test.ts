import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Artifact } from '../../../src/core/artifacts/index.js';
import { backtest } from '../../../src/core/stages/backtest.js';
import { orders } from '../../../src/core/stages/book.js';
import { openRun } from '../../../src/core/stages/compose/run.js';
import { evaluate } from '../../../src/core/stages/evaluate.js';
import { ingest } from '../../../src/core/stages/ingest.js';
import { positions } from '../../../src/core/stages/positions.js';
import { trade } from '../../../src/core/stages/trade.js';
import { train } from '../../../src/core/stages/train.js';
import { fixture, optionsOf, testRuntime } from '../../support/workspace.js';

const CLI = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));

let run: Artifact;
let report: Artifact;
beforeAll(async () => {
  const data = await ingest(
    optionsOf('ingest', { source: 'csv', symbols: 'SPY', file: [fixture('bars/spy-daily-2017-2018.csv')] }),
    runtime,
  );
  const model = await train(optionsOf('train', { data: data.artifact.path, trainer: 'sma-cross(3,8)' }), runtime);
  run = (
    await backtest(
      optionsOf('backtest', { model: model.artifact.path, from: '2018-11-01', commission: '0.1%' }),
      runtime,
    )
  ).artifact;
  report = (await evaluate(optionsOf('evaluate', { run: run.path }), runtime)).artifact;
});

const start = (more: Record<string, unknown>) => trade(optionsOf('trade', { strategy: 't', ...more }), runtime);

describe('one-shot and until', () => {
  test('--once decides exactly the next slot; --until the ones up to its session; the rest come to the backtest’s equity', async () => {
    const account = { run: run.path, strategy: 'steps', set: { account: 'steps' } };
    const first = await start({ ...account, once: true });
    expect(first.session).toMatchObject({ outcome: 'decided', slots: 1, first_slot: '2018-11-01T20:00:00Z' });
    const second = await start({ ...account, once: true });
    expect(second.session.last_slot).toBe('2018-11-02T20:00:00Z');
    const until = await start({ ...account, until: '2018-11-09' });
    expect(until.session.last_slot).toBe('2018-11-09T21:00:00Z');
    expect((await start({ ...account, until: '2018-11-09' })).session).toMatchObject({ outcome: 'nothing', slots: 0 });
    const rest = await start(account);
    const { run: file, fills } = await openRun(run);
    expect(rest.session.equity).toBe(file.finalEquity);
    expect(rest.session.fills).toBe(fills.price.length);
    expect((await start({ ...account, strictSlot: true })).exit).toBe('nothing');
    const book = { all: true, strategy: 'steps' };
    expect((await orders(optionsOf('orders', book), runtime)).length).toBeGreaterThan(2);
    expect(await positions(optionsOf('positions', { strategy: 'steps' }), runtime)).toHaveLength(
      rest.session.positions.length,
    );
  });

  test('a report leads to the same orders as its run', async () => {
    const byRun = await start({ run: run.path, strategy: 'a', set: { account: 'a' } });
    const byReport = await start({ report: report.path, strategy: 'b', set: { account: 'b' } });
    expect(byReport.session).toMatchObject({
      equity: byRun.session.equity,
      fills: byRun.session.fills,
      report: report.id,
    });
  });

  test('positions and orders are readable from another process in the middle of a trade', async () => {
    const reading = (...command: string[]): unknown[] => {
      const args = [CLI, ...command, '--workspace', runtime.workspace, '--strategy', 'read', '--json'];
      return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }));
    };
    const seen: Record<string, unknown[]> = {};
    const faultPoint = (name: string) => {
      if (name !== 'during-fill-booking') return;
      seen['positions'] ??= reading('positions');
      seen['orders'] ??= reading('orders', '--all');
    };
    const options = optionsOf('trade', { strategy: 'read', run: run.path, set: { account: 'read' } });
    const { session } = await trade(options, { ...runtime, faultPoint });
    expect(session.equity).toBe((await openRun(run)).run.finalEquity);
    // Of the first fill, which is the entry's.
    expect(seen['positions']).toMatchObject([{ instrument: 'SPY', strategy: 'read' }]);
    expect(seen['orders']).toHaveLength(1);
  });

  test('one instrument belongs to one strategy of an account at a time', async () => {
    await start({ run: run.path, strategy: 'owner', set: { account: 'shared' }, until: '2018-11-09' });
    const holds = await positions(optionsOf('positions', { strategy: 'owner' }), runtime);
    expect(holds).toHaveLength(1);
    const { session } = await start({ run: run.path, strategy: 'other', set: { account: 'shared' } });
    expect(session).toMatchObject({ outcome: 'decided', orders: 0, fills: 0, positions: [] });
    expect(session.unsent).toBeGreaterThan(0);
  });
});

describe('what is not traded', () => {
  test('an archive as if its bars were of now', async () => {
    await expect(start({ run: run.path, source: 'csv' })).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/no bars of now/),
    });
  });

  test('a run with conventions that no venue knows', async () => {
    const { model } = await openRun(run).then(async ({ artifact }) => ({
      model: await runtime.artifacts.openInput(artifact, 'model'),
    }));
    const foreign = await backtest(
      optionsOf('backtest', { model: model.path, from: '2018-11-01', sizing: 'all-in(100%)' }),
      runtime,
    );
    await expect(start({ run: foreign.artifact.path })).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/no venue knows/),
    });
  });

  test.each([
    [{}, 'USAGE', /Trade what/],
    [{ run: 'latest', report: 'latest' }, 'USAGE', /two things/],
    [{ run: 'latest', broker: 'alpaca' }, 'GUARD', /simulated venue only/],
    [{ report: 'latest', broker: 'alpaca' }, 'GUARD', /"latest" is refused/],
    [{ report: '0123456789abcdef', broker: 'alpaca', strategy: undefined }, 'GUARD', /--strategy is required/],
    [{ report: '0123456789abcdef', broker: 'alpaca' }, 'ARTIFACT_NOT_FOUND', /0123456789abcdef/],
    [{ run: 'latest', live: true }, 'GUARD', /no meaning/],
  ])('%j: %s', async (more, code, message) => {
    await expect(start(more)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
