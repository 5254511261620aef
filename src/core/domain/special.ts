const SQRT_2PI = Math.sqrt(2 * Math.PI);

/** Density of the standard normal distribution. */
export const normalDensity = (x: number): number => Math.exp(-0.5 * x * x) / SQRT_2PI;

/**
 * Φ(x), relative error below 1e-14 also far in the tails. Near zero the series Φ = ½ + φ(x)·(x + x³/3 + x⁵/15 + …)
 * (Marsaglia 2004), further out the continued fraction of Mills' ratio (Laplace).
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  return x > 0 ? 1 - upperTail(x) : upperTail(-x);
}

/** 1 − Φ(x) for x >= 0, and the complement of it below. */
function upperTail(x: number): number {
  if (x > 39) return 0;
  if (x < 2) {
    let term = x;
    let total = x;
    for (let k = 3; term !== 0; k += 2) {
      term *= (x * x) / k;
      const next = total + term;
      if (next === total) break;
      total = next;
    }
    return 0.5 - normalDensity(x) * total;
  }
  let fraction = 0;
  for (let k = 160; k > 0; k--) fraction = k / (x + fraction);
  return normalDensity(x) / (x + fraction);
}

/**
 * Φ⁻¹(p) for p in [0, 1]: the start of Abramowitz and Stegun 26.2.23, then Halley's steps on the smaller tail.
 * NaN outside [0, 1].
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  const tail = p < 0.5 ? p : 1 - p;
  const t = Math.sqrt(-2 * Math.log(tail));
  let x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (let i = 0; i < 3; i++) {
    const error = (tail - upperTail(x)) / normalDensity(x);
    x -= error / (1 - (x * error) / 2);
  }
  return p < 0.5 ? -x : x;
}
