import { calendarOf } from '../../../../src/core/domain/index.js';
import type { FakeBar } from '../../../fakes/alpaca/market.js';
import type { FakeAlpaca } from '../../../fakes/alpaca/server.js';

export const OPEN = calendarOf('XNYS').session('2026-11-23')!.open;
export const at = (minute: number): number => OPEN + minute * 60_000;

/** Minute `k` of the session as the venue prints it; `late` are trades that arrived after the bar. */
export function minuteBar(symbol: string, k: number, late = 0): FakeBar {
  const open = 100 + symbol.charCodeAt(0) / 100 + k * 0.01;
  return {
    t: new Date(at(k)).toISOString(),
    o: open,
    h: open + 0.5,
    l: open - 0.5,
    c: open + 0.25,
    v: 1000 + k + late,
  };
}

/** What a venue prints, sent on its stream, kept for REST, or both. */
export class Tape {
  private readonly kept = new Map<string, Map<number, FakeBar>>();

  constructor(private readonly venue: FakeAlpaca) {}

  keep(symbol: string, minutes: readonly number[], late = 0): void {
    const bars = this.kept.get(symbol) ?? new Map<number, FakeBar>();
    this.kept.set(symbol, bars);
    for (const k of minutes) bars.set(k, minuteBar(symbol, k, late));
    this.venue.market.set(
      '1Min',
      symbol,
      [...bars].sort(([a], [b]) => a - b).map(([, bar]) => bar),
    );
  }

  send(symbol: string, minutes: readonly number[], kind: 'b' | 'u' = 'b', late = 0): void {
    const frames = minutes.map((k) => ({ T: kind, S: symbol, ...minuteBar(symbol, k, late), n: 3, vw: 1.2 }));
    this.venue.streams.sendData(frames, kind === 'b' ? 'StockBar' : undefined);
  }

  /** On the stream and over REST, as a healthy venue does. */
  print(symbol: string, minutes: readonly number[]): void {
    this.keep(symbol, minutes);
    this.send(symbol, minutes);
  }
}
