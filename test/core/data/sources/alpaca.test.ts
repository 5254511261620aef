import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BarRequest } from '../../../../src/core/data/source.js';
import { create } from '../../../../src/core/data/sources/alpaca.js';
import { create as createIex } from '../../../../src/core/data/sources/iex.js';
import { create as createIexCloud } from '../../../../src/core/data/sources/iex-cloud.js';
import { calendarOf } from '../../../../src/core/domain/calendars/index.js';
import type { Interval, SessionScope } from '../../../../src/core/domain/index.js';
import { isQuantlineError } from '../../../../src/core/errors/index.js';
import { ManualClock } from '../../../../src/core/platform/index.js';
import { mutate, reply } from '../../../fakes/alpaca/faults.js';
import { FakeAlpaca } from '../../../fakes/alpaca/server.js';
import { collect, NOW, testContext } from '../source.contract.js';

let venue: FakeAlpaca;
beforeEach(async () => {
  venue = await FakeAlpaca.start(() => NOW);
  for (const symbol of ['AAPL', 'MSFT', 'BRK.B', 'BTC/USD']) venue.assets.set(symbol, {});
});
afterEach(async () => {
  await venue.close();
});

const open = (feed: 'sip' | 'delayed_sip' | 'iex' = 'sip', extra: object = {}) => {
  const context = testContext({ secrets: venue.secrets, ...extra });
  return { source: create({ feed }, context), context };
};
const minute = (time: string, price: number, volume = 100) => ({
  t: time,
  o: price,
  h: price + 1,
  l: price - 1,
  c: price + 0.5,
  v: volume,
});
const request = (interval: Interval, from: string, to: string, extra: Partial<BarRequest> = {}): BarRequest => ({
  symbols: ['AAPL'],
  interval,
  scope: 'regular' as SessionScope,
  from: Date.parse(from),
  to: Date.parse(to),
  ...extra,
});
const thrown = async (promise: Promise<unknown>): Promise<Error> => {
  const error: unknown = await promise.catch((e: unknown) => e);
  if (!(error instanceof Error)) throw new Error('it did not throw');
  return error;
};
const code = (error: unknown): string => (isQuantlineError(error) ? error.code : String(error));

