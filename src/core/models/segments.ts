import { QuantlineError } from '../errors/index.js';

/**
 * One piece of a model: what it was trained on and where it may be used. All instants epoch ms; a bar belongs to the
 * segment whose [validFrom, validTo) contains the bar's `knownAt`.
 */
export interface Segment {
  /** Decisions of the training rows lie in [trainFrom, trainTo). */
  readonly trainFrom: number;
  readonly trainTo: number;
  /** Latest instant that any training label looked at. */
  readonly labelEnd: number;
  readonly validFrom: number;
  /** null: until the model is too old. */
  readonly validTo: number | null;
  /** Bars left out before validFrom. */
  readonly embargo: number;
  /** Payload folder of the fitted model’s files. */
  readonly folder: string;
}

/** Where one segment trains and scores, as ticks of the dataset's clock: train [from, to), score [start, end). */
export interface SegmentPlan {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

export type SegmentScheme =
  | { readonly kind: 'split'; readonly fraction: number }
  | { readonly kind: 'split-at'; readonly tick: number }
  | {
      readonly kind: 'walk-forward';
      readonly folds: number;
      /** Share of the ticks before the first fold. */
      readonly first: number;
      /** Anchored: training grows from the start. Rolling: it keeps the first training range's length. */
      readonly anchored: boolean;
    };

/** Cuts `ticks` clock ticks into segments; `embargo` ticks are left out between a training range and its scoring. */
export function planSegments(scheme: SegmentScheme, ticks: number, embargo: number): SegmentPlan[] {
  const plans =
    scheme.kind === 'walk-forward'
      ? walkForward(scheme.folds, scheme.first, scheme.anchored, ticks)
      : [single(scheme, ticks)];
  return plans.map((plan) => {
    const start = plan.start + embargo;
    if (plan.to - plan.from < 2 || start >= plan.end) {
      throw new QuantlineError(
        'NO_DATA',
        `${ticks} bars are too few: a training range of ${plan.to - plan.from} and, after an embargo of ${embargo}, ${Math.max(0, plan.end - start)} to score.`,
        { hint: 'Ingest a longer range, use fewer folds, or shorten --embargo.' },
      );
    }
    return { ...plan, start };
  });
}

function single(scheme: Exclude<SegmentScheme, { kind: 'walk-forward' }>, ticks: number): SegmentPlan {
  const cut = scheme.kind === 'split' ? Math.floor(ticks * scheme.fraction) : scheme.tick;
  return { from: 0, to: cut, start: cut, end: ticks };
}

function walkForward(folds: number, first: number, anchored: boolean, ticks: number): SegmentPlan[] {
  const initial = Math.floor(ticks * first);
  return Array.from({ length: folds }, (_, f) => {
    const start = initial + Math.floor(((ticks - initial) * f) / folds);
    const end = initial + Math.floor(((ticks - initial) * (f + 1)) / folds);
    return { from: anchored ? 0 : start - initial, to: start, start, end };
  });
}

/** Index of the segment that scores a bar known at t; −1 where none does. Segments ascend. */
export function segmentAt(segments: readonly Segment[], t: number): number {
  for (let s = segments.length - 1; s >= 0; s--) {
    const { validFrom, validTo } = segments[s]!;
    if (t >= validFrom) return validTo === null || t < validTo ? s : -1;
  }
  return -1;
}

/** Instant from which a model is too old to be used: `maxAge` ms after its last training range; Infinity: never. */
export function expiryOf(segments: readonly Segment[], maxAge: number | null): number {
  const last = segments.at(-1);
  return last === undefined || maxAge === null || last.validTo !== null ? Infinity : last.trainTo + maxAge;
}

/** LEAKAGE where a segment may score a bar that its training labels already looked at. */
export function checkSegments(segments: readonly Segment[]): void {
  for (const [s, segment] of segments.entries()) {
    if (segment.labelEnd <= segment.validFrom) continue;
    throw new QuantlineError('LEAKAGE', `Segment ${s} of the model scores bars that its training labels end after.`, {
      hint: 'Train the model again; this artefact was not made by this version, or it was changed.',
      details: { segment: s },
    });
  }
}
