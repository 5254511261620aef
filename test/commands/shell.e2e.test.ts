import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_OPTIONS } from '../../src/core/config/index.js';
import { configResult, errorResult, initResult, listResult } from '../../src/shell/results/index.js';
import { quantline, quantlineProcess, root } from './cli.js';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-shell-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fresh = (): string => mkdtempSync(join(folder, `${++count}-`));
const run = (args: string, env: Record<string, string> = {}, cwd = fresh()) =>
  quantline(args === '' ? [] : args.split(' '), { cwd, env });
const alone = (args: string, cwd = fresh()) => quantlineProcess(args === '' ? [] : args.split(' '), { cwd });

describe('exit codes', () => {
  const same = async (start: typeof alone, args: string, code: number) => {
    const cwd = fresh();
    const [plain, json] = await Promise.all([start(args, cwd), start(`${args} --json`.trim(), cwd)]);
    expect([plain.code, plain.stderr.includes('Error: ')]).toEqual([code, code !== 0]);
    if (args === '') return;
    expect(json.code).toBe(code);
    if (code === 0) return;
    const { error } = errorResult.parse(JSON.parse(json.stdout));
    expect(error.exit_code).toBe(code);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toContain(error.message);
    expect(plain.stderr.trim().split('\n').length).toBeLessThan(6);
  };

  it.each([
    ['config', 0],
    ['config --config absent.yaml', 3],
  ])('of a process: quantline %s: %i, the same under --json', (args, code) => same(alone, args, code));

  it.each([
    ['--help', 0],
    ['help', 0],
    ['', 0],
    ['help ingest', 0],
    ['datasets --help', 0],
    ['ingest', 2],
    ['no-such-command', 2],
    ['ingest --no-such-flag', 2],
    ['ingest --interval', 2],
    ['ingest --interval 7m', 2],
    ['ingest extra', 2],
    ['datasets show', 2],
    ['backtest --cash lots', 2],
    ['datasets show latest', 4],
    ['datasets show 0123456789abcdef', 4],
    ['ingest --source csv --symbols SPY --file absent.csv', 4],
  ])('quantline %s: %i, the same under --json', (args, code) => same((line, cwd) => run(line, {}, cwd), args, code));

  it('prints the version of package.json, without oclif', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await alone('--version')).stdout).toBe(
      `quantline/${version} ${process.platform}-${process.arch} node-${process.version}\n`,
    );
  });
});

describe('errors', () => {
  it.each([
    ...[
      'flatten',
      'flatten --all',
      'halt',
      'resume',
      'positions',
      'orders',
      'fills',
      'account',
      'status',
      'doctor',
    ].map((command) => `${command} --broker tdameritrade`),
    ...['login tdameritrade', 'login tdameritrade --paste'],
  ])('quantline %s: where the accounts went, as trade has it', async (args) => {
    const [asked, traded] = await Promise.all([run(args), run('trade --broker tdameritrade')]);
    expect(traded.stderr).toMatch(/moved to Charles Schwab[\s\S]*login schwab[\s\S]*--broker sim/);
    expect(asked).toEqual(traded);
    expect(asked.code).toBe(3);
  });

  it('name the nearest flag and command', async () => {
    const [flag, command, missing] = await Promise.all([run('ingest --symbol SPY'), run('ingset'), run('ingest')]);
    expect(flag.stderr).toContain('Did you mean --symbols?');
    expect(command.stderr).toContain('Did you mean: quantline ingest?');
    expect(missing.stderr).toContain('needs --source');
  });

  it('never print argv, the configuration or a secret', async () => {
    const secret = 'sup3r-s3cret-value';
    const env = { APCA_API_SECRET_KEY: secret, QUANTLINE_INTERVAL: secret };
    for (const args of ['ingest --bogus a-private-word --json', 'ingest --json --source csv', 'config --json']) {
      const { stdout, stderr } = await run(args, env);
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).not.toContain('a-private-word');
      expect(stdout.split('\n').length).toBeLessThan(40);
    }
  });

  it('of a module show the stack only when asked', async () => {
    const cwd = fresh();
    writeFileSync(join(cwd, 'broken.ts'), 'throw new TypeError("boom");\n');
    const args = 'ingest --symbols A --source ./broken.ts';
    const [quiet, debug] = [await run(args, {}, cwd), await run(`${args} --log-level debug`, {}, cwd)];
    expect([quiet.code, debug.code]).toEqual([4, 4]);
    expect(quiet.stderr).toContain('boom');
    expect(quiet.stderr).not.toContain('    at ');
    expect(debug.stderr).toContain('    at ');
  });
});

