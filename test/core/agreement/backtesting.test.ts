import { readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { fixture, testRuntime } from '../../support/workspace.js';
import { type BarsName, Bench, furthest, recorded } from './engines.js';

interface Recorded {
  readonly bars: BarsName;
  readonly case: string;
  readonly trades: Readonly<
    Record<'size' | 'entry_bar' | 'exit_bar' | 'entry_price' | 'exit_price' | 'pnl' | 'return', number[]>
  >;
  readonly statistics: Readonly<Record<string, number | null>>;
  readonly equity_checksum: number;
}

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
const bench = new Bench(runtime);
const runs = recorded<Recorded>('backtesting');
const peer = (bars: BarsName, name: string) => runs.find((run) => run.bars === bars && run.case === name)!;

const TRAINER = 'sma-cross(10,30,short)';
const COMMON = "--cash 1000000 --sizing 'all-in(100%)' --lot units --ticks none";
const NEXT = "--fill 'next-open(touch,stop)' --close-at-end open";
/** What is typed after `quantline backtest --model …`; docs/engines.md shows the same lines. */
const COMMANDS: Readonly<Record<string, string>> = {
  none: `${COMMON} ${NEXT}`,
  commission: `${COMMON} ${NEXT} --commission 0.2%`,
  spread: `${COMMON} ${NEXT} --slippage 'entry-spread(0.1%)'`,
  stop_target: `${COMMON} ${NEXT} --stop-loss 5% --take-profit 10% --protect-from signal`,
  tight_stop_target: `${COMMON} ${NEXT} --stop-loss 1% --take-profit 1.5% --protect-from signal`,
};
const THIS_CLOSE = `${COMMON} --fill 'this-close(touch,stop)' --close-at-end close`;
const EXACT = 1e-9;

async function compare(bars: BarsName, line: string) {
  const { run, barAt, closes } = await bench.play(bars, TRAINER, line);
  const { trades } = run;
  const signed = trades.quantity.map((q, i) => q * trades.side[i]!);
  return { run, trades, signed, entry: Array.from(trades.entryTime, barAt), barAt, closes };
}

describe.each<BarsName>(['msft', 'spy', 'sp500', 'btc'])('backtesting.py 0.6.6 on %s', (bars) => {
  test.each(Object.keys(COMMANDS))('%s: the same trades, bar for bar', async (name) => {
    const theirs = peer(bars, name);
    const { run, trades, signed, entry, barAt } = await compare(bars, COMMANDS[name]!);
    expect(entry).toEqual(theirs.trades.entry_bar);
    expect(Array.from(trades.exitTime, barAt)).toEqual(theirs.trades.exit_bar);
    expect(Array.from(signed)).toEqual(theirs.trades.size);
    expect(furthest(trades.entryPrice, theirs.trades.entry_price)).toBeLessThan(EXACT);
    expect(furthest(trades.exitPrice, theirs.trades.exit_price)).toBeLessThan(EXACT);
    // A profit is a difference of two values: it agrees to 1e-9 of the value traded.
    const value = trades.quantity.map((q, i) => q * trades.entryPrice[i]!);
    trades.pnl.forEach((pnl, i) => {
      expect(Math.abs(pnl - theirs.trades.pnl[i]!)).toBeLessThan(EXACT * value[i]!);
    });
    expect(furthest(trades.return, theirs.trades.return, 1)).toBeLessThan(EXACT);

    const s = theirs.statistics;
    expect(furthest([run.run.finalEquity], [s['Equity Final [$]']!])).toBeLessThan(EXACT);
    expect(furthest([run.run.finalEquity / 1e6 - 1], [s['Return [%]']! / 100], 1)).toBeLessThan(EXACT);
    expect(trades.pnl.length).toBe(s['# Trades']);
    expect(trades.pnl.filter((pnl) => pnl > 0).length / trades.pnl.length).toBeCloseTo(s['Win Rate [%]']! / 100, 12);
    expect(Math.max(...trades.return)).toBeCloseTo(s['Best Trade [%]']! / 100, 9);
    expect(Math.min(...trades.return)).toBeCloseTo(s['Worst Trade [%]']! / 100, 9);
    const { equity } = run.equity;
    expect(furthest([equity.reduce((a, b) => a + b, 0)], [theirs.equity_checksum])).toBeLessThan(EXACT);
    let peak = 0;
    const fall = equity.reduce((worst, value) => {
      peak = Math.max(peak, value);
      return Math.min(worst, value / peak - 1);
    }, 0);
    expect(fall).toBeCloseTo(s['Max. Drawdown [%]']! / 100, 9);
    if (name === 'commission') {
      expect(furthest([run.run.costs], [s['Commissions [$]']!])).toBeLessThan(EXACT);
    }
    expect(run.run.liveOrder).toBeNull();
  });

  test('trade_on_close: the same trades; the last one is closed at the last close, there at the one before', async () => {
    const theirs = peer(bars, 'this_close').trades;
    const { trades, signed, barAt, closes, run } = await compare(bars, THIS_CLOSE);
    const last = trades.pnl.length - 1;
    const upTo = (column: ArrayLike<number>) => Array.from(column).slice(0, last);
    const bar = (time: number) => barAt(time) - (bars === 'btc' ? 1 : 0);
    expect(Array.from(trades.entryTime, bar)).toEqual(theirs.entry_bar);
    expect(upTo(Array.from(trades.exitTime, bar))).toEqual(upTo(theirs.exit_bar));
    expect(Array.from(signed)).toEqual(theirs.size);
    expect(furthest(trades.entryPrice, theirs.entry_price)).toBeLessThan(EXACT);
    expect(furthest(upTo(trades.exitPrice), upTo(theirs.exit_price))).toBeLessThan(EXACT);
    expect(trades.exitPrice[last]).toBe(closes.at(-1));
    expect(theirs.exit_bar[last]).toBe(closes.length - 2);
    expect(theirs.exit_price[last]).toBe(closes.at(-2));
    expect(run.run.liveOrder).toBeNull();
  });
});

test('a fixed commission: there it is reserved for every share of the order, here once', async () => {
  const theirs = peer('spy', 'fixed_commission').trades;
  const { signed, entry, trades } = await compare('spy', `${COMMON} ${NEXT} --commission $5`);
  expect(entry).toEqual(theirs.entry_bar);
  const price = trades.entryPrice[0]!;
  expect(Math.abs(theirs.size[0]!)).toBe(Math.floor(1e6 / (price + 5)));
  expect(Math.abs(signed[0]!)).toBe(Math.floor((1e6 - 5) / price));
});

test('where both averages are equal to the last digit, rounding noise decides', async () => {
  const theirs = peer('msft_ties', 'none').trades;
  const { entry, closes } = await compare('msft_ties', COMMANDS['none']!);
  const mean = (end: number, n: number) => closes.subarray(end + 1 - n, end + 1).reduce((a, b) => a + b, 0) / n;
  const tied = (bar: number) => Math.abs(mean(bar, 10) / mean(bar, 30) - 1) < 1e-14;
  const first = theirs.entry_bar.findIndex((bar, i) => bar !== entry[i]);
  expect(first).toBeGreaterThan(20);
  // The averages are equal at the close before the earlier of the two entries.
  expect(tied(Math.min(theirs.entry_bar[first]!, entry[first]!) - 1)).toBe(true);
});

test('the document shows the commands that are tested here', () => {
  const text = readFileSync(fixture('../docs/engines.md'), 'utf8').replace(/\s*\\\n\s*/g, ' ');
  for (const line of [...Object.values(COMMANDS), THIS_CLOSE]) expect(text).toContain(line);
  expect(text).toContain(TRAINER);
});
