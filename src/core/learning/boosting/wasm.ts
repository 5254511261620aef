/** The part of the WebAssembly interface in use; the library types of ES2023 do not have it. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A compiled module: opaque, may be sent to workers. */
export interface WasmModule {
  readonly kind?: 'module';
}

interface WasmInterface {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: unknown };
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
}

export const { Module, Instance, Memory } = (globalThis as unknown as { WebAssembly: WasmInterface }).WebAssembly;
