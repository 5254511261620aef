import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_RESULTS, errorResult } from '../../src/shell/results/index.js';
import { quantline, quantlineProcess, root } from './cli.js';

/** The stages chained as a script chains them, through the built command line, on real bars. */
let folder: string;
let data: string;
let model: string;
let run: string;
const csv = join(root, 'fixtures/bars/spy-daily-2017-2018.csv');

const q = (...args: string[]) => quantline(args, { cwd: folder });

/** Runs a command that must end well, and gives the one line on its stdout. */
async function path(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await q(...args);
  expect([code, stderr.includes('Error')], stderr).toEqual([0, false]);
  expect(stdout.split('\n')).toHaveLength(2);
  return stdout.trim();
}

async function json(
  command: keyof typeof COMMAND_RESULTS,
  code: number,
  ...args: string[]
): Promise<Record<string, unknown>> {
  const result = await q(...args, '--json');
  expect(result.code, result.stderr).toBe(code);
  return COMMAND_RESULTS[command].parse(JSON.parse(result.stdout)) as Record<string, unknown>;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-chain-'));
  data = await path('ingest', '--source', 'csv', '--symbols', 'SPY', '--file', csv);
  model = await path('train', '--data', data, '--trainer', 'sma-cross(5,20)');
  run = await path('backtest', '--data', data, '--model', model, '--commission', '0.1%', '--slippage', '5bp');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the chain', () => {
  it('prints paths of artefacts in the workspace', () => {
    for (const [kind, artifact] of Object.entries({ dataset: data, model, run })) {
      expect(artifact).toMatch(new RegExp(`/\\.quantline/${kind}/[0-9a-f]{16}$`));
      expect(existsSync(join(artifact, 'manifest.json'))).toBe(true);
    }
  });

  it('computes nothing twice', async () => {
    const [again, trained, traded] = await Promise.all([
      json('ingest', 0, 'ingest', '--source', 'csv', '--symbols', 'SPY', '--file', csv),
      json('train', 0, 'train', '--data', basename(data), '--trainer', 'sma-cross(5, 20)'),
      json('backtest', 0, 'backtest', '--data', data, '--model', model, '--commission', '10bp', '--slippage', '0.05%'),
    ]);
    expect([again['path'], again['reused'], again['symbols']]).toEqual([
      data,
      true,
      [{ symbol: 'SPY', rows: 502, inserted: 0, updated: 0 }],
    ]);
    expect([trained['path'], trained['reused']]).toEqual([model, true]);
    expect([traded['path'], traded['reused']]).toEqual([run, true]);
  });

  it('judges: exit 5 is a result, its report is printed as for 0', async () => {
    const failed = await json('evaluate', 5, 'evaluate', '--run', run, '--gate', 'sharpe>=5');
    const passed = await json('evaluate', 0, 'evaluate', '--run', run, '--gate', 'trades>=1');
    expect(failed['kind']).toBe('report');
    expect((failed['report'] as { verdict: { failed: string[] } }).verdict.failed).toEqual(['sharpe>=5']);
    expect((passed['report'] as { verdict: { pass: boolean } }).verdict.pass).toBe(true);
    const { code, stdout, stderr } = await q('evaluate', '--run', run, '--gate', 'sharpe>=5');
    expect([code, stdout]).toEqual([5, `${failed['path']}\n`]);
    expect(stderr).toContain('sharpe>=5');
  });

  it('explains a trained model: importance, and what each feature added to the newest score', async () => {
    const trained = await path('train', '--data', data, '--trainer', 'xgboost(5)', '--features', 'ret(1),rsi(14)');
    const worth = await json('models:importance', 0, 'models', 'importance', trained);
    expect(worth['features']).toHaveLength(2);
    const explained = await json('models:explain', 0, 'models', 'explain', trained);
    const [{ margin }] = explained['predictions'] as [{ margin: number }];
    const csv = (await q('models', 'explain', trained, '--format', 'csv')).stdout.trim().split('\n').slice(1);
    expect(csv.map((line) => line.split(',')[3])).toContain('(expected)');
    expect(csv.reduce((sum, line) => sum + Number(line.split(',').at(-1)), 0)).toBeCloseTo(margin, 10);
    expect((await q('models', 'explain', model)).code).toBe(2);
  });

  it('shows what it made, as table, CSV and JSON', async () => {
    const [trades, rows, listed, shown, dataset] = await Promise.all([
      q('runs', 'show', run, '--trades', '--format', 'csv'),
      json('runs:show', 0, 'runs', 'show', run, '--trades') as unknown as Promise<Record<string, unknown>[]>,
      json('runs', 0, 'runs') as unknown as Promise<Record<string, unknown>[]>,
      json('runs:show', 0, 'runs', 'show', 'latest'),
      json('datasets:show', 0, 'datasets', 'show', 'latest'),
    ]);
    const lines = trades.stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^instrument,side,quantity,entry_time,/);
    expect(lines.length - 1).toBe(rows.length);
    expect(rows.length).toBe((shown['summary'] as { trades: number }).trades);
    expect(listed.map(({ id }) => id)).toEqual([basename(run)]);
    expect(dataset).toMatchObject({ id: basename(data), interval: '1d', series: [{ instrument: 'SPY', rows: 502 }] });
    const tables = await Promise.all(
      ['--trades', '--orders', '--equity'].map((part) => q('runs', 'show', run, part, '--limit', '3')),
    );
    for (const { code, stdout } of tables) expect([code, stdout.trim().split('\n').length]).toEqual([0, 4]);
    expect((await q('models', 'show', model)).stdout).toContain('sma-cross(5,20)');
  });

  it('keeps the same figures', async () => {
    const { summary } = (await json('runs:show', 0, 'runs', 'show', run)) as { summary: Record<string, unknown> };
    await expect(`${JSON.stringify(summary, undefined, 2)}\n`).toMatchFileSnapshot('__snapshots__/chain.json');
  });

  it('runs a rule of the user’s own, and its hash is part of the id', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const rule = /^```ts\n([\s\S]*?)^```/m.exec(readme)![1]!;
    writeFileSync(join(folder, 'my-rule.ts'), rule);
    const first = await path('train', '--data', data, '--trainer', './my-rule.ts(2)');
    const traded = await path('backtest', '--data', data, '--model', first);
    const { summary } = (await json('runs:show', 0, 'runs', 'show', traded)) as { summary: { trades: number } };
    expect(summary.trades).toBeGreaterThan(10);
    writeFileSync(join(folder, 'my-rule.ts'), `${rule}\n// another hash\n`);
    expect(await path('train', '--data', data, '--trainer', './my-rule.ts(2)')).not.toBe(first);
  });
});

