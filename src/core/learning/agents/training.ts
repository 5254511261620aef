import { setImmediate } from 'node:timers/promises';
import { childSeed } from '../../domain/random.js';
import { QuantlineError } from '../../errors/index.js';
import { systemClock } from '../../platform/clock.js';
import { checkEnvironment, type Environment } from './environment.js';
import { evaluatePolicy, meanOf } from './evaluate.js';
import type { AgentPolicy } from './policy.js';

/** What every agent trainer takes. */
export interface AgentTrainOptions<Settings> {
  /** Makes training environment number `index`; each call a fresh one. */
  readonly environment: (index: number) => Environment;
  /** The environment of the periodic greedy evaluation (validation data, where there is any); default: `environment`. */
  readonly evaluation?: () => Environment;
  /** Environment steps to train for, over all environments together. */
  readonly steps: number;
  readonly seed: number;
  readonly settings?: Partial<Settings>;
  /** Threads that share PPO's updates, the caller's included; never changes a result. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly keepBestOnAbort?: boolean;
  readonly onReport?: (report: AgentReport) => void;
}

/** One point of the learning curve. */
export interface AgentReport {
  readonly steps: number;
  readonly episodes: number;
  /** Mean return of the last 100 training episodes, NaN before the first has ended. */
  readonly trainingReturn: number;
  /** Mean return of greedy episodes on seeds of their own. */
  readonly evaluationReturn: number;
  readonly learningRate: number;
  /** Mean losses and diagnostics since the last report: for PPO policy and value loss, entropy,
   * KL and the mean estimated return; for DQN the TD loss. */
  readonly losses: Readonly<Record<string, number>>;
}

export interface AgentResult {
  /** The checkpoint with the best evaluation; of equals the latest. */
  readonly policy: AgentPolicy;
  readonly bestSteps: number;
  readonly bestReturn: number;
  readonly curve: readonly AgentReport[];
  readonly stopped: 'steps' | 'signal';
}

/** Bookkeeping that the algorithms share: seeds, episode returns, evaluation, best checkpoint, stopping. */
export class AgentRun {
  readonly curve: AgentReport[] = [];
  episodes = 0;
  stopped: AgentResult['stopped'] = 'steps';
  private readonly recent: number[] = [];
  private readonly evaluationEnvironment: Environment;
  private readonly evaluationSeeds: number[];
  private best: AgentPolicy | undefined;
  private bestSteps = 0;
  private bestReturn = Number.NEGATIVE_INFINITY;
  private readonly sums = new Map<string, { sum: number; count: number }>();
  private episodeNumber = 0;
  private pause = systemClock.monotonic();

  constructor(
    private readonly options: AgentTrainOptions<unknown>,
    evaluationEpisodes: number,
    example: Environment,
  ) {
    checkEnvironment(example);
    if (!Number.isInteger(options.steps) || options.steps < 1)
      throw new QuantlineError('CONFIG', `An agent cannot train for ${options.steps} steps.`, {
        hint: 'Set a whole number of at least 1.',
      });
    this.evaluationEnvironment = options.evaluation?.() ?? options.environment(-1);
    this.evaluationSeeds = Array.from({ length: evaluationEpisodes }, (_, i) =>
      childSeed(options.seed, 'evaluation', i),
    );
  }

  /** The seed of the next training episode. */
  nextSeed(): number {
    return childSeed(this.options.seed, 'episode', this.episodeNumber++);
  }

  episodeEnded(total: number): void {
    this.episodes++;
    this.recent.push(total);
    if (this.recent.length > 100) this.recent.shift();
  }

  note(name: string, value: number): void {
    const entry = this.sums.get(name) ?? { sum: 0, count: 0 };
    entry.sum += value;
    entry.count++;
    this.sums.set(name, entry);
  }

  /** Evaluates a checkpoint, remembers it if it is the best, and reports. */
  checkpoint(policy: AgentPolicy, steps: number, learningRate: number): void {
    const losses = Object.fromEntries([...this.sums].map(([name, { sum, count }]) => [name, sum / count]));
    if (Object.values(losses).some((v) => !Number.isFinite(v)))
      throw new QuantlineError('INPUT', `Training diverged before step ${steps}: a loss is no longer a number.`, {
        hint: 'Lower the learning rate, or normalise observations and rewards.',
        details: { steps },
      });
    this.sums.clear();
    const score = meanOf(evaluatePolicy(policy, this.evaluationEnvironment, this.evaluationSeeds));
    if (score >= this.bestReturn) {
      this.best = policy;
      this.bestSteps = steps;
      this.bestReturn = score;
    }
    const trainingReturn = this.recent.reduce((a, b) => a + b, 0) / this.recent.length;
    const report = {
      ...{ steps, episodes: this.episodes, trainingReturn, evaluationReturn: score },
      ...{ learningRate, losses },
    };
    this.curve.push(report);
    this.options.onReport?.(report);
  }

  /** Lets signals through now and then; true once training is to stop. */
  async shouldStop(): Promise<boolean> {
    if (systemClock.monotonic() - this.pause > 50) {
      await setImmediate();
      this.pause = systemClock.monotonic();
    }
    if (this.options.signal?.aborted === true) this.stopped = 'signal';
    return this.stopped === 'signal';
  }

  result(): AgentResult {
    const { best, bestSteps, bestReturn, curve, stopped } = this;
    if (best === undefined || (stopped === 'signal' && this.options.keepBestOnAbort !== true))
      throw new QuantlineError('INTERRUPTED', 'Training of the agent was stopped.', {
        hint: 'Start it again; the same seed repeats the same steps.',
      });
    return { policy: best, bestSteps, bestReturn, curve, stopped };
  }
}

/** Throws CONFIG unless `ok`. */
export function requireSetting(field: string, value: unknown, ok: boolean, wanted: string): void {
  if (!ok)
    throw new QuantlineError('CONFIG', `Agent setting ${field} is ${String(value)}; it must be ${wanted}.`, {
      hint: `Set ${field} to ${wanted}.`,
      details: { field, value },
    });
}
