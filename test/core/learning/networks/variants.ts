import { type KernelVariant, trainingVariant } from '../../../../src/core/learning/networks/kernels.js';

/** The builds of the kernels that run on this machine. */
const best = trainingVariant();
export const VARIANTS: readonly KernelVariant[] =
  best === 'wide' ? ['plain', 'fused', 'wide'] : [...new Set(['plain', best] as const)];

/** s + a·b of float32 numbers as a build computes it. */
export const multiplyAdd = (variant: KernelVariant, a: number, b: number, s: number): number =>
  Math.fround(s + (variant === 'plain' ? Math.fround(a * b) : a * b));
