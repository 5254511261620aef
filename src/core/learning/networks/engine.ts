import { type Kernels, trainingVariant } from './kernels.js';
import type { SessionPlaces } from './session.js';

/**
 * What an engine does for a training session; order, weights of the rows, optimiser, early stopping and best weights are
 * `trainNetwork`'s, whatever the engine. Rows are entries of the session's order.
 */
export interface BatchEngine {
  readonly kernels: Kernels;
  /**
   * Sum of the weighted losses of `rows` entries from `start` on, dropout by `seed`. Their gradient, times `scale`, is
   * left in `gradients[0]` of the session, laid out as the parameters.
   */
  train(start: number, rows: number, seed: number, scale: number): Promise<number>;
  /** Sum of the weighted losses, dropout off; of any number of rows. */
  evaluate(start: number, rows: number): Promise<number>;
  /** Called after each change of the parameters. */
  weightsChanged(): void;
  close(): Promise<void>;
}

/** Which engine trained; equal seeds give equal bits on one engine of one version. */
export interface NetworkEngine {
  readonly name: 'embedded' | 'native';
  readonly version: string;
}

/** The embedded engine with the kernels that it trains with on this machine. */
export const embeddedEngine = (): NetworkEngine => ({
  name: 'embedded',
  version: trainingVariant() === 'plain' ? '4' : '4-fused',
});

/** What a session's memory holds of its rows, as typed views. */
export interface SessionRows {
  readonly order: Int32Array;
  readonly ends: Int32Array;
  readonly labels: Float32Array;
  readonly weights: Float32Array;
}

export function sessionRows(places: SessionPlaces, buffer: SharedArrayBuffer): SessionRows {
  const { windows, labelWidth } = places;
  return {
    order: new Int32Array(buffer, places.order, windows),
    ends: new Int32Array(buffer, places.ends, windows),
    labels: new Float32Array(buffer, places.labels, windows * labelWidth),
    weights: new Float32Array(buffer, places.weights, windows),
  };
}
