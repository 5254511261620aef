import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parseCommission, parseFees, parseRates } from '../../../src/core/config/index.js';
import { US_REGULATORY_FEES } from '../../../src/core/market/index.js';

const folder = mkdtempSync(join(tmpdir(), 'quantline-tables-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (text: string) => {
  const path = join(folder, 'table.csv');
  writeFileSync(path, text);
  return path;
};
const shipped = (name: string) => fileURLToPath(new URL(`../../../docs/tables/${name}`, import.meta.url));

test('the table that is shipped for editing is the built-in one', () => {
  expect(parseFees(shipped('us-fees.csv'))).toEqual(US_REGULATORY_FEES);
  expect(parseFees('us')).toBe('us');
  expect(parseFees('none')).toBe('none');
});

test('commissions by date, sorted; brokers by name', () => {
  const { schedule, perShare } = parseCommission(shipped('commission.csv'));
  expect(schedule.map(({ from, perShare: each }) => [from, each])).toEqual([
    ['2010-01-01', 0.005],
    ['2019-10-01', 0],
  ]);
  expect(perShare).toBe(0.005);
  expect(parseCommission('ibkr-fixed')).toEqual(parseCommission('$0.005/share min $1 max 1%'));
  expect(parseCommission('alpaca')).toEqual(parseCommission('0'));
  expect(parseCommission(file('2020-01-01,ibkr-tiered\n2010-01-01,$5\n')).schedule.map((row) => row.from)).toEqual([
    '2010-01-01',
    '2020-01-01',
  ]);
});

test('rates by kind, symbol and date', () => {
  expect(parseRates(shipped('rates.csv'))).toContainEqual({
    ...{ kind: 'borrow', symbol: 'GME', from: '2021-01-11', rate: 0.25 },
  });
  expect(parseRates('none')).toEqual([]);
});

test.each([
  [parseFees, 'from,of_proceeds,per_share,cap\n2020-13-01,0%,$1,$1', /line 2: "2020-13-01" is no date/],
  [parseFees, '2020-01-01,0%,1,$1', /line 1/],
  [parseFees, '2020-01-01,0%,$1', /expected 4 fields/],
  [parseFees, '# nothing', /has no row/],
  [parseCommission, '2020-01-01,1', /needs its unit/],
  [parseRates, 'interest,,2020-01-01,1%', /none of margin, borrow, credit/],
  [parseRates, 'margin,AAPL,2020-01-01,1%', /belongs to the account/],
  [parseRates, 'borrow,AAPL,2020-01-01,5', /needs its unit/],
] as [(path: string) => unknown, string, RegExp][])('%o refuses %s', (parse, text, message) => {
  expect(() => parse(file(text))).toThrow(message);
});

test('a file that is not there is named', () => {
  expect(() => parseFees('nowhere.csv')).toThrow(/nowhere\.csv/);
});
