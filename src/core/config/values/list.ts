import { splitTopLevel } from './call.js';
import { valueError } from './error.js';

/** Splits a comma list; commas inside parentheses stay. Blanks around items go; empty items and repeats are refused. */
export function parseList(text: string): readonly string[] {
  const seen = new Set<string>();
  for (const { text: raw, at } of splitTopLevel(text)) {
    const item = raw.trim();
    const column = at + 1 + (raw.length - raw.trimStart().length);
    if (item === '') throw valueError(text, 'expected an item between the commas', at + 1);
    if (seen.has(item)) throw valueError(text, `"${item}" stands here twice`, column);
    seen.add(item);
  }
  return [...seen];
}

/** Reads `key=value`; the value may hold further equals signs. */
export function parsePair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  const key = text.slice(0, at).trim();
  if (at < 1 || key === '') throw valueError(text, 'expected key=value');
  return [key, text.slice(at + 1).trim()];
}
