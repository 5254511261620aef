import { versions } from 'node:process';
import { setFlagsFromString } from 'node:v8';

/** (1 + 2⁻¹²)² − (1 + 2⁻¹¹) by f32x4.relaxed_madd: 2⁻²⁴ where it rounds once, 0 where it rounds twice. */
const PROBE = (() => {
  const constant = (...bytes: number[]) => [0x43, ...bytes, 0xfd, 0x13];
  const code = [
    ...[
      0,
      ...constant(0x00, 0x08, 0x80, 0x3f),
      ...constant(0x00, 0x08, 0x80, 0x3f),
      ...constant(0x00, 0x10, 0x80, 0xbf),
    ],
    ...[0xfd, 0x85, 0x02, 0xfd, 0x1f, 0, 0x0b],
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7d, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0],
    ...[10, code.length + 2, 1, code.length, ...code],
  ]);
})();

interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: { f(): number } };
}

let known: boolean | undefined;

/**
 * Whether WebAssembly multiplies and adds with one rounding here (relaxed SIMD on a processor that has the instruction).
 * V8 11.3 (Node 20) has it complete behind a flag, which the next release switched on; it is switched on here.
 */
export function hasFusedMultiplyAdd(): boolean {
  const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
  if (known === undefined) {
    if (!wasm.validate(PROBE) && versions.v8.startsWith('11.3.'))
      setFlagsFromString('--experimental-wasm-relaxed-simd');
    known = wasm.validate(PROBE) && new wasm.Instance(new wasm.Module(PROBE)).exports.f() === 2 ** -24;
  }
  return known;
}
