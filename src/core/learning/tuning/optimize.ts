import type { Trial } from './history.js';
import type { ParameterValues } from './space.js';
import type { Study } from './study.js';

export interface OptimizeOptions {
  /** Trials of the study in all, those of earlier runs included. */
  readonly trials: number;
  /** Objectives running at the same time. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  readonly onTrial?: (trial: Trial) => void;
  /** Errors that no other parameters would avoid: they are thrown, and the trial stays open for a later start. */
  readonly fatal?: (error: unknown) => boolean;
}

/** What an objective gets besides its parameters. */
export interface ObjectiveContext {
  readonly number: number;
  readonly signal: AbortSignal | undefined;
  /** To be filled by the objective, however the trial ends. */
  readonly attributes: Record<string, number | string | null>;
  /** Reports and, if the pruner says so, ends the trial by throwing. */
  report(step: number, value: number): Promise<void>;
}

class Pruned extends Error {}

/**
 * Runs an objective until the study has `trials` trials. A failing objective fails its trial, not
 * the study; after ten failures in a row the last error is thrown. A signal stops after the
 * running trials; an objective that throws because of it leaves its trial open.
 */
export async function optimize(
  study: Study,
  objective: (parameters: ParameterValues, context: ObjectiveContext) => Promise<number> | number,
  options: OptimizeOptions,
): Promise<void> {
  let failures = 0;
  const stopped = (): boolean => options.signal?.aborted === true;
  const work = async (): Promise<void> => {
    while (!stopped()) {
      const trial = await study.ask(options.trials);
      if (trial === null) return;
      const { number, parameters } = trial;
      const report = async (step: number, value: number): Promise<void> => {
        if (await study.report(number, step, value)) throw new Pruned();
      };
      const attributes: Record<string, number | string | null> = {};
      try {
        const context = { number, signal: options.signal, attributes, report };
        await study.tell(number, await objective(parameters, context), attributes);
        failures = 0;
      } catch (error) {
        if (error instanceof Pruned) await study.prune(number, attributes);
        else if (stopped() || options.fatal?.(error) === true) throw error;
        else {
          await study.fail(number, error instanceof Error ? error.message : String(error), attributes);
          if (++failures >= 10) throw error;
        }
      }
      const done = study.trial(number);
      if (done !== undefined) options.onTrial?.(done);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.parallel ?? 1) }, work));
}
