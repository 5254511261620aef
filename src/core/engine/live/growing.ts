import {
  allocateBars,
  BAR_FIELDS,
  type BarColumns,
  type CorporateAction,
  countsVolumeFrom,
  lowerBound,
  sliceBars,
} from '../../domain/bars.js';
import type { TradingCalendar } from '../../domain/calendar.js';
import type { InStep } from '../aim.js';
import { extremesOf, type LiveTick, type TickBar } from './tick.js';

/** Turns bars into numbers, one after the other; a model's scorer or a sizing's measure. */
export interface Consumer {
  consume(bars: BarColumns, from: number, to: number, out: Float64Array): void;
  scoreAt?(i: number, weight: number): number;
}

export interface DatedAction {
  readonly action: CorporateAction;
  readonly open: number;
}

/** After it there are no bars under this name. */
export const isEnding = ({ type }: CorporateAction): boolean => type === 'delisting' || type === 'rename';

/** What is computed per instrument, made anew where a bar was restated and everything is replayed. */
export interface SeriesConsumers {
  readonly score: Consumer;
  readonly measure: Consumer | undefined;
  /** Spread of each bar, where fills depend on it. */
  readonly spread?: Consumer | undefined;
}

/** One instrument's columns with room to grow, scored bar by bar. */
class GrowingSeries {
  private store: BarColumns;
  private scores: Float64Array;
  private measures: Float64Array;
  private spreads: Float64Array;
  private consumers: SeriesConsumers;
  size = 0;
  private consumed = 0;
  private halts = 0;

  constructor(
    first: BarColumns,
    private readonly make: () => SeriesConsumers,
  ) {
    const capacity = Math.max(1024, first.time.length * 2);
    this.store = allocateBars(first.instrument, first.interval, capacity);
    this.scores = new Float64Array(capacity).fill(Number.NaN);
    this.measures = new Float64Array(capacity).fill(Number.NaN);
    this.spreads = new Float64Array(capacity).fill(Number.NaN);
    this.consumers = make();
    this.put(first);
  }

  get bars(): BarColumns {
    return sliceBars(this.store, 0, this.size);
  }

  /** Adds newer bars and takes over what restates older ones; the values of the latter are computed again. */
  put(bars: BarColumns): void {
    for (let i = 0; i < bars.time.length; i++) {
      const t = bars.time[i]!;
      const last = this.size === 0 ? Number.NEGATIVE_INFINITY : this.store.time[this.size - 1]!;
      let at = this.size;
      if (t <= last) {
        at = lowerBound(this.store.time.subarray(0, this.size), t);
        if (this.store.time[at] !== t) this.insertAt(at);
        else if (BAR_FIELDS.every((field) => this.store[field][at] === bars[field][i])) continue;
        if (at < this.consumed) this.consumed = -1;
      } else this.size++;
      if (this.size > this.store.time.length) this.grow();
      for (const field of BAR_FIELDS) this.store[field][at] = bars[field][i]!;
    }
  }

  private insertAt(at: number): void {
    this.size++;
    if (this.size > this.store.time.length) this.grow();
    for (const field of BAR_FIELDS) this.store[field].copyWithin(at + 1, at, this.size - 1);
  }

  private grow(): void {
    const next = allocateBars(this.store.instrument, this.store.interval, this.store.time.length * 2);
    for (const field of BAR_FIELDS) next[field].set(this.store[field]);
    const wider = (column: Float64Array) => {
      const out = new Float64Array(next.time.length).fill(Number.NaN);
      out.set(column);
      return out;
    };
    this.scores = wider(this.scores);
    this.measures = wider(this.measures);
    this.spreads = wider(this.spreads);
    this.store = next;
  }

  /** Score of a consumed bar by a model that sees its own position. */
  scoreAt(i: number, weight: number): number {
    return this.consumers.score.scoreAt!(i, weight);
  }

  /** Brings scores and measures up to the newest bar. */
  score(): void {
    if (this.consumed < 0) {
      this.consumers = this.make();
      this.consumed = 0;
    }
    if (this.consumed === this.size) return;
    const { bars } = this;
    this.consumers.score.consume(bars, this.consumed, this.size, this.scores);
    this.consumers.measure?.consume(bars, this.consumed, this.size, this.measures);
    this.consumers.spread?.consume(bars, this.consumed, this.size, this.spreads);
    this.consumed = this.size;
  }

  indexOf(t: number): number {
    return lowerBound(this.store.time.subarray(0, this.size), t);
  }

  /** Opening instant of bar i; undefined beyond the last. */
  timeOf(i: number): number | undefined {
    return i < this.size ? this.store.time[i] : undefined;
  }

