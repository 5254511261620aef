import { multiplyAdd } from './arithmetic';
import { tanhRow } from './functions';

// Gates stand side by side in a row of 4·H floats, Keras order: input, forget, cell candidate, output.

/**
 * One step of all cells, in place: pre-activations → gates; c = f·c₋₁ + i·g; h = o·tanh c.
 * `previous` is c₋₁ (0 = zeros); `c` and `tc` (tanh c) are rows × H; h goes to rows of `ldh` floats. H is a multiple of 8.
 */
export function lstmForward(
  rows: i32,
  units: i32,
  gates: usize,
  ldg: i32,
  previous: usize,
  c: usize,
  tc: usize,
  h: usize,
  ldh: i32,
): void {
  const width: usize = (<usize>units) << 2;
  for (let r: i32 = 0; r < rows; r++) {
    const row: usize = <usize>r * width;
    const g0: usize = gates + ((<usize>r * <usize>ldg) << 2);
    const h0: usize = h + ((<usize>r * <usize>ldh) << 2);
    tanhRow(g0, units << 1, 0.5);
    tanhRow(g0 + width + width, units, 1);
    tanhRow(g0 + width + width + width, units, 0.5);
    for (let u: usize = 0; u < width; u += 16) {
      const pi: usize = g0 + u;
      let cell: v128 = f32x4.mul(v128.load(pi), v128.load(pi + width + width));
      if (previous !== 0) cell = multiplyAdd(v128.load(pi + width), v128.load(previous + row + u), cell);
      v128.store(c + row + u, cell);
      v128.store(tc + row + u, cell);
    }
    tanhRow(tc + row, units, 1);
    const po: usize = g0 + width + width + width;
    for (let u: usize = 0; u < width; u += 16)
      v128.store(h0 + u, f32x4.mul(v128.load(po + u), v128.load(tc + row + u)));
  }
}

/**
 * Gradients of one step. In: dh (rows of `lddh` floats), dc (rows × H, from the following step). Out: `gates` is replaced
 * by the gradient of the pre-activations, dc by the gradient of c₋₁.
 */
export function lstmBackward(
  rows: i32,
  units: i32,
  gates: usize,
  ldg: i32,
  previous: usize,
  tc: usize,
  dh: usize,
  lddh: i32,
  dc: usize,
): void {
  const width: usize = (<usize>units) << 2;
  const one: v128 = f32x4.splat(1);
  for (let r: i32 = 0; r < rows; r++) {
    const row: usize = <usize>r * width;
    const g0: usize = gates + ((<usize>r * <usize>ldg) << 2);
    const d0: usize = dh + ((<usize>r * <usize>lddh) << 2);
    for (let u: usize = 0; u < width; u += 16) {
      const pi: usize = g0 + u;
      const pf: usize = pi + width;
      const pg: usize = pf + width;
      const po: usize = pg + width;
      const i: v128 = v128.load(pi);
      const f: v128 = v128.load(pf);
      const g: v128 = v128.load(pg);
      const o: v128 = v128.load(po);
      const t: v128 = v128.load(tc + row + u);
      const d: v128 = v128.load(d0 + u);
      const dcell: v128 = multiplyAdd(f32x4.mul(d, o), f32x4.sub(one, f32x4.mul(t, t)), v128.load(dc + row + u));
      v128.store(po, f32x4.mul(f32x4.mul(d, t), f32x4.mul(o, f32x4.sub(one, o))));
      v128.store(pi, f32x4.mul(f32x4.mul(dcell, g), f32x4.mul(i, f32x4.sub(one, i))));
      v128.store(pg, f32x4.mul(f32x4.mul(dcell, i), f32x4.sub(one, f32x4.mul(g, g))));
      let df: v128 = f32x4.splat(0);
      if (previous !== 0)
        df = f32x4.mul(f32x4.mul(dcell, v128.load(previous + row + u)), f32x4.mul(f, f32x4.sub(one, f)));
      v128.store(pf, df);
      v128.store(dc + row + u, f32x4.mul(dcell, f));
    }
  }
}
