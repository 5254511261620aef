import { readFileSync } from 'node:fs';
import { QuantlineError } from '../../errors/index.js';
import { parseAmount, parseFraction } from './amount.js';
import { type Commission, parseCommissionTerms } from './costs.js';

/** Commission from a date on. */
export type DatedCommission = Commission & { readonly from: string };

/** Regulatory fees on sales from a date on: a fraction of the proceeds, and an amount a share up to a cap an order. */
export interface FeeSetting {
  readonly from: string;
  readonly ofProceeds: number;
  readonly perShare: number;
  readonly perShareCap: number;
}

export const RATE_KINDS = ['margin', 'borrow', 'credit'] as const;

/** An annual rate from a date on; `symbol` '*' is every symbol without a row of its own. */
export interface RateSetting {
  readonly kind: (typeof RATE_KINDS)[number];
  readonly symbol: string;
  readonly from: string;
  readonly rate: number;
}

/** Names that stand for a broker's published schedule; `ibkr-tiered` is its first tier without exchange fees. */
const COMMISSIONS: Readonly<Record<string, string>> = {
  alpaca: '0',
  'ibkr-fixed': '$0.005/share min $1 max 1%',
  'ibkr-tiered': '$0.0035/share min $0.35 max 1%',
};

/** What is charged for an order: terms that always hold, or a schedule by date, ascending. */
export interface CommissionSetting extends Commission {
  readonly schedule: readonly DatedCommission[];
}

/** Terms such as `$0.005/share min $1`, a broker's name, or a file of dated terms (`from,commission`). */
export function parseCommission(text: string): CommissionSetting {
  const trimmed = text.trim();
  if (!isFile(trimmed)) return { ...parseCommissionTerms(COMMISSIONS[trimmed] ?? text), schedule: [] };
  const schedule = byDate(
    readTable(trimmed, ['from', 'commission'], ([from, terms]) => ({
      from: date(from!),
      ...parseCommissionTerms(COMMISSIONS[terms!] ?? terms!),
    })),
  );
  const { from: _, ...first } = schedule[0]!;
  return { ...first, schedule };
}

/** `us` (our own table), `none`, or a file: `from,of_proceeds,per_share,cap`. */
export function parseFees(text: string): 'us' | 'none' | readonly FeeSetting[] {
  const trimmed = text.trim();
  if (trimmed === 'us' || trimmed === 'none') return trimmed;
  return byDate(
    readTable(trimmed, ['from', 'of_proceeds', 'per_share', 'cap'], ([from, part, share, cap]) => ({
      from: date(from!),
      ofProceeds: parseFraction(part!, { min: 0 }),
      perShare: money(share!),
      perShareCap: cap === '' ? Number.MAX_VALUE : money(cap!),
    })),
  );
}

/** `none`, or a file: `kind,symbol,from,rate` with kinds margin, borrow and credit. */
export function parseRates(text: string): readonly RateSetting[] {
  const trimmed = text.trim();
  if (trimmed === 'none') return [];
  return byDate(
    readTable(trimmed, ['kind', 'symbol', 'from', 'rate'], ([kind, symbol, from, rate]) => {
      if (!RATE_KINDS.includes(kind as RateSetting['kind'])) {
        throw new Error(`"${kind}" is none of ${RATE_KINDS.join(', ')}`);
      }
      const every = symbol === '' || symbol === '*';
      if (!every && kind !== 'borrow') throw new Error(`the ${kind} rate belongs to the account: leave the symbol out`);
      return {
        ...{ kind: kind as RateSetting['kind'], symbol: every ? '*' : symbol! },
        ...{ from: date(from!), rate: parseFraction(rate!, { min: 0 }) },
      };
    }),
  );
}

const isFile = (text: string): boolean => /\.(csv|txt|tsv)$/i.test(text);

function date(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new Error(`"${text}" is no date`);
}

function money(text: string): number {
  const { unit, value } = parseAmount(text);
  if (unit === 'currency' && value >= 0) return value;
  throw new Error(`"${text}" is no amount of money, such as $0.000166`);
}

const byDate = <T extends { readonly from: string }>(rows: T[]): T[] =>
  rows.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));

/** Rows of a comma-separated table with this header; `#` begins a comment. CONFIG names the line. */
function readTable<T>(path: string, header: readonly string[], read: (fields: readonly string[]) => T): T[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new QuantlineError('USAGE', `cannot read the table "${path}"`, { hint: 'Check the path.' });
  }
  const rows: T[] = [];
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const fields = line.split(',').map((field) => field.trim());
    if (line.trim() === '' || line.startsWith('#') || fields[0] === header[0]) continue;
    try {
      if (fields.length !== header.length) throw new Error(`expected ${header.length} fields: ${header.join(',')}`);
      rows.push(read(fields));
    } catch (error) {
      throw new QuantlineError('USAGE', `${path}, line ${i + 1}: ${(error as Error).message}`);
    }
  }
  if (rows.length === 0) throw new QuantlineError('USAGE', `the table "${path}" has no row: ${header.join(',')}`);
  return rows;
}
