import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandId } from '../../src/core/config/index.js';
import { COMMAND_RESULTS, errorResult } from '../../src/shell/results/index.js';
import { quantline, root } from './cli.js';

/** Maintenance of the store through the built command line: good files first, then damaged ones. */
let folder: string;
const csv = join(root, 'fixtures/bars/spy-daily-2017-2018.csv');
const q = (...args: string[]) => quantline(args, { cwd: folder });
const words = (command: CommandId) => command.split(':');

/** The document of a command that ends with `code`, checked against its schema. */
async function document(command: CommandId, code: number, ...args: string[]): Promise<unknown> {
  const result = await q(...words(command), ...args, '--json');
  expect(result.code, result.stderr).toBe(code);
  return COMMAND_RESULTS[command].parse(JSON.parse(result.stdout));
}

async function refused(command: CommandId, code: number, text: string, ...args: string[]): Promise<void> {
  const result = await q(...words(command), ...args, '--json');
  const { error } = errorResult.parse(JSON.parse(result.stdout));
  expect([result.code, error.exit_code]).toEqual([code, code]);
  expect(`${error.message} ${error.hint}`).toContain(text);
}

/** The only Parquet file of a source's series. */
function stored(source: string): string {
  const at = join(folder, '.quantline/store', source);
  const names = (readdirSync(at, { recursive: true }) as string[]).filter((name) => name.endsWith('.parquet'));
  expect(names).toHaveLength(1);
  return join(at, names[0]!);
}

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 16;
  writeFileSync(path, bytes);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-store-'));
  // The same days as another source has them: from February on, one high and close of its own, one day lacking.
  const own = `CASE WHEN date = '2017-03-01' THEN high * 1.01 ELSE`;
  const sql = `SELECT date, open, ${own} high END AS high, low, ${own} close END AS close, volume FROM '${csv}'
    WHERE date >= '2017-02-01' AND date <> '2017-06-01'`;
  const first = await q('ingest', '--source', 'csv', '--symbols', 'SPY', '--file', csv);
  const other = ['--source', 'duckdb', '--symbols', 'SPY', '--set', `sql=${sql}`];
  const second = await q('ingest', ...other, '--quality', 'gaps=allow');
  expect([first.code, second.code], first.stderr + second.stderr).toEqual([0, 0]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a store in order', () => {
  it('shows ranges, gaps and sessions since the last bar', async () => {
    const key = { symbol: 'SPY', feed: '', session: 'regular', interval: '1d', basis: 'raw', density: 'dense' };
    expect(await document('ingest:status', 0)).toMatchObject([
      { ...key, source: 'csv', rows: 502, from: '2017-01-03T14:30:00Z', to: '2018-12-31T14:30:00Z', gaps: 0 },
      { ...key, source: 'duckdb', rows: 481, gaps: 1, gap_examples: [expect.stringContaining('2017-06-01')] },
    ]);
    const { stdout } = await q('ingest', 'status', '--source', 'duckdb', '--format', 'csv');
    const [head, row, ...rest] = stdout.trim().split('\n');
    expect(head).toBe('symbol,source,feed,session,interval,basis,density,rows,from,to,gaps,stale_sessions');
    expect(row).toMatch(/^SPY,duckdb,,regular,1d,raw,dense,481,2017-02-01T14:30:00Z,2018-12-31T14:30:00Z,1,\d{4}$/);
    expect(rest).toEqual([]);
  });

  it('is verified, has nothing to repair, and nothing to prune', async () => {
    expect(await document('ingest:verify', 0)).toEqual({ series: 2, damages: [] });
    expect(await document('ingest:repair', 0, '--source', 'csv')).toEqual({ series: 1, repaired: [], lost: [] });
    expect(await document('store:prune', 0)).toEqual({ files: 0, bytes: 0 });
  });

  it('compares two sources over their common time, and says what differs', async () => {
    const pair = ['--source', 'csv', '--against', 'duckdb'];
    const { code, stdout, stderr } = await q('ingest', 'compare', ...pair, '--format', 'csv');
    expect(code).toBe(4);
    expect(stdout).toBe(
      [
        'symbol,time,field,source,against',
        'SPY,2017-03-01T14:30:00Z,high,227.04,229.3104',
        'SPY,2017-03-01T14:30:00Z,close,226.53,229.3104',
        'SPY,2017-06-01T13:30:00Z,bar,230.92,',
        '',
      ].join('\n'),
    );
    expect(stderr).toContain('SPY: 481 bars compared, 1 differ, 1 only in the first, 0 only in the second');
    const later = await document('ingest:compare', 0, ...pair, '--from', '2018-01-01', '--volume-tolerance', '0%');
    expect(later).toMatchObject({ agree: true, symbols: [{ compared: 251, differing: 0, differences: [] }] });
    const wide = await document('ingest:compare', 4, ...pair, '--to', '2017-12-29', '--tolerance', '2%');
    expect(wide).toMatchObject({ agree: false, symbols: [{ differing: 0, only_in_source: 1 }] });
  });

  it('refuses what is not there, with the exit code of its cause', async () => {
    await Promise.all([
      refused('ingest:verify', 4, 'no series that fits SYP', '--symbols', 'SPY,SYP'),
      refused('ingest:compare', 4, 'from yahoo', '--source', 'csv', '--against', 'yahoo', '--symbols', 'SPY'),
      refused('ingest:repair', 2, 'needs --source'),
      refused('store:init', 2, 'needs no preparation', '--store', 'parquet'),
    ]);
    await refused('store:prune', 2, 'Add --yes', '--store', 'bigquery://project.bars');
  });
});

describe('a damaged store', () => {
  it('is found by verify (exit 4), and repaired from its source, with the settings that it needs', async () => {
    const before = readFileSync(stored('csv'));
    damage(stored('csv'));
    const { code, stdout, stderr } = await q('ingest', 'verify');
    expect([code, stderr]).toEqual([4, expect.stringContaining('2 series read, 1 damaged file.')]);
    expect(stdout).toMatch(/^SPY +csv +regular +1d +2017-01-03T14:30:00Z +2018-12-31T14:30:00Z +all-\w+\.parquet /m);
    // Without its file the csv source cannot be asked: nothing is given up.
    await refused('ingest:repair', 2, 'csv, file', '--source', 'csv');
    const wanted = ['--symbols', 'SPY', '--file', csv];
    expect(await document('ingest:repair', 0, '--source', 'csv', ...wanted)).toMatchObject({
      repaired: [{ source: 'csv', symbol: 'SPY' }],
      lost: [],
    });
    expect(readFileSync(stored('csv'))).toEqual(before);
  });

  it('lists what its source cannot give again, as lost, with exit 4', async () => {
    damage(stored('duckdb'));
    const sql = `sql=SELECT * FROM '${csv}' WHERE date > '2030-01-01'`;
    expect(await document('ingest:repair', 4, '--source', 'duckdb', '--set', sql)).toMatchObject({
      repaired: [],
      lost: [{ source: 'duckdb', from: '2017-02-01T14:30:00Z' }],
    });
    expect(await document('ingest:verify', 0)).toMatchObject({ damages: [] });
  });
});
