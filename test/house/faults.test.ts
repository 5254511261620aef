import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** docs/faults.md says which tests prove what; it must say what is true, of every fault of trading. */
const root = join(import.meta.dirname, '../..');
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `F${from + i}`);
const WANTED = [...range(1, 38), ...range(43, 47)];

/** Fault numbers by test file, out of the titles of tests and groups. */
function titled(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const each of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.test\.ts$/.test(each) || each.startsWith('house')) continue;
    const source = readFileSync(join(root, 'test', each), 'utf8');
    for (const [, title] of source.matchAll(/['"`]([^'"`\n]*\bF\d+\b[^'"`\n]*)/g))
      for (const [number] of title!.matchAll(/\bF\d+\b/g))
        found.set(number, (found.get(number) ?? new Set()).add(each.replaceAll('\\', '/')));
  }
  return found;
}

const sections = (text: string) =>
  new Map([...text.matchAll(/^\| (F\d+) \|[^|]*\|([^|]*)\|$/gm)].map(([, number, files]) => [number!, files!]));
const listed = (files: string) => [...files.matchAll(/`([^`]+)`/g)].map(([, file]) => file!).sort();

const table = sections(readFileSync(join(root, 'docs/faults.md'), 'utf8'));
const tests = titled();

test('every fault of trading has its row and its tests, and the row names exactly those', () => {
  expect([...table.keys()]).toEqual(WANTED);
  const told = Object.fromEntries([...table].map(([number, files]) => [number, listed(files)]));
  const true_ = Object.fromEntries(WANTED.map((number) => [number, [...(tests.get(number) ?? [])].sort()]));
  expect(told).toEqual(true_);
});

test('every one of them is tested at a start of trade, or at the command itself', () => {
  const whole = (file: string) => file.startsWith('core/stages/trade') || file.startsWith('commands/');
  expect(WANTED.filter((number) => ![...(tests.get(number) ?? [])].some(whole))).toEqual([]);
});

test('the named points of a crash are those that the code passes, and every test of them goes over the list', () => {
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(root, folder, file), 'utf8'));
  const execution = walk('src/core/execution').join('\n');
  const declared = [...execution.match(/FAULT_POINTS = \[([^\]]*)\]/)![1]!.matchAll(/'([a-z-]+)'/g)].map(([, p]) => p);
  const passed = [...execution.matchAll(/fault\((?:this\.)?context, '([a-z-]+)'\)/g)].map(([, point]) => point);
  expect([...new Set(passed)].sort()).toEqual([...declared].sort());
  for (const file of ['kill.e2e.test.ts', 'venue.e2e.test.ts'])
    expect(readFileSync(join(root, 'test/commands', file), 'utf8')).toContain('describe.each(FAULT_POINTS)');
  const follow = [
    ...walk('src/core/data/follow')
      .join('\n')
      .matchAll(/faultPoint\?\.\('([a-z-]+)'\)/g),
  ];
  const crash = readFileSync(join(root, 'test/core/data/follow/crash.test.ts'), 'utf8');
  for (const [, point] of follow) expect(crash).toContain(`'${point}`);
});
