import { type CorporateAction, lowerBound } from '../../domain/bars.js';

import { namedAction } from '../actions.js';
import type { InStep } from '../aim.js';
import { pathOf } from '../detail.js';
import type { MarketFeed, Signals } from '../feed.js';
import { extremesOf, type LiveTick, type TickSource } from './tick.js';

/** A dataset replayed as if it arrived now: ticks [from, to) of its clock, without waiting. */
export class ReplaySource implements TickSource {
  readonly instruments: readonly string[];
  readonly inStep?: InStep;
  private readonly actions = new Map<number, CorporateAction[]>();

  constructor(
    private readonly feed: MarketFeed,
    private readonly signals: Signals,
    private readonly from: number,
    private readonly to: number,
    /** By instrument and bar, where fills depend on them. */
    private readonly spreads?: readonly Float64Array[],
  ) {
    this.instruments = feed.instruments.map(({ id }) => id);
    for (const one of feed.actions) {
      this.actions.set(one.tick, [...(this.actions.get(one.tick) ?? []), namedAction(this.instruments, one)]);
    }
    if (signals.inStep !== undefined) this.inStep = signals.inStep;
  }

  async next(time: number): Promise<LiveTick | undefined> {
    const k = this.after(time);
    return k < this.to ? this.tick(k) : undefined;
  }

  *past(after: number, to: number): Iterable<LiveTick> {
    for (let k = this.after(after); k < this.to && this.feed.clock[k]! <= to; k++) yield this.tick(k);
  }

  /** First tick of the range after an instant. */
  private after(time: number): number {
    const { clock } = this.feed;
    const k = Math.max(this.from, lowerBound(clock, time));
    return k < clock.length && clock[k] === time ? k + 1 : k;
  }

  barAt(j: number, t: number): number {
    const { time } = this.feed.bars[j]!;
    const i = lowerBound(time, t);
    return i < time.length && time[i] === t ? i : i - 1;
  }

  extremes(j: number, t: number) {
    return extremesOf(this.feed.bars[j]!, this.barAt(j, t), t, this.feed.calendar);
  }

  newest(j: number) {
    return this.feed.bars[j]!.time.at(-1);
  }

  private tick(k: number): LiveTick {
    const { feed, signals } = this;
    const at = feed.barAt.map((column) => column[k]!);
    const actions = this.actions.get(k);
    return {
      ...(actions !== undefined && { actions }),
      time: feed.clock[k]!,
      session: feed.sessions[feed.sessionAt[k]!]!.open,
      bars: at.map((i, j) => {
        if (i < 0) return undefined;
        const bars = feed.bars[j]!;
        const finer = feed.detail?.[j];
        const path = finer && pathOf(finer, i);
        return {
          index: i,
          time: bars.time[i]!,
          open: bars.open[i]!,
          high: bars.high[i]!,
          low: bars.low[i]!,
          close: bars.close[i]!,
          volume: bars.volume[i]!,
          ...(this.spreads !== undefined && { spread: this.spreads[j]![i]! }),
          ...(bars.volume[i] === 0 && i > feed.halts[j]! && { halted: true as const }),
          ...(path !== undefined && { path }),
        };
      }),
      scores: at.map((i, j) => (i < 0 ? Number.NaN : signals.scores[j]![i]!)),
      measures: at.map((i, j) =>
        i < 0 ? Number.NaN : signals.measures === undefined ? Number.NaN : signals.measures[j]![i]!,
      ),
      validUntil: Number.POSITIVE_INFINITY,
    };
  }
}
