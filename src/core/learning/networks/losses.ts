import { QuantlineError } from '../../errors/index.js';
import type { OutputActivation } from './layout.js';

/** `mse`, `huber` (δ = 1) for linear outputs; `bce` for sigmoid; `ce` (labels are class numbers) for softmax. */
export type Loss = 'mse' | 'huber' | 'bce' | 'ce';

export function lossFor(activation: OutputActivation, wanted?: Loss): Loss {
  const fitting: readonly Loss[] =
    activation === 'linear' ? ['mse', 'huber'] : activation === 'sigmoid' ? ['bce'] : ['ce'];
  const loss = wanted ?? fitting[0]!;
  if (!fitting.includes(loss))
    throw new QuantlineError('CONFIG', `Loss ${loss} does not fit a ${activation} output.`, {
      hint: `Use ${fitting.join(' or ')}.`,
      details: { field: 'loss' },
    });
  return loss;
}

/**
 * Loss of one row and its gradient with respect to the pre-activations `z[at…]`, both times `weight`; the gradient is
 * also times `scale`. Labels at `y[label…]`: `units` numbers, or one class number for `ce`. The mean over outputs is
 * taken for `mse`, `huber` and `bce`. Computed in float64 from logits, so that nothing overflows.
 */
export function rowLoss(
  loss: Loss,
  units: number,
  z: Float32Array,
  at: number,
  y: Float32Array,
  label: number,
  weight: number,
  scale: number,
  gradient: Float32Array | null,
  to: number,
): number {
  if (loss === 'ce') {
    let largest = z[at]!;
    for (let k = 1; k < units; k++) if (z[at + k]! > largest) largest = z[at + k]!;
    let total = 0;
    for (let k = 0; k < units; k++) total += Math.exp(z[at + k]! - largest);
    const wanted = y[label]!;
    if (gradient !== null)
      for (let k = 0; k < units; k++) {
        const p = Math.exp(z[at + k]! - largest) / total;
        gradient[to + k] = (p - (k === wanted ? 1 : 0)) * weight * scale;
      }
    return (Math.log(total) + largest - z[at + wanted]!) * weight;
  }
  let sum = 0;
  const factor = (weight * scale) / units;
  for (let k = 0; k < units; k++) {
    const x = z[at + k]!;
    const t = y[label + k]!;
    let slope: number;
    if (loss === 'bce') {
      const e = Math.exp(-Math.abs(x));
      sum += Math.max(x, 0) - x * t + Math.log1p(e);
      slope = (x >= 0 ? 1 / (1 + e) : e / (1 + e)) - t;
    } else {
      const d = x - t;
      const size = Math.abs(d);
      if (loss === 'huber' && size > 1) {
        sum += size - 0.5;
        slope = d > 0 ? 1 : -1;
      } else {
        sum += loss === 'huber' ? 0.5 * d * d : d * d;
        slope = loss === 'huber' ? d : 2 * d;
      }
    }
    if (gradient !== null) gradient[to + k] = slope * factor;
  }
  return (sum / units) * weight;
}

/** Turns `units` pre-activations at `z[at…]` into the network's outputs at `out[to…]`. */
export function applyOutput(
  activation: OutputActivation,
  units: number,
  z: Float32Array,
  at: number,
  out: Float32Array | Float64Array,
  to: number,
): void {
  if (activation === 'linear') {
    for (let k = 0; k < units; k++) out[to + k] = z[at + k]!;
  } else if (activation === 'sigmoid') {
    for (let k = 0; k < units; k++) {
      const e = Math.exp(-Math.abs(z[at + k]!));
      out[to + k] = z[at + k]! >= 0 ? 1 / (1 + e) : e / (1 + e);
    }
  } else {
    let largest = z[at]!;
    for (let k = 1; k < units; k++) if (z[at + k]! > largest) largest = z[at + k]!;
    let total = 0;
    for (let k = 0; k < units; k++) total += Math.exp(z[at + k]! - largest);
    for (let k = 0; k < units; k++) out[to + k] = Math.exp(z[at + k]! - largest) / total;
  }
}
