import { rmSync } from 'node:fs';
import { afterAll, afterEach, expect, test } from 'vitest';
import { QuantlineError } from '../../../../src/core/errors/index.js';
import { fills, orders } from '../../../../src/core/stages/book.js';
import { halt } from '../../../../src/core/stages/halt.js';
import { positions } from '../../../../src/core/stages/positions.js';
import { accounts, status } from '../../../../src/core/stages/status.js';
import { trade } from '../../../../src/core/stages/trade.js';
import { currentOwner, openJournal, streamOf } from '../../../../src/core/state/index.js';
import { showBook } from '../../../../src/shell/book.js';
import { reply } from '../../../fakes/alpaca/faults.js';
import { optionsOf, testRuntime } from '../../../support/workspace.js';
import { order, PaperRig, spyRun } from './fixture.js';

let rig: PaperRig | undefined;
afterEach(async () => {
  await rig?.venue.close();
  rig = undefined;
});

test('the venue is asked itself: its prices, what others hold, and what it lacks', async () => {
  rig = await PaperRig.start();
  const { runtime, venue } = rig;
  await rig.trade(order(), order({ instrument: 'MSFT', type: 'limit', limitPrice: '150', quantity: '3' }));
  rig.byHand({ symbol: 'AAPL', qty: '4' });
  rig.byHand({ symbol: 'MSFT', qty: '7', type: 'limit', limit_price: '140' });
  venue.book.prices.set('AAPL', 110);

  const quiet = await positions(optionsOf('positions', {}), runtime);
  expect(quiet).toMatchObject([{ strategy: 'swing', quantity: '10', average_price: '100', venue_quantity: null }]);
  const shown = await positions(optionsOf('positions', { broker: 'alpaca' }), runtime);
  const quote = { bid: '109.95', ask: '110.05', price_kind: 'quote', price_source: 'alpaca-paper' };
  expect(shown).toMatchObject([
    { market_price: '110', ...quote, priced_at: '2026-11-23T15:00:58.999Z' },
    { strategy: null, ...quote },
  ]);
  expect(shown).toMatchObject([
    { strategy: 'swing', quantity: '10', market_price: '110', value: '1100', unrealised: '100', venue_quantity: '14' },
    { strategy: null, quantity: '4', market_price: '110', unrealised: expect.any(String), venue_quantity: '14' },
  ]);
  const [account] = await accounts(optionsOf('account', { broker: 'alpaca' }), runtime);
  expect(account).toMatchObject({ source: 'venue', paper: true, strategies: 'swing', gross: '1540', blocked: null });
  expect(shown[0]!.exposure).toBeCloseTo(1100 / Number(account!.equity), 12);

  const set = { 'source.seed': '7', 'source.start': '2026-11-20' };
  const bySource = await positions(optionsOf('positions', { broker: 'alpaca', source: 'synthetic', set }), runtime);
  const { market_price: price, priced_at: pricedAt, value } = bySource[0]!;
  expect(price).not.toBe('110');
  expect(Date.parse(pricedAt!)).toBeGreaterThan(runtime.clock.now() - 16 * 60_000);
  expect(Number(value)).toBeCloseTo(10 * Number(price), 8);
  const bar = { price_kind: 'bar', price_source: 'synthetic', bid: null };
  expect(bySource[1]).toMatchObject({ market_price: price, priced_at: pricedAt, ...bar });

  const listed = await orders(optionsOf('orders', { broker: 'alpaca' }), runtime);
  expect(listed).toMatchObject([
    { strategy: 'swing', instrument: 'MSFT', status: 'accepted', venue_status: 'new' },
    { strategy: null, instrument: 'MSFT', quantity: '7', limit_price: '140' },
  ]);
  expect(await orders(optionsOf('orders', { broker: 'alpaca', strategy: 'swing' }), runtime)).toHaveLength(1);
  const executions = await fills(optionsOf('fills', { broker: 'alpaca' }), runtime);
  expect(executions.map(({ strategy, quantity, leg }) => [strategy, quantity, leg]).sort()).toEqual([
    [null, '4', null],
    ['swing', '10', 'entry'],
  ]);

  venue.book.positions.set('AAPL', { qty: 6, average: 100 });
  const [lacking] = await positions(optionsOf('positions', { broker: 'alpaca' }), runtime);
  expect(lacking).toMatchObject({ quantity: '10', venue_quantity: '6', problem: 'the venue holds less than is owned' });
  expect(venue.violations).toEqual([]);
});

