// Compiles the network kernels three times: kernels.wasm for every processor, kernels-fused.wasm with the fused
// multiply-add of relaxed SIMD, kernels-wide.wasm with blocks for 256 bits too.
import { compileKernels } from './kernels.mjs';

const fused = ['--enable', 'relaxed-simd'];
const wide = (is) => ['--use', `WIDE_BLOCKS=${is}`];
await compileKernels('src/core/learning/networks/kernels', {
  'dist/core/learning/networks/kernels.wasm': wide(0),
  'dist/core/learning/networks/kernels-fused.wasm': [...fused, ...wide(0)],
  'dist/core/learning/networks/kernels-wide.wasm': [...fused, ...wide(1)],
});
