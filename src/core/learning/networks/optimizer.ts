import type { Kernels, MemoryPlan } from './kernels.js';
import type { NetworkLayout } from './layout.js';

export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Gradients are scaled down to this Euclidean norm over all parameters; 0 = off. */
  readonly clipNorm: number;
  /** Decoupled weight decay a step, times the learning rate (Loshchilov & Hutter 2019); weights only, biases never. */
  readonly weightDecay: number;
}

export const ADAM_DEFAULTS: AdamSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, clipNorm: 0, weightDecay: 0 };

/** Learning rate of one update, and what the bias correction makes of it. */
export interface AdamStep {
  readonly rate: number;
  readonly alpha: number;
  readonly correction: number;
}

export interface AdamPlaces {
  readonly m: number;
  readonly v: number;
}

export const placeAdam = (layout: NetworkLayout, plan: MemoryPlan): AdamPlaces => ({
  m: plan.floats(layout.parameters),
  v: plan.floats(layout.parameters),
});

/** Adam with bias correction, clipping by global norm and decoupled decay, on one parameter vector. */
export class Adam {
  private beta1Power = 1;
  private beta2Power = 1;

  constructor(
    private readonly kernels: Kernels,
    private readonly layout: NetworkLayout,
    private readonly places: AdamPlaces,
    private readonly settings: AdamSettings,
  ) {}

  /** One clipped update; returns the norm before clipping. A norm that is not finite changes nothing. */
  step(parameters: number, gradient: number, rate: number): number {
    const norm = Math.sqrt(this.kernels.sumSquares(this.layout.parameters, gradient));
    const { clipNorm } = this.settings;
    if (Number.isFinite(norm))
      this.update(parameters, gradient, this.nextStep(rate), clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1);
    return norm;
  }

  /** What the bias correction makes of the learning rate in the next update, which this counts. */
  nextStep(rate: number): AdamStep {
    this.beta1Power *= this.settings.beta1;
    this.beta2Power *= this.settings.beta2;
    return { rate, alpha: rate / (1 - this.beta1Power), correction: 1 / Math.sqrt(1 - this.beta2Power) };
  }

  /** The update itself, with the gradient times `scale`; on any thread. */
  update(parameters: number, gradient: number, { rate, alpha, correction }: AdamStep, scale: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.settings;
    const update = (offset: number, count: number, decay: number): void => {
      const at = offset * 4;
      this.kernels.adam(
        ...([
          count,
          parameters + at,
          gradient + at,
          this.places.m + at,
          this.places.v + at,
          scale,
          beta1,
          beta2,
        ] as const),
        ...([alpha, correction, epsilon, decay] as const),
      );
    };
    if (weightDecay === 0) update(0, this.layout.parameters, 0);
    else
      for (const layer of this.layout.layers) {
        update(layer.weights, layer.bias - layer.weights, rate * weightDecay);
        update(layer.bias, layer.columns, 0);
      }
    this.kernels.leave();
  }
}
