import { readFile } from 'node:fs/promises';
import { type CorporateAction, parseDate } from '../../domain/index.js';
import { QuantlineError } from '../../errors/index.js';
import { storageError } from '../../platform/index.js';
import { delimiterOf, splitLine } from './header.js';

const WANTED = {
  split: 'new shares per old one, such as 4',
  dividend: 'the cash a share, such as 0.82',
  rename: 'the new symbol',
  delisting: 'the cash a share that holders were paid, or nothing for the last price',
} as const;

/**
 * Reads corporate actions: one a line, `symbol,date,type,value`, with or without a header, `#` for comments. The date is
 * the ex-date; of a delisting the first session without trading. INPUT names the line.
 */
export async function readActions(path: string): Promise<readonly CorporateAction[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storageError(error, path);
    throw new QuantlineError('INPUT', `No such file of actions: ${path}`, { hint: 'Check the path.' });
  }
  const actions: CorporateAction[] = [];
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const fields = splitLine(line, delimiterOf(line)).map((field) => field.trim());
    if (actions.length === 0 && /^(symbol|ticker)$/i.test(fields[0] ?? '')) continue;
    const action = actionOf(fields);
    if (typeof action !== 'string') actions.push(action);
    else {
      throw new QuantlineError('INPUT', `${path}, line ${i + 1}: ${action}.`, {
        hint: 'Write symbol,date,type,value, such as AAPL,2020-08-31,split,4.',
        details: { path, line: i + 1 },
      });
    }
  }
  return actions;
}

/** The action, or what is wrong with the line. */
function actionOf([instrument = '', date = '', type = '', value = '']: readonly string[]): CorporateAction | string {
  if (instrument === '') return 'the symbol is empty';
  if (parseDate(date) === undefined) return `"${date}" is no date`;
  if (!Object.hasOwn(WANTED, type)) return `"${type}" is none of ${Object.keys(WANTED).join(', ')}`;
  const kind = type as keyof typeof WANTED;
  const number = value === '' ? Number.NaN : Number(value);
  const wrong = `a ${kind} needs ${WANTED[kind]}, not "${value}"`;
  if (kind === 'rename') return value === '' ? wrong : { type: kind, instrument, date, becomes: value };
  if (kind === 'split') return number > 0 ? { type: kind, instrument, date, ratio: number } : wrong;
  if (kind === 'dividend') return number > 0 ? { type: kind, instrument, date, amount: number } : wrong;
  if (value === '') return { type: kind, instrument, date };
  return number >= 0 ? { type: kind, instrument, date, amount: number } : wrong;
}
