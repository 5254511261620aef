import { quantileSorted } from '../stats.js';
import { PATH_FIGURES, type PathsJob } from './montecarlo.js';

export type Fan = Readonly<Record<'q05' | 'q25' | 'q50' | 'q75' | 'q95', Float64Array>>;

const POINTS = 240;

/** Sessions at which a fan is computed; between them it is drawn straight. */
export function fanCheckpoints(sessions: number): Int32Array {
  const points = Math.min(POINTS, sessions);
  return Int32Array.from({ length: points }, (_, p) => Math.round(((p + 1) * sessions) / points) - 1);
}

/** Quantiles of equity over the resampled paths of a job, one value per session. */
export function equityFan({ returns, checkpoints, samples }: PathsJob, table: Float64Array, initial: number): Fan {
  const n = returns.length;
  const width = PATH_FIGURES + checkpoints.length;
  const values = Array.from(checkpoints, (_, p) =>
    Float64Array.from({ length: samples }, (__, s) => initial * table[s * width + PATH_FIGURES + p]!).sort(),
  );
  const curve = (q: number) => {
    const out = new Float64Array(n);
    let p = 0;
    for (let i = 0; i < n; i++) {
      while (checkpoints[p]! < i) p++;
      const right = quantileSorted(values[p]!, q);
      const left = p === 0 ? initial : quantileSorted(values[p - 1]!, q);
      const from = p === 0 ? -1 : checkpoints[p - 1]!;
      out[i] = left + ((right - left) * (i - from)) / (checkpoints[p]! - from);
    }
    return out;
  };
  return { q05: curve(0.05), q25: curve(0.25), q50: curve(0.5), q75: curve(0.75), q95: curve(0.95) };
}
