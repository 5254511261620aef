import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceNote } from '../../../../src/core/data/quality.js';
import { create, settings } from '../../../../src/core/data/sources/csv.js';
import { type BarColumns, calendarOf, type Interval } from '../../../../src/core/domain/index.js';
import { type Logger, silentLogger, systemClock } from '../../../../src/core/platform/index.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/bars/${name}.csv`, import.meta.url));

interface Outcome {
  readonly bars: BarColumns;
  readonly notes: SourceNote[];
  readonly said: string[];
}

async function readFile(
  path: string,
  options: Record<string, unknown> = {},
  interval: Interval = '1d',
): Promise<Outcome> {
  const notes: SourceNote[] = [];
  const said: string[] = [];
  const logger: Logger = { ...silentLogger, info: (text) => said.push(text), warn: (text) => said.push(text) };
  const source = create(settings.parse({ file: [path], symbols: ['X'], ...options }), {
    clock: systemClock,
    logger,
    calendar: calendarOf,
    note: (note) => notes.push(note),
  });
  const request = {
    symbols: ['X'],
    interval,
    scope: 'regular' as const,
    from: Number.NEGATIVE_INFINITY,
    to: Number.POSITIVE_INFINITY,
  };
  const blocks: BarColumns[] = [];
  try {
    for await (const block of source.bars(request, new AbortController().signal)) blocks.push(block);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
  return { bars: blocks[0]!, notes, said };
}

async function read(text: string | Uint8Array, options: Record<string, unknown> = {}, interval: Interval = '1d') {
  const path = join(await mkdtemp(join(tmpdir(), 'csv-')), 'bars.csv');
  await writeFile(path, text);
  return readFile(path, options, interval);
}

const iso = (bars: BarColumns) => [...bars.time].map((time) => new Date(time).toISOString().slice(0, 16));
const HEAD = 'date,open,high,low,close,volume\n';

describe('the files of fixtures/bars, as they are', () => {
  it.each([
    ['sp500-daily-1999-2020', {}, 5285, '1999-09-07T13:30', '2020-09-04T13:30', 3426.96],
    ['msft-daily-1990-2022', {}, 8111, '1990-01-02T14:30', '2022-03-10T14:30', 285.59],
    ['spy-daily-2017-2018', {}, 502, '2017-01-03T14:30', '2018-12-31T14:30', 245.28],
    ['sp500-daily-1950-2012', {}, 15821, '1950-01-03T15:00', '2012-11-15T14:30', 1353.33],
    ['btc-daily-2017-2021', { calendar: '24/7' }, 1246, '2017-08-16T00:00', '2021-01-12T00:00', 37371.38],
  ] as const)('%s', async (name, options, rows, first, last, close) => {
    const { bars, notes } = await readFile(fixture(name), options);
    const times = iso(bars);
    expect([bars.time.length, times[0], times.at(-1), bars.close.at(-1)]).toEqual([rows, first, last, close]);
    expect(notes).toEqual([]);
  });

  it('spy-minute-2020-12: a byte-order mark, New York time, fractional prices', async () => {
    const { bars } = await readFile(fixture('spy-minute-2020-12'), { timezone: 'America/New_York' }, '1m');
    expect(bars.time.length).toBe(1564);
    expect(iso(bars)[0]).toBe('2020-12-15T14:30');
    expect([bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]]).toEqual([
      367.4, 367.62, 367.36, 367.46, 407870,
    ]);
    await expect(readFile(fixture('spy-minute-2020-12'), {}, '1m')).rejects.toMatchObject({
      message: expect.stringMatching(/line 2, column date: "2020-12-15 09:30" has no zone/),
      hint: expect.stringMatching(/--timezone/),
    });
  });

  it('btc-daily-2017-2021 on the wrong calendar says which one', async () => {
    await expect(readFile(fixture('btc-daily-2017-2021'))).rejects.toMatchObject({
      message: expect.stringMatching(/days without a session of XNYS, such as 2017-08-19/),
      hint: expect.stringMatching(/--calendar 24\/7/),
    });
  });
});

