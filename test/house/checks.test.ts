import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const folder = resolve(import.meta.dirname, '..');
const files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.ts'));

/** Argument of the call that begins at `from`, up to the bracket that ends it; texts and patterns have no brackets alone. */
function argument(text: string, from: number): string {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return text.slice(from + 1, at);
  }
  return text.slice(from);
}

/** A pattern, and whether a matcher takes it or it stands as a value. */
const PATTERN = /([(:,[]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g;
const TEXT = /'(?:[^'\\\n]|\\.)*'/g;

const hasValue = (given: string): boolean =>
  [...given.replaceAll(TEXT, "''").matchAll(PATTERN)].some(([, before]) => !before!.startsWith('('));

test('a pattern is not given to toMatchObject, which takes an object without keys for part of everything', () => {
  const found = files.flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    return [...text.matchAll(/\.toMatchObject(?=\()/g)]
      .map(({ index }) => argument(text, index + '.toMatchObject'.length))
      .filter(hasValue)
      .map((given) => `${file}: ${given.trim().slice(0, 80)}`);
  });
  expect(found).toEqual([]);
});
