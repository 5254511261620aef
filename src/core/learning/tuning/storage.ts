import type { ParameterValues } from './space.js';

/** What an objective tells of a trial beside its value, by name: kept with it, not searched by. */
export type TrialAttributes = Readonly<Record<string, number | string | null>>;

export type TrialState = 'running' | 'complete' | 'pruned' | 'failed';

/** What happens to a study, in order. Everything a study knows can be rebuilt from its events. */
export type StudyEvent =
  | { readonly type: 'started'; readonly trial: number; readonly parameters: ParameterValues }
  | { readonly type: 'reported'; readonly trial: number; readonly step: number; readonly value: number }
  | {
      readonly type: 'finished';
      readonly trial: number;
      readonly state: Exclude<TrialState, 'running'>;
      /** The objective; null where there is none (failed, pruned before the first report). */
      readonly value: number | null;
      readonly reason?: string;
      readonly attributes?: TrialAttributes;
    };

/**
 * Where a study lives: an append-only journal that several processes may share. `claim` decides which process works on
 * what: it hands out each new number below `limit` once, and trials whose worker died, with their parameters, once more;
 * null when there is neither.
 */
export interface StudyStorage {
  claim(limit: number): Promise<{ readonly trial: number; readonly parameters?: ParameterValues } | null>;
  append(event: StudyEvent): Promise<void>;
  /** All events after the first `seen`, oldest first. */
  read(seen: number): Promise<readonly StudyEvent[]>;
}

/** A study in this process alone. `abandon` gives a running trial back, as a store does for a dead worker. */
export class MemoryStudyStorage implements StudyStorage {
  readonly events: StudyEvent[] = [];
  private next = 0;
  private readonly waiting: { trial: number; parameters: ParameterValues }[] = [];

  /** Starts from the events of an earlier study; trials still running in it wait to be claimed again. */
  constructor(events: readonly StudyEvent[] = []) {
    this.events.push(...events);
    const open = new Map<number, ParameterValues>();
    for (const event of events) {
      if (event.type === 'started') open.set(event.trial, event.parameters);
      if (event.type === 'finished') open.delete(event.trial);
      this.next = Math.max(this.next, event.trial + 1);
    }
    for (const [trial, parameters] of open) this.waiting.push({ trial, parameters });
  }

  async claim(limit: number): Promise<{ trial: number; parameters?: ParameterValues } | null> {
    return this.waiting.shift() ?? (this.next < limit ? { trial: this.next++ } : null);
  }

  async append(event: StudyEvent): Promise<void> {
    this.events.push(event);
  }

  async read(seen: number): Promise<readonly StudyEvent[]> {
    return seen === this.events.length ? [] : this.events.slice(seen);
  }

  abandon(trial: number, parameters: ParameterValues): void {
    this.waiting.push({ trial, parameters });
  }
}
