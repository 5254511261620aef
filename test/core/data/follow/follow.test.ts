import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowEvent } from '../../../../src/core/data/follow/events.js';
import { followBars } from '../../../../src/core/data/follow/follow.js';
import type { BarStreamEvent, MarketDataSource } from '../../../../src/core/data/source.js';
import { create } from '../../../../src/core/data/sources/alpaca.js';
import { streamMarket } from '../../../../src/core/data/sources/alpaca-stream.js';
import { create as createSynthetic, settings } from '../../../../src/core/data/sources/synthetic.js';
import { calendarOf, type Interval } from '../../../../src/core/domain/index.js';
import { silentLogger } from '../../../../src/core/platform/index.js';
import { FakeAlpaca } from '../../../fakes/alpaca/server.js';
import { type ShiftedClock, shiftedClock } from '../../../support/clock.js';
import { at, Tape } from './tape.js';

let clock: ShiftedClock;
let venue: FakeAlpaca;
let tape: Tape;
let said: string[];

beforeEach(async () => {
  said = [];
  venue = await FakeAlpaca.start(() => clock.now());
  for (const symbol of ['AAPL', 'MSFT']) venue.assets.set(symbol, {});
  tape = new Tape(venue);
});
afterEach(async () => {
  await venue.close();
});

const log = (text: string) => void said.push(text);
const context = () => ({
  clock,
  logger: { ...silentLogger, info: log, warn: log },
  secrets: venue.secrets,
  calendar: calendarOf,
});

interface Seen {
  readonly type: string;
  readonly origin?: string;
  /** symbol → minutes of the session, or volumes where restated. */
  readonly bars?: Record<string, number[]>;
}

/** Follows until `react` returns true; it is called with each event and all seen so far. */
async function follow(
  source: MarketDataSource,
  react: (event: FollowEvent, seen: readonly Seen[]) => boolean | undefined,
  more: { symbols?: string[]; interval?: Interval; from?: number; until?: number; staleMs?: number } = {},
): Promise<Seen[]> {
  const controller = new AbortController();
  const { symbols = ['AAPL'], interval = '1m', from = at(0), until, staleMs } = more;
  const request = {
    ...{ symbols, interval, scope: 'regular' as const, instruments: await source.instruments(symbols) },
    from: new Map(symbols.map((symbol) => [symbol, from])),
    ...(until === undefined ? {} : { until }),
  };
  const seen: Seen[] = [];
  for await (const event of followBars(request, {
    ...{ ...context(), source, signal: controller.signal },
    ...(staleMs === undefined ? {} : { staleMs }),
  })) {
    if (event.type === 'bars') {
      const minutes = (time: Float64Array) => [...time].map((t) => (t - at(0)) / 60_000);
      const bars = Object.fromEntries(event.bars.map((each) => [each.instrument, minutes(each.time)]));
      seen.push({ type: 'bars', origin: event.origin, bars });
    } else seen.push({ type: event.type, ...(event.type === 'stale' && { bars: { stale: [event.symbols.length] } }) });
    if (react(event, seen) === true) controller.abort(new Error('enough'));
  }
  return seen;
}

const given = (seen: readonly Seen[], symbol: string, origin?: string): number[] =>
  seen.flatMap((one) => (origin === undefined || one.origin === origin ? (one.bars?.[symbol] ?? []) : []));

