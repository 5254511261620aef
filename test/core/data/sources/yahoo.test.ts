import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BarRequest } from '../../../../src/core/data/source.js';
import { create } from '../../../../src/core/data/sources/yahoo.js';
import type { Interval } from '../../../../src/core/domain/index.js';
import { isQuantlineError, type QuantlineError } from '../../../../src/core/errors/index.js';
import { ManualClock } from '../../../../src/core/platform/index.js';
import { type FakeQuote, FakeYahoo } from '../../../fakes/yahoo/server.js';
import { collect, NOW, testContext } from '../source.contract.js';

let yahoo: FakeYahoo;
beforeEach(async () => {
  yahoo = await FakeYahoo.start();
});
afterEach(async () => {
  await yahoo.close();
  expect(yahoo.violations).toEqual([]);
});

const open = (options: { basis?: 'raw' | 'split' } = {}, extra: object = {}) => {
  const context = testContext(extra);
  return { source: create({ basis: 'raw', baseUrl: yahoo.url, ...options }, context), context };
};
const day = (date: string, price: number | null, volume: number | null = 1000): FakeQuote => {
  const t = Date.parse(`${date}T${date > '2026-11-01' ? '14' : '13'}:30:00Z`) / 1000;
  return {
    t,
    o: price,
    h: price === null ? null : price * 1.5,
    l: price === null ? null : price * 0.5,
    c: price,
    v: volume,
  };
};
const request = (interval: Interval, from: string, to: string, extra: Partial<BarRequest> = {}): BarRequest => ({
  symbols: ['AAPL'],
  interval,
  scope: 'regular',
  from: Date.parse(`${from}T00:00:00Z`),
  to: Date.parse(`${to}T00:00:00Z`),
  ...extra,
});
const quantlineError = async (promise: Promise<unknown>): Promise<QuantlineError> => {
  const error: unknown = await promise.catch((e: unknown) => e);
  if (error instanceof AggregateError && isQuantlineError(error.errors[0])) return error.errors[0];
  if (!isQuantlineError(error)) throw new Error(`expected a QuantlineError, got ${String(error)}`);
  return error;
};
const daily = () => request('1d', '2026-11-16', '2026-11-21');

describe('adjustment', () => {
  beforeEach(() => {
    // Four for one on 2026-11-18, then one for ten on 2026-11-20, as Yahoo delivers: everything in today's units.
    yahoo.tickers.set('AAPL', {
      quotes: {
        '1d': [
          day('2026-11-16', 1000, 400),
          day('2026-11-17', 1010, 400),
          day('2026-11-18', 1020, 440),
          day('2026-11-19', 1030, 440),
          day('2026-11-20', 1040, 500),
        ],
      },
      splits: [
        { date: day('2026-11-20', 1).t, numerator: 1, denominator: 10 },
        { date: day('2026-11-18', 1).t, numerator: 4, denominator: 1 },
      ],
      dividends: [{ date: day('2026-11-17', 1).t, amount: 2.5 }],
    });
  });

  it('takes splits back by default, later ones outside the range too', async () => {
    const { source } = open();
    expect(source.basis).toBe('raw');
    const bars = (await collect(source, request('1d', '2026-11-16', '2026-11-19'))).get('AAPL')!;
    expect([...bars.close]).toEqual([400, 404, 102]);
    expect([...bars.high]).toEqual([600, 606, 153]);
    expect([...bars.volume]).toEqual([1000, 1000, 4400]);
  });

  it('rounds what 32-bit storage has blurred', async () => {
    const blurred = [Math.fround(28.7515), Math.fround(0.128348)];
    yahoo.tickers.set('AAPL', {
      quotes: { '1d': [day('2026-11-16', blurred[0]!), day('2026-11-17', blurred[1]!)] },
      splits: [{ date: day('2026-11-18', 1).t, numerator: 224, denominator: 1 }],
    });
    const bars = (await collect(open().source, daily())).get('AAPL')!;
    expect(bars.close[0]).toBe(6440.336);
    expect(bars.close[1]).toBe(28.75);
  });

  it('keeps Yahoo’s own basis where that is asked for', async () => {
    const { source } = open({ basis: 'split' });
    expect(source.basis).toBe('split');
    expect([...(await collect(source, daily())).get('AAPL')!.close]).toEqual([1000, 1010, 1020, 1030, 1040]);
  });

  it('gives actions by ex-date, dividends as they were paid', async () => {
    const actions = await open().source.actions(daily(), new AbortController().signal);
    expect(actions).toEqual([
      { type: 'dividend', instrument: 'AAPL', date: '2026-11-17', amount: 1 },
      { type: 'split', instrument: 'AAPL', date: '2026-11-18', ratio: 4 },
      { type: 'split', instrument: 'AAPL', date: '2026-11-20', ratio: 0.1 },
    ]);
  });

  it('refuses a split that it cannot read', async () => {
    yahoo.tickers.set('AAPL', {
      quotes: { '1d': [day('2026-11-16', 10)] },
      splits: [{ date: day('2026-11-18', 1).t, numerator: 4, denominator: 0 }],
    });
    expect((await quantlineError(collect(open().source, daily()))).code).toBe('QUALITY');
    expect((await collect(open({ basis: 'split' }).source, daily())).size).toBe(1);
  });
});