describe('bars', () => {
  it('puts hours together from the session’s open, cut at an early close (F34)', async () => {
    // 2026-11-27, the day after Thanksgiving: 09:30 to 13:00 New York.
    const halves = ['14:00', '14:30', '15:00', '15:30', '16:00', '16:30', '17:00', '17:30', '18:00'].map((clock, i) =>
      minute(`2026-11-27T${clock}:00Z`, 100 + i, 10),
    );
    venue.market.set('30Min', 'AAPL', halves);
    const context = { clock: new ManualClock(Date.UTC(2026, 10, 28)) };
    const { source } = open('sip', context);
    const bars = (await collect(source, request('1h', '2026-11-27T00:00Z', '2026-11-28T00:00Z'))).get('AAPL')!;
    expect([...bars.time].map((t) => new Date(t).toISOString().slice(11, 16))).toEqual([
      '14:30',
      '15:30',
      '16:30',
      '17:30',
    ]);
    expect([...bars.open]).toEqual([101, 103, 105, 107]);
    expect([...bars.high]).toEqual([103, 105, 107, 108]);
    expect([...bars.low]).toEqual([100, 102, 104, 106]);
    expect([...bars.close]).toEqual([102.5, 104.5, 106.5, 107.5]);
    expect([...bars.volume]).toEqual([20, 20, 20, 10]);
  });

  it('has the trading hours before and after the session only where they are asked for', async () => {
    const at = ['08:30', '14:29', '14:30', '20:59', '21:00', '23:30'].map((clock, i) =>
      minute(`2026-11-19T${clock}:00Z`, 100 + i),
    );
    venue.market.set('1Min', 'AAPL', [...at, minute('2026-11-20T01:00:00Z', 120)]);
    const { source } = open();
    const range = ['2026-11-19T00:00Z', '2026-11-20T05:00Z'] as const;
    const regular = (await collect(source, request('1m', ...range))).get('AAPL')!;
    expect([...regular.open]).toEqual([102, 103]);
    const extended = (await collect(source, request('1m', ...range, { scope: 'extended' }))).get('AAPL')!;
    // 08:30 UTC is 03:30 in New York, 01:00 UTC is 20:00: outside of both.
    expect([...extended.open]).toEqual([101, 102, 103, 104, 105]);
  });

  it('keys daily bars by session over a change to winter time, and notes days without a session', async () => {
    venue.market.set('1Day', 'AAPL', [
      minute('2026-10-30T04:00:00Z', 100),
      minute('2026-11-01T04:00:00Z', 101),
      minute('2026-11-02T05:00:00Z', 102),
    ]);
    const { source, context } = open();
    const bars = (await collect(source, request('1d', '2026-10-30T00:00Z', '2026-11-03T00:00Z'))).get('AAPL')!;
    expect([...bars.time].map((t) => new Date(t).toISOString())).toEqual([
      '2026-10-30T13:30:00.000Z',
      '2026-11-02T14:30:00.000Z',
    ]);
    expect(context.notes).toEqual([
      { instrument: 'AAPL', check: 'session', count: 1, examples: ['2026-11-01T04:00:00Z'] },
    ]);
  });

  it('reads crypto on its own route, with days in UTC', async () => {
    const hours = Array.from({ length: 48 }, (_, i) =>
      minute(new Date(Date.UTC(2026, 10, 20, i)).toISOString().replace('.000', ''), 100 + i, 1),
    );
    venue.market.set('1Hour', 'BTC/USD', hours);
    venue.market.pageSize = 5;
    const { source } = open();
    const got = await collect(
      source,
      request('1d', '2026-11-20T00:00Z', '2026-11-22T00:00Z', { symbols: ['BTC/USD'] }),
    );
    const bars = got.get('BTC/USD')!;
    expect([...bars.time]).toEqual([Date.UTC(2026, 10, 20), Date.UTC(2026, 10, 21)]);
    expect([...bars.open]).toEqual([100, 124]);
    expect([...bars.close]).toEqual([123.5, 147.5]);
    expect([...bars.volume]).toEqual([24, 24]);
    expect((await source.instruments(['BTC/USD']))[0]).toMatchObject({ class: 'crypto', calendar: '24/7' });
    expect(venue.violations).toEqual([]);
  });

  it('asks for many symbols at once and holds to the vendor’s document', async () => {
    const symbols = Array.from({ length: 130 }, (_, i) => `S${String(i).padStart(3, '0')}`);
    for (const symbol of symbols) venue.market.set('1Min', symbol, [minute('2026-11-20T15:00:00Z', 10)]);
    const { source } = open();
    const got = await collect(source, request('1m', '2026-11-20T00:00Z', '2026-11-21T00:00Z', { symbols }));
    expect(got.size).toBe(130);
    expect(venue.count('GET /v2/stocks/bars')).toBe(2);
    expect(venue.violations).toEqual([]);
    expect(Object.fromEntries(venue.requests[0]!.query)).toMatchObject({
      feed: 'sip',
      adjustment: 'raw',
      limit: '10000',
    });
  });

  it('explains a missing entitlement, and serves the same from the delayed feed', async () => {
    venue.market.entitled = false;
    venue.market.set('1Min', 'AAPL', [minute('2026-11-23T15:00:00Z', 10), minute('2026-11-23T21:50:00Z', 11)]);
    const range = ['2026-11-23T00:00Z', '2026-11-24T00:00Z'] as const;
    const error = await thrown(collect(open('sip').source, request('1m', ...range)));
    expect(code(error)).toBe('CREDENTIALS');
    expect(error.message).toMatch(/subscription/);
    expect((error as { hint?: string }).hint).toMatch(/--source iex.*delayed_sip/);
    expect((await collect(open('delayed_sip').source, request('1m', ...range))).get('AAPL')!.time).toHaveLength(1);
  });

  it('says once that IEX is sparse', () => {
    const context = testContext({ secrets: venue.secrets });
    const source = createIex({}, context);
    expect([source.density, source.feed]).toEqual(['sparse', 'iex']);
    expect(context.said.filter((text) => text.includes('2.5 %'))).toHaveLength(1);
  });

  it('asks for keys by their names', async () => {
    const source = create({ feed: 'sip' }, testContext({ secrets: {} }));
    expect((await thrown(source.instruments(['AAPL']))).message).toMatch(/APCA_API_KEY_ID and APCA_API_SECRET_KEY/);
  });
});