describe('headers, separators, quotes', () => {
  it.each([
    ['case, aliases, order', 'Vol.,C,L,H,O,Timestamp\n7,4,1,5,2,2024-03-01\n'],
    ['semicolons', 'date;open;high;low;close;volume\n2024-03-01;2;5;1;4;7\n'],
    ['tabs and CRLF', 'date\topen\thigh\tlow\tclose\tvolume\r\n2024-03-01\t2\t5\t1\t4\t7\r\n'],
    ['quotes', '"Date","Open","High","Low","Close","Volume"\n"2024-03-01","2","5.0","1.00","4","7"\n'],
    ['blanks', 'date, open, high, low, close, volume\n2024-03-01, 2, 5, 1, 4, 7\n'],
    ['no last line feed', `${HEAD}2024-03-01,2,5,1,4,7`],
    ['empty lines', `${HEAD}\n2024-03-01,2,5,1,4,7\n\n\r\n`],
    ['MetaTrader', '<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>\n2024.03.01\t00:00:00\t2\t5\t1\t4\t7\n'],
    [
      'columns that are not read',
      'Date,Open,High,Low,Close,Adj Close,Volume,Note\n2024-03-01,2,5,1,4,3.9,7,"a, ""b"""\n',
    ],
    ['decimal marks', `${HEAD}2024-03-01,+2.,5e0,.1e1,0.4E+1,7\n`],
    ['thousands', `${HEAD}2024-03-01,2,5,1,4,"7"\n`],
    ['the sign of a currency', `${HEAD}2024-03-01,$2,$5.00,€1,£4,7\n`],
    ['lines of blanks', `${HEAD}  \n2024-03-01,2,5,1,4,7\n \t \r\n   `],
    ['the index of a data frame', ',open,high,low,close,volume\n2024-03-01 00:00:00,2,5,1,4,7\n'],
    ['gzip', gzipSync(`${HEAD}2024-03-01,2,5,1,4,7\n`)],
  ])('%s', async (_, text) => {
    const { bars } = await read(text);
    expect([bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]]).toEqual([2, 5, 1, 4, 7]);
    expect(iso(bars)).toEqual(['2024-03-01T14:30']);
  });

  it('says what it does not read', async () => {
    const adjusted = await read('Date,Open,High,Low,Close,Adj Close,Volume\n2024-03-01,2,5,1,4,3.9,7\n');
    expect(adjusted.said[0]).toMatch(/columns not read: Adj Close/);
    const flat = await read('date,open,high,low,close\n2024-03-01,2,5,1,4\n');
    expect(flat.said[0]).toMatch(/no volume column; volume is 0/);
    expect(flat.bars.volume[0]).toBe(0);
  });

  it('reads thousands and units of volume, and decimal commas when told', async () => {
    const { bars } = await read('Date;Price;Open;High;Low;Vol.\n03/01/2024;"1,234.5";1200;1300;1100;1.5M\n');
    expect([bars.close[0], bars.volume[0]]).toEqual([1234.5, 1_500_000]);
    const swiss = await read("Date;Open;High;Low;Close;Vol\n03/01/2024;1'200.5;1 300;1100;1\u202f234.25;1’500\n");
    expect([swiss.bars.open[0], swiss.bars.high[0], swiss.bars.close[0], swiss.bars.volume[0]]).toEqual([
      1200.5, 1300, 1234.25, 1500,
    ]);
    const german = await read('date;open;high;low;close;volume\n01.03.2024;1.200,5;1300;1100;1234,25;7\n', {
      decimal: 'comma',
    });
    expect([german.bars.open[0], german.bars.close[0], iso(german.bars)[0]]).toEqual([
      1200.5,
      1234.25,
      '2024-03-01T14:30',
    ]);
  });

  it('takes names for a file without a header', async () => {
    const columns = ['time', 'open', 'high', 'low', 'close', 'volume'];
    const { bars } = await read('2024-03-01,2,5,1,4,7\n2024-03-04,2,5,1,4,8\n', { columns });
    expect([...bars.volume]).toEqual([7, 8]);
    await expect(read('2024-03-01,2,5,1,4\n', { columns })).rejects.toThrow(
      /line 1: 5 fields, but --set columns names 6/,
    );
  });

  it('leaves lines before the header out when told', async () => {
    const rows = '2024-03-01;2;5;1;4;7\n2024-03-04;2;5;1;x;8\n';
    await expect(read(`# mine\nsep=;\n${HEAD.replaceAll(',', ';')}${rows}`, { skip: '2' })).rejects.toThrow(
      /line 5, column close: "x"/,
    );
    const columns = ['time', 'open', 'high', 'low', 'close', 'volume'];
    expect((await read(`# mine\n${rows.replace('x', '4')}`, { skip: 1, columns })).bars.time).toHaveLength(2);
    await expect(read(`# mine\n${HEAD}2024-03-01,2,5,1,4,7\n`)).rejects.toMatchObject({
      hint: expect.stringMatching(/--set skip=1/),
    });
  });
});

