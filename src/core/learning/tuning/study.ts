import { childSeed, seededRandom } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import { History, type Trial } from './history.js';
import { parameterImportance } from './importance.js';
import { neverPrune, type Pruner } from './pruners.js';
import type { Sampler } from './samplers.js';
import { type Axis, axesOf, type ParameterValues, parseSpace, type SearchSpace, toValue } from './space.js';
import { MemoryStudyStorage, type StudyEvent, type StudyStorage, type TrialAttributes } from './storage.js';
import { TpeSampler } from './tpe.js';

export interface StudyOptions {
  readonly space: SearchSpace;
  readonly direction: 'minimize' | 'maximize';
  readonly seed: number;
  /** Default: TPE over all parameters together. */
  readonly sampler?: (axes: readonly Axis[]) => Sampler;
  readonly pruner?: Pruner;
  /** Default: this process's memory. Opening a storage that holds trials resumes them. */
  readonly storage?: StudyStorage;
}

/** A trial to work on: run the objective with `parameters`, then `tell`. */
export interface OpenTrial {
  readonly number: number;
  readonly parameters: ParameterValues;
}

/**
 * A search for the parameters with the best objective, by asking and telling. The proposal for trial n depends on the seed,
 * n and the results known then, on nothing else: a study resumed from its storage goes on as if it had never stopped.
 */
export class Study {
  private readonly axes: readonly Axis[];
  private readonly history: History;
  private readonly sampler: Sampler;
  private readonly pruner: Pruner;
  private readonly storage: StudyStorage;
  private seen = 0;

  private constructor(private readonly options: StudyOptions) {
    this.axes = axesOf(parseSpace(options.space));
    this.history = new History(this.axes, options.direction);
    this.sampler = options.sampler?.(this.axes) ?? new TpeSampler(this.axes);
    this.pruner = options.pruner ?? neverPrune;
    this.storage = options.storage ?? new MemoryStudyStorage();
  }

  static async open(options: StudyOptions): Promise<Study> {
    if (!Number.isInteger(options.seed))
      throw new QuantlineError('CONFIG', `The seed of a study is ${options.seed}.`, { hint: 'Set a whole number.' });
    const study = new Study(options);
    await study.sync();
    return study;
  }

  /** All trials so far, by number. */
  get trials(): readonly Trial[] {
    return [...this.history.trials].sort((a, b) => a.number - b.number);
  }

  /** The complete trial with the best value, the earliest of equals. */
  get best(): Trial | undefined {
    const slot = this.history.ranked[0];
    const trial = slot === undefined ? undefined : this.history.trials[slot];
    return trial?.state === 'complete' ? trial : undefined;
  }

  trial(number: number): Trial | undefined {
    return this.history.get(number);
  }

  /** Takes in what other processes have written. */
  async sync(): Promise<void> {
    const from = this.seen;
    const events = await this.storage.read(from);
    // Another call may have taken in some of them while this one waited.
    for (let i = this.seen - from; i < events.length; i++) this.history.apply(events[i]!);
    this.seen = Math.max(this.seen, from + events.length);
  }

  /** Trials that there can be of `wanted`: a grid has no more than its points. */
  limit(wanted: number): number {
    return Math.min(wanted, this.sampler.size);
  }

  /** The next trial to run; null when the study has `limit` trials, or a grid has no point left, and none waits. */
  async ask(limit = Number.POSITIVE_INFINITY): Promise<OpenTrial | null> {
    const claimed = await this.storage.claim(this.limit(limit));
    if (claimed === null) return null;
    await this.sync();
    const number = claimed.trial;
    const parameters = claimed.parameters ?? this.propose(number);
    await this.write({ type: 'started', trial: number, parameters });
    return { number, parameters };
  }

  /** An intermediate result after `step` units of work (folds, rounds, epochs). True: the trial should stop; tell `pruned`. */
  async report(number: number, step: number, value: number): Promise<boolean> {
    const trial = this.open(number);
    await this.write({ type: 'reported', trial: number, step, value });
    return this.pruner.shouldPrune(this.history, trial);
  }

  /** The objective of a finished trial. NaN and infinities count as failed. */
  async tell(number: number, value: number, attributes?: TrialAttributes): Promise<void> {
    this.open(number);
    if (!Number.isFinite(value)) return this.fail(number, `the objective is ${value}`, attributes);
    await this.write({ type: 'finished', trial: number, state: 'complete', value, ...some(attributes) });
  }

  /** Ends a trial that `report` advised to stop; its last report stands for it. */
  async prune(number: number, attributes?: TrialAttributes): Promise<void> {
    const { reports } = this.open(number);
    const value = reports[reports.length - 1]?.value ?? null;
    await this.write({ type: 'finished', trial: number, state: 'pruned', value, ...some(attributes) });
  }

  async fail(number: number, reason: string, attributes?: TrialAttributes): Promise<void> {
    this.open(number);
    await this.write({ type: 'finished', trial: number, state: 'failed', value: null, reason, ...some(attributes) });
  }

  /** Share of each parameter in what makes trials good, summing to 1; empty with fewer than 10 complete trials. */
  importance(): Record<string, number> {
    return parameterImportance(this.history, this.axes);
  }

  private propose(number: number): ParameterValues {
    const point = new Float64Array(this.axes.length);
    const random = seededRandom(childSeed(this.options.seed, 'trial', number));
    this.sampler.propose(this.history, number, random, point);
    return Object.fromEntries(this.axes.map((axis, a) => [axis.name, toValue(axis, point[a]!)]));
  }

  private open(number: number): Trial {
    const trial = this.history.get(number);
    if (trial === undefined || trial.state !== 'running')
      throw new QuantlineError('MISMATCH', `Trial ${number} is ${trial?.state ?? 'unknown'} and takes no result.`, {
        hint: 'Tell each trial that was asked for once.',
        details: { trial: number },
      });
    return trial;
  }

  private async write(event: StudyEvent): Promise<void> {
    await this.storage.append(event);
    await this.sync();
  }
}

const some = (attributes: TrialAttributes | undefined): { readonly attributes?: TrialAttributes } =>
  attributes !== undefined && Object.keys(attributes).length > 0 ? { attributes } : {};
