import { readFile } from 'node:fs/promises';
import { DAY_MS, formatDate, type Instrument, parseDate } from '../domain/index.js';
import { QuantlineError } from '../errors/index.js';
import { storageError } from '../platform/index.js';
import { delimiterOf, splitLine } from './csv/header.js';
import type { AskedRange, DataMoment } from './range.js';

/** First and last session in which a symbol belongs to a universe; absent = no bound. */
export interface Membership {
  readonly from?: string;
  readonly to?: string;
}

export interface Universe {
  readonly symbols: readonly string[];
  readonly members: ReadonlyMap<string, Membership>;
  /** False: who belonged when is not known, so that a backtest may be survivor-biased. */
  readonly dated: boolean;
}

/** Symbols as they were given, with files (`@universe.csv`) read. `universe` is undefined where no file was named. */
export async function expandSymbols(
  given: readonly string[],
): Promise<{ readonly symbols: readonly string[]; readonly universe: Universe | undefined }> {
  const files = given.filter((item) => item.startsWith('@'));
  if (files.length === 0) return { symbols: given, universe: undefined };
  const symbols = new Set(given.filter((item) => !item.startsWith('@')));
  const members = new Map<string, Membership>();
  let dated = symbols.size === 0;
  for (const file of files) {
    const universe = await readUniverse(file.slice(1));
    dated &&= universe.dated;
    for (const symbol of universe.symbols) {
      // The first file that names a symbol counts.
      if (members.has(symbol)) continue;
      symbols.add(symbol);
      members.set(symbol, universe.members.get(symbol)!);
    }
  }
  return { symbols: [...symbols], universe: { symbols: [...symbols], members, dated } };
}

/**
 * Reads a universe: one symbol a line, optionally with first and last session (`symbol,from,to`; either may be empty),
 * with or without a header, `#` for comments. INPUT names line and column.
 */
export async function readUniverse(path: string): Promise<Universe> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    throw new QuantlineError('INPUT', `No such file: ${path}`, { hint: 'Check the path after @.', details: { path } });
  }
  const members = new Map<string, Membership>();
  let dated = true;
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const [symbol = '', from = '', to = ''] = splitLine(line, delimiterOf(line)).map((field) => field.trim());
    if (members.size === 0 && /^(symbol|ticker)$/i.test(symbol)) continue;
    const bad = (what: string) =>
      new QuantlineError('INPUT', `${path}, line ${i + 1}: ${what}.`, {
        hint: 'Write symbol,from,to with dates such as 2015-01-02; from and to may be empty.',
        details: { path, line: i + 1 },
      });
    if (symbol === '') throw bad('the symbol is empty');
    for (const date of [from, to]) if (date !== '' && parseDate(date) === undefined) throw bad(`"${date}" is no date`);
    if (from !== '' && to !== '' && from > to) throw bad(`${symbol} ends on ${to}, before it begins on ${from}`);
    if (members.has(symbol)) throw bad(`${symbol} stands here twice`);
    if (from === '' && to === '') dated = false;
    members.set(symbol, { ...(from === '' ? {} : { from }), ...(to === '' ? {} : { to }) });
  }
  if (members.size === 0)
    throw new QuantlineError('INPUT', `The universe is empty: ${path}`, {
      hint: 'Write one symbol a line.',
      details: { path },
    });
  return { symbols: [...members.keys()], members, dated };
}

/** A range cut to a membership. */
export function within(asked: AskedRange, member: Membership | undefined): AskedRange {
  if (member === undefined) return asked;
  return { ...asked, from: later(asked.from, member.from), to: earlier(asked.to, member.to) };
}

const dateOf = (moment: DataMoment): string =>
  moment.kind === 'date' ? moment.date : formatDate(Math.floor(moment.time / DAY_MS));

function later(asked: DataMoment | undefined, date: string | undefined): DataMoment | undefined {
  if (date === undefined || (asked !== undefined && dateOf(asked) >= date)) return asked;
  return { kind: 'date', date };
}

function earlier(asked: DataMoment | undefined, date: string | undefined): DataMoment | undefined {
  if (date === undefined || (asked !== undefined && dateOf(asked) <= date)) return asked;
  return { kind: 'date', date };
}

/** The instrument with the bounds of its membership. */
export const memberOf = (instrument: Instrument, member: Membership | undefined): Instrument => ({
  ...instrument,
  ...(member?.from === undefined ? {} : { validFrom: member.from }),
  ...(member?.to === undefined ? {} : { validTo: member.to }),
});
