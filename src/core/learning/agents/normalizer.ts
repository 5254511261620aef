/** What a trained policy keeps of its observation statistics. */
export interface ObservationScale {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** Scaled observations are clipped to ±clip. */
  readonly clip: number;
}

const EPSILON = 1e-8;

/** Running mean and variance of vectors, merged batch by batch (Chan, Golub & LeVeque 1983). */
export class RunningMoments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  private count = 1e-4;

  constructor(size: number) {
    this.mean = new Float64Array(size);
    this.variance = new Float64Array(size).fill(1);
  }

  /** Takes in `rows` vectors lying one after another. */
  update(values: Float32Array | Float64Array, rows: number): void {
    const size = this.mean.length;
    const total = this.count + rows;
    for (let c = 0; c < size; c++) {
      let mean = 0;
      for (let r = 0; r < rows; r++) mean += values[r * size + c]!;
      mean /= rows;
      let m2 = 0;
      for (let r = 0; r < rows; r++) {
        const d = values[r * size + c]! - mean;
        m2 += d * d;
      }
      const delta = mean - this.mean[c]!;
      m2 += this.variance[c]! * this.count + (delta * delta * this.count * rows) / total;
      this.mean[c] = this.mean[c]! + (delta * rows) / total;
      this.variance[c] = m2 / total;
    }
    this.count = total;
  }

  snapshot(clip: number): ObservationScale {
    return { mean: this.mean.slice(), variance: this.variance.slice(), clip };
  }
}

/** Writes scaled and clipped observations; `scale` null copies them. */
export function scaleObservation(
  scale: ObservationScale | null,
  from: Float32Array,
  at: number,
  size: number,
  to: Float32Array,
  start: number,
): void {
  if (scale === null) {
    for (let c = 0; c < size; c++) to[start + c] = from[at + c]!;
    return;
  }
  const { mean, variance, clip } = scale;
  for (let c = 0; c < size; c++) {
    const z = (from[at + c]! - mean[c]!) / Math.sqrt(variance[c]! + EPSILON);
    to[start + c] = Math.max(-clip, Math.min(clip, z));
  }
}

/** Divides rewards by the deviation of the discounted return of each environment (as VecNormalize does), clipped. */
export class RewardScale {
  private readonly moments = new RunningMoments(1);
  private readonly returns: Float64Array;

  constructor(
    environments: number,
    private readonly gamma: number,
    private readonly clip: number,
  ) {
    this.returns = new Float64Array(environments);
  }

  /** One step of all environments: scales `rewards` in place; ended episodes start again at 0. */
  apply(rewards: Float64Array, ended: Uint8Array): void {
    for (let e = 0; e < rewards.length; e++) this.returns[e] = this.returns[e]! * this.gamma + rewards[e]!;
    this.moments.update(this.returns, rewards.length);
    const deviation = Math.sqrt(this.moments.variance[0]! + EPSILON);
    for (let e = 0; e < rewards.length; e++) {
      rewards[e] = Math.max(-this.clip, Math.min(this.clip, rewards[e]! / deviation));
      if (ended[e] === 1) this.returns[e] = 0;
    }
  }
}
