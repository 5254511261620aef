import { QuantlineError } from '../../errors/index.js';

/** What a column of the file is. The order is that of the parser's roles. */
export const ROLES = [
  'ignored',
  'time',
  'timeOfDay',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'bid',
  'ask',
  'symbol',
] as const;
export type Role = (typeof ROLES)[number];
export const ROLE_CODE = Object.fromEntries(ROLES.map((role, code) => [role, code])) as Record<Role, number>;

/** Names without case, quotes, blanks and punctuation. */
const ALIASES: Readonly<Record<string, Role>> = {
  ...names('time', 'date timestamp datetime time ts t opentime bartime starttime unix unixtime epoch gmttime utc day'),
  ...names('open', 'open o openprice first'),
  ...names('high', 'high h highprice max'),
  ...names('low', 'low l lowprice min'),
  ...names('close', 'close c closeprice last price closelast'),
  ...names('volume', 'volume vol v basevolume volumebase tickvol'),
  ...names('bid', 'bid bidprice closebid bidclose bestbid'),
  ...names('ask', 'ask askprice closeask askclose bestask offer'),
  ...names('symbol', 'symbol ticker sym'),
};

function names(role: Role, list: string): Record<string, Role> {
  return Object.fromEntries(list.split(' ').map((name) => [name, role]));
}

export interface Header {
  /** Column names as the file spells them. */
  readonly names: readonly string[];
  readonly roles: readonly Role[];
  readonly delimiter: number;
  /** Columns that are not read, as the file spells them. */
  readonly ignored: readonly string[];
}

const INDEX = ['', 'index', 'indexlevel0', 'unnamed0'];

const normalise = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Splits a line at a delimiter outside quotes; quotes are removed. */
export function splitLine(line: string, delimiter: string): string[] {
  const fields: string[] = [];
  let at = 0;
  while (at <= line.length) {
    if (line[at] === '"') {
      let field = '';
      let i = at + 1;
      for (; i < line.length; i++) {
        if (line[i] !== '"') field += line[i];
        else if (line[i + 1] === '"') field += line[i++];
        else break;
      }
      fields.push(field);
      const next = line.indexOf(delimiter, i + 1);
      at = next === -1 ? line.length + 1 : next + 1;
    } else {
      const next = line.indexOf(delimiter, at);
      fields.push(line.slice(at, next === -1 ? line.length : next).trim());
      at = next === -1 ? line.length + 1 : next + 1;
    }
  }
  return fields;
}

/** The separator of a line: the one of comma, semicolon, tab and bar that splits it into most fields. */
export function delimiterOf(line: string): string {
  let best = ',';
  let most = 0;
  for (const candidate of [',', ';', '\t', '|']) {
    const n = splitLine(line, candidate).length;
    if (n > most) [best, most] = [candidate, n];
  }
  return best;
}

/** Reads the header in line `at`, 0 for the columns of a table. INPUT when it is none, or when columns are missing or named twice. */
export function readHeader(line: string, delimiter: string, path: string, at = 1): Header {
  const names = splitLine(line, delimiter);
  const where = at === 0 ? path : `${path}, line ${at}`;
  if (names.some((name) => /^[+-]?\d+([.,/:\- T]\d+)*Z?$/.test(name)))
    throw new QuantlineError('INPUT', `${path} has no header line: line ${at} begins with values.`, {
      hint: 'Put names on the first line, or give them with --set columns=time,open,high,low,close,volume.',
      details: { path, line: at },
    });
  const keys = names.map(normalise);
  const roles = keys.map((key): Role => ALIASES[key] ?? 'ignored');
  // A data frame's index, written without a name.
  const index = keys.findIndex((key, i) => INDEX.includes(key) && (key !== '' || i === 0));
  if (index >= 0 && !roles.includes('time')) roles[index] = 'time';
  // `date` and `time` side by side are the two halves of one instant.
  const times = roles.flatMap((role, i) => (role === 'time' ? [i] : []));
  if (times.length === 2) {
    const half = times.find((i) => keys[i] === 'time');
    const date = times.find((i) => keys[i] === 'date' || keys[i] === 'day');
    if (half !== undefined && date !== undefined) roles[half] = 'timeOfDay';
  }
  // A `last` or `price` beside `close` is another price.
  const closes = roles.flatMap((role, i) => (role === 'close' ? [i] : []));
  if (closes.length > 1) for (const i of closes) if (keys[i] !== 'close') roles[i] = 'ignored';

  for (const role of ROLES) {
    const same = roles.flatMap((r, i) => (r === role && role !== 'ignored' ? [names[i]!] : []));
    if (same.length > 1)
      throw new QuantlineError('INPUT', `${where}: columns ${same.join(' and ')} both mean ${role}.`, {
        hint: 'Rename or remove one of them.',
        details: { path, line: at },
      });
  }
  const missing = (['time', 'open', 'high', 'low', 'close'] as const).filter((role) => !roles.includes(role));
  if (missing.length > 0)
    throw new QuantlineError('INPUT', `${where}: no column for ${missing.join(', ')} among ${names.join(', ')}.`, {
      hint:
        at === 0
          ? 'Name the columns time (or date), open, high, low, close, volume: SELECT x AS time, ….'
          : 'Name the columns time (or date), open, high, low, close, volume; lines before them are left out with --set skip=1.',
      details: { path, line: at, missing },
    });
  // One side of the market alone says nothing of the spread.
  if (roles.includes('bid') !== roles.includes('ask'))
    for (const [i, role] of roles.entries()) if (role === 'bid' || role === 'ask') roles[i] = 'ignored';
  return {
    names,
    roles,
    delimiter: delimiter.charCodeAt(0),
    ignored: names.filter((name, i) => roles[i] === 'ignored' && name !== ''),
  };
}