test('prices are live quotes where the venue has them, with their time; without them it is said what is used', async () => {
  rig = await PaperRig.start();
  const { runtime, venue } = rig;
  await rig.trade(order(), order({ instrument: 'MSFT', quantity: '2' }));
  const price = async (more: Record<string, unknown> = {}) => {
    const rows = await positions(optionsOf('positions', more), runtime);
    return rows.map((row) => [row.market_price, row.price_kind, row.price_source, row.priced_at]);
  };
  // The last trade, moved into the range of bid and ask; one-sided after hours; crossed.
  const t = '2026-11-23T14:59:59.250Z';
  venue.market.quotes.set('AAPL', { bid: 101, ask: 103, last: 100, t });
  venue.market.quotes.set('MSFT', { bid: 90, ask: 0, last: 210, t });
  const [now, asked] = ['quote', 'alpaca-paper'];
  expect(await price()).toEqual([
    ['101', now, asked, t],
    ['210', now, asked, t],
  ]);
  venue.market.quotes.set('AAPL', { bid: 104, ask: 103, last: 102.5, t });
  venue.market.quotes.set('MSFT', { bid: 210, ask: 210.5, last: 0, t });
  expect((await price()).map(([mark]) => mark)).toEqual(['102.5', '210.25']);
  expect((await price({ source: 'iex' })).map(([, kind, source]) => [kind, source])).toEqual([
    ['quote', 'iex'],
    ['quote', 'iex'],
  ]);
  // No quotes: what the venue says under --broker, else nothing (nothing was decided on bars here).
  venue.arm('GET /v2/stocks/snapshots', reply(403, { message: 'forbidden.' }), 2);
  expect(await price({ broker: 'alpaca' })).toEqual([
    ['100', 'venue', 'alpaca-paper', '2026-11-23T15:00:59.999Z'],
    ['200', 'venue', 'alpaca-paper', '2026-11-23T15:00:59.999Z'],
  ]);
  expect((await price()).map(([mark, kind]) => [mark, kind])).toEqual(Array(2).fill([null, null]));
  expect(venue.count('GET /v2/stocks/snapshots')).toBe(5);
  expect(venue.violations).toEqual([]);
});

test('a venue can be looked at before anything has traded, which leaves no journal', async () => {
  rig = await PaperRig.start();
  rig.byHand({ symbol: 'AAPL', qty: '4' });
  expect(await positions(optionsOf('positions', { broker: 'alpaca' }), rig.runtime)).toMatchObject([
    { strategy: null, quantity: '4' },
  ]);
  expect(await positions(optionsOf('positions', {}), rig.runtime)).toEqual([]);
  expect(await status(optionsOf('status', {}), rig.runtime)).toEqual([]);
});

