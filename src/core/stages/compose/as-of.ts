import { adjustBars, adjustmentSteps } from '../../data/adjust.js';
import type { DatasetSeries, OpenDataset } from '../../data/dataset.js';
import { type BarColumns, lowerBound, sliceBars } from '../../domain/bars.js';
import type { CorporateAction, TradingCalendar } from '../../domain/index.js';
import type { RowFeatures, RowLabel } from '../../models/inputs.js';
import type { SignalModel, SignalScorer } from '../../models/model.js';
import { buildRows } from '../../models/rows.js';
import type { TrainingRows } from '../../models/trainer.js';

/** What is to be known of a dataset's series here. */
export type ActionSeries = Pick<DatasetSeries, 'instrument' | 'basis' | 'actions'>;

/** By instrument id, where there are any: the actions that a reader of raw prices must know. */
export type Adjusting = ReadonlyMap<string, readonly CorporateAction[]>;

/** Splits and dividends of the series with raw prices; other bases carry them in the prices already. */
export function adjustingOf({ series }: { readonly series: readonly ActionSeries[] }): Adjusting {
  const found = new Map<string, readonly CorporateAction[]>();
  for (const { instrument, basis, actions } of series) {
    const own = actions.filter(({ type }) => type === 'split' || type === 'dividend');
    if (basis === 'raw' && own.length > 0) found.set(instrument.id, own);
  }
  return found;
}

/**
 * Walks a series in sections that begin where an action comes into force. In each section a fresh consumer sees what
 * came before as it was adjusted on that day, then the raw bars: what an observer of each bar would have seen.
 */
class AsOf<T> {
  private inForce = -1;
  private start = 0;
  private consumer: T | undefined;

  constructor(
    private readonly actions: readonly CorporateAction[],
    private readonly calendar: TradingCalendar,
    private readonly memory: number,
    private readonly begin: () => T,
    private readonly consume: (consumer: T, bars: BarColumns, from: number, to: number, at: number | undefined) => void,
  ) {}

  /** Consumes bars [from, to); `at` of the callback is the series' index of `from`, undefined while warming up. */
  walk(bars: BarColumns, from: number, to: number): void {
    const steps = adjustmentSteps(bars, this.actions, this.calendar, 'total');
    for (let i = from; i < to; ) {
      let inForce = 0;
      while (inForce < steps.length && steps[inForce]!.time <= bars.time[i]!) inForce++;
      const end = inForce < steps.length ? Math.min(to, lowerBound(bars.time, steps[inForce]!.time)) : to;
      const restart = inForce !== this.inForce || this.consumer === undefined;
      if (restart) {
        this.inForce = inForce;
        this.start = Math.max(0, i - this.memory);
        this.consumer = this.begin();
      }
      const { start } = this;
      const seen = sliceBars(bars, start, end);
      const view = inForce === 0 ? seen : adjustBars(seen, this.actions, this.calendar, 'total', bars.time[i]!);
      if (restart && i > start) this.consume(this.consumer!, view, 0, i - start, undefined);
      this.consume(this.consumer!, view, i - start, end - start, i);
      i = end;
    }
  }
}

/** The model over raw bars, each score from prices adjusted as of its bar. The same model where nothing adjusts. */
export function asOfModel(model: SignalModel, adjusting: Adjusting): SignalModel {
  if (adjusting.size === 0) return model;
  const { scoreKind, warmup, memory, seesPosition = false } = model;
  const scorer: SignalModel['scorer'] = (instrument, calendar) =>
    asOfScorer(() => model.scorer(instrument, calendar), adjusting.get(instrument.id), calendar, memory);
  return { scoreKind, warmup, memory, seesPosition, scorer };
}

/** A scorer (or a sizing's measure) that sees prices adjusted as of each bar. */
export function asOfScorer(
  begin: () => SignalScorer,
  actions: readonly CorporateAction[] | undefined,
  calendar: TradingCalendar,
  memory = Number.POSITIVE_INFINITY,
): SignalScorer {
  if (actions === undefined) return begin();
  let out: Float64Array = new Float64Array(0);
  // Which scorer consumed the bars from `at` on, and where its own indices begin.
  const sections: { readonly at: number; readonly start: number; readonly scorer: SignalScorer }[] = [];
  const walk = new AsOf(actions, calendar, memory, begin, (scorer, bars, from, to, at) => {
    if (at === undefined) return scorer.consume(bars, from, to, new Float64Array(to));
    if (scorer.scoreAt !== undefined && sections.at(-1)?.scorer !== scorer) {
      sections.push({ at, start: at - from, scorer });
    }
    // The section's own index of a bar is its distance from the section's start.
    scorer.consume(bars, from, to, out.subarray(at - from));
  });
  return {
    scoreAt(i, weight) {
      const section = sections.findLast(({ at }) => at <= i);
      return section === undefined ? Number.NaN : section.scorer.scoreAt!(i - section.start, weight);
    },
    consume(bars, from, to, scores) {
      out = scores;
      walk.walk(bars, from, to);
    },
  };
}

/** Rows for training: features from prices as of each bar, labels over prices adjusted for everything. */
export function rowsOf(dataset: OpenDataset, features: RowFeatures, label: RowLabel): TrainingRows {
  const adjusting = adjustingOf(dataset);
  if (adjusting.size === 0) return buildRows(dataset, features, label);
  const width = features.columns.length;
  const labelBars = dataset.bars.map((bars, j) =>
    adjustBars(bars, adjusting.get(bars.instrument) ?? [], dataset.calendars[j]!, 'total', Number.POSITIVE_INFINITY),
  );
  const asOf: RowFeatures = {
    ...{ columns: features.columns, warmup: features.warmup, memory: features.memory },
    createState(instrument, calendar) {
      let rows: Float32Array = new Float32Array(0);
      let first = 0;
      const walk = new AsOf(
        adjusting.get(instrument.id) ?? [],
        calendar,
        features.memory,
        () => features.createState(instrument, calendar),
        (state, bars, from, to, at) => {
          if (at === undefined) state.consume(bars, from, to, new Float32Array((to - from) * width));
          else state.consume(bars, from, to, rows.subarray((at - first) * width));
        },
      );
      return {
        consume(bars, from, to, out) {
          rows = out;
          first = from;
          walk.walk(bars, from, to);
        },
      };
    },
  };
  return buildRows({ ...dataset, labelBars }, asOf, label);
}
