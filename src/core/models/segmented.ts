import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import { knownAt } from '../domain/knownAt.js';
import type { RowFeatures } from './inputs.js';
import type { ScoreKind, SignalModel, SignalScorer } from './model.js';
import { type Segment, segmentAt } from './segments.js';
import type { FittedModel, Rule } from './trainer.js';

/** Rows that are turned into features and scored at once: bounds the memory of a long series. */
const BLOCK = 65_536;

/** A rule as a model: valid everywhere, because nothing was trained. */
export function ruleModel(rule: Rule): SignalModel {
  return {
    scoreKind: 'position',
    warmup: rule.warmup,
    memory: rule.memory,
    scorer: (instrument, calendar) => rule.scorer(instrument, calendar),
  };
}

/**
 * A learned model: one fitted model a segment over one feature set. Bars outside all segments get NaN, unless
 * `inSample` lets the first segment score what lies before it.
 */
export class SegmentedModel implements SignalModel {
  readonly warmup: number;
  readonly memory: number;

  constructor(
    readonly scoreKind: ScoreKind,
    private readonly features: RowFeatures,
    private readonly segments: readonly Segment[],
    private readonly fitted: readonly FittedModel[],
    private readonly inSample = false,
  ) {
    this.warmup = features.warmup;
    this.memory = features.memory;
  }

  scorer(instrument: Instrument, calendar: TradingCalendar): SignalScorer {
    const state = this.features.createState(instrument, calendar);
    const width = this.features.columns.length;
    return {
      consume: (bars, from, to, out) => {
        const known = knownAt(bars, calendar, 0);
        for (let start = from; start < to; start += BLOCK) {
          const end = Math.min(to, start + BLOCK);
          const x = new Float32Array((end - start) * width);
          state.consume(bars, start, end, x);
          this.scoreBlock(bars, known, x, width, start, end, out);
        }
      },
    };
  }

  /** Scores rows [start, end), whose features are x, each by the segment that its bar belongs to. */
  private scoreBlock(
    _bars: BarColumns,
    known: Float64Array,
    x: Float32Array,
    width: number,
    start: number,
    end: number,
    out: Float64Array,
  ): void {
    for (let i = start; i < end; ) {
      const segment = this.segmentOf(known[i]!);
      let next = i + 1;
      while (next < end && this.segmentOf(known[next]!) === segment) next++;
      if (segment < 0) out.fill(Number.NaN, i, next);
      else {
        const rows = x.subarray((i - start) * width, (next - start) * width);
        this.fitted[segment]!.predict(rows, next - i, out.subarray(i, next));
        this.blankUnready(rows, width, i, next, out);
      }
      i = next;
    }
  }

  /** A row of which every feature is missing is no basis for an opinion. */
  private blankUnready(x: Float32Array, width: number, from: number, to: number, out: Float64Array): void {
    for (let i = from; i < to; i++) {
      let known = false;
      for (let c = 0; c < width && !known; c++) known = !Number.isNaN(x[(i - from) * width + c]!);
      if (!known) out[i] = Number.NaN;
    }
  }

  private segmentOf(t: number): number {
    const at = segmentAt(this.segments, t);
    if (at >= 0 || !this.inSample) return at;
    return t < this.segments[0]!.validFrom ? 0 : at;
  }
}
