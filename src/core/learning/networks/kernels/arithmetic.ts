// The one place where the two builds of these kernels differ: with relaxed SIMD the multiply-add is one instruction and
// rounds once, without it two that round twice.

/** sum + a · b in each lane. */
export function multiplyAdd(a: v128, b: v128, sum: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}