describe('paper trading', () => {
  const start = (...more: string[]) => ['trade', '--run', run, '--strategy', 'e2e', '--broker', 'sim', ...more];

  it('trades slot by slot, is safe to start again, and shows its book', async () => {
    const none = await json('positions', 0, 'positions');
    expect(none).toEqual([]);
    const first = (await json('trade', 0, ...start('--until', '2017-06-30'))) as { session: Record<string, unknown> };
    expect(first.session).toMatchObject({ outcome: 'decided', strategy: 'e2e', venue: 'sim', rejected: 0 });
    expect(first.session['slots']).toBeGreaterThan(50);
    expect(first.session['fills']).toBeGreaterThan(1);

    const again = (await json('trade', 0, ...start('--until', '2017-06-30'))) as { session: Record<string, unknown> };
    expect([again.session['outcome'], again.session['fills']]).toEqual(['nothing', first.session['fills']]);
    await json('trade', 8, ...start('--until', '2017-06-30', '--strict-slot'));

    const [once, held, all] = [
      (await json('trade', 0, ...start('--once'))) as { session: { slots: number } },
      (await json('positions', 0, 'positions', '--strategy', 'e2e')) as unknown as { quantity: string }[],
      (await json('orders', 0, 'orders', '--all')) as unknown as { status: string; filled: string }[],
    ];
    expect(once.session.slots).toBe(1);
    for (const { quantity } of held) expect(quantity).toMatch(/^-?\d+(\.\d+)?$/);
    expect(all.filter(({ status }) => status === 'filled').length).toBe(first.session['fills']);
    expect(await json('orders', 0, 'orders', '--strategy', 'other', '--all')).toEqual([]);
  });

  it('shows its book again and again until a signal', async () => {
    const watch = (...more: string[]) =>
      quantlineProcess(['orders', '--all', '--limit', '2', '--watch', '100ms', ...more], {
        cwd: folder,
        started: (child) => {
          let seen = '';
          child.stdout!.on('data', (text: string) => {
            seen += text;
            if (!child.killed && seen.split('created_at').length > 5) child.kill('SIGINT');
          });
        },
      });
    const [table, documents] = await Promise.all([watch(), watch('--json')]);
    expect([table.code, documents.code]).toEqual([130, 130]);
    expect(table.stdout.split('created_at').length).toBeGreaterThan(5);
    // What the signal ends with is a document of its own.
    const lines = documents.stdout.split('\n').filter((line) => line.startsWith('['));
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) COMMAND_RESULTS['orders'].parse(JSON.parse(line));
  });

  it('refuses to trade with money on what passed no gate', async () => {
    const { code, stdout } = await q(
      'trade',
      '--run',
      run,
      '--strategy',
      'e2e',
      '--broker',
      'alpaca',
      '--live',
      '--json',
    );
    expect([code, stdout]).toEqual([3, expect.stringContaining('"error"')]);
  });
});