  bar(i: number): TickBar {
    const { store } = this;
    const bar: { -readonly [K in keyof TickBar]: TickBar[K] } = {
      index: i,
      time: store.time[i]!,
      open: store.open[i]!,
      high: store.high[i]!,
      low: store.low[i]!,
      close: store.close[i]!,
      volume: store.volume[i]!,
    };
    if (this.consumers.spread !== undefined) bar.spread = this.spreads[i]!;
    if (bar.volume === 0 && i > this.countsFrom()) bar.halted = true;
    return bar;
  }

  /** As `countsVolumeFrom` of the bars so far; looked for again only while there is no volume. */
  private countsFrom(): number {
    if (!(this.store.volume[this.halts]! > 0)) this.halts = countsVolumeFrom(this.bars);
    return this.halts;
  }

  values(i: number): readonly [score: number, measure: number] {
    return [this.scores[i]!, this.measures[i]!];
  }
}

/**
 * The columns of a dataset with newer bars behind them, consumed by the same scorers from the first bar on: what a
 * replay of all of them would compute, bit for bit.
 */
export class GrowingFeed {
  readonly instruments: readonly string[];
  /** Of a model that sees its own position: its score in the step. */
  readonly inStep?: InStep;
  private readonly series: readonly GrowingSeries[];

  /** `calendar`: its sessions group the ticks. */
  constructor(
    bars: readonly BarColumns[],
    make: (j: number) => SeriesConsumers,
    private readonly calendar: TradingCalendar,
    /** Corporate actions of instrument j with the open of their ex-session, as far as they are known. */
    private readonly actions: (j: number) => readonly DatedAction[] = () => [],
    seesPosition = false,
  ) {
    this.instruments = bars.map(({ instrument }) => instrument);
    this.series = bars.map((columns, j) => new GrowingSeries(columns, () => make(j)));
    if (seesPosition) this.inStep = (j, i, weight) => this.series[j]!.scoreAt(i, weight);
  }

  bars(j: number): BarColumns {
    return this.series[j]!.bars;
  }

  put(j: number, bars: BarColumns): void {
    this.series[j]!.put(bars);
  }

  /** Computes what is outstanding ahead of the next tick. */
  score(): void {
    for (const one of this.series) one.score();
  }

  /** Index of the bar that opens at t; undefined where there is none. */
  indexOf(j: number, t: number): number | undefined {
    const one = this.series[j]!;
    const i = one.indexOf(t);
    return one.timeOf(i) === t ? i : undefined;
  }

  /** Index of the last bar that opened at or before t; −1 before the first. */
  barAt(j: number, t: number): number {
    return this.indexOf(j, t) ?? this.series[j]!.indexOf(t) - 1;
  }

  /** Actions that come into force before bar i, and did not before the bar ahead of it. */
  private actionsBefore(j: number, i: number): readonly CorporateAction[] {
    const actions = this.actions(j);
    if (actions.length === 0) return [];
    const one = this.series[j]!;
    const [before, now] = [i > 0 ? one.timeOf(i - 1)! : Number.NEGATIVE_INFINITY, one.timeOf(i)!];
    return actions.filter(({ open }) => open > before && open <= now).map(({ action }) => action);
  }

  /** What ends an instrument comes before no bar of its own: it is told at the first tick after that session's open. */
  private endings(j: number, after: number, slot: number): readonly CorporateAction[] {
    return this.actions(j)
      .filter(({ action, open }) => isEnding(action) && open >= after && open < slot)
      .map(({ action }) => action);
  }

  extremes(j: number, t: number, bought = t): { readonly high: number; readonly low: number } | undefined {
    const splits = this.actions(j).flatMap(({ action, open }) =>
      action.type === 'split' && open > bought ? [{ open, ratio: action.ratio }] : [],
    );
    return extremesOf(this.bars(j), this.barAt(j, t), t, this.calendar, splits);
  }

  /** Opening instant of the newest bar of instrument j. */
  newest(j: number): number | undefined {
    const one = this.series[j]!;
    return one.timeOf(one.size - 1);
  }

  /** The tick of a slot whose bars open at `expected` (undefined: the instrument has none then); `after`: the slot before. */
  tick(slot: number, expected: readonly (number | undefined)[], validUntil: number, after = slot): LiveTick {
    this.score();
    const at = expected.map((open, j) => (open === undefined ? undefined : this.indexOf(j, open)));
    const values = at.map((i, j) => (i === undefined ? [Number.NaN, Number.NaN] : this.series[j]!.values(i)));
    const next = this.calendar.nextSession(slot - 1);
    const session = next.open < slot ? next : this.calendar.previousSession(slot);
    const actions = at.flatMap((i, j) => (i === undefined ? this.endings(j, after, slot) : this.actionsBefore(j, i)));
    return {
      time: slot,
      ...(actions.length > 0 && { actions }),
      session: session.open,
      bars: at.map((i, j) => (i === undefined ? undefined : this.series[j]!.bar(i))),
      scores: values.map(([score]) => score!),
      measures: values.map(([, measure]) => measure!),
      validUntil,
    };
  }
}
