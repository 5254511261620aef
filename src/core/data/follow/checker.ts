import {
  allocateBars,
  BAR_FIELDS,
  type BarColumns,
  type CorporateAction,
  calendarOf,
  concatBars,
  type Instrument,
  type Interval,
  lowerBound,
  type SessionScope,
  sliceBars,
} from '../../domain/index.js';
import { isQuantlineError } from '../../errors/index.js';
import { checkQuality, type QualityCheck, type QualityPolicies } from '../quality.js';
import { mergeBars } from '../series/merge.js';

/** Bars before the new ones that the checks compare with. */
const CONTEXT = 64;
const CAPACITY = 8 * CONTEXT;

export interface CheckerOptions {
  readonly instrument: Instrument;
  readonly interval: Interval;
  readonly scope: SessionScope;
  readonly policies: QualityPolicies;
  readonly actions: readonly CorporateAction[];
}

/** A bar that the checks refuse. */
export interface RefusedBar {
  readonly time: number;
  readonly reason: string;
}

/**
 * The quality checks on one instrument's followed bars, against the bars before them. What is missing or late is the
 * follower's concern, not this one's.
 */
export class BarChecker {
  /** Bars found by check, and left out where its policy says so. */
  readonly found = new Map<QualityCheck, number>();
  private readonly window: BarColumns;
  private size = 0;

  constructor(
    private readonly options: CheckerOptions,
    before: BarColumns,
  ) {
    this.window = allocateBars(options.instrument.id, options.interval, CAPACITY);
    this.push(sliceBars(before, Math.max(0, before.time.length - CONTEXT)));
  }

  /** The bars that pass, ascending; each one that is refused goes to `refused`. */
  check(bars: BarColumns, refused: (bar: RefusedBar) => void): BarColumns {
    const passed = this.tryAll(bars, refused);
    this.push(passed);
    return passed;
  }

  private tryAll(bars: BarColumns, refused: (bar: RefusedBar) => void): BarColumns {
    const n = bars.time.length;
    if (n === 0) return bars;
    const { instrument, scope, policies, actions } = this.options;
    try {
      const result = checkQuality(this.withContext(bars), {
        calendar: calendarOf(instrument.calendar),
        scope,
        // Gaps are the follower's to find and fill.
        density: 'sparse',
        policies,
        actions,
        judgeFrom: bars.time[0]!,
      });
      for (const { check, count } of result.findings) this.found.set(check, (this.found.get(check) ?? 0) + count);
      // Not a view of the window, which changes.
      return result.bars.time.length === n ? bars : concatBars([result.bars]);
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'QUALITY') throw error;
      if (n === 1) {
        refused({ time: bars.time[0]!, reason: error.message });
        return sliceBars(bars, 0, 0);
      }
      // One of them: each on its own, so that the others are kept.
      const good: BarColumns[] = [];
      for (let i = 0; i < n; i++) good.push(this.check(sliceBars(bars, i, i + 1), refused));
      return good.reduce((all, one) => mergeBars(all, one).bars);
    }
  }

  /** The bars behind those before them, which the window lends its memory for. */
  private withContext(bars: BarColumns): BarColumns {
    const n = bars.time.length;
    const before = lowerBound(this.window.time.subarray(0, this.size), bars.time[0]!);
    const earlier = sliceBars(this.window, Math.max(0, before - CONTEXT), before);
    if (before < this.size || this.size + n > CAPACITY) return concatBars([earlier, bars]);
    for (const field of BAR_FIELDS) this.window[field].set(bars[field], this.size);
    return sliceBars(this.window, Math.max(0, before - CONTEXT), this.size + n);
  }

  /** Takes bars into the window; of one time the last counts, and only the newest are kept. */
  private push(bars: BarColumns): void {
    const n = bars.time.length;
    if (n === 0) return;
    const { window } = this;
    const appends = this.size === 0 || bars.time[0]! > window.time[this.size - 1]!;
    if (appends && this.size + n <= CAPACITY) {
      for (const field of BAR_FIELDS) window[field].set(bars[field], this.size);
      this.size += n;
      return;
    }
    const { bars: all } = mergeBars(sliceBars(window, 0, this.size), bars);
    const kept = sliceBars(all, Math.max(0, all.time.length - CONTEXT));
    for (const field of BAR_FIELDS) window[field].set(kept[field].slice());
    this.size = kept.time.length;
  }
}
