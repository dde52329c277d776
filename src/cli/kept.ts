// What one run of the command leaves for the next: beside V8's code for the bundle, in a folder of this very build
// (tools/keep.cjs). Without the bundle nothing is kept. Whatever is missing here is made anew.

import type { WasmModule } from '../base/webassembly.ts';

interface Kept {
  read(name: string): Uint8Array | undefined;
  readText(name: string): string | undefined;
  borrow(name: string): Uint8Array | undefined;
  optimised(bytes: Uint8Array, used: () => Iterable<number>): WasmModule | undefined;
  native(name: string, sum: number, bytes: Uint8Array): WasmModule | undefined;
  keepAtEnd(name: string, make: () => Uint8Array | undefined, isMuchNew: () => boolean): void;
}
const kept = (globalThis as { readonly [name: symbol]: Kept | undefined })[Symbol.for('hypatia.kept')];

/** What an earlier run has kept by that name. */
export function readKept(name: string): Uint8Array | undefined {
  return kept?.read(name);
}
/** The same until anything else is read: for what is copied at once. */
export function borrowKept(name: string): Uint8Array | undefined {
  return kept?.borrow(name);
}
/** The same as text. */
export function readKeptText(name: string): string | undefined {
  return kept?.readText(name);
}
/**
 * The module of these bytes, compiled as V8 does it for code that runs often. Threads and options of V8 may be without it.
 * @param used numbers of the functions in its table that are worth it, asked for when the first run with it ends
 */
export function optimisedModule(bytes: Uint8Array, used: () => Iterable<number>): WasmModule | undefined {
  return kept?.optimised(bytes, used);
}
/** The same for the module in what is kept by a name, which has a sum. If there is none, there is one for a later run. */
export function nativeModule(name: string, sum: number, bytes: Uint8Array): WasmModule | undefined {
  return kept?.native(name, sum, bytes);
}
/**
 * When the process ends, keeps what `make` gives then; undefined: what is kept stays.
 * @param isMuchNew the run is of another kind than those before: V8's code is worth keeping again
 */
export function keepAtEnd(name: string, make: () => Uint8Array | undefined, isMuchNew = () => false): void {
  kept?.keepAtEnd(name, make, isMuchNew);
}
