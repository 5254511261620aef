// Compiles the gradient-boosting kernels.
import { compileKernels } from './kernels.mjs';

await compileKernels('src/core/learning/boosting/kernels', {
  'dist/core/learning/boosting/kernels/boosting.wasm': [],
});
