import { parseAmount, parseDecimal } from './amount.js';
import { valueError } from './error.js';

/** One argument of a call. Numbers keep their unit: `2%` is {value: 0.02, unit: 'fraction'}. */
export interface CallArgument {
  readonly text: string;
  /** From 1, within the whole expression. */
  readonly column: number;
  readonly value: number | string | Call;
  readonly unit: 'none' | 'fraction' | 'currency';
}

/** `name(argument, …)`, also written `name:argument,…`; without arguments the parentheses may be left out. */
export interface Call {
  readonly name: string;
  readonly args: readonly CallArgument[];
  /** The expression as written, trimmed. */
  readonly text: string;
}

/** Reads a call such as `sma-cross(10,30)`, `purged:5` or `./my-rule.ts(20)`. Errors name the column. */
export function parseCall(text: string): Call {
  const trimmed = text.trim();
  const lead = text.length - text.trimStart().length;
  if (trimmed === '') throw valueError(text, 'expected a name, such as sma-cross(10,30)');
  return parseAt(text, trimmed, lead);
}

function parseAt(whole: string, part: string, offset: number): Call {
  const open = part.indexOf('(');
  const colon = part.search(/:(?![\\/])/);
  if (open < 0 && colon > 0) {
    return finish(whole, part, part.slice(0, colon), part.slice(colon + 1), offset, offset + colon + 1);
  }
  if (open < 0) {
    const close = part.indexOf(')');
    if (close >= 0) throw valueError(whole, 'this parenthesis was never opened', offset + close + 1);
    return finish(whole, part, part, '', offset, offset + part.length);
  }
  const end = matching(whole, part, open, offset);
  if (end !== part.length - 1) throw valueError(whole, 'expected the end of the expression', offset + end + 2);
  return finish(whole, part, part.slice(0, open), part.slice(open + 1, end), offset, offset + open + 1);
}

function matching(whole: string, part: string, open: number, offset: number): number {
  let depth = 0;
  for (let i = open; i < part.length; i++) {
    if (part[i] === '(') depth++;
    else if (part[i] === ')' && --depth === 0) return i;
  }
  throw valueError(whole, 'this parenthesis is never closed', offset + open + 1);
}

function finish(whole: string, part: string, rawName: string, inside: string, nameAt: number, argsAt: number): Call {
  const name = rawName.trim();
  if (name === '') throw valueError(whole, 'expected a name', nameAt + 1);
  const bad = name.search(/[\s,=<>]/);
  if (bad >= 0 && !/[\\/]/.test(name)) throw valueError(whole, 'a name has no such character', nameAt + bad + 1);
  return { name, args: splitArguments(whole, inside, argsAt), text: part };
}

function splitArguments(whole: string, inside: string, offset: number): CallArgument[] {
  if (inside.trim() === '') return [];
  return splitTopLevel(inside).map(({ text, at }) => {
    const lead = text.length - text.trimStart().length;
    return argument(whole, text.trim(), offset + at + lead);
  });
}

/** Splits at commas outside parentheses; `at` is each part's offset. */
export function splitTopLevel(text: string): { text: string; at: number }[] {
  const parts: { text: string; at: number }[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (i === text.length || (text[i] === ',' && depth === 0)) {
      parts.push({ text: text.slice(start, i), at: start });
      start = i + 1;
    }
  }
  return parts;
}

function argument(whole: string, text: string, at: number): CallArgument {
  const column = at + 1;
  if (text === '') throw valueError(whole, 'expected an argument', column);
  const plain = parseDecimal(text);
  if (!Number.isNaN(plain)) return { text, column, value: plain, unit: 'none' };
  if (/^[+-]?[\d.$]/.test(text) && /(%|bps?)$|^[+-]?\$/.test(text)) {
    try {
      const amount = parseAmount(text);
      if (amount.unit === 'currency-per-share') throw valueError(whole, 'expected a plain amount', column);
      return { text, column, value: amount.value, unit: amount.unit };
    } catch {
      throw valueError(whole, 'expected a number, a percentage or money', column);
    }
  }
  if (text.includes('(')) return { text, column, value: parseAt(whole, text, at), unit: 'none' };
  return { text, column, value: text, unit: 'none' };
}