describe('rows', () => {
  it('F32 leaves out rows without any value and passes half a row on as NaN, to be refused', async () => {
    yahoo.tickers.set('AAPL', {
      quotes: {
        '1d': [
          day('2026-11-16', 10),
          day('2026-11-17', null, null),
          { ...day('2026-11-18', 12), c: null },
          day('2026-11-19', 13),
        ],
      },
    });
    const { source, context } = open();
    const bars = (await collect(source, daily())).get('AAPL')!;
    expect(bars.time).toHaveLength(3);
    expect(bars.close[1]).toBeNaN();
    expect(context.said.join()).toMatch(/AAPL: Yahoo sent 1 bar\(s\) without any value/);
  });

  it('F32 refuses rows out of order', async () => {
    yahoo.tickers.set('AAPL', { quotes: { '1d': [day('2026-11-18', 10), day('2026-11-17', 10)] } });
    expect((await quantlineError(collect(open().source, daily()))).message).toMatch(/go back in time/);
  });

  it('has the last day once, with the time of its session, and not before its close', async () => {
    const last = { ...day('2026-11-20', 14, 900), t: Date.parse('2026-11-20T20:15:00Z') / 1000 };
    const quotes = { '1d': [day('2026-11-19', 13), day('2026-11-20', 13.5), last] };
    yahoo.tickers.set('AAPL', { quotes, meta: { regularMarketTime: last.t } });
    const at = (time: string) => open({}, { clock: new ManualClock(Date.parse(time)) }).source;
    const after = (await collect(at('2026-11-20T22:00:00Z'), daily())).get('AAPL')!;
    expect([...after.time].map((t) => new Date(t).toISOString())).toEqual([
      '2026-11-19T14:30:00.000Z',
      '2026-11-20T14:30:00.000Z',
    ]);
    expect(after.close[1]).toBe(14);
    expect((await collect(at('2026-11-20T20:30:00Z'), daily())).get('AAPL')!.time).toHaveLength(1);
  });

  it('F39 does not lose the last day to an exclusive end', async () => {
    yahoo.tickers.set('AAPL', { quotes: { '1d': [day('2026-11-19', 13), day('2026-11-20', 14)] } });
    const bars = (await collect(open().source, request('1d', '2026-11-16', '2026-11-21'))).get('AAPL')!;
    expect(bars.close.at(-1)).toBe(14);
  });

  it('builds intervals that Yahoo does not have, and asks for minutes week by week', async () => {
    const minutes = (start: string, n: number, step: number) =>
      Array.from({ length: n }, (_, i) => ({ ...day('2026-11-16', 10 + i), t: Date.parse(start) / 1000 + i * step }));
    yahoo.tickers.set('AAPL', {
      quotes: { '5m': minutes('2026-11-16T14:30:00Z', 4, 300), '1m': minutes('2026-11-16T14:30:00Z', 3, 60) },
    });
    const ten = (await collect(open().source, request('10m', '2026-11-16', '2026-11-17'))).get('AAPL')!;
    expect([...ten.close]).toEqual([11, 13]);
    yahoo.requests.length = 0;
    await collect(open().source, request('1m', '2026-10-27', '2026-11-20'));
    const spans = yahoo.requests.filter(({ query }) => query.get('interval') === '1m');
    expect(spans).toHaveLength(4);
    for (const { query } of spans)
      expect(Number(query.get('period2')) - Number(query.get('period1'))).toBeLessThanOrEqual(7 * 86_400);
  });

  it('says how far back Yahoo keeps short bars', async () => {
    const error = await quantlineError(collect(open().source, request('1m', '2026-01-01', '2026-02-01')));
    expect([error.code, error.message]).toEqual(['NO_DATA', 'Yahoo keeps 1m bars for 29 days: from 2026-10-26 on.']);
  });

  it.each([
    ['currentTradingPeriod', null],
    ['currency', 5],
  ])('reads a chart whose %s has another form than is known, and says so once', async (field, value) => {
    const quotes = { '1d': [day('2026-11-19', 13), day('2026-11-20', 14)] };
    yahoo.tickers.set('AAPL', { quotes, meta: { [field]: value } });
    const { source, context } = open();
    expect((await collect(source, daily())).get('AAPL')!.close).toEqual(Float64Array.of(13, 14));
    expect(context.said.filter((text) => text.includes('another form'))).toHaveLength(1);
    expect(yahoo.violations.splice(0).length).toBeGreaterThan(0);
  });

  it('refuses exchanges whose calendar it does not have', async () => {
    yahoo.tickers.set('7203.T', { quotes: {}, meta: { exchangeTimezoneName: 'Asia/Tokyo' } });
    expect((await quantlineError(open().source.instruments(['7203.T']))).message).toMatch(
      /calendar that is not supported/,
    );
    yahoo.tickers.set('BTC-USD', {
      quotes: {},
      meta: { instrumentType: 'CRYPTOCURRENCY', exchangeTimezoneName: 'UTC' },
    });
    yahoo.tickers.set('^GSPC', { quotes: {}, meta: { instrumentType: 'INDEX' } });
    expect(await open().source.instruments(['BTC-USD', '^GSPC'])).toMatchObject([
      { class: 'crypto', calendar: '24/7' },
      { class: 'index', calendar: 'XNYS' },
    ]);
  });
});