describe('output', () => {
  it('is one JSON document, or one thing', async () => {
    const cwd = fresh();
    const documents = await Promise.all([run('datasets --json', {}, cwd), run('config --json', {}, cwd)]);
    expect(listResult.parse(JSON.parse(documents[0].stdout))).toEqual([]);
    expect(configResult.parse(JSON.parse(documents[1].stdout)).file).toBeNull();
  });

  it('may be cut off by its reader', () => {
    const cwd = fresh();
    const line = `"${process.execPath}" "${join(root, 'bin/run.js')}" config | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', line], { cwd, encoding: 'utf8' });
    expect(stdout).toMatch(/^key .*\n0\n$/);
    expect(stderr).toBe('');
  });

  it.skipIf(!existsSync('/dev/full'))('to a full disk is an error', () => {
    const line = `"${process.execPath}" "${join(root, 'bin/run.js')}" config > /dev/full`;
    const { status, stderr } = spawnSync('bash', ['-c', line], { cwd: fresh(), encoding: 'utf8' });
    expect(status).toBe(4);
    expect(stderr).toContain('Cannot write to stdout');
  });
});

describe('config', () => {
  it('shows every option of every command with its origin', async () => {
    const cwd = fresh();
    writeFileSync(join(cwd, 'quantline.yaml'), 'backtest:\n  cash: 5000\n');
    writeFileSync(join(cwd, '.env'), 'QUANTLINE_COMMISSION=5bp\nAPCA_API_KEY_ID=abcdef\n');
    const { stdout } = await run('config --json --workspace w', { QUANTLINE_SLIPPAGE: '1bp' }, cwd);
    const { file, values } = configResult.parse(JSON.parse(stdout));
    expect(file).toBe(join(cwd, 'quantline.yaml'));
    const of = (key: string) => values.find((value) => value.key === key);
    expect(of('workspace')).toEqual({ key: 'workspace', value: 'w', origin: '--workspace' });
    expect(of('backtest.cash')).toMatchObject({ value: '5000', origin: 'quantline.yaml:2 backtest.cash' });
    expect(of('backtest.commission')).toMatchObject({ value: '5bp', origin: 'QUANTLINE_COMMISSION (.env)' });
    expect(of('backtest.slippage')).toMatchObject({ value: '1bp', origin: 'QUANTLINE_SLIPPAGE' });
    expect(of('trade.cash')).toMatchObject({ value: '100000', origin: 'default' });
    expect(of('APCA_API_KEY_ID')).toEqual({ key: 'APCA_API_KEY_ID', value: '***', origin: '.env' });
    const keys = new Set(values.map(({ key }) => key.split('.')[0]));
    for (const command of Object.keys(COMMAND_OPTIONS)) expect(keys).toContain(command.replace(':', '-'));
  });
});

describe('init', () => {
  it('writes both files without asking, keys readable by the owner only, and replaces nothing', async () => {
    const cwd = fresh();
    const first = await run('init --yes --source alpaca --broker alpaca', {}, cwd);
    expect([first.code, first.stdout]).toEqual([0, `${join(cwd, 'quantline.yaml')}\n`]);
    expect(statSync(join(cwd, '.env')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(cwd, '.env'), 'utf8')).toContain('APCA_API_SECRET_KEY=\n');
    const { stdout } = await run('config --json', {}, cwd);
    const values = configResult.parse(JSON.parse(stdout)).values;
    expect(values.find(({ key }) => key === 'ingest.source')?.value).toBe('alpaca');
    expect(values.find(({ key }) => key === 'trade.broker')?.value).toBe('alpaca');

    writeFileSync(join(cwd, '.env'), 'APCA_API_SECRET_KEY=mine\n');
    const before = readFileSync(join(cwd, 'quantline.yaml'), 'utf8');
    const second = await run('init --yes', {}, cwd);
    expect([second.code, readFileSync(join(cwd, 'quantline.yaml'), 'utf8')]).toEqual([3, before]);
    const third = await run('init --yes --overwrite --json --broker alpaca', {}, cwd);
    expect(third.code).toBe(0);
    expect(initResult.parse(JSON.parse(third.stdout)).files).toContain(join(cwd, 'quantline.yaml'));
    expect(readFileSync(join(cwd, '.env'), 'utf8')).toMatch(/^APCA_API_SECRET_KEY=mine\n/);
  });
});

/** Runs the command line on a pseudo-terminal of util-linux; `keys` are typed once `prompt` is seen. */
function onTerminal(args: string, prompt: string, keys: string): Promise<{ code: number | null; seen: string }> {
  return new Promise((done, fail) => {
    const line = `"${process.execPath}" "${join(root, 'bin/run.js')}" ${args}`;
    const child = spawn('script', ['-qec', line, '/dev/null'], { cwd: fresh(), stdio: ['pipe', 'pipe', 'ignore'] });
    let seen = '';
    let typed = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      seen += text;
      if (typed || !seen.includes(prompt)) return;
      typed = true;
      child.stdin.write(keys);
    });
    child.on('error', fail);
    child.on('close', (code) => done({ code, seen }));
  });
}

const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasScript)('on a terminal', () => {
  it('asks for what was left out; Ctrl-C ends it with 130', async () => {
    const { code, seen } = await onTerminal('backtest', '--model', '\u0003');
    expect([code, seen]).toEqual([130, expect.stringContaining('Interrupted')]);
  });

  it('takes the answer', async () => {
    const { code, seen } = await onTerminal('backtest', '--model', 'latest\r');
    expect([code, seen]).toEqual([4, expect.stringContaining('There is no model')]);
  });

  it('asks nothing with --yes', async () => {
    const { code, seen } = await onTerminal('backtest --yes', 'never', '');
    expect([code, seen]).toEqual([2, expect.stringContaining('needs --model')]);
  });
});

describe('the manifest', () => {
  it('knows every command of the schemas, and no other', () => {
    const { commands } = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as { commands: object };
    expect(Object.keys(commands).sort()).toEqual(Object.keys(COMMAND_OPTIONS).sort());
  });

  it('holds no path of this machine', () => {
    expect(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')).not.toContain(root);
    expect(
      execFileSync(process.execPath, [join(root, 'bin/run.js'), 'ingest', '--help'], { encoding: 'utf8' }),
    ).not.toContain(root);
  });
});
