import { describe, expect, it } from 'vitest';
import type { BarRequest, MarketDataSource, SourceContext, SourceNote } from '../../../src/core/data/source.js';
import { calendarOf } from '../../../src/core/domain/calendars/index.js';
import { type BarColumns, concatBars, type Interval, intervalMs, knownAt } from '../../../src/core/domain/index.js';
import { isQuantlineError } from '../../../src/core/errors/index.js';
import { ManualClock, silentLogger } from '../../../src/core/platform/index.js';

/** One bar as a test writes it; `time` is the opening instant, of a session bar its session's open. */
export interface PlainBar {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

export interface SourceHarness {
  readonly name: string;
  /** Interval of the bars that `open` is given. */
  readonly interval: Interval;
  /** Symbols that the venue behind it knows. */
  readonly symbols: readonly string[];
  /** A source whose vendor holds exactly these bars. */
  open(series: Readonly<Record<string, readonly PlainBar[]>>, context: SourceContext): Promise<MarketDataSource>;
  close(): Promise<void>;
}

export const NOW = Date.UTC(2026, 10, 23, 22);

export function testContext(extra: Partial<SourceContext> = {}): SourceContext & {
  readonly notes: SourceNote[];
  readonly said: string[];
} {
  const notes: SourceNote[] = [];
  const said: string[] = [];
  const log = (text: string) => void said.push(text);
  return {
    clock: new ManualClock(NOW),
    logger: { ...silentLogger, info: log, warn: log },
    calendar: calendarOf,
    note: (note) => notes.push(note),
    ...extra,
    notes,
    said,
  };
}

/** Bars with plausible prices at the given instants. */
export function plainBars(times: readonly number[], first = 100): PlainBar[] {
  return times.map((time, i) => {
    const open = first + i * 0.25;
    return { time, open, high: open + 0.5, low: open - 0.5, close: open + 0.25, volume: 1000 + i };
  });
}

/** Opening instants of the bars of an interval in the sessions of [from, to]. */
export function grid(interval: Interval, from: number, to: number): number[] {
  const length = intervalMs(interval);
  return calendarOf('XNYS')
    .sessionsBetween(from, to)
    .flatMap(({ open, close }) => {
      if (interval === '1d') return [open];
      const times: number[] = [];
      for (let t = open; t < close; t += length) times.push(t);
      return times;
    });
}

/** Everything a source yields, one set of columns per instrument. */
export async function collect(
  source: MarketDataSource,
  request: BarRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<Map<string, BarColumns>> {
  const parts = new Map<string, BarColumns[]>();
  for await (const block of source.bars(request, signal)) {
    const list = parts.get(block.instrument) ?? [];
    list.push(block);
    parts.set(block.instrument, list);
  }
  return new Map([...parts].map(([symbol, blocks]) => [symbol, concatBars(blocks)]));
}

/** What every source has to keep to, whatever stands behind it. */
export function sourceContract(harness: SourceHarness): void {
  const { interval, symbols } = harness;
  const days = interval === '1d' ? 40 : 3;
  const from = NOW - 100 * 86_400_000;
  const times = grid(interval, from, from + days * 2 * 86_400_000);
  const request = (extra: Partial<BarRequest> = {}): BarRequest => ({
    symbols,
    interval,
    scope: 'regular',
    from: times[0]!,
    to: times.at(-1)! + 1,
    ...extra,
  });
  const series = Object.fromEntries(symbols.map((symbol, i) => [symbol, plainBars(times, 50 + 100 * i)]));

  describe(`${harness.name} as a MarketDataSource`, () => {
    it('yields every bar once, ascending, as the vendor has it', async () => {
      const source = await harness.open(series, testContext());
      const got = await collect(source, request());
      expect([...got.keys()].sort()).toEqual([...symbols].sort());
      for (const symbol of symbols) {
        const bars = got.get(symbol)!;
        expect(bars.interval).toBe(interval);
        expect([...bars.time]).toEqual(times);
        for (const field of ['open', 'high', 'low', 'close', 'volume'] as const)
          expect([...bars[field]]).toEqual(series[symbol]!.map((bar) => bar[field]));
      }
    });

    it('keeps to [from, to) by opening instants', async () => {
      const source = await harness.open(series, testContext());
      const [a, b] = [times[3]!, times[times.length - 4]!];
      for (const [lo, hi] of [
        [a, b],
        [a + 1, b + 1],
        [a - 1, b - 1],
      ] as const) {
        const got = await collect(source, request({ symbols: [symbols[0]!], from: lo, to: hi }));
        expect([...got.get(symbols[0]!)!.time]).toEqual(times.filter((t) => t >= lo && t < hi));
      }
    });

    it('yields nothing for a range without bars', async () => {
      const source = await harness.open(series, testContext());
      const weekend = Date.UTC(2026, 9, 3, 5);
      expect(await collect(source, request({ from: weekend, to: weekend + 36_000_000 }))).toEqual(new Map());
    });

    it('yields no bar that is not complete yet', async () => {
      // The clock stands in the middle of a bar that the vendor already shows.
      const middle = times[times.length - 3]! + 30_000;
      const context = testContext({ clock: new ManualClock(middle) });
      const source = await harness.open(series, context);
      const got = (await collect(source, request())).get(symbols[0]!)!;
      const { delayMs = 0 } = source;
      for (const known of knownAt(got, calendarOf('XNYS'), delayMs)) expect(known).toBeLessThanOrEqual(middle);
      if (delayMs === 0) expect(got.time.at(-1)).toBe(times[times.length - 4]);
    });

    it('names instruments in order, and the symbol that it does not know', async () => {
      const source = await harness.open(series, testContext());
      const reversed = [...symbols].reverse();
      expect((await source.instruments(reversed)).map(({ id }) => id)).toEqual(reversed);
      const error: unknown = await source.instruments(['NOSUCHTICKER']).catch((e: unknown) => e);
      expect(isQuantlineError(error) && ['INPUT', 'NO_DATA'].includes(error.code)).toBe(true);
      expect((error as Error).message).toContain('NOSUCHTICKER');
    });

    it('stops when aborted', async () => {
      const source = await harness.open(series, testContext());
      const controller = new AbortController();
      controller.abort(new Error('stop'));
      await expect(collect(source, request(), controller.signal)).rejects.toThrow('stop');
    });
  });
}
