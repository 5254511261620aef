import { type Axis, fromValue, type ParameterValues } from './space.js';
import type { StudyEvent, TrialAttributes, TrialState } from './storage.js';

/** One trial. Values are as the objective gave them; `reports` in order of their steps. */
export interface Trial {
  readonly number: number;
  readonly parameters: ParameterValues;
  readonly state: TrialState;
  readonly value: number | null;
  readonly reports: readonly { readonly step: number; readonly value: number }[];
  readonly reason?: string;
  readonly attributes?: TrialAttributes;
}

interface Entry {
  number: number;
  parameters: ParameterValues;
  state: TrialState;
  value: number | null;
  reports: { step: number; value: number }[];
  reason?: string;
  attributes?: TrialAttributes;
}

/**
 * The trials of a study as columns that samplers read: parameters on their axes, and an order by quality that is kept
 * sorted as results come in. `score` is the value to minimise.
 */
export class History {
  readonly trials: Entry[] = [];
  /** Per axis, one number a trial in order of arrival. NaN: not of this space. */
  readonly columns: Float64Array[];
  /** Per axis, slots sorted by that column. */
  readonly sorted: Int32Array[];
  /** Slots of complete and pruned trials: complete ones by score, then pruned ones, longest-lived first. */
  readonly ranked: number[] = [];
  private readonly slots = new Map<number, number>();
  private readonly sign: number;

  constructor(
    private readonly axes: readonly Axis[],
    direction: 'minimize' | 'maximize',
  ) {
    this.sign = direction === 'minimize' ? 1 : -1;
    this.columns = axes.map(() => new Float64Array(64));
    this.sorted = axes.map(() => new Int32Array(64));
  }

  get(number: number): Entry | undefined {
    const slot = this.slots.get(number);
    return slot === undefined ? undefined : this.trials[slot];
  }

  /** The value to minimise. */
  score(value: number): number {
    return this.sign * value;
  }

  apply(event: StudyEvent): void {
    if (event.type === 'started') {
      this.start(event.trial, event.parameters);
      return;
    }
    const slot = this.slots.get(event.trial);
    // An event for a trial that never started, or a second end: another process was faster. The first one counts.
    if (slot === undefined) return;
    const entry = this.trials[slot]!;
    if (entry.state !== 'running') return;
    if (event.type === 'reported') {
      const { step, value } = event;
      let at = entry.reports.length;
      while (at > 0 && entry.reports[at - 1]!.step >= step) at--;
      const replace = entry.reports[at]?.step === step ? 1 : 0;
      entry.reports.splice(at, replace, { step, value });
      return;
    }
    entry.state = event.state;
    entry.value = event.value;
    if (event.reason !== undefined) entry.reason = event.reason;
    if (event.attributes !== undefined) entry.attributes = event.attributes;
    if (event.state !== 'failed') this.rank(slot);
  }

  private start(number: number, parameters: ParameterValues): void {
    const known = this.get(number);
    if (known !== undefined) {
      // Claimed again after its worker died: it starts afresh with the same parameters.
      if (known.state === 'running') known.reports.length = 0;
      return;
    }
    const slot = this.trials.length;
    this.trials.push({ number, parameters, state: 'running', value: null, reports: [] });
    this.slots.set(number, slot);
    this.axes.forEach((axis, a) => {
      let column = this.columns[a]!;
      let sorted = this.sorted[a]!;
      if (slot === column.length) {
        this.columns[a] = column = grow(column, new Float64Array(slot * 2));
        this.sorted[a] = sorted = grow(sorted, new Int32Array(slot * 2));
      }
      const x = fromValue(axis, parameters[axis.name]);
      column[slot] = x;
      let low = 0;
      let high = slot;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (column[sorted[middle]!]! <= x) low = middle + 1;
        else high = middle;
      }
      sorted.copyWithin(low + 1, low, slot);
      sorted[low] = slot;
    });
  }

  private rank(slot: number): void {
    const { ranked } = this;
    let low = 0;
    let high = ranked.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.better(slot, ranked[middle]!)) high = middle;
      else low = middle + 1;
    }
    ranked.splice(low, 0, slot);
  }

  private better(a: number, b: number): boolean {
    const x = this.trials[a]!;
    const y = this.trials[b]!;
    if (x.state !== y.state) return x.state === 'complete';
    if (x.state === 'complete') return this.score(x.value!) < this.score(y.value!);
    const p = x.reports[x.reports.length - 1];
    const q = y.reports[y.reports.length - 1];
    if (p === undefined || q === undefined) return p !== undefined;
    return p.step !== q.step ? p.step > q.step : this.score(p.value) < this.score(q.value);
  }
}

function grow<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
