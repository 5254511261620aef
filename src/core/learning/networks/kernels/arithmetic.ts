// The one place where the builds of these kernels differ: with relaxed SIMD the multiply-add is one instruction and
// rounds once, without it two that round twice.

/** Whether V8 joins 128-bit operations in pairs, a constant of the build: blocks are twice as wide then. */
export const WIDE: i32 = WIDE_BLOCKS;

/** sum + a · b in each lane. */
export function multiplyAdd(a: v128, b: v128, sum: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}
