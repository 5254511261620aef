import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The package as npm would publish it, in an empty project with its production dependencies and nothing else. */
const root = resolve(import.meta.dirname, '../..');
let project: string;
let files: string[];

function node(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
  expect(status, `${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'quantline-pack-'));
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const packed = execFileSync(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [info] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = info.files.map(({ path }) => path);
  const home = join(project, 'node_modules', 'quantline');
  mkdirSync(home, { recursive: true });
  execFileSync('tar', ['-xzf', join(project, info.filename), '-C', home, '--strip-components=1']);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (dev || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) continue;
    mkdirSync(dirname(join(project, path)), { recursive: true });
    symlinkSync(join(root, path), join(project, path));
  }
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the package', () => {
  it('holds what it needs and nothing of the workshop', () => {
    for (const path of [
      'bin/run.js',
      'dist/core/index.js',
      'dist/core/index.d.ts',
      'dist/commands/ingest.js',
      'oclif.manifest.json',
      'schemas/ingest.json',
      'fixtures/bars/msft-daily-1990-2022.csv',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      '.env.example',
    ]) {
      expect(files).toContain(path);
    }
    expect(
      files.filter((path) => /^(src|test|scripts|node_modules|\.ci|\.quantline)\/|tsbuildinfo/.test(path)),
    ).toEqual([]);
    expect(files.filter((path) => /(^|\/)\.env$/.test(path))).toEqual([]);
  });

  it('runs its command line', () => {
    const bin = join('node_modules', 'quantline', 'bin', 'run.js');
    expect(node([bin, '--version'])).toMatch(/^quantline\/\d/);
    expect(node([bin, 'ingest', '--help'])).toContain('USAGE');
    const csv = join('node_modules', 'quantline', 'fixtures', 'bars', 'spy-daily-2017-2018.csv');
    const data = node([bin, 'ingest', '--source', 'csv', '--symbols', 'SPY', '--file', csv, '--quiet']).trim();
    // The others in one process: what it takes to load them is the same.
    writeFileSync(
      join(project, 'chain.js'),
      `import { main } from './node_modules/quantline/dist/shell/main.js';
const root = new URL('./node_modules/quantline/', import.meta.url).pathname;
for (const line of process.argv.slice(2)) {
  const code = await main(line.split(' '), root);
  if (code !== 0) process.exit(code);
}
`,
    );
    const chain = [`train --data ${data} --trainer sma-cross(10,30) --quiet`, 'backtest --model latest --quiet'];
    const out = node(['chain.js', ...chain, 'runs show latest --trades --format csv']).split('\n');
    expect(out.slice(0, 3)).toEqual([
      expect.stringContaining('/model/'),
      expect.stringContaining('/run/'),
      expect.stringMatching(/^instrument,side,/),
    ]);
  });

  it('is imported as a library', () => {
    writeFileSync(
      join(project, 'use.js'),
      `import { EXIT_CODES, Sma, ingest, train, backtest, evaluate, QuantlineError } from 'quantline';
const sma = new Sma(3);
const out = [1, 2, 3, 4].map((x) => sma.update(x));
console.log(JSON.stringify([out[3], EXIT_CODES.gate, [ingest, train, backtest, evaluate].map((f) => typeof f), new QuantlineError('USAGE', 'x').exitCode]));
`,
    );
    expect(JSON.parse(node(['use.js']))).toEqual([3, 5, Array(4).fill('function'), 2]);
  });

  it('has types, also for the code of the README', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
    expect(blocks.length).toBeGreaterThan(1);
    for (const [i, block] of blocks.entries()) writeFileSync(join(project, `readme-${i}.ts`), block);
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          ...{ target: 'ES2023', module: 'NodeNext', strict: true, noEmit: true, skipLibCheck: true },
          ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, types: [] },
        },
        include: ['*.ts'],
      }),
    );
    writeFileSync(
      join(project, 'types.ts'),
      `import { Sma, type TrainerModule, type MarketDataSource, type BacktestOptions } from 'quantline';
import * as rule from './readme-0.js';
export const checked: TrainerModule<typeof rule.settings> = rule;
export const value: number = new Sma(3).update(1);
export type Used = MarketDataSource | BacktestOptions;
`,
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(node([tsc, '-p', 'tsconfig.json'])).toBe('');
  });
});
