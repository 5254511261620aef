import { sliceBars } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import { knownAt } from '../domain/knownAt.js';
import type { RowFeatures } from './inputs.js';
import type { ScoreKind, SignalModel, SignalScorer } from './model.js';
import { type Segment, segmentAt } from './segments.js';
import type { FittedModel, Rule } from './trainer.js';

/** Rows that are turned into features and scored at once: bounds the memory of a long series. */
const BLOCK = 65_536;

/** Features of consecutive bars, after `lookback` rows of what came before. */
interface Block {
  readonly x: Float32Array;
  readonly width: number;
  readonly lookback: number;
}

/** Features and instants of all bars consumed so far: what a model that sees its own position is asked about later. */
class KeptRows {
  x: Float32Array = new Float32Array(0);
  known: Float64Array = new Float64Array(0);

  constructor(readonly width: number) {}

  keep(from: number, x: Float32Array, known: Float64Array): void {
    const rows = from + known.length;
    if (rows > this.known.length) {
      const room = Math.max(rows, 2 * this.known.length);
      const wider = new Float32Array(room * this.width).fill(Number.NaN);
      wider.set(this.x);
      this.x = wider;
      const longer = new Float64Array(room).fill(Number.NaN);
      longer.set(this.known);
      this.known = longer;
    }
    this.x.set(x, from * this.width);
    this.known.set(known, from);
  }
}

/** A row of which every feature is missing is no basis for an opinion. */
function blankUnready(x: Float32Array, width: number, out: Float64Array): void {
  for (let r = 0; r < out.length; r++) {
    let known = false;
    for (let c = 0; c < width && !known; c++) known = !Number.isNaN(x[r * width + c]!);
    if (!known) out[r] = Number.NaN;
  }
}

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
  readonly seesPosition: boolean;

  constructor(
    readonly scoreKind: ScoreKind,
    private readonly features: RowFeatures,
    private readonly segments: readonly Segment[],
    private readonly fitted: readonly FittedModel[],
    private readonly inSample = false,
  ) {
    const lookback = Math.max(...fitted.map((model) => model.lookback));
    this.warmup = features.warmup + lookback;
    this.memory = features.memory + lookback;
    this.seesPosition = fitted.some((model) => model.act !== undefined);
  }

  scorer(instrument: Instrument, calendar: TradingCalendar): SignalScorer {
    const state = this.features.createState(instrument, calendar);
    const width = this.features.columns.length;
    const lookback = Math.max(...this.fitted.map((model) => model.lookback));
    // The last rows of what was consumed before: sequences reach back across calls.
    const tail = new Float32Array(lookback * width).fill(Number.NaN);
    const kept = this.seesPosition ? new KeptRows(width) : undefined;
    return {
      ...(kept !== undefined && { scoreAt: (i: number, weight: number) => this.scoreKept(kept, i, weight) }),
      consume: (bars, from, to, out) => {
        for (let start = from; start < to; start += BLOCK) {
          const end = Math.min(to, start + BLOCK);
          const known = knownAt(sliceBars(bars, start, end), calendar, 0);
          const x = new Float32Array((lookback + end - start) * width);
          x.set(tail);
          state.consume(bars, start, end, x.subarray(lookback * width));
          kept?.keep(start, x.subarray(lookback * width), known);
          this.scoreBlock(known, { x, width, lookback }, start, end, out);
          tail.set(x.subarray(x.length - tail.length));
        }
      },
    };
  }

  /** Scores rows [start, end), each by the segment that its bar belongs to. */
  private scoreBlock(known: Float64Array, block: Block, start: number, end: number, out: Float64Array): void {
    const { x, width, lookback } = block;
    for (let i = start; i < end; ) {
      const segment = this.segmentOf(known[i - start]!);
      let next = i + 1;
      while (next < end && this.segmentOf(known[next - start]!) === segment) next++;
      const model = this.fitted[segment];
      if (model === undefined) out.fill(Number.NaN, i, next);
      else {
        const first = lookback - model.lookback + (i - start);
        const rows = x.subarray(first * width, (lookback + (next - start)) * width);
        model.predict(rows, next - i, out.subarray(i, next));
        blankUnready(rows.subarray(model.lookback * width), width, out.subarray(i, next));
      }
      i = next;
    }
  }

  private scoreKept(kept: KeptRows, i: number, weight: number): number {
    const model = this.fitted[this.segmentOf(kept.known[i]!)];
    return model === undefined ? Number.NaN : model.act!(kept.x, i * kept.width, weight);
  }

  private segmentOf(t: number): number {
    const at = segmentAt(this.segments, t);
    if (at >= 0 || !this.inSample) return at;
    return t < this.segments[0]!.validFrom ? 0 : at;
  }
}
