import { trainingVariant } from './kernels.js';

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

/** Which LSTM computes: TensorFlow's fused operation, or TensorFlow.js' layer. */
export type LstmKind = 'block' | 'layers';