describe('times', () => {
  it.each([
    ['2024-07-01', '1d', {}, '2024-07-01T13:30'],
    ['7/1/2024', '1d', {}, '2024-07-01T13:30'],
    ['01/07/2024', '1d', { dates: 'dmy' }, '2024-07-01T13:30'],
    ['20240701', '1d', {}, '2024-07-01T13:30'],
    ['2024-07-01 00:00:00', '1d', {}, '2024-07-01T13:30'],
    ['2024-07-01T00:00:00Z', '1d', {}, '2024-07-01T13:30'],
    ['2024-07-01T04:00:00Z', '1d', {}, '2024-07-01T13:30'],
    ['2024-07-01T20:00:00-04:00', '1d', {}, '2024-07-01T13:30'],
    ['1719792000', '1d', {}, '2024-07-01T13:30'],
    ['7/1/24', '1d', {}, '2024-07-01T13:30'],
    ['01.07.24', '1d', {}, '2024-07-01T13:30'],
    ['"Jul 1, 2024"', '1d', {}, '2024-07-01T13:30'],
    ['1-July-2024', '1d', {}, '2024-07-01T13:30'],
    ['"Mon, 01 Jul 2024 13:30:00 GMT"', '1m', {}, '2024-07-01T13:30'],
    ['"July 1, 2024, 9:30 AM"', '1m', { timezone: 'America/New_York' }, '2024-07-01T13:30'],
    ['20240701093000', '1m', { timezone: 'America/New_York' }, '2024-07-01T13:30'],
    ['202407010930', '1m', { timezone: 'America/New_York' }, '2024-07-01T13:30'],
    ['2024-07-01 09:30', '1m', { timezone: 'America/New_York' }, '2024-07-01T13:30'],
    ['2024-01-02 09:30:00', '1m', { timezone: 'America/New_York' }, '2024-01-02T14:30'],
    ['7/1/2024 9:30 AM', '1m', { timezone: 'America/New_York' }, '2024-07-01T13:30'],
    ['7/1/2024 12:30 PM', '1m', { timezone: 'America/New_York' }, '2024-07-01T16:30'],
    ['2024-07-01T13:30:00.000Z', '1m', {}, '2024-07-01T13:30'],
    ['2024-07-01 15:30:00+02:00', '1m', {}, '2024-07-01T13:30'],
    ['2024-07-01 13:30:00 UTC', '1m', {}, '2024-07-01T13:30'],
    ['2024-07-01 19:15', '1m', { timezone: 'Asia/Kathmandu' }, '2024-07-01T13:30'],
    ['1719840600', '1m', {}, '2024-07-01T13:30'],
    ['1719840600000', '1m', {}, '2024-07-01T13:30'],
    ['1719840600000000', '1m', {}, '2024-07-01T13:30'],
    ['1719840600000000000', '1m', {}, '2024-07-01T13:30'],
    ['20240701 093000', '1m', { timezone: 'America/New_York' }, '2024-07-01T13:30'],
    ['2024-07-01 09:31', '1m', { timezone: 'America/New_York', stamp: 'close' }, '2024-07-01T13:30'],
  ] as const)('%s as %s', async (time, interval, options, expected) => {
    const { bars } = await read(`${HEAD}${time},2,5,1,4,7\n`, options, interval);
    expect(iso(bars)).toEqual([expected]);
  });

  it('follows the clock through both changes', async () => {
    const rows = (times: string[]) => HEAD + times.map((time, i) => `${time},2,5,1,4,${i}\n`).join('');
    const options = { timezone: 'America/New_York', calendar: '24/7' };
    const autumn = [
      '2024-11-03 00:30',
      '2024-11-03 01:00',
      '2024-11-03 01:30',
      '2024-11-03 01:00',
      '2024-11-03 01:30',
      '2024-11-03 02:00',
    ];
    const utc = ['04:30', '05:00', '05:30', '06:00', '06:30', '07:00'].map((time) => `2024-11-03T${time}`);
    expect(iso((await read(rows(autumn), options, '30m')).bars)).toEqual(utc);
    expect(iso((await read(rows([...autumn].reverse()), options, '30m')).bars)).toEqual(utc);
    await expect(read(rows(['2024-03-10 01:30', '2024-03-10 02:30']), options, '30m')).rejects.toThrow(
      /line 3, column date: "2024-03-10 02:30" does not exist in America\/New_York/,
    );
  });

  it('knows only zones that exist', async () => {
    await expect(read(`${HEAD}2024-07-01 09:30,2,5,1,4,7\n`, { timezone: 'Mars/Base' }, '1m')).rejects.toMatchObject({
      code: 'USAGE',
      message: 'There is no time zone "Mars/Base".',
    });
  });
});

