import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import { type Interval, intervalMs, isSessionInterval } from '../domain/interval.js';
import { asFill, type Feature, type Fill } from './feature.js';
import { SessionClock } from './sessions.js';

/** One column: its canonical name and the feature that computes it. */
export interface FeatureColumn {
  readonly name: string;
  readonly feature: Feature;
}

/** A user's module that a feature set rests on. */
export interface UsedModule {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
}

/** Columns are computed for this many bars at a time, so that a block of the matrix stays in the cache. */
const BLOCK = 512;

/** Bars in a day of trading at most; what is anchored at a session has forgotten the start after as many. */
function sessionBars(interval: Interval | undefined): number {
  if (interval === undefined) return 1440;
  return isSessionInterval(interval) ? 1 : Math.ceil(86_400_000 / intervalMs(interval));
}

/** The features of one instrument as they unfold. */
export interface FeatureState {
  /**
   * Consumes bars [from, to), which follow those consumed before, and writes one row a bar: bar i's columns from
   * out[offset + (i - from) · stride] on. Bar by bar or in one go, the bits are equal. NaN where there is no value.
   */
  consume(
    bars: BarColumns,
    from: number,
    to: number,
    out: Float32Array | Float64Array,
    offset?: number,
    stride?: number,
  ): void;
}

export class FeatureSet {
  /** Canonical column names, all arguments written out: `rsi(14)`. */
  readonly columns: readonly string[];
  /** Bars until every column has a value. */
  readonly warmup: number;
  /** Bars after which the start of the series no longer matters at 1e-9. */
  readonly memory: number;

  constructor(
    private readonly parts: readonly FeatureColumn[],
    /** Reads back as the same set (a user's module by the path it was given). */
    readonly text: string,
    readonly modules: readonly UsedModule[] = [],
    interval?: Interval,
  ) {
    this.columns = parts.map(({ name }) => name);
    this.warmup = Math.max(...parts.map(({ feature }) => feature.warmup));
    const session = sessionBars(interval);
    this.memory = Math.max(...parts.map(({ feature: f }) => (f.anchored ? f.memory + session : f.memory)));
  }

  /** What decides the values: columns in order, and users' modules by hash. Belongs into the id of a model. */
  get identity(): { readonly columns: readonly string[]; readonly modules: Readonly<Record<string, string>> } {
    return { columns: this.columns, modules: Object.fromEntries(this.modules.map((m) => [m.name, m.sha256])) };
  }

  createState(instrument: Instrument, calendar: TradingCalendar): FeatureState {
    const context = { instrument, calendar };
    const fills = this.parts.map(({ feature }) => asFill(feature.state(context)));
    const timed = this.parts.some(({ feature }) => feature.sessions === true);
    return new State(fills, timed ? new SessionClock(calendar) : undefined);
  }
}

class State implements FeatureState {
  private readonly column = new Float64Array(BLOCK);
  private readonly sessions = SessionClock.columns(BLOCK);

  constructor(
    private readonly fills: readonly Fill[],
    private readonly clock: SessionClock | undefined,
  ) {}

  consume(
    bars: BarColumns,
    from: number,
    to: number,
    out: Float32Array | Float64Array,
    offset = 0,
    stride: number = this.fills.length,
  ): void {
    const { fills, column } = this;
    const frame = { bars, sessions: this.sessions };
    for (let start = from; start < to; start += BLOCK) {
      const end = Math.min(to, start + BLOCK);
      this.clock?.consume(bars, start, end, this.sessions);
      for (let j = 0; j < fills.length; j++) {
        fills[j]!(frame, start, end, column);
        scatter(column, end - start, out, offset + (start - from) * stride + j, stride);
      }
    }
  }
}

function scatter(
  column: Float64Array,
  rows: number,
  out: Float32Array | Float64Array,
  at: number,
  stride: number,
): void {
  for (let k = 0; k < rows; k++) out[at + k * stride] = column[k]!;
}
