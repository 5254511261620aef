import { seededRandom } from '../../../../src/core/domain/random.js';

/** Sum of twelve uniforms minus six: nearly normal and bit-equal in any language. */
export function normals(seed: number, n: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: n }, () => {
    let total = 0;
    for (let k = 0; k < 12; k++) total += random.next();
    return total - 6;
  });
}

export function ar1(seed: number, n: number, rho: number): Float64Array {
  const x = normals(seed, n);
  for (let i = 1; i < n; i++) x[i] = rho * x[i - 1]! + x[i]!;
  return x;
}
