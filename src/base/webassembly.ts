// The few parts of the WebAssembly JavaScript API that the engine uses, typed here so that the core
// needs neither the DOM's nor Node's type library (and so cannot call either by accident).

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
export type WasmFunction = (...args: (number | bigint)[]) => number | bigint | undefined;
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}
export interface WasmModule {
  readonly __brand?: 'WebAssembly.Module';
}
export interface WasmTable {
  readonly length: number;
  grow(by: number): number;
  get(i: number): unknown;
  set(i: number, f: unknown): void;
}
interface WebAssemblyApi {
  Memory: new (d: { initial: number; maximum: number; shared?: boolean }) => WasmMemory;
  Module: {
    new (bytes: Uint8Array): WasmModule;
    customSections(module: WasmModule, name: string): ArrayBuffer[];
    imports(module: WasmModule): { readonly name: string; readonly kind: string }[];
  };
  Instance: new (m: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance;
  validate(bytes: Uint8Array): boolean;
}

export const WebAssemblyHost: WebAssemblyApi = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
