/**
 * Elementary functions whose results may not differ between Node versions: `Math.pow` did between majors.
 * `Math.exp` and `Math.log` are V8's port of fdlibm on every supported version, so `pow` rests on them for
 * fractional exponents and on multiplication for integers.
 */
export function pow(base: number, exponent: number): number {
  if (Number.isInteger(exponent) && Math.abs(exponent) <= 1024) {
    let result = 1;
    let square = base;
    for (let n = Math.abs(exponent); n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) result *= square;
      square *= square;
    }
    return exponent < 0 ? 1 / result : result;
  }
  if (base === 0) return exponent > 0 ? 0 : Number.POSITIVE_INFINITY;
  return base < 0 ? Number.NaN : Math.exp(exponent * Math.log(base));
}
