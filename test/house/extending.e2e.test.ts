import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quantline, root } from '../commands/cli.js';

/** The pages' modules are written down as they stand there and used by the pages' own commands. */
let folder: string;
let data: string;

const q = (...args: string[]) => quantline(args, { cwd: folder });

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await q(...args);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quantline-extending-'));
  for (const page of ['README.md', 'docs/extending.md']) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, body, name] of text.matchAll(/^```ts\n(\/\/ (my-[\w-]+\.ts)[\s\S]*?)^```/gm))
      writeFileSync(join(folder, name!), body!);
  }
  data = await ok(
    'ingest',
    '--source',
    'csv',
    '--symbols',
    'SPY',
    '--file',
    join(root, 'fixtures/bars/spy-daily-2017-2018.csv'),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a module of the user’s own', () => {
  test('a rule by path', async () => {
    const model = await ok('train', '--data', data, '--trainer', './my-rule.ts(3)');
    const other = await ok('train', '--data', data, '--trainer', './my-rule.ts(2)');
    expect(other).not.toBe(model);
    const run = await ok('backtest', '--data', data, '--model', model);
    expect((await q('evaluate', '--run', run)).code).toBe(5);
  });

  test('a learner with a feature, by path', async () => {
    const args = ['--features', 'ret(1),rsi(14),./my-feature.ts(4)', '--label', 'direction(3)'];
    const model = await ok('train', '--data', data, '--trainer', './my-learner.ts(2)', ...args);
    await ok('backtest', '--data', data, '--model', model, '--enter', '0.52');
    expect(JSON.parse(readFileSync(join(model, 'model.json'), 'utf8')).columns.at(-1)).toMatch(/close_streak/);
  });

  test('a change of the module is another model, and the old model refuses to run', async () => {
    const model = await ok('train', '--data', data, '--trainer', './my-rule.ts(4)');
    const path = join(folder, 'my-rule.ts');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('rising >= count', 'rising > count'));
    const { code, stderr } = await q('backtest', '--data', data, '--model', model);
    expect([code, /has changed/.test(stderr)]).toEqual([4, true]);
    expect(await ok('train', '--data', data, '--trainer', './my-rule.ts(4)')).not.toBe(model);
    writeFileSync(path, text);
  });

  test('a rule may be a frozen object of a class with private fields', async () => {
    const text = `import { z } from 'zod';
class Rising {
  #days = 2; kind = 'rule'; short = false; memory = 2;
  get warmup() { return this.#days; }
  scorer() { const days = this.#days; return { consume({ close }, a, b, out) { for (let i = a; i < b; i++) out[i] = close[i] > close[i - days] ? 1 : 0; } }; }
}
export const [name, summary, settings] = ['rising', 'y', z.object({})];
export const create = () => Object.freeze(new Rising());`;
    writeFileSync(join(folder, 'class.ts'), text);
    await ok('backtest', '--data', data, '--model', await ok('train', '--data', data, '--trainer', './class.ts'));
  });

  test('a module that cannot be loaded, or is none, says so', async () => {
    writeFileSync(join(folder, 'broken.ts'), 'export const name = ;');
    writeFileSync(join(folder, 'none.ts'), 'export const name = "x";');
    const module = (made: string) =>
      `import { z } from 'zod';\nexport const [name, summary, settings] = ['x', 'y', z.object({})];\nexport function create() { return ${made}; }`;
    const rule = (scorer: string) => module(`{ kind: 'rule', warmup: 0, memory: 0, scorer() { ${scorer} } }`);
    writeFileSync(join(folder, 'empty.ts'), module('undefined'));
    writeFileSync(join(folder, 'half.ts'), rule('return {};'));
    writeFileSync(join(folder, 'thrown.ts'), rule("throw new Error('no such thing');"));
    const model = 'predict(x, n, out) { out.fill(NaN); }, lookback: 0, history: [], save: async () => ({}), engine';
    const learner = `{ kind: 'learner', engineFor: async () => engine, fit: async () => ({ ${model} }), load: async () => ({}) }`;
    writeFileSync(join(folder, 'blank.ts'), `const engine = { name: 'embedded', version: '1' };\n${module(learner)}`);
    for (const [file, message] of [
      ['broken.ts', /Cannot load/],
      ['none.ts', /does not export/],
      ['absent.ts', /no file/],
      ['empty.ts', /empty\.ts: its result of create is missing/],
      ['half.ts', /half\.ts: its scorer has no consume/],
      ['thrown.ts', /thrown\.ts: no such thing[\s\S]*Correct the module/],
      ['blank.ts', /gives no score on any of \d+ later bars/],
    ] as const) {
      // A rule is first asked where it is compared on folds.
      const { code, stderr } = await q('train', '--data', data, '--trainer', `./${file}`, '--compare', `./${file}`);
      expect([code, message.test(stderr)], stderr).toEqual([4, true]);
    }
  });
});