test('at the simulated venue: prices of the last decision or of the book, protection, states', async () => {
  const runtime = testRuntime({}, true);
  afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
  const run = await spyRun(runtime, { stopLoss: '5%', takeProfit: '9%' });
  await trade(optionsOf('trade', { run: run.path, strategy: 's', until: '2018-11-09' }), runtime);
  const [own] = await positions(optionsOf('positions', {}), runtime);
  const [asked] = await positions(optionsOf('positions', { broker: 'sim' }), runtime);
  expect(own!.market_price).toBe(asked!.market_price);
  expect(own).toMatchObject({ price_kind: 'decision', price_source: 'sim', priced_at: '2018-11-09T21:00:00Z' });
  expect(asked).toMatchObject({ price_kind: 'venue', price_source: 'sim', priced_at: '2018-11-09T21:00:00Z' });
  expect(asked!.venue_quantity).toBe(own!.quantity);
  expect(Number(own!.stop)).toBeCloseTo(Number(own!.average_price) * 0.95, 1);
  expect(Number(own!.target)).toBeCloseTo(Number(own!.average_price) * 1.09, 1);
  expect(Number(own!.unrealised)).toBeCloseTo(
    Number(own!.quantity) * (Number(own!.market_price) - Number(own!.average_price)),
    6,
  );
  const [account] = await accounts(optionsOf('account', { broker: 'sim' }), runtime);
  const [known] = await accounts(optionsOf('account', {}), runtime);
  expect(Number(known!.equity)).toBeCloseTo(Number(account!.equity), 6);
  expect(known).toMatchObject({ source: 'journal', cash: null });
  expect(await status(optionsOf('status', {}), runtime)).toMatchObject([
    { strategy: 's', state: 'active', running: null, last_slot: '2018-11-09T21:00:00Z', positions: 1, open_orders: 2 },
  ]);
  // Who holds the lease runs, unless it is a process of this machine that was killed.
  const scope = { venue: 'sim', account: account!.account, strategy: 's' };
  const [host, place] = currentOwner().split('|');
  for (const [owner, running] of [
    ['elsewhere||4711|1', 'elsewhere||4711|1'],
    [`${host}|${place}|999999999|1`, null],
  ] as const) {
    const journal = await openJournal(runtime.journal);
    await journal.acquireLease(streamOf(scope), owner, runtime.clock.now(), 60_000, () => true);
    await journal.close();
    expect(await status(optionsOf('status', {}), runtime)).toMatchObject([{ running }]);
  }
  await halt({ ...optionsOf('halt', { strategy: 's' }), reason: 'lunch' }, runtime);
  expect(await status(optionsOf('status', {}), runtime)).toMatchObject([{ state: 'halted', reason: 'lunch' }]);
});

test('--watch prints one document a line under --json, and ends with the signal', async () => {
  const stop = new AbortController();
  let reads = 0;
  const written: string[] = [];
  const runtime = testRuntime();
  const context = {
    global: { json: true },
    options: { format: 'table', watch: 1 },
    redact: (text: string) => {
      written.push(text);
      return '';
    },
    signal: stop.signal,
    runtime: async () => runtime,
  };
  const read = async () => {
    if (++reads === 3) stop.abort(new Error('enough'));
    return [{ strategy: 's', quantity: '1' }];
  };
  // Nothing after them: no result, and no error for a person who has seen enough.
  expect(await showBook(context as never, ['strategy'], 'none', read)).toEqual({ text: '', json: undefined });
  expect(written).toEqual(Array(3).fill('[{"strategy":"s","quantity":"1"}]'));
  reads = 0;
  const failing = async () => {
    if (++reads === 1) throw new QuantlineError('UNAVAILABLE', 'The venue does not answer.');
    throw new QuantlineError('CREDENTIALS', 'The keys were taken back.');
  };
  const going = { ...context, signal: new AbortController().signal };
  await expect(showBook(going as never, ['strategy'], 'none', failing)).rejects.toThrow('taken back');
  expect(written.at(-1)).toBe('The venue does not answer. Looking again in 0.001 s.');
  for (const pause of ['0s', '99ms']) expect(() => optionsOf('status', { watch: pause })).toThrow(/at least 100ms/);
});

test('a table for people keeps four digits of what is tiny and all of what is huge', async () => {
  const context = { options: { format: 'table' } };
  const rows = [{ quantity: '0.0000000123456', price: '1000000000000.12', value: 0.1234567, loss: -0.00001 }];
  const { text } = await showBook(context as never, Object.keys(rows[0]!), 'none', async () => rows);
  expect(text.split('\n')[1]!.trim().split(/ +/)).toEqual([
    '0.00000001235',
    '1000000000000.12',
    '0.123457',
    '-0.00001',
  ]);
});

test('the target of a pair of exits is shown with its price', async () => {
  rig = await PaperRig.start();
  await rig.trade(order());
  const pair = { takeProfit: { limitPrice: '110' }, stopLoss: { stopPrice: '90' }, opens: false } as const;
  await rig.trade(order({ side: 'sell', type: 'limit', timeInForce: 'gtc', ...pair }));
  const shown = await orders(optionsOf('orders', {}), rig.runtime);
  expect(shown.map(({ limit_price, stop_price }) => limit_price ?? stop_price).sort()).toEqual(['110', '90']);
});
