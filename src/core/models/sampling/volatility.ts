/**
 * Exponentially weighted standard deviation with bias correction, as pandas `ewm(span).std()`: weights (1 − α)^k over
 * all values so far, α = 2 / (span + 1). NaN values are skipped; NaN before two values.
 */
export function ewmDeviation(x: Float64Array, span: number): Float64Array {
  const keep = 1 - 2 / (span + 1);
  const out = new Float64Array(x.length).fill(Number.NaN);
  let mean = 0;
  let variance = 0;
  let weight = 0;
  let squares = 0;
  for (let i = 0; i < x.length; i++) {
    // As pandas with ignore_na=False, weights fade over missing values too.
    weight *= keep;
    squares *= keep * keep;
    const value = x[i]!;
    if (!Number.isNaN(value)) {
      const total = weight + 1;
      const next = (weight * mean + value) / total;
      variance = (weight * (variance + (mean - next) * (mean - next)) + (value - next) * (value - next)) / total;
      mean = next;
      weight = total;
      squares += 1;
    }
    const correction = weight * weight - squares;
    if (correction > 0) out[i] = Math.sqrt((variance * weight * weight) / correction);
  }
  return out;
}