describe('followBars on a stream', () => {
  it('starts with what is there, then streams, restates, and fills what the stream left out', async () => {
    clock = shiftedClock(at(4) + 10_000, 30);
    tape.keep('AAPL', [0, 1, 2, 3]);
    tape.keep('MSFT', [0, 1, 2, 3]);
    const source = create({ feed: 'sip' }, context());
    const seen = await follow(
      source,
      (event, all) => {
        if (event.type === 'bars' && event.origin === 'backfill' && all.filter((one) => one.origin).length === 1) {
          clock.set(at(7) + 5000);
          tape.print('AAPL', [4]);
          tape.send('AAPL', [4], 'u', 7);
          tape.keep('AAPL', [4], 7);
          // Minute 5 is lost on the way; before the open and after the close nothing belongs.
          tape.keep('AAPL', [5]);
          tape.print('AAPL', [6]);
          tape.send('AAPL', [-30, 400]);
          tape.print('MSFT', [4, 5, 6]);
        }
        return given(all, 'AAPL', 'backfill').includes(5);
      },
      { symbols: ['AAPL', 'MSFT'], staleMs: 10 * 60_000 },
    );
    expect(seen.slice(0, 2)).toEqual([
      { type: 'connected' },
      { type: 'bars', origin: 'backfill', bars: { AAPL: [0, 1, 2, 3], MSFT: [0, 1, 2, 3] } },
    ]);
    expect(given(seen, 'AAPL', 'stream')).toEqual([4, 6]);
    expect(given(seen, 'AAPL', 'restated')).toEqual([4]);
    expect(given(seen, 'MSFT', 'stream')).toEqual([4, 5, 6]);
    expect(venue.violations).toEqual([]);
  });

  it('F17 fetches what happened while the connection was lost', async () => {
    clock = shiftedClock(at(2) + 5000, 30);
    tape.keep('AAPL', [0, 1]);
    const seen = await follow(create({ feed: 'sip' }, context()), (event, all) => {
      if (given(all, 'AAPL').length === 2 && event.type === 'bars') tape.print('AAPL', [2]);
      if (event.type === 'bars' && event.origin === 'stream') {
        tape.keep('AAPL', [3]);
        clock.set(at(4) + 5000);
        venue.streams.drop();
      }
      return given(all, 'AAPL').includes(3);
    });
    expect(seen.map(({ type, origin }) => origin ?? type)).toEqual([
      ...['connected', 'backfill', 'stream', 'disconnected', 'connected', 'backfill'],
    ]);
    expect(new Set(given(seen, 'AAPL'))).toEqual(new Set([0, 1, 2, 3]));
  });

  it('asks again for what was young when the connection was lost: its restatement may have been missed', async () => {
    clock = shiftedClock(at(2) + 5000, 30);
    tape.keep('AAPL', [0, 1]);
    const seen = await follow(create({ feed: 'sip' }, context()), (event, all) => {
      if (given(all, 'AAPL').length === 2 && event.type === 'bars') tape.print('AAPL', [2]);
      if (event.type === 'bars' && event.origin === 'stream') {
        tape.keep('AAPL', [2], 7);
        clock.set(at(3) + 30_000);
        venue.streams.drop();
      }
      return all.filter(({ origin }) => origin === 'backfill').length === 2;
    });
    expect(given(seen.slice(-1), 'AAPL')).toContain(2);
  });

  it('counts what piles up beyond its queue as a lost connection, and fetches all of it', async () => {
    clock = shiftedClock(at(4) + 5000, 30);
    tape.keep('AAPL', [0, 1]);
    const source: MarketDataSource = create({ feed: 'sip' }, context());
    const keys = { keyId: venue.keys.id, secretKey: venue.keys.secret };
    const url = `${venue.url.replace('http', 'ws')}/v2/sip`;
    const narrow = {
      covers: () => true,
      async *open(symbols: readonly string[], signal: AbortSignal): AsyncGenerator<BarStreamEvent> {
        const { clock: own, logger } = context();
        const channels = { bars: symbols };
        for await (const event of streamMarket({ keys, url, channels, clock: own, logger, signal, maxQueue: 1 }))
          if (event.type !== 'quote' && event.type !== 'trade') yield event;
      },
    };
    const seen = await follow(Object.assign(Object.create(source), { barStream: narrow }), (event, all) => {
      // One frame of two bars for a queue of one.
      if (event.type === 'bars' && given(all, 'AAPL').length === 2) tape.print('AAPL', [2, 3]);
      return given(all, 'AAPL').includes(3);
    });
    expect(said.join('\n')).toMatch(/messages came faster than they were read; connecting again/);
    expect(seen.map(({ type, origin }) => origin ?? type)).toEqual([
      ...['connected', 'backfill', 'stream', 'disconnected', 'connected', 'backfill'],
    ]);
    expect(given(seen, 'AAPL', 'stream')).toEqual([2]);
    expect(given(seen, 'AAPL', 'backfill')).toContain(3);
  });

  it('F16 notices a stream that says nothing while the source has newer bars, and opens it again', async () => {
    clock = shiftedClock(at(2) + 5000, 240);
    tape.keep('AAPL', [0, 1]);
    let printed = 1;
    const seen = await follow(create({ feed: 'sip' }, context()), (event, all) => {
      // The venue prints on, but nothing comes over this connection.
      const now = Math.floor((clock.now() - at(0)) / 60_000);
      while (printed < now - 1) tape.keep('AAPL', [++printed]);
      const connections = all.filter(({ type }) => type === 'connected').length;
      if (connections === 1) setTimeout(() => tape.keep('AAPL', [2, 3, 4]), 500);
      return connections === 2 && event.type === 'bars';
    });
    expect(venue.streams.connections).toBe(2);
    expect(given(seen, 'AAPL', 'stream')).toEqual([]);
    expect(given(seen, 'AAPL', 'backfill')).toEqual(expect.arrayContaining([0, 1, 2, 3, 4]));
    expect(seen.some(({ type }) => type === 'disconnected')).toBe(true);
  });

  it('leaves a closed market alone, and names what is stale in an open one', async () => {
    // Saturday, a day and a half at speed.
    clock = shiftedClock(Date.UTC(2026, 10, 28, 1), 60_000);
    tape.keep('AAPL', []);
    let requests = 0;
    setTimeout(() => void (requests = venue.requests.length), 300);
    const seen = await Promise.race([
      follow(create({ feed: 'sip' }, context()), () => false, {
        from: Date.UTC(2026, 10, 28),
        until: Date.UTC(2026, 10, 29, 12),
      }),
      new Promise<Seen[]>((_, reject) => setTimeout(() => reject(new Error('it did not end')), 20_000)),
    ]);
    expect(seen.every(({ type }) => type !== 'stale' && type !== 'disconnected')).toBe(true);
    expect(venue.streams.connections).toBe(1);
    expect(venue.requests.length).toBe(requests);

    clock = shiftedClock(at(1), 600);
    const stale = await follow(create({ feed: 'sip' }, context()), (event) => event.type === 'stale');
    expect(stale.at(-1)).toEqual({ type: 'stale', bars: { stale: [1] } });
  });
});

describe('followBars without a stream', () => {
  it('asks for each bar when it should be there, and ends where it was told to', async () => {
    clock = shiftedClock(at(9) + 50_000, 240);
    const source = createSynthetic(settings.parse({}), context());
    const seen = await follow(source, () => false, { interval: '5m', until: at(20) });
    expect(given(seen, 'AAPL')).toEqual([0, 5, 10, 15]);
    expect(seen.filter(({ bars }) => bars?.['AAPL']?.length).length).toBeGreaterThanOrEqual(3);
    expect(clock.now()).toBeGreaterThanOrEqual(at(20));
  });

  it('is what Alpaca’s longer bars and crypto are followed with', async () => {
    const { barStream } = create({ feed: 'sip' }, context());
    expect(barStream!.covers(['AAPL'], '1m')).toBe(true);
    expect(barStream!.covers(['AAPL'], '5m')).toBe(false);
    expect(barStream!.covers(['BTC/USD'], '1m')).toBe(false);
  });
});