describe('order and repeats', () => {
  const row = (date: string, close: number) => `2024-03-${date},1,9,1,${close},7\n`;

  it('turns newest first round without a word', async () => {
    const { bars, notes } = await read(HEAD + row('06', 3) + row('05', 2) + row('04', 1));
    expect([...bars.close]).toEqual([1, 2, 3]);
    expect(notes).toEqual([]);
  });

  it('notes rows out of order, repeats and conflicts, by line', async () => {
    const { bars, notes } = await read(
      HEAD + row('04', 1) + row('06', 3) + row('05', 2) + row('06', 3) + row('07', 4) + row('07', 5),
    );
    expect([...bars.close]).toEqual([1, 2, 3, 5]);
    expect(notes.map(({ check, count, examples }) => [check, count, examples])).toEqual([
      ['order', 1, ['line 4 (2024-03-05)']],
      ['repeated', 1, ['line 5 (2024-03-06)']],
      ['conflicting', 1, ['line 7 (2024-03-07)']],
    ]);
  });

  it('notes and leaves out rows of days without a session', async () => {
    const { bars, notes } = await read(HEAD + row('01', 1) + row('02', 2) + row('04', 3));
    expect([...bars.close]).toEqual([1, 3]);
    expect(notes).toEqual([{ instrument: 'X', check: 'session', count: 1, examples: ['2024-03-02'] }]);
  });
});

