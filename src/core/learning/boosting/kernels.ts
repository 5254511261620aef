import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { QuantlineError } from '../../errors/index.js';
import { Instance, Memory, Module, type WasmMemory, type WasmModule } from './wasm.js';

type Fn = (...args: number[]) => number;

/** What kernels/boosting.wasm exports; addresses are byte offsets into its memory. See kernels/*.ts. */
export interface Kernels {
  readonly buildHistogram: Fn;
  readonly subtractHistogram: Fn;
  readonly evaluateGroup: Fn;
  readonly partitionBlock: Fn;
  readonly gatherPairs: Fn;
  readonly sampleRows: Fn;
  readonly addTreeByBins: Fn;
  readonly columnKeys: Fn;
  readonly sortKeys: Fn;
  readonly chooseCuts: Fn;
  readonly assignBins: Fn;
  readonly logisticPairs: Fn;
  readonly squaredPairs: Fn;
  readonly softmaxPairs: Fn;
  readonly largestPair: Fn;
  readonly exponential: Fn;
  readonly predictTrees: Fn;
  readonly anyMissing: Fn;
  readonly transposeRows: Fn;
}

let compiled: WasmModule | undefined;

/** The compiled kernels; read once per process. Throws BUG when the build is incomplete. */
export function kernelModule(): WasmModule {
  if (compiled !== undefined) return compiled;
  const beside = fileURLToPath(new URL('./kernels/boosting.wasm', import.meta.url));
  const path = beside.replace(/([\\/])src([\\/]core[\\/])/, '$1dist$2');
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (cause) {
    throw new QuantlineError('BUG', `The gradient-boosting kernels are missing: ${path}.`, {
      hint: 'Run "npm run build", or install the package again.',
      cause,
    });
  }
  compiled = new Module(bytes);
  return compiled;
}

export const instantiate = (module: WasmModule, memory: WasmMemory): Kernels =>
  new Instance(module, { env: { memory } }).exports as unknown as Kernels;

/** The most that one training or one predictor can address. */
export const MAX_BYTES = 65535 * 65536;

/** Shared memory of at least `bytes`; throws INPUT when it is more than WebAssembly can address, MEMORY when the machine has it not. */
export function sharedMemory(bytes: number, what: string): WasmMemory {
  const pages = Math.ceil(bytes / 65536);
  const size = bytes < 2 ** 30 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  if (bytes > MAX_BYTES) {
    throw new QuantlineError('INPUT', `${what} needs ${size}; the embedded engine can address 4 GiB.`, {
      hint: 'Use fewer rows or features, or the native engine.',
    });
  }
  try {
    return new Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new QuantlineError('MEMORY', `${what} needs ${size} of memory, which this machine does not give.`, {
      hint: 'Use fewer rows or features, or a machine with more memory.',
      cause,
    });
  }
}
