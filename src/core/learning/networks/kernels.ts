import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { QuantlineError } from '../../errors/index.js';
import { hasFusedMultiplyAdd } from '../../platform/fused.js';
import { canJoinVectors, joiningVectors, leaveJoinedCode } from '../../platform/wide.js';

/** What kernels.wasm exports; pointers are byte offsets, leading dimensions count floats. See kernels/*.ts. */
export interface Kernels {
  matmul(
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    panel: number,
    c: number,
    ldc: number,
    bias: number,
    mode: 0 | 1 | 2,
  ): void;
  matmulTransposedA(
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    ldb: number,
    c: number,
    panel: number,
  ): void;
  listActive(m: number, k: number, x: number, ldx: number, list: number): void;
  matmulActive(
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    list: number,
    b: number,
    panel: number,
    c: number,
    ldc: number,
    bias: number,
  ): void;
  matmulTransposedActive(
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    list: number,
    b: number,
    ldb: number,
    c: number,
    panel: number,
    scratch: number,
  ): void;
  transpose(m: number, n: number, input: number, panelIn: number, output: number, panelOut: number): void;
  addColumnSums(m: number, n: number, input: number, ldi: number, output: number): void;
  activate(m: number, n: number, x: number, ldx: number, kind: number): void;
  activateBackward(m: number, n: number, y: number, ldy: number, d: number, ldd: number, kind: number): void;
  lstmForward(
    rows: number,
    units: number,
    gates: number,
    ldg: number,
    previous: number,
    c: number,
    tc: number,
    h: number,
    ldh: number,
  ): void;
  lstmBackward(
    rows: number,
    units: number,
    gates: number,
    ldg: number,
    previous: number,
    tc: number,
    dh: number,
    lddh: number,
    dc: number,
  ): void;
  surrogateSoftmax(
    rows: number,
    count: number,
    z: number,
    ld: number,
    actions: number,
    advantages: number,
    old: number,
    clip: number,
    entropyCoefficient: number,
    scale: number,
    gradient: number,
    sums: number,
  ): void;
  surrogateNormal(
    rows: number,
    size: number,
    z: number,
    ld: number,
    actions: number,
    advantages: number,
    old: number,
    clip: number,
    entropyCoefficient: number,
    scale: number,
    gradient: number,
    sums: number,
    logDeviations: number,
    deviationGradient: number,
  ): void;
  squaredError(rows: number, v: number, ld: number, targets: number, factor: number, gradient: number): number;
  /** Ends a sequence of calls, before other work of any length. */
  leave(): void;
  fillZero(n: number, x: number): void;
  copy(n: number, from: number, to: number): void;
  sumSquares(n: number, x: number): number;
  addTo(n: number, x: number, y: number): void;
  adam(
    n: number,
    parameters: number,
    gradient: number,
    m: number,
    v: number,
    scale: number,
    beta1: number,
    beta2: number,
    rate: number,
    correction: number,
    epsilon: number,
    decay: number,
  ): void;
  dropout(
    m: number,
    n: number,
    x: number,
    ldx: number,
    out: number,
    ldo: number,
    seed: number,
    threshold: number,
    scale: number,
  ): void;
}

/** Node's WebAssembly interface, as far as it is used here (the ES2023 library does not declare it). */
export type KernelModule = object;
export interface KernelMemory {
  readonly buffer: SharedArrayBuffer;
}
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => KernelModule;
  readonly Memory: new (limits: { initial: number; maximum: number; shared: true }) => KernelMemory;
  readonly Instance: new (
    module: KernelModule,
    imports: { env: { memory: KernelMemory; abort: () => void } },
  ) => { readonly exports: unknown };
}
const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/**
 * The builds of the kernels: `plain` rounds products and sums and gives the same bits on every processor; `fused` multiplies
 * and adds with one rounding, half as fast again; `wide` gives the bits of `fused`, nearly twice as fast where V8 joins vectors.
 */
export type KernelVariant = 'wide' | 'fused' | 'plain';

/** The build to train with on this machine. Scoring always takes `plain`, so that a model scores alike everywhere. */
export const trainingVariant = (): KernelVariant =>
  canJoinVectors() ? 'wide' : hasFusedMultiplyAdd() ? 'fused' : 'plain';

const FILE: Readonly<Record<KernelVariant, string>> = {
  wide: 'kernels-wide.wasm',
  fused: 'kernels-fused.wasm',
  plain: 'kernels.wasm',
};
const compiled = new Map<KernelVariant, KernelModule>();

/** The compiled kernels. They lie beside the compiled JavaScript, so code run from `src` reads them from `dist`. */
export function kernelModule(variant: KernelVariant): KernelModule {
  let module = compiled.get(variant);
  if (module === undefined) {
    const path = fileURLToPath(new URL(`./${FILE[variant]}`, import.meta.url));
    const file = path.replace(/([\\/])src([\\/]core[\\/])/, '$1dist$2');
    try {
      const bytes = readFileSync(file);
      const compile = () => new wasm.Module(bytes);
      module = variant === 'wide' ? joiningVectors(compile) : compile();
    } catch (cause) {
      throw new QuantlineError('BUG', `The network kernels could not be loaded from ${file}.`, {
        hint: 'Run "npm run build" or install the package again.',
        cause,
      });
    }
    compiled.set(variant, module);
  }
  return module;
}

/** The kernels working on one memory. */
export function instantiateKernels(memory: KernelMemory, module: KernelModule): Kernels {
  const { exports } = new wasm.Instance(module, { env: { memory, abort: () => {} } });
  return { ...(exports as Kernels), leave: canJoinVectors() ? leaveJoinedCode : () => {} };
}

/** Where planned memory starts; a test checks that the kernels keep their data below. */
export const KERNEL_BYTES = 4096;

/** Lays out one memory before it exists: a bump allocator in bytes, every block on a 64-byte boundary. */
export class MemoryPlan {
  /** The first 4 KB belong to the kernels' own constants; address 0 means "absent" to them. */
  private next = KERNEL_BYTES;

  floats(count: number): number {
    return this.bytes(count * 4);
  }

  bytes(count: number): number {
    const start = this.next;
    this.next = Math.ceil((start + count) / 64) * 64;
    return start;
  }

  /** Memory shared by all workers of one session, exactly as large as planned. */
  allocate(): KernelMemory {
    const pages = Math.ceil(this.next / 65536);
    const megabytes = Math.ceil(this.next / 1048576);
    try {
      return new wasm.Memory({ initial: pages, maximum: pages, shared: true });
    } catch (cause) {
      throw new QuantlineError('MEMORY', `A network of this size needs ${megabytes} MB of memory in one piece.`, {
        hint: 'Use fewer units, shorter sequences or a smaller batch.',
        details: { megabytes },
        cause,
      });
    }
  }
}