it('iex-cloud explains that it is closed, with exit code 3', () => {
  expect(() => createIexCloud()).toThrow(/2024-08-31/);
  try {
    createIexCloud();
  } catch (error) {
    expect(isQuantlineError(error) && error.exitCode).toBe(3);
  }
});

describe('replies that lie', () => {
  const range = ['2026-11-20T00:00Z', '2026-11-21T00:00Z'] as const;
  beforeEach(() => {
    venue.market.set(
      '1Min',
      'AAPL',
      Array.from({ length: 9 }, (_, i) => minute(`2026-11-20T15:0${i}:00Z`, 100 + i)),
    );
  });

  it('F29 reads every page, short ones too, and stops at a token that repeats', async () => {
    venue.market.pageSize = 2;
    const { source } = open();
    expect((await collect(source, request('1m', ...range))).get('AAPL')!.time).toHaveLength(9);
    venue.arm(
      'GET /v2/stocks/bars',
      mutate((page: { next_page_token: string }) => ({ ...page, bars: {}, next_page_token: 'again' })),
      9,
    );
    const error = await thrown(collect(source, request('1m', ...range)));
    expect(error.message).toMatch(/paging repeats itself/);
    expect(code(error)).toBe('UNAVAILABLE');
  });

  it('F30 a failed read, a page of HTML or a reply of another form is not an empty series', async () => {
    const { source } = open();
    for (const [status, body] of [
      [500, { message: 'internal' }],
      [200, '<html></html>'],
      [200, []],
      [200, {}],
      [200, { bars: [1] }],
      [200, { bars: { AAPL: 'none' }, next_page_token: null }],
    ] as const) {
      venue.arm('GET /v2/stocks/bars', reply(status, body), status === 200 && typeof body === 'object' ? 1 : 4);
      expect(code(await thrown(collect(source, request('1m', ...range))))).toBe('UNAVAILABLE');
    }
  });

  it('F31 tolerates fields that it does not know, and misses none that it does not need', async () => {
    venue.arm(
      'GET /v2/stocks/bars',
      mutate((page: { bars: { AAPL: Record<string, unknown>[] } }) => ({
        ...page,
        surprise: 1,
        bars: {
          AAPL: page.bars.AAPL.map(({ n: _n, vw: _vw, ...bar }: Record<string, unknown>) => ({ ...bar, zz: 'new' })),
          OTHER: [{}],
        },
      })),
    );
    const got = await collect(open().source, request('1m', ...range));
    expect([...got.keys()]).toEqual(['AAPL']);
    expect(got.get('AAPL')!.time).toHaveLength(9);
  });

  it('F32 passes missing and textual values on as NaN, which the quality checks refuse', async () => {
    venue.arm(
      'GET /v2/stocks/bars',
      mutate((page: { bars: { AAPL: Record<string, unknown>[] } }) => {
        page.bars.AAPL[1]!['c'] = null;
        page.bars.AAPL[2]!['v'] = '100';
        return page;
      }),
    );
    const bars = (await collect(open().source, request('1m', ...range))).get('AAPL')!;
    expect([bars.close[1], bars.volume[2]]).toEqual([Number.NaN, Number.NaN]);
    expect(bars.close[0]).toBe(100.5);
  });

  it('F32 drops a bar sent twice, and refuses bars out of order while other symbols go on', async () => {
    venue.market.set('1Min', 'MSFT', [minute('2026-11-20T15:00:00Z', 5)]);
    const both = request('1m', ...range, { symbols: ['AAPL', 'MSFT'] });
    venue.arm(
      'GET /v2/stocks/bars',
      mutate((page: { bars: { AAPL: object[] } }) => {
        page.bars.AAPL.splice(3, 0, { ...page.bars.AAPL[2] });
        return page;
      }),
    );
    expect((await collect(open().source, both)).get('AAPL')!.time).toHaveLength(9);
    venue.arm(
      'GET /v2/stocks/bars',
      mutate((page: { bars: { AAPL: object[] } }) => {
        page.bars.AAPL.reverse();
        return page;
      }),
    );
    const got: string[] = [];
    const error = await thrown(
      (async () => {
        for await (const block of open().source.bars(both, new AbortController().signal)) got.push(block.instrument);
      })(),
    );
    expect(got).toEqual(['MSFT']);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.message).toMatch(/AAPL: the vendor's bars go back in time/);
  });

  it('separates the one symbol that a request is refused for', async () => {
    venue.market.set('1Min', 'MSFT', [minute('2026-11-20T15:00:00Z', 5)]);
    const symbols = ['AAPL', '$$$', 'MSFT'];
    const refuse = ({ process, send }: Parameters<ReturnType<typeof reply>>[0]) => {
      const last = venue.requests.at(-1)!.query.get('symbols')!;
      if (last.includes('$$$')) send({ status: 400, body: { message: 'invalid symbol: $$$' } });
      else send(process());
    };
    venue.arm('GET /v2/stocks/bars', refuse, 99);
    const got: string[] = [];
    const error = await thrown(
      (async () => {
        for await (const block of open().source.bars(
          request('1m', ...range, { symbols }),
          new AbortController().signal,
        ))
          got.push(block.instrument);
      })(),
    );
    expect(got.sort()).toEqual(['AAPL', 'MSFT']);
    expect(error.message).toMatch(/\$\$\$.*invalid symbol/);
  });
});

