import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adjustBars } from '../../../../src/core/data/adjust.js';
import type { BarRequest } from '../../../../src/core/data/source.js';
import { create } from '../../../../src/core/data/sources/yahoo.js';
import { type BarColumns, type CorporateAction, calendarOf, type Interval } from '../../../../src/core/domain/index.js';
import { ManualClock } from '../../../../src/core/platform/index.js';
import { replyViolations, requestViolations } from '../../../fakes/yahoo/contract.js';
import { chartOf, recorded, recordedText, tickerOf } from '../../../fakes/yahoo/recorded.js';
import { type FakeTicker, FakeYahoo } from '../../../fakes/yahoo/server.js';
import { collect, testContext } from '../source.contract.js';

const CHARTS = [
  'aapl-daily-2020-08',
  'nvda-daily-2021',
  'msft-daily-2021',
  'btc-usd-daily-2020',
  'wsu-de-daily-2023',
  'aapl-minute-empty',
];
/** After the replies were recorded. */
const THEN = Date.parse('2025-02-23T00:00:00Z');
const xnys = calendarOf('XNYS');

let yahoo: FakeYahoo;
beforeAll(async () => {
  yahoo = await FakeYahoo.start();
});
afterEach(() => {
  yahoo.tickers.clear();
  expect(yahoo.violations.splice(0)).toEqual([]);
});
afterAll(() => yahoo.close());

/** The fake's reply to the address of a recorded one. */
async function replay(name: string): Promise<{ status: number; body: unknown }> {
  const { pathname, search } = new URL(recorded(name).url);
  const reply = await fetch(`${yahoo.url}${pathname}${search}`);
  return { status: reply.status, body: await reply.json() };
}

function open(name: string, extra: Partial<FakeTicker> = {}) {
  const ticker = tickerOf(recorded(name));
  const symbol = String(ticker.meta!['symbol']);
  yahoo.tickers.set(symbol, { ...ticker, ...extra });
  const context = testContext({ clock: new ManualClock(THEN) });
  const source = create({ basis: 'raw', baseUrl: yahoo.url }, context);
  const request = (from: string, to: string, interval: Interval = '1d'): BarRequest => ({
    symbols: [symbol],
    interval,
    scope: 'regular',
    from: Date.parse(from),
    to: Date.parse(to),
  });
  const bars = async (...range: Parameters<typeof request>) => (await collect(source, request(...range))).get(symbol);
  const actions = (...range: Parameters<typeof request>) =>
    source.actions(request(...range), new AbortController().signal);
  return { bars, actions, said: context.said };
}

const on = (bars: BarColumns, date: string): number => bars.time.indexOf(xnys.session(date)!.open);

describe('Yahoo’s recorded replies', () => {
  const { files } = JSON.parse(recordedText('metadata.json')) as { files: { file: string; sha256: string }[] };
  it.each(files)('$file is what was recorded', ({ file, sha256 }) => {
    expect(createHash('sha256').update(recordedText(file)).digest('hex')).toBe(sha256);
  });

  it.each(CHARTS)('%s fits the schema, and the fake gives it word for word', async (name) => {
    const reply = recorded(name);
    expect(requestViolations(new URL(reply.url).searchParams)).toEqual([]);
    expect(replyViolations(reply.status, reply.body)).toEqual([]);
    const ticker = tickerOf(reply);
    yahoo.tickers.set(String(ticker.meta!['symbol']), ticker);
    expect(await replay(name)).toEqual({ status: reply.status, body: reply.body });
  });

  it.each([
    ['delisted', undefined],
    ['before-first-trade', { quotes: {}, meta: { firstTradeDate: Date.parse('2020-08-13') / 1000 } }],
  ])('%s is an error of the schema’s form, and the fake gives it word for word', async (name, ticker) => {
    const reply = recorded(name);
    expect(replyViolations(reply.status, reply.body)).toEqual([]);
    if (ticker !== undefined) yahoo.tickers.set('BEKE', ticker);
    expect(await replay(name)).toEqual({ status: reply.status, body: reply.body });
  });

  it('are told from what is not one', () => {
    const { body } = recorded('aapl-minute-empty');
    const change = (edit: (chart: Record<string, Record<string, unknown>>) => void) => {
      const copy = structuredClone(body);
      edit((copy as { chart: { result: Record<string, Record<string, unknown>>[] } }).chart.result[0]!);
      return replyViolations(200, copy).join();
    };
    expect(change((chart) => delete chart['meta']!['range'])).toMatch(/Missing required property "range"/);
    expect(change((chart) => Object.assign(chart['meta']!, { dull: 1 }))).toMatch(/additional properties/);
    expect(change((chart) => Object.assign(chart['meta']!, { currency: 5 }))).toMatch(/currency Expected a string/);
    expect(replyViolations(404, { chart: { result: null, error: null } })).toHaveLength(1);
    expect(replyViolations(200, { finance: {} })).toHaveLength(1);
  });
});