describe('F39 Yahoo’s failures told apart', () => {
  beforeEach(() => {
    yahoo.tickers.set('AAPL', { quotes: { '1d': [day('2026-11-16', 10)] } });
  });
  const json = { 'content-type': 'application/json' };
  const unauthorized = JSON.stringify({
    finance: { result: null, error: { code: 'Unauthorized', description: 'Invalid Crumb' } },
  });

  it.each([
    ['429', 429, 'Too Many Requests', {}, /too many requests/i],
    [
      '200 with the words of a 429, which others have used as a crumb',
      200,
      'Too Many Requests',
      {},
      /too many requests \(said in a 200\)/,
    ],
    ['a redirect to the consent page', 302, '', { location: 'https://guce.yahoo.com/consent?x=1' }, /consent page/],
    ['a consent page', 200, '<html><form action="https://consent.yahoo.com/v2/collectConsent">', {}, /consent page/],
    ['an invalid crumb', 401, unauthorized, json, /session that it does not give out.*Invalid Crumb/],
    ['a maintenance page', 200, '<!doctype html><h1>Will be right back</h1>', {}, /web page instead of data/],
    ['nothing', 200, '', {}, /empty or not JSON/],
    ['a server error', 500, '{}', json, /answered 500/],
    ['another form', 200, '{"chart":{"result":[{"meta":null}],"error":null}}', json, /could not be read|another form/],
    [
      'no quotes',
      200,
      '{"chart":{"result":[{"meta":{"instrumentType":"EQUITY","exchangeTimezoneName":"America/New_York"}}],"error":null}}',
      json,
      /another form \(no quotes\)/,
    ],
    [
      'columns of another length',
      200,
      '{"chart":{"result":[{"meta":{"instrumentType":"EQUITY","exchangeTimezoneName":"America/New_York"},"timestamp":[1,2],"indicators":{"quote":[{"open":[1]}]}}],"error":null}}',
      json,
      /does not match the times/,
    ],
  ] as const)('%s', async (_name, status, body, headers, message) => {
    yahoo.answer(9, status, body, headers);
    const { source } = open();
    const error = await quantlineError(collect(source, daily()));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toMatch(message);
  });

  it('an unknown or delisted symbol, while the others go on', async () => {
    const got: string[] = [];
    const run = async () => {
      const both = request('1d', '2026-11-16', '2026-11-21', { symbols: ['GONE', 'AAPL'] });
      for await (const block of open().source.bars(both, new AbortController().signal)) got.push(block.instrument);
    };
    const error = await quantlineError(run());
    expect([error.code, error.message]).toEqual(['INPUT', expect.stringMatching(/GONE, or it was delisted/)]);
    expect(got).toEqual(['AAPL']);
  });

  it('an empty result is an empty range, not a zero', async () => {
    const { source } = open();
    await source.instruments(['AAPL']);
    const none = JSON.stringify({
      chart: {
        result: null,
        error: { code: 'Bad Request', description: "Data doesn't exist for startDate = 1, endDate = 2" },
      },
    });
    yahoo.answer(2, 400, none, json);
    expect(await collect(source, daily())).toEqual(new Map());
  });

  it('waits and goes on after a short limit', async () => {
    yahoo.answer(1, 429, 'Too Many Requests', { 'retry-after': '5' });
    const { source, context } = open();
    expect((await collect(source, daily())).size).toBe(1);
    expect(context.clock.now() - NOW).toBeGreaterThanOrEqual(5000);
  });

  it('prints its licence note once and sends no cookie of anyone', async () => {
    const { source, context } = open();
    await collect(source, daily());
    await source.actions(daily(), new AbortController().signal);
    expect(context.said.filter((text) => text.includes('personal use'))).toHaveLength(1);
    for (const { headers } of yahoo.requests) expect(headers.cookie).toBeUndefined();
  });

  it('is not sent to another host', () => {
    expect(() => create({ basis: 'raw', baseUrl: 'https://evil.example' }, testContext())).not.toThrow();
    return expect(
      create({ basis: 'raw', baseUrl: 'https://evil.example' }, testContext()).instruments(['AAPL']),
    ).rejects.toThrow(/not the vendor's host/);
  });
});

it.each([
  ['BRK.B', 'BRK-B', {}],
  ['BTC/USD', 'BTC-USD', { instrumentType: 'CRYPTOCURRENCY', exchangeTimezoneName: 'UTC' }],
])('%s is asked for as %s, and keeps the name that brokers know', async (name, theirs, meta) => {
  yahoo.tickers.set(theirs, { quotes: { '1d': [day('2026-11-18', 100), day('2026-11-19', 101)] }, meta });
  const { source } = open();
  expect(await source.instruments([name])).toMatchObject([{ id: name, vendorIds: { yahoo: theirs } }]);
  expect((await collect(source, { ...daily(), symbols: [name] })).get(name)?.close.length).toBe(2);
  const hyphened = open();
  expect(await hyphened.source.instruments([theirs])).toMatchObject([{ id: theirs }]);
  expect(hyphened.context.said.join('\n')).toContain(`${theirs} is ${name} at brokers`);
});

it('a name that Yahoo does not know fails under our name of it', async () => {
  const error = await quantlineError(collect(open().source, { ...daily(), symbols: ['ZZZ.A'] }));
  expect(error.details['symbol']).toBe('ZZZ.A');
});
