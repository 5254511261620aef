import { QuantlineError } from '../../errors/index.js';
import type { History, Trial } from './history.js';

/** Decides after each report whether a trial is worth going on with. */
export interface Pruner {
  shouldPrune(history: History, trial: Trial): boolean;
}

export const neverPrune: Pruner = { shouldPrune: () => false };

export interface MedianPrunerSettings {
  /** Complete trials before anything is pruned, and steps of a trial that are never pruned. */
  readonly startupTrials: number;
  readonly warmupSteps: number;
}

/** Prunes a trial whose best report so far is worse than the median of the others' reports at its step. */
export class MedianPruner implements Pruner {
  private readonly settings: MedianPrunerSettings;

  constructor(settings: Partial<MedianPrunerSettings> = {}) {
    this.settings = { startupTrials: 5, warmupSteps: 0, ...settings };
  }

  shouldPrune(history: History, trial: Trial): boolean {
    const last = trial.reports[trial.reports.length - 1];
    if (last === undefined || last.step < this.settings.warmupSteps) return false;
    let complete = 0;
    const values: number[] = [];
    for (const other of history.trials) {
      if (other.number === trial.number || other.state === 'failed') continue;
      if (other.state === 'complete') complete++;
      const report = other.reports.find((r) => r.step === last.step);
      if (report !== undefined && Number.isFinite(report.value)) values.push(history.score(report.value));
    }
    if (complete < this.settings.startupTrials || values.length === 0) return false;
    const best = Math.min(
      ...trial.reports.map((r) => (Number.isNaN(r.value) ? Number.POSITIVE_INFINITY : history.score(r.value))),
    );
    values.sort((a, b) => a - b);
    const middle = values.length >> 1;
    const median = values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
    return best > median;
  }
}

export interface AshaSettings {
  /** The step of the first rung; rung k stands at minResource · reductionFactor^k. */
  readonly minResource: number;
  readonly reductionFactor: number;
}

/**
 * Asynchronous successive halving (Li et al. 2020): at each rung a trial goes on if it is among the best
 * 1/reductionFactor of all that have reached it so far; until so many have, only if it is the best.
 */
export class AshaPruner implements Pruner {
  private readonly settings: AshaSettings;

  constructor(settings: Partial<AshaSettings> = {}) {
    this.settings = { minResource: 1, reductionFactor: 4, ...settings };
    const { minResource, reductionFactor } = this.settings;
    if (!(minResource > 0) || !(reductionFactor >= 2))
      throw new QuantlineError(
        'CONFIG',
        `ASHA with minResource ${minResource} and reductionFactor ${reductionFactor}.`,
        {
          hint: 'Set minResource above 0 and reductionFactor from 2.',
        },
      );
  }

  shouldPrune(history: History, trial: Trial): boolean {
    const { minResource, reductionFactor } = this.settings;
    const last = trial.reports[trial.reports.length - 1];
    if (last === undefined) return false;
    const previous =
      trial.reports.length > 1 ? trial.reports[trial.reports.length - 2]!.step : Number.NEGATIVE_INFINITY;
    for (let rung = minResource; rung <= last.step; rung *= reductionFactor) {
      // A rung passed with an earlier report was decided then.
      if (rung <= previous) continue;
      if (Number.isNaN(last.value)) return true;
      const own = history.score(last.value);
      const scores = [own];
      for (const other of history.trials) {
        if (other.number === trial.number || other.state === 'failed') continue;
        const report = other.reports.find((r) => r.step >= rung);
        if (report !== undefined && !Number.isNaN(report.value)) scores.push(history.score(report.value));
      }
      scores.sort((a, b) => a - b);
      const promoted = Math.max(1, Math.floor(scores.length / reductionFactor));
      if (own > scores[promoted - 1]!) return true;
    }
    return false;
  }
}
