import { sharpe } from '../../evaluation/index.js';
import type { ParameterValues, Trial, TrialAttributes } from '../../learning/tuning/index.js';
import type { TrainingRows } from '../../models/trainer.js';
import { type NewTrial, TrialLedger } from '../../state/index.js';
import type { Runtime } from '../runtime.js';
import { type FoldMarket, tradeScores } from './money.js';
import { newTrial, type Tried, withTrainer } from './trial-identity.js';

/** Returns of a tuning trial out of sample, as the ledger keeps them and the study is told of them. */
export interface TrialReturns {
  /** Per session, not annualised; null where the returns have no variance. */
  readonly sharpe: number | null;
  readonly sessions: number;
}

/** Above so many trials a study keeps no series of their returns. */
export const KEPT_SERIES = 1000;

/** Returns as text of a study's journal: single precision, which no rank depends on, in base64. */
const encode = (returns: Float64Array): string => Buffer.from(Float32Array.from(returns).buffer).toString('base64');
const decode = (text: string): Float64Array => {
  const bytes = Buffer.from(text, 'base64');
  return Float64Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
};

/**
 * Session returns out of sample of the complete trials of a study by number, all over the same sessions: those that most
 * of them have. Trials without a series, or over other sessions, are left out.
 */
export function seriesOf(trials: readonly Trial[]): Readonly<Record<string, Float64Array>> {
  const complete = trials.filter(
    ({ state, attributes }) => state === 'complete' && attributes?.['series'] !== undefined,
  );
  const over = new Map<string, Trial[]>();
  for (const trial of complete) {
    const sessions = `${trial.attributes!['first']}+${trial.attributes!['sessions']}`;
    over.set(sessions, [...(over.get(sessions) ?? []), trial]);
  }
  const [most = []] = [...over.values()].sort((a, b) => b.length - a.length);
  return Object.fromEntries(most.map((t) => [String(t.number), decode(t.attributes!['series'] as string)]));
}

/** What the study was told of a trial's returns; undefined where none of its folds asked for anything. */
export function returnsOf(attributes: TrialAttributes | undefined): TrialReturns | undefined {
  const { sharpe: own, sessions } = attributes ?? {};
  return typeof sessions === 'number' ? { sharpe: (own ?? null) as number | null, sessions } : undefined;
}

/**
 * Trials of a tuning study in the trial ledger: each the combination that training and backtesting its settings would be.
 * A trial is counted before the study is told of its end, and the study is told of its returns: whichever of the two a
 * kill or another machine's ledger lacks is made good from the other.
 */
export class StudyTrials {
  private added = 0;

  private constructor(
    private readonly ledger: TrialLedger,
    private readonly now: () => number,
    private readonly base: Tried,
    private readonly settingsWith: (values: ParameterValues) => Readonly<Record<string, unknown>>,
    private readonly keeps: boolean,
  ) {}

  /**
   * @param base the combination whose learner's settings `settingsWith` completes by a trial's parameters
   * @param keeps whether the study is told of each trial's series of returns as well
   */
  static async open(
    { trialLedger, clock }: Pick<Runtime, 'trialLedger' | 'clock'>,
    base: Tried,
    settingsWith: (values: ParameterValues) => Readonly<Record<string, unknown>>,
    keeps = false,
  ): Promise<StudyTrials> {
    const now = () => clock.now();
    return new StudyTrials(await TrialLedger.open(trialLedger, now()), now, base, settingsWith, keeps);
  }

  /** Trials that were new in the ledger. */
  get counted(): number {
    return this.added;
  }

  /** Trades what a trial's folds asked for and counts it. Returns what the study is to be told; nothing for no series. */
  async count(
    parameters: ParameterValues,
    market: FoldMarket,
    rows: TrainingRows,
    outOfFold: Float64Array,
  ): Promise<TrialAttributes> {
    const traded = tradeScores(market, rows, outOfFold);
    if (traded === undefined) return {};
    const own = sharpe(traded.returns, 1);
    const told = { sharpe: Number.isFinite(own) ? own : null, sessions: traded.dates.length };
    // A power cut may take it from the ledger, and the study gives it back.
    this.added += await this.ledger.recordAll([this.trialOf(parameters, told)], this.now(), { relaxed: true });
    return this.keeps ? { ...told, first: traded.dates[0]!, series: encode(traded.returns) } : told;
  }

  /** Enters what the study knows and this ledger may not. */
  async enter(trials: readonly Pick<Trial, 'parameters' | 'attributes'>[]): Promise<void> {
    const known = trials.flatMap(({ parameters, attributes }) => {
      const told = returnsOf(attributes);
      return told === undefined ? [] : [this.trialOf(parameters, told)];
    });
    this.added += await this.ledger.enterAll(known, this.now());
  }

  close(): Promise<void> {
    return this.ledger.close();
  }

  private trialOf(parameters: ParameterValues, { sharpe: own, sessions }: TrialReturns): NewTrial {
    const searched = Object.entries(parameters).map(([name, value]) => `${name}=${short(value)}`);
    const { identity, written } = withTrainer(this.base, this.settingsWith(parameters));
    const tried = { identity, written: [written, ...searched].join(' ') };
    return newTrial(tried, { sharpe: own ?? Number.NaN, sessions });
  }
}

/** A parameter as people read it. */
export const short = (value: unknown): string =>
  typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(4) : String(value);
