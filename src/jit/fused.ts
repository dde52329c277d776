// Multiplying and adding with one rounding, where the WebAssembly engine can do that.

import { type WasmFunction, WebAssemblyHost } from '../base/webassembly.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { roundsOnce } from './features.ts';

/** Adds a function that multiplies and adds. @returns its number */
export function addMadd(module: ModuleBuilder): number {
  return module.function(['f64', 'f64', 'f64'], ['f64'], (code) => {
    for (const x of [0, 1, 2]) code.get(x).op('f64x2.splat');
    code.op('f64x2.relaxed_madd').lane('f64x2.extract_lane', 0);
  });
}
/** `f64x2.relaxed_madd` is there and rounds once. */
export function hasFusedMultiplyAdd(): boolean {
  const module = new ModuleBuilder();
  module.export('f', addMadd(module));
  const bytes = module.finish();
  if (!WebAssemblyHost.validate(bytes)) return false;
  return roundsOnce(new WebAssemblyHost.Instance(new WebAssemblyHost.Module(bytes), {}).exports['f'] as WasmFunction);
}
