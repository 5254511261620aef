import { seededRandom } from '../../domain/random.js';
import { quantileSorted } from '../stats.js';
import { stationary } from './bootstrap.js';

export type Fan = Readonly<Record<'q05' | 'q25' | 'q50' | 'q75' | 'q95', Float64Array>>;

const POINTS = 240;

/** Quantiles of equity over resampled paths of session returns, one value per session (straight between checkpoints). */
export function equityFan(
  returns: Float64Array,
  initial: number,
  options: { readonly block: number; readonly samples: number; readonly seed: number },
): Fan {
  const n = returns.length;
  const points = Math.min(POINTS, n);
  const at = Int32Array.from({ length: points }, (_, p) => Math.round(((p + 1) * n) / points) - 1);
  const values = Array.from({ length: points }, () => new Float64Array(options.samples));
  const random = seededRandom(options.seed);
  const resample = stationary(options.block);
  const index = new Int32Array(n);
  for (let s = 0; s < options.samples; s++) {
    resample(index, n, random);
    let equity = initial;
    let p = 0;
    for (let i = 0; i < n; i++) {
      equity *= 1 + returns[index[i]!]!;
      if (i === at[p]) values[p++]![s] = equity;
    }
  }
  for (const column of values) column.sort();
  const curve = (q: number) => {
    const out = new Float64Array(n);
    let p = 0;
    for (let i = 0; i < n; i++) {
      while (at[p]! < i) p++;
      const right = quantileSorted(values[p]!, q);
      const left = p === 0 ? initial : quantileSorted(values[p - 1]!, q);
      const from = p === 0 ? -1 : at[p - 1]!;
      out[i] = left + ((right - left) * (i - from)) / (at[p]! - from);
    }
    return out;
  };
  return { q05: curve(0.05), q25: curve(0.25), q50: curve(0.5), q75: curve(0.75), q95: curve(0.95) };
}
