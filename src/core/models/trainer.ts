import type { z } from 'zod';
import type { BarColumns } from '../domain/bars.js';
import type { TradingCalendar } from '../domain/calendar.js';
import type { Instrument } from '../domain/instrument.js';
import type { ScoreKind, SignalScorer } from './model.js';

/** A rule: scores bars without having been trained. Its scores are the wanted direction, in [-1, 1]. */
export interface Rule {
  readonly kind: 'rule';
  /** Whether it asks for short positions. */
  readonly short: boolean;
  /** Bars before the first possible score. */
  readonly warmup: number;
  /** Bars until the start of the series no longer matters; Infinity where the rule remembers for good. */
  readonly memory: number;
  scorer(instrument: Instrument, calendar: TradingCalendar): SignalScorer;
  /**
   * Where scores follow from columns that other settings of the rule need as well (an average of one length): a sweep
   * computes each of them once. `score` gives the scorer's bits.
   */
  readonly shared?: {
    /** Names of the columns, in the order that `score` takes them. */
    readonly columns: readonly string[];
    column(name: string, bars: BarColumns): Float64Array;
    score(columns: readonly Float64Array[], out: Float64Array): void;
  };
}

/** Rows for a learner: row-major features, one label, weight and time pair a row. */
export interface TrainingRows {
  readonly columns: readonly string[];
  readonly rows: number;
  /** rows × columns, row-major; NaN = missing. */
  readonly x: Float32Array;
  /** The market behind the rows, for what trades in training: prices as labels see them, by instrument. */
  readonly source: { readonly bars: readonly BarColumns[]; readonly knownAt: readonly Float64Array[] };
  /** Where sequences come from: every bar's features, and each row's place there. */
  readonly series: SeriesMatrix;
  readonly at: Int32Array;
  /** Finite labels: 0 or 1 for `direction`, a return for `return`. */
  readonly y: Float64Array;
  readonly weights: Float64Array | undefined;
  /** Index of the row's instrument. */
  readonly instrument: Int32Array;
  /** Instant at which the row could have been acted on, and at which its label was known; epoch ms. */
  readonly decided: Float64Array;
  readonly labelEnd: Float64Array;
}

/** Features of every bar, instrument after instrument, row-major; bars without a value hold NaN. */
export interface SeriesMatrix {
  readonly x: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** First row of each instrument: no sequence reaches across one. */
  readonly starts: Int32Array;
}

/** Which implementation is wanted; `auto` is the native one where it is found and loads, otherwise the embedded one. */
export type EngineChoice = 'auto' | 'embedded' | 'native';

/** Where native libraries lie that their learners cannot find by themselves. */
export interface NativeLibraries {
  /** XGBoost's library, or a folder that holds it. */
  readonly xgboost?: string;
  /** Python environments to look into first. */
  readonly prefixes?: readonly string[];
}

export interface FitContext {
  readonly scoreKind: ScoreKind;
  readonly seed: number;
  readonly threads: number;
  /** As `engineFor` resolved it. */
  readonly engine: 'embedded' | 'native';
  readonly libraries: NativeLibraries;
  readonly signal: AbortSignal;
  /** What an aborted fit has so far is its result, where the learner can; otherwise it throws. */
  readonly keepBest?: boolean | undefined;
  /** Rounds or epochs where the caller fixed them. */
  readonly rounds: number | undefined;
  /** Rows held out of training for early stopping, if any. */
  readonly validation: TrainingRows | undefined;
  onRound(done: number, total: number, metrics: Readonly<Record<string, number>>): void;
}

export type SavedFiles = Readonly<Record<string, string | Uint8Array>>;

/** Which implementation ran. */
export interface EngineInfo {
  readonly name: 'embedded' | 'native';
  readonly version: string;
}

/** What a learner learned. Scores are bit-equal for every batch size and number of threads. */
export interface FittedModel {
  /** Rows that a score needs beside its own: 0, or the length of its sequence less one. */
  readonly lookback: number;
  /**
   * Scores of rows lookback … lookback + rows − 1 of x into out[0 … rows). The first `lookback` rows of x are what came
   * before; where nothing came before they hold NaN, and so do the scores that would need them.
   */
  predict(x: Float32Array, rows: number, out: Float64Array): void;
  /** Files by name, from which `load` makes the same model again. */
  save(): Promise<SavedFiles>;
  /** Learning curve: per round, metric by name. */
  readonly history: readonly Readonly<Record<string, number>>[];
  readonly engine: EngineInfo;
  /** What training itself says each column is worth: by measure (XGBoost's gain, cover, weight), a value a column. */
  importance?(): Readonly<Record<string, Float64Array>>;
  /**
   * Exact Shapley values of rows of x on the margin (log odds of a probability, the value of a return): rows × (columns + 1),
   * row-major. The last of a line is the expected margin, so that each line sums to the row's margin.
   */
  contributions?(x: Float32Array, rows: number): Float64Array;
  /**
   * Of a model that sees its own position: the score of the row that begins at `at`, holding `weight` (a signed share of a
   * full position). `predict` then gives the scores of one that holds nothing.
   */
  act?(x: Float32Array, at: number, weight: number): number;
  /** Of an agent: what each seed learned, the chosen one first. */
  readonly seeds?: readonly FittedModel[];
  /** Of an agent: how it and what it must beat did on these rows. */
  judge?(rows: TrainingRows): Readonly<Record<string, number>>;
  /** Of an agent: the target position that it stated at each row when it traded them; NaN where it could not act. */
  targets?(rows: TrainingRows): Float64Array;
}

/** A learner: fits rows. */
export interface Learner {
  readonly kind: 'learner';
  /** Learns by trading in place of a label; its scores are target positions, and it sees its own. */
  readonly agent?: { readonly short: boolean };
  /** The engine that will run for this choice: part of the model's id. */
  engineFor(choice: EngineChoice, libraries: NativeLibraries): Promise<EngineInfo>;
  fit(rows: TrainingRows, context: FitContext): Promise<FittedModel>;
  load(
    files: Readonly<Record<string, Uint8Array>>,
    columns: readonly string[],
    scoreKind: ScoreKind,
  ): Promise<FittedModel>;
}

export type ModelTrainer = Rule | Learner;

/** A file in `trainers/`, or a module of the user's own. Call arguments fill the settings in the order of their keys. */
export interface TrainerModule<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly summary: string;
  readonly settings: S;
  /** Other names that settings may be given by, and their own. */
  readonly aliases?: Readonly<Record<string, string>>;
  create(settings: z.output<S>): ModelTrainer | Promise<ModelTrainer>;
}
