import { type KernelVariant, trainingVariant } from '../../../../src/core/learning/networks/kernels.js';

/** The builds of the kernels that run on this machine. */
export const VARIANTS: readonly KernelVariant[] = trainingVariant() === 'fused' ? ['plain', 'fused'] : ['plain'];

/** s + a·b of float32 numbers as a build computes it. */
export const multiplyAdd = (variant: KernelVariant, a: number, b: number, s: number): number =>
  Math.fround(s + (variant === 'fused' ? a * b : Math.fround(a * b)));