describe('what cannot be read', () => {
  const good = '2024-03-01,2,5,1,4,7\n';
  it.each([
    ['', /The file is empty/],
    ['\n\n', /The file is empty/],
    [HEAD, /a header but no row/],
    [good, /has no header line: line 1 begins with values/],
    ['date,open,high,close\n', /line 1: no column for low among/],
    ['date,open,o,high,low,close\n', /line 1: columns open and o both mean open/],
    [`${HEAD}${good}2024-03-04,2,abc,1,4,7\n`, /line 3, column high: "abc" is not a number/],
    [`${HEAD}${good}2024-03-04,2,5,,4,7\n`, /line 3, column low is empty/],
    [`${HEAD}${good}2024-03-04,2,5,1\n`, /line 3: 4 fields instead of 6/],
    [`${HEAD}${good}2024-03-04,2,5,1,4,7,8\n`, /line 3: more than 6 fields/],
    [`${HEAD}${good}2024-03-04,2,5,1,4`, /line 3: 5 fields instead of 6/],
    [`${HEAD}${good}2024-02-30,2,5,1,4,7\n`, /line 3, column date: "2024-02-30" is no date or time/],
    [`${HEAD}${good}13/13/2024,2,5,1,4,7\n`, /line 3, column date/],
    [`${HEAD}${good}yesterday,2,5,1,4,7\n`, /line 3, column date: "yesterday"/],
    [`${HEAD}2024-03-01,2,5,1,4,1.2.3\n`, /line 2, column volume: "1.2.3" is not a number/],
    [`${HEAD}2024-03-01,2,5,0x1,4,7\n`, /line 2, column low: "0x1"/],
    [`${HEAD}2024-03-01,2,5,Infinity,4,7\n`, /line 2, column low: "Infinity"/],
    ['symbol,date,open,high,low,close\nY,2024-03-01,2,5,1,4\n', /line 2, column symbol: "Y" is not X/],
    [Buffer.from(`${HEAD}${good}`, 'utf16le'), /binary|UTF-16/],
    [gzipSync(`${HEAD}${good}`).subarray(0, 30), /no whole gzip file: unexpected end of file/],
    [Buffer.from('PAR1xxxx'), /a Parquet file/],
  ])('%j', async (text, message) => {
    await expect(read(text)).rejects.toMatchObject({
      code: 'INPUT',
      exitCode: 4,
      message: expect.stringMatching(message),
    });
  });

  it('reads NaN and null as missing, for the check of that name', async () => {
    const { bars } = await read(`${HEAD}2024-03-01,NaN,5,null,4,7\n`);
    expect([bars.open[0], bars.low[0]]).toEqual([Number.NaN, Number.NaN]);
  });

  it('names an absent file, a folder, and a file without permission', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'csv-'));
    await expect(readFile(join(dir, 'no.csv'))).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(/^No such file: .*no.csv$/),
    });
    await expect(readFile(dir)).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringMatching(/^A folder stands where/),
    });
    const secret = join(dir, 'secret.csv');
    await writeFile(secret, HEAD + good);
    await chmod(secret, 0o000);
    if (process.getuid?.() !== 0)
      await expect(readFile(secret)).rejects.toMatchObject({
        code: 'STORAGE',
        message: expect.stringMatching(/^No permission/),
      });
  });

  it.skipIf(process.platform === 'win32')('reads a pipe, once', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'csv-')), 'pipe');
    execFileSync('mkfifo', [path]);
    const [{ bars }] = await Promise.all([readFile(path), writeFile(path, `${HEAD}2024-03-01,2,5,1,4,7\n`)]);
    expect([...bars.volume]).toEqual([7]);
    const packed = Promise.all([readFile(path), writeFile(path, gzipSync(HEAD))]);
    await expect(packed).rejects.toThrow(/compressed \(gzip\)/);
  });

  it('wants one file per symbol', async () => {
    expect(() =>
      create(settings.parse({ file: 'a.csv,b.csv', symbols: 'A' }), {
        clock: systemClock,
        logger: silentLogger,
        calendar: calendarOf,
      }),
    ).toThrow(/1 symbols but 2 files/);
  });
});

describe('numbers', () => {
  it('are the nearest doubles, like Number()', async () => {
    const decimal = fc.tuple(fc.bigInt(0n, 10n ** 19n), fc.nat(18), fc.boolean()).map(([digits, scale, negative]) => {
      const text = String(digits).padStart(scale + 1, '0');
      const value = scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
      return negative ? `-${value}` : value;
    });
    await fc.assert(
      fc.asyncProperty(fc.array(decimal, { minLength: 1, maxLength: 200 }), async (texts) => {
        const rows = texts.map((text, i) => `${60_000 * (i + 1) + 1e12},${text},1,1,1,1\n`).join('');
        const { bars } = await read(HEAD + rows, { calendar: '24/7' }, '1m');
        expect([...bars.open]).toEqual(texts.map(Number));
      }),
      { numRuns: 30 },
    );
  });

  it('survive the edges of blocks', async () => {
    const n = 300_000;
    const rows = Array.from(
      { length: n },
      (_, i) => `${1e12 + i * 60_000},${i}.25,${i + 1}.5,${i},${i}.125,${i % 7}\r\n`,
    );
    const { bars } = await read(HEAD + rows.join(''), { calendar: '24/7' }, '1m');
    expect(bars.time.length).toBe(n);
    let wrong = 0;
    for (let i = 0; i < n; i++)
      if (bars.time[i] !== 1e12 + i * 60_000 || bars.open[i] !== i + 0.25 || bars.close[i] !== i + 0.125) wrong++;
    expect(wrong).toBe(0);
  });
});
