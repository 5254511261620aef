import type { BarColumns, QuoteColumns } from '../../domain/bars.js';
import { calendarOf } from '../../domain/calendars/index.js';
import type { CalendarId, Instrument } from '../../domain/instrument.js';
import type { Interval } from '../../domain/interval.js';
import { runBacktest } from '../../engine/backtest.js';
import { buildFeed, type MarketFeed } from '../../engine/feed.js';
import { type SessionAxis, sessionAxis, sessionOfMarks } from '../../evaluation/index.js';
import type { ScoreKind } from '../../models/model.js';
import type { Rule } from '../../models/trainer.js';
import { type ActionSeries, type Adjusting, adjustingOf, asOfScorer } from './as-of.js';
import type { LaidDetail } from './detail.js';
import { ledgerActions, measuresOf } from './market.js';
import { composeStrategy, type StrategySettings } from './strategy.js';
import { SWEEP_FIGURES, writeFigures } from './sweep-figures.js';
import { reopenTrainer } from './trainer.js';

/** What every combination of a sweep shares; columns lie in shared memory, so that a worker gets them for nothing. */
export interface SweepJob {
  readonly instruments: readonly Instrument[];
  readonly calendars: readonly CalendarId[];
  /** Calendar of the returns. */
  readonly returns: CalendarId;
  readonly interval: Interval;
  readonly bars: readonly BarColumns[];
  readonly knownAt: readonly Float64Array[];
  readonly quotes: readonly (QuoteColumns | undefined)[];
  /** Finer bars inside the bars; undefined: none are followed. */
  readonly detail: LaidDetail | undefined;
  /** Corporate actions by instrument. */
  readonly series: readonly ActionSeries[];
  /** Ticks [from, to) are traded. */
  readonly from: number;
  readonly to: number;
  readonly scoreKind: ScoreKind;
  /** Name of the rule; null where `scores` are given. */
  readonly rule: string | null;
  /** Scores of a learned model, by instrument. */
  readonly scores: readonly Float64Array[] | null;
}

/** One combination as it is sent to a worker. */
export interface SweepTask {
  readonly rule: Readonly<Record<string, unknown>> | null;
  readonly strategy: StrategySettings;
}

/** Columns that several settings of a rule share are kept up to this many bytes in each thread. */
const CACHE_BYTES = 256 * 2 ** 20;

/** Runs combinations one after another: the same runner in the caller's thread and in a worker. */
export class SweepRunner {
  private readonly feed: MarketFeed;
  readonly axis: SessionAxis;
  private readonly sessionOf: Int32Array;
  private readonly columns = new Map<string, Float64Array>();
  private readonly adjusting: Adjusting;
  private cached = 0;
  /** Scores of the settings that came last; the next combination may have the same. */
  private last: { readonly key: string; readonly scores: readonly Float64Array[] } | undefined;

  constructor(private readonly job: SweepJob) {
    const calendar = calendarOf(job.returns);
    this.adjusting = adjustingOf(job);
    const actions = job.series.flatMap((series) => ledgerActions(series));
    const feed = buildFeed(job.instruments, job.bars, job.knownAt, calendar, actions, job.quotes);
    this.feed = { ...feed, detail: job.detail };
    const marks = this.feed.clock.subarray(job.from, job.to);
    this.axis = sessionAxis(calendar, marks);
    this.sessionOf = sessionOfMarks(marks, this.axis);
  }

  /** Runs one combination and writes its figures and session returns (where wanted) into row `row` of the tables. */
  async run(task: SweepTask, table: Float64Array, returns: Float64Array | null, row: number): Promise<void> {
    const { job, feed } = this;
    const composed = await composeStrategy(task.strategy, job.scoreKind, job.instruments);
    const scores = job.scores ?? (await this.scoresOf(task.rule!));
    const { sizing } = composed.strategy;
    const measures = measuresOf({ ...job, calendars: job.calendars.map(calendarOf) }, sizing, this.adjusting);
    const result = runBacktest(feed, { scores, measures }, { ...composed, from: job.from, to: job.to });
    const { axis, sessionOf } = this;
    const own = writeFigures(result, task.strategy.cash, axis, sessionOf, table, row * SWEEP_FIGURES.length);
    returns?.set(own, row * axis.dates.length);
  }

  private async scoresOf(settings: Readonly<Record<string, unknown>>): Promise<readonly Float64Array[]> {
    const key = JSON.stringify(settings);
    if (this.last?.key === key) return this.last.scores;
    const { trainer } = await reopenTrainer(this.job.rule!, settings);
    const rule = trainer as Rule;
    const scores = this.job.bars.map((bars, j) => {
      const out = new Float64Array(bars.time.length);
      const actions = this.adjusting.get(bars.instrument);
      // Columns over raw prices are nobody's where actions adjust them.
      if (rule.shared === undefined || actions !== undefined) {
        const calendar = calendarOf(this.job.calendars[j]!);
        const begin = () => rule.scorer(this.job.instruments[j]!, calendar);
        asOfScorer(begin, actions, calendar, rule.memory).consume(bars, 0, out.length, out);
      } else {
        rule.shared.score(
          rule.shared.columns.map((name) => this.column(j, name, () => rule.shared!.column(name, bars))),
          out,
        );
      }
      return out;
    });
    this.last = { key, scores };
    return scores;
  }

  private column(j: number, name: string, compute: () => Float64Array): Float64Array {
    const key = `${j} ${name}`;
    let found = this.columns.get(key);
    if (found === undefined) {
      found = compute();
      this.cached += found.byteLength;
      for (const [old, column] of this.columns) {
        if (this.cached <= CACHE_BYTES) break;
        this.columns.delete(old);
        this.cached -= column.byteLength;
      }
      this.columns.set(key, found);
    }
    return found;
  }
}