describe('bad input', () => {
  const artifacts = (): string[] =>
    (readdirSync(join(folder, '.quantline'), { recursive: true }) as string[]).filter(
      (path) => /^\w+\/[^/]*$/.test(path) && !/^(tags|journal)\//.test(path),
    );
  const refused = async (code: string, exit: number, ...args: string[]): Promise<string> => {
    const before = artifacts();
    const { error } = errorResult.parse(JSON.parse((await q(...args, '--json')).stdout));
    expect([error.code, error.exit_code], error.message).toEqual([code, exit]);
    expect(error.hint).not.toBeNull();
    const after = artifacts();
    expect(after.sort()).toEqual(before.sort());
    return error.message;
  };
  const ingest = (file: string, ...more: string[]) => [
    'ingest',
    '--source',
    'csv',
    '--symbols',
    'SPY',
    '--file',
    file,
    ...more,
  ];
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return name;
  };

  it.each([
    ['empty.csv', '', 'INPUT'],
    ['half.csv', 'date,open,high,low,close,volume\n2017-01-03,1,2,1,2,100\n2017-01-04,1,2', 'INPUT'],
    ['words.csv', 'date,open,high,low,close,volume\n2017-01-03,1,2,1,two,100\n', 'INPUT'],
    ['upside-down.csv', 'date,open,high,low,close,volume\n2017-01-03,1,1,2,1,100\n', 'QUALITY'],
  ])('%s', async (name, text, code) => {
    const message = await refused(code, 4, ...ingest(file(name, text)));
    if (text.includes('two')) expect(message).toMatch(/2.*|line 2/);
  });

  it('of the wrong kind, unknown or expressed wrongly', async () => {
    await refused('INPUT', 4, ...ingest('absent.csv'));
    await refused('ARTIFACT_KIND', 4, 'train', '--data', run, '--trainer', 'sma-cross');
    await refused('ARTIFACT_KIND', 4, 'backtest', '--data', data, '--model', data);
    await refused('ARTIFACT_NOT_FOUND', 4, 'evaluate', '--run', 'ffffffffffffffff');
    await refused('ARTIFACT_NOT_FOUND', 4, 'runs', 'show', 'no:tag');
    await refused('USAGE', 2, 'train', '--data', data, '--trainer', 'sma-cros(10)');
    await refused('USAGE', 2, 'train', '--data', data, '--trainer', 'sma-cross(10,30');
    await refused('USAGE', 2, 'evaluate', '--run', run, '--gate', 'sharp>=1');
    await refused('USAGE', 2, 'ingest', '--source', 'cvs', '--symbols', 'SPY');
    await refused('USAGE', 2, 'runs', 'show', run, '--trades', '--orders');
  });

  it('changed after it was written', async () => {
    const other = await path('train', '--data', data, '--trainer', 'sma-cross(7,30)');
    const manifest = join(other, 'manifest.json');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace('"fast": 7', '"fast": 8'));
    expect(readFileSync(manifest, 'utf8')).not.toBe(text);
    await refused('ARTIFACT_CORRUPT', 4, 'backtest', '--data', data, '--model', other);
    writeFileSync(manifest, text);
    const payload = join(other, 'model.json');
    const bytes = readFileSync(payload);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(payload, bytes);
    await refused('ARTIFACT_CORRUPT', 4, 'backtest', '--data', data, '--model', other);
  });
});

describe('a signal', () => {
  it('ends a stage with 130, no artefact under a final name, and the same command continues', async () => {
    const cwd = mkdtempSync(join(folder, 'signal-'));
    const args = ['ingest', '--source', 'synthetic', '--symbols', 'AAA', '--interval', '1m'];
    const range = ['--from', '2020-01-01', '--to', '2020-06-30', '--set', 'start=2019-06-01'];
    const interrupted = await quantlineProcess([...args, ...range, '--json'], {
      cwd,
      // Once the workspace appears the stage is at work.
      started: (child) => {
        const timer = setInterval(() => {
          if (!existsSync(join(cwd, '.quantline'))) return;
          clearInterval(timer);
          child.kill('SIGTERM');
        }, 5);
      },
    });
    expect(interrupted.code, interrupted.stderr).toBe(130);
    expect(errorResult.parse(JSON.parse(interrupted.stdout)).error.code).toBe('INTERRUPTED');
    expect(existsSync(join(cwd, '.quantline/dataset'))).toBe(false);
    const again = await quantline([...args, ...range, '--json'], { cwd });
    expect(again.code, again.stderr).toBe(0);
  });
});
