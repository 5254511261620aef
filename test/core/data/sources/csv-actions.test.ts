import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readActions } from '../../../../src/core/data/csv/actions.js';

const folder = mkdtempSync(join(tmpdir(), 'quantline-actions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (text: string) => {
  const path = join(folder, 'actions.csv');
  writeFileSync(path, text);
  return path;
};

test('splits, dividends, renames and delistings, with or without a value where one may lack', async () => {
  const path = file(
    '\uFEFFsymbol,date,type,value\r\n# of Apple\nAAPL,2020-08-31,split,4\nAAPL,2020-08-07,dividend,0.82\nFB,2022-06-09,rename,META\nTWTR,2022-10-28,delisting,54.20\nX,2024-01-02,delisting,\n',
  );
  expect(await readActions(path)).toEqual([
    { type: 'split', instrument: 'AAPL', date: '2020-08-31', ratio: 4 },
    { type: 'dividend', instrument: 'AAPL', date: '2020-08-07', amount: 0.82 },
    { type: 'rename', instrument: 'FB', date: '2022-06-09', becomes: 'META' },
    { type: 'delisting', instrument: 'TWTR', date: '2022-10-28', amount: 54.2 },
    { type: 'delisting', instrument: 'X', date: '2024-01-02' },
  ]);
});

test.each([
  ['AAPL,2020-08-31,split,0', /line 1: a split needs new shares per old one/],
  ['AAPL,2020-02-30,split,4', /"2020-02-30" is no date/],
  ['AAPL,2020-08-31,spin-off,4', /none of split, dividend, rename, delisting/],
  ['FB,2022-06-09,rename,', /the new symbol/],
  ['A,2022-06-09,dividend,1\nB,2022-06-09,dividend,x', /line 2/],
])('%s is refused', async (text, message) => {
  await expect(readActions(file(text))).rejects.toThrow(message);
});

test('a file that is not there says so', async () => {
  await expect(readActions(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'INPUT' });
});