describe('the source on Yahoo’s recorded replies', () => {
  it('gives prices as they were printed, splits undone, those after the recording too', async () => {
    const [split] = tickerOf(recorded('nvda-daily-2021')).splits!;
    const later = { date: Date.parse('2024-06-10T13:30:00Z') / 1000, numerator: 10, denominator: 1 };
    const { bars, actions, said } = open('nvda-daily-2021', { splits: [split!, later] });
    const raw = (await bars('2021-02-01', '2022-01-31'))!;
    expect(raw.time).toHaveLength(252);
    // The closes that the exchange printed.
    const close = (date: string) => raw.close[on(raw, date)];
    expect(['2021-02-01', '2021-07-19', '2021-07-20'].map(close)).toEqual([529.48, 751.19, 186.12]);
    const splits = await actions('2021-02-01', '2022-01-31');
    expect(splits).toEqual([{ type: 'split', instrument: 'NVDA', date: '2021-07-20', ratio: 4 }]);
    expect(said.filter((text) => text.includes('another form'))).toEqual([]);

    // The recording holds the splits alone; the dividends are NVIDIA's, as announced.
    const paid = { '2021-03-09': 0.16, '2021-06-09': 0.16, '2021-08-31': 0.04, '2021-12-01': 0.04 };
    const dividends = Object.entries(paid).map(
      ([date, amount]): CorporateAction => ({ type: 'dividend', instrument: 'NVDA', date, amount }),
    );
    expectVendors(raw, [...splits, ...dividends], 'nvda-daily-2021');
  });

  it('gives dividends that make Yahoo’s adjusted prices out of its prices', async () => {
    const { bars, actions } = open('msft-daily-2021');
    const raw = (await bars('2021-02-01', '2022-01-31'))!;
    const dividends = await actions('2021-02-01', '2022-01-31');
    expect(dividends.map((one) => (one.type === 'dividend' ? one.amount : 0))).toEqual([0.56, 0.56, 0.56, 0.62]);
    expectVendors(raw, dividends, 'msft-daily-2021');
  });

  it('gives a split and a dividend of one reply', async () => {
    const { bars, actions } = open('aapl-daily-2020-08');
    const raw = (await bars('2020-08-31', '2020-11-07'))!;
    expect([raw.time.length, raw.close[0], raw.volume[0]]).toEqual([49, 129.04, 225702700]);
    const both = await actions('2020-08-31', '2020-11-07');
    expect(both).toEqual([
      { type: 'split', instrument: 'AAPL', date: '2020-08-31', ratio: 4 },
      { type: 'dividend', instrument: 'AAPL', date: '2020-11-06', amount: 0.205 },
    ]);
    expectVendors(raw, both, 'aapl-daily-2020-08');
  });

  it('gives round-the-clock days without the one at the end of the range', async () => {
    const days = (await open('btc-usd-daily-2020').bars('2020-01-01', '2020-01-03'))!;
    expect([...days.close]).toEqual([7200.174, 6985.47]);
  });

  it('gives nothing for a Saturday, and refuses an exchange whose calendar it does not have', async () => {
    const saturday = open('aapl-minute-empty').bars('2025-02-01', '2025-02-02', '1m');
    expect(await saturday).toBeUndefined();
    await expect(open('wsu-de-daily-2023').bars('2023-08-04', '2023-08-09')).rejects.toThrow(/Europe\/Berlin/);
  });

  it('tells a delisted symbol, a range before the first day and the consent page apart', async () => {
    const answer = (name: string) => {
      const { status, headers, body } = recorded(name);
      yahoo.answer(1, status, typeof body === 'string' ? body : JSON.stringify(body), headers);
    };
    answer('delisted');
    await expect(open('aapl-daily-2020-08').bars('2020-08-31', '2020-11-07')).rejects.toThrow(/or it was delisted/);
    answer('consent-redirect');
    await expect(open('aapl-daily-2020-08').bars('2020-08-31', '2020-11-07')).rejects.toThrow(/consent page/);
    const young = open('aapl-daily-2020-08', { meta: { firstTradeDate: Date.parse('2020-08-31') / 1000 } });
    expect(await young.bars('2020-01-02', '2020-01-04')).toBeUndefined();
  });
});

/** Our adjustment of raw bars is Yahoo's, up to the dividends after the recorded range, which scale all of it. */
function expectVendors(raw: BarColumns, actions: readonly CorporateAction[], name: string): void {
  const vendor = chartOf(recorded(name)).indicators.adjclose![0]!.adjclose;
  const total = adjustBars(raw, actions, xnys, 'total', Number.POSITIVE_INFINITY).close;
  const scale = vendor.at(-1)! / total.at(-1)!;
  for (const [i, expected] of vendor.entries()) expect(Math.abs((total[i]! * scale) / expected - 1)).toBeLessThan(1e-6);
}