describe('corporate actions, calendar, assets', () => {
  const id = '00000000-0000-0000-0000-000000000001';
  it('reads splits and dividends by ex-date and says what it does not apply', async () => {
    const common = { id, cusip: '1', process_date: '2026-11-12' };
    venue.market.actions['forward_splits'] = [
      { ...common, symbol: 'AAPL', new_rate: 4, old_rate: 1, ex_date: '2026-11-10' },
    ];
    venue.market.actions['reverse_splits'] = [
      {
        id,
        process_date: '2026-11-12',
        old_cusip: '1',
        new_cusip: '2',
        symbol: 'MSFT',
        new_rate: 1,
        old_rate: 10,
        ex_date: '2026-11-11',
      },
    ];
    venue.market.actions['cash_dividends'] = [
      { ...common, symbol: 'AAPL', rate: 0.26, special: false, foreign: false, ex_date: '2026-11-09' },
      { ...common, symbol: 'AAPL', rate: 0.25, special: false, foreign: false, ex_date: '2026-08-09' },
    ];
    venue.market.actions['spin_offs'] = [
      {
        id,
        source_symbol: 'AAPL',
        source_cusip: '1',
        source_rate: 1,
        new_symbol: 'X',
        new_cusip: '2',
        new_rate: 1,
        process_date: '2026-11-12',
        ex_date: '2026-11-12',
      },
    ];
    const { source, context } = open();
    const got = await source.actions(
      request('1d', '2026-11-01T00:00Z', '2026-11-20T00:00Z', { symbols: ['AAPL', 'MSFT'] }),
      new AbortController().signal,
    );
    expect(got).toEqual([
      { type: 'dividend', instrument: 'AAPL', date: '2026-11-09', amount: 0.26 },
      { type: 'split', instrument: 'AAPL', date: '2026-11-10', ratio: 4 },
      { type: 'split', instrument: 'MSFT', date: '2026-11-11', ratio: 0.1 },
    ]);
    expect(context.said.join()).toMatch(/AAPL 2026-11-12: spin off/);
    expect(venue.violations).toEqual([]);
  });

  it('reads the vendor’s calendar, and it agrees with ours', async () => {
    const day = (date: string, close = '16:00') => ({
      date,
      open: '09:30',
      close,
      session_open: '0400',
      session_close: '2000',
      settlement_date: date,
    });
    venue.arm('GET /v2/calendar', reply(200, [day('2026-10-30'), day('2026-11-02'), day('2026-11-27', '13:00')]));
    const sessions = await open().source.calendarSessions(Date.UTC(2026, 9, 30), Date.UTC(2026, 10, 28));
    const ours = calendarOf('XNYS');
    for (const session of sessions) expect(session).toEqual(ours.session(session.date));
  });
});

