import type { History } from './history.js';
import type { Axis } from './space.js';

/**
 * Share of each parameter in what separates the best tenth of the complete trials from all of them: the Pearson divergence
 * of the two densities along the parameter (PED-ANOVA, Watanabe, Bansal & Hutter 2023, with histograms smoothed by a
 * normal kernel), normalised to a sum of 1. Empty with fewer than 10 complete trials.
 */
export function parameterImportance(history: History, axes: readonly Axis[]): Record<string, number> {
  const complete = history.ranked.filter((slot) => history.trials[slot]!.state === 'complete');
  if (complete.length < 10) return {};
  const best = complete.slice(0, Math.max(2, Math.ceil(complete.length / 10)));
  const raw = axes.map((axis, a) => divergence(axis, history.columns[a]!, best, complete));
  const total = raw.reduce((x, y) => x + y, 0);
  return Object.fromEntries(axes.map((axis, a) => [axis.name, total > 0 ? raw[a]! / total : 1 / axes.length]));
}

function divergence(axis: Axis, column: Float64Array, best: readonly number[], all: readonly number[]): number {
  const cells = axis.choices?.length ?? 50;
  if (axis.upper === axis.lower) return 0;
  const density = (slots: readonly number[]): Float64Array => {
    const out = new Float64Array(cells);
    if (axis.choices !== null) {
      for (const slot of slots) out[column[slot]!]! += 1;
      for (let c = 0; c < cells; c++) out[c] = (out[c]! + 1 / cells) / (slots.length + 1);
      return out;
    }
    // Scott's rule on the axis scaled to [0, 1], never below a cell.
    const x = slots.map((slot) => (column[slot]! - axis.lower) / (axis.upper - axis.lower));
    const mean = x.reduce((p, q) => p + q, 0) / x.length;
    const deviation = Math.sqrt(x.reduce((p, q) => p + (q - mean) * (q - mean), 0) / x.length);
    const width = Math.max(1 / cells, 1.059 * deviation * Math.exp(-0.2 * Math.log(x.length)));
    let sum = 0;
    for (let c = 0; c < cells; c++) {
      const middle = (c + 0.5) / cells;
      let value = 0.01;
      for (const v of x) value += Math.exp(-0.5 * ((middle - v) / width) * ((middle - v) / width));
      out[c] = value;
      sum += value;
    }
    return out.map((v) => v / sum);
  };
  const p = density(best);
  const q = density(all);
  let sum = 0;
  for (let c = 0; c < cells; c++) sum += q[c]! * (p[c]! / q[c]! - 1) * (p[c]! / q[c]! - 1);
  return sum;
}
