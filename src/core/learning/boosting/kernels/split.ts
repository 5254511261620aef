// The best split of one node over the features of one group, as XGBoost enumerates it: forward with missing values
// to the right, then backward with missing values to the left; the first of equal gains stays.

// @ts-ignore: decorator
@inline
function threshold(g: f64, alpha: f64): f64 {
  return g > alpha ? g - alpha : g < -alpha ? g + alpha : 0;
}

function clippedGain(g: f64, h: f64, lambda: f64, alpha: f64, step: f64): f64 {
  const w = min(max(-threshold(g, alpha) / (h + lambda), -step), step);
  return -(2 * g * w + (h + lambda) * w * w + 2 * alpha * abs(w));
}

// @ts-ignore: decorator
@inline
function gain(g: f64, h: f64, lambda: f64, alpha: f64, step: f64): f64 {
  if (step > 0) return clippedGain(g, h, lambda, alpha, step);
  if (alpha == 0) return (g * g) / (h + lambda);
  const t = threshold(g, alpha);
  return (t * t) / (h + lambda);
}

/**
 * settings: f64 lambda, alpha, max_delta_step, min_child_weight, 1/scale of gradients, 1/scale of hessians.
 * table: per feature of the group i32 (bins, missing bin or -1); allowed: u8 per feature.
 * out: f64 gain (-1 when none), G left, H left, G total, H total, then i32 feature, bin, default left.
 */
export function evaluateGroup(
  hist: usize, width: i32, table: usize, allowed: usize, settings: usize, firstFeature: i32, out: usize,
): void {
  const lambda = load<f64>(settings);
  const alpha = load<f64>(settings, 8);
  const step = load<f64>(settings, 16);
  const minChild = load<f64>(settings, 24);
  const unitG = load<f64>(settings, 32);
  const unitH = load<f64>(settings, 40);
  const plain = step == 0 && alpha == 0;
  let best: f64 = -1;
  let bestFeature = -1;
  let bestBin = 0;
  let bestDefault = 0;
  let bestG: f64 = 0;
  let bestH: f64 = 0;
  let nodeG: f64 = 0;
  let nodeH: f64 = 0;
  for (let k = 0; k < width; k++) {
    const bins = load<i32>(table + (<usize>k << 3));
    const missingBin = load<i32>(table + (<usize>k << 3), 4);
    const base = hist + (<usize>k << 4);
    const count = missingBin >= 0 ? bins + 1 : bins;
    let total = i64x2.splat(0);
    if (k == 0 || load<u8>(allowed + k)) {
      for (let i = 0; i < count; i++) total = i64x2.add(total, v128.load(base + (<usize>i << 7)));
      nodeG = <f64>i64x2.extract_lane(total, 0) * unitG;
      nodeH = <f64>i64x2.extract_lane(total, 1) * unitH;
    }
    if (!load<u8>(allowed + k)) continue;
    const nodeGain = gain(nodeG, nodeH, lambda, alpha, step);
    const missing = missingBin >= 0 ? v128.load(base + (<usize>missingBin << 7)) : i64x2.splat(0);
    const anyMissing = v128.any_true(missing);
    let left = i64x2.splat(0);
    const last = anyMissing ? bins : bins - 1;
    for (let i = 0; i < last; i++) {
      const entry = v128.load(base + (<usize>i << 7));
      if (!v128.any_true(entry)) continue;
      left = i64x2.add(left, entry);
      const gl = <f64>i64x2.extract_lane(left, 0) * unitG;
      const hl = <f64>i64x2.extract_lane(left, 1) * unitH;
      const hr = nodeH - hl;
      if (hl < minChild || hr < minChild) continue;
      const gr = nodeG - gl;
      let sum: f64;
      if (plain) {
        const g = f64x2.replace_lane(f64x2.splat(gl), 1, gr);
        const h = f64x2.add(f64x2.replace_lane(f64x2.splat(hl), 1, hr), f64x2.splat(lambda));
        const q = f64x2.div(f64x2.mul(g, g), h);
        sum = f64x2.extract_lane(q, 0) + f64x2.extract_lane(q, 1);
      } else sum = gain(gl, hl, lambda, alpha, step) + gain(gr, hr, lambda, alpha, step);
      const change = <f64>(<f32>(sum - nodeGain));
      if (change > best && hl > 0 && hr > 0) {
        best = change;
        bestFeature = k;
        bestBin = i;
        bestDefault = 0;
        bestG = gl;
        bestH = hl;
      }
    }
    if (!anyMissing) continue;
    let right = i64x2.splat(0);
    for (let i = bins - 1; i > 0; i--) {
      const entry = v128.load(base + (<usize>i << 7));
      if (!v128.any_true(entry)) continue;
      right = i64x2.add(right, entry);
      const gr = <f64>i64x2.extract_lane(right, 0) * unitG;
      const hr = <f64>i64x2.extract_lane(right, 1) * unitH;
      const hl = nodeH - hr;
      if (hl < minChild || hr < minChild) continue;
      const gl = nodeG - gr;
      const sum = gain(gl, hl, lambda, alpha, step) + gain(gr, hr, lambda, alpha, step);
      const change = <f64>(<f32>(sum - nodeGain));
      if (change > best && hl > 0 && hr > 0) {
        best = change;
        bestFeature = k;
        bestBin = i - 1;
        bestDefault = 1;
        bestG = gl;
        bestH = hl;
      }
    }
  }
  store<f64>(out, best);
  store<f64>(out, bestG, 8);
  store<f64>(out, bestH, 16);
  store<f64>(out, nodeG, 24);
  store<f64>(out, nodeH, 32);
  store<i32>(out, bestFeature < 0 ? -1 : firstFeature + bestFeature, 40);
  store<i32>(out, bestBin, 44);
  store<i32>(out, bestDefault, 48);
}