describe('the stream', () => {
  const bar = (t: string, T = 'b') => ({ T, S: 'AAPL', o: 1, h: 2, l: 0.5, c: 1.5, v: 100, t, n: 3, vw: 1.2 });

  it('delivers bars, restated bars, quotes and trades, and reports the gap after a drop', async () => {
    const { source } = open('iex');
    const controller = new AbortController();
    const events: unknown[] = [];
    let drops = 0;
    for await (const event of source.stream(
      { bars: ['AAPL'], updatedBars: ['AAPL'], quotes: ['AAPL'], trades: ['AAPL'] },
      controller.signal,
    )) {
      events.push(event);
      if (event.type === 'connected' && drops === 0) {
        venue.streams.sendData([bar('2026-11-20T15:00:00Z')], 'StockBar');
        venue.streams.sendData([bar('2026-11-20T15:00:00Z', 'u')]);
        venue.streams.sendData([
          {
            T: 'q',
            S: 'AAPL',
            bx: 'V',
            bp: 0,
            bs: 0,
            ax: 'V',
            ap: 10.5,
            as: 100,
            c: ['R'],
            z: 'C',
            t: '2026-11-20T15:00:01Z',
          },
          { T: 't', S: 'AAPL', i: 1, x: 'V', p: 10.25, s: 7, c: ['@'], z: 'C', t: '2026-11-20T15:00:02.123456789Z' },
          { T: 'b', S: 'AAPL', t: '2026-11-20T15:01:00Z', o: 'broken' },
          { T: 'zz', S: 'AAPL' },
        ]);
      }
      if (event.type === 'trade') {
        drops++;
        venue.streams.drop();
      }
      if (event.type === 'connected' && drops === 1) controller.abort();
    }
    const prices = {
      symbol: 'AAPL',
      time: Date.UTC(2026, 10, 20, 15),
      open: 1,
      high: 2,
      low: 0.5,
      close: 1.5,
      volume: 100,
    };
    expect(events).toMatchObject([
      { type: 'connected' },
      { type: 'bar', bar: prices },
      { type: 'updated', bar: prices },
      { type: 'quote', bid: undefined, ask: 10.5 },
      { type: 'trade', price: 10.25, size: 7, time: Date.UTC(2026, 10, 20, 15, 0, 2, 123) },
      { type: 'disconnected' },
      { type: 'connected' },
    ]);
    expect(venue.streams.subscriptions).toHaveLength(2);
    expect(venue.violations).toEqual([]);
  });

  it('F20 waits out a connection that the server still holds', async () => {
    venue.streams.refuse.push(429, 429);
    const { source, context } = open('iex');
    const controller = new AbortController();
    for await (const event of source.stream({ bars: ['AAPL'] }, controller.signal))
      if (event.type === 'connected') controller.abort();
    expect(context.clock.now() - NOW).toBeGreaterThanOrEqual(60_000);
    expect(venue.streams.connections).toBe(1);
  });

  it('F21 stops when the keys are refused, and when the plan has fewer symbols', async () => {
    const { source } = open('iex');
    const drain = async () => {
      for await (const event of source.stream({ bars: ['AAPL'] }, AbortSignal.timeout(5000))) void event;
    };
    venue.streams.subscribeError = { code: 405, msg: 'symbol limit exceeded' };
    let error = await thrown(drain());
    expect([code(error), error.message]).toEqual(['CREDENTIALS', expect.stringContaining('symbol limit')]);
    venue.streams.revoked = true;
    error = await thrown(drain());
    expect([code(error), error.message]).toEqual(['CREDENTIALS', expect.stringContaining('keys were not accepted')]);
    expect(venue.streams.connections).toBe(2);
  });
});
