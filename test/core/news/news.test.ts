import { afterEach, beforeEach, expect, it } from 'vitest';
import { NewsStore, type StoredArticle } from '../../../src/core/news/index.js';
import { ManualClock } from '../../../src/core/platform/index.js';
import { news, newsPath } from '../../../src/core/stages/news.js';
import { collectRecords } from '../../../src/core/stages/warehouse/records.js';
import { htmlAfter, reply } from '../../fakes/alpaca/faults.js';
import { FakeAlpaca } from '../../fakes/alpaca/server.js';
import { optionsOf, testRuntime } from '../../support/workspace.js';

const NOW = Date.parse('2024-07-02T00:00Z');
const ROUTE = 'GET /v1beta1/news';
let venue: FakeAlpaca;
beforeEach(async () => {
  venue = await FakeAlpaca.start(() => NOW);
  for (let id = 1; id <= 70; id++)
    venue.news.push({
      id,
      created: new Date(Date.parse('2024-06-01T10:00Z') + id * 3_600_000).toISOString(),
      symbols: id % 2 === 0 ? ['AAPL'] : ['AAPL', 'BTCUSD', 'TSLA'],
      headline: `Headline ${id}`,
    });
});
afterEach(async () => {
  expect(venue.violations).toEqual([]);
  await venue.close();
});

const runtimeOf = (more: object = {}) => testRuntime({ secrets: venue.secrets, clock: new ManualClock(NOW), ...more });
const options = (more: object = {}) =>
  optionsOf('ingest:news', { symbols: 'AAPL,BTC/USD', from: '2024-06-01', ...more });

async function stored(workspace: string, instrument?: string): Promise<readonly StoredArticle[]> {
  const store = await NewsStore.open(newsPath(workspace));
  try {
    return await store.all(instrument);
  } finally {
    await store.close();
  }
}

it('fetches every page once, a row an article and symbol; the same command twice changes nothing', async () => {
  const runtime = runtimeOf();
  const first = await news(options(), runtime);
  expect(first.symbols).toEqual([
    { symbol: 'AAPL', articles: 70, added: 70 },
    { symbol: 'BTC/USD', articles: 35, added: 35 },
  ]);
  expect(venue.count(ROUTE)).toBe(2);
  expect((await news(options(), runtime)).symbols.map(({ added }) => added)).toEqual([0, 0]);
  const [row] = await stored(runtime.workspace, 'BTC/USD');
  expect(row).toEqual({
    ...{ source: 'alpaca', article: '1', instrument: 'BTC/USD', headline: 'Headline 1', body: 'A summary.' },
    ...{ published: Date.parse('2024-06-01T11:00Z'), known_at: Date.parse('2024-06-01T11:00Z') },
    url: 'https://www.benzinga.com/1',
  });
});

it('keeps what an article said before it was corrected, each known from its own instant', async () => {
  const runtime = runtimeOf();
  await news(options({ symbols: 'AAPL' }), runtime);
  venue.news[4] = { ...venue.news[4]!, headline: 'Corrected', updated: '2024-07-01T23:30:00Z' };
  const asked = venue.requests.length;
  const again = await news(optionsOf('ingest:news', { symbols: 'AAPL', update: true }), runtime);
  expect(again.symbols).toEqual([{ symbol: 'AAPL', articles: 1, added: 1 }]);
  // From where the news ended, a little earlier: not the whole month again.
  expect(venue.requests[asked]!.query.get('start')).toBe('2024-07-01T23:00:00.000Z');
  const versions = (await stored(runtime.workspace)).filter(({ article }) => article === '5');
  expect(versions.map(({ headline, published, known_at }) => [headline, published, known_at])).toEqual([
    ['Headline 5', Date.parse('2024-06-01T15:00Z'), Date.parse('2024-06-01T15:00Z')],
    ['Corrected', Date.parse('2024-06-01T15:00Z'), Date.parse('2024-07-01T23:30Z')],
  ]);
});

it('leaves whole pages where it ends, and asks again for what lacks', async () => {
  const runtime = runtimeOf();
  let pages = 0;
  venue.arm(ROUTE, ({ process, send }) => (++pages === 1 ? send(process()) : send({ status: 422, body: {} })), 2);
  await expect(news(options(), runtime)).rejects.toMatchObject({ name: 'QuantlineError' });
  expect(await stored(runtime.workspace, 'AAPL')).toHaveLength(50);
  await expect(news(optionsOf('ingest:news', { symbols: 'AAPL', update: true }), runtime)).rejects.toMatchObject({
    code: 'USAGE',
  });
  expect((await news(options(), runtime)).symbols.map(({ added }) => added)).toEqual([20, 10]);
});

it('takes no hostile answer as empty, and pages that go round end', async () => {
  venue.arm(ROUTE, reply(200, { news: [{ id: 'x' }], next_page_token: null }));
  await expect(news(options(), runtimeOf())).rejects.toMatchObject({ code: 'UNAVAILABLE', exitCode: 7 });
  venue.arm(ROUTE, reply(200, { news: [], next_page_token: 'again' }), 2);
  await expect(news(options(), runtimeOf())).rejects.toMatchObject({ message: expect.stringContaining('repeats') });
  venue.arm(ROUTE, htmlAfter);
  expect((await news(options(), runtimeOf())).symbols[0]!.added).toBe(70);
});

it('names what is missing', async () => {
  await expect(news(options(), runtimeOf({ secrets: {} }))).rejects.toMatchObject({ code: 'CREDENTIALS', exitCode: 3 });
  for (const [more, code] of [
    [{ source: 'reuters' }, 'USAGE'],
    [{ from: undefined }, 'USAGE'],
    [{ from: '2030-01-01' }, 'NO_DATA'],
  ] as const)
    await expect(news(options(more), runtimeOf())).rejects.toMatchObject({ code });
});

it('gives the warehouse its records, each with an id that follows from what it is', async () => {
  const runtime = runtimeOf();
  const rowsOf = async () => (await collectRecords(runtime)).find(({ table }) => table.name === 'news')!.columns;
  expect((await rowsOf())['id']).toEqual([]);
  await news(options(), runtime);
  const columns = await rowsOf();
  expect(new Set(columns['id'] as readonly string[]).size).toBe(105);
  expect([columns['time']![0], columns['known_at']![0], columns['headline']![0]]).toEqual([
    ...[Date.parse('2024-06-01T11:00Z'), Date.parse('2024-06-01T11:00Z')],
    'Headline 1',
  ]);
  expect(await rowsOf()).toEqual(columns);
});
