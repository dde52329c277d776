// What the modules of an interpreter say of themselves, in custom sections of JSON.

import { bytesOf, textOf } from '../base/text.ts';
import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { Pair } from './hot_variants.ts';
import { notOne } from './prebuilt.ts';

/** Names of sections: what is in the module; the keys of its handlers, which few ask for. */
const CONTENTS = 'handlers';
const KEYS = 'keys';
/** Of the handlers in the loop that do one instruction, and of the usual functions. */
export type MainKeys = readonly (readonly [key: string, near: boolean])[];
export type AsideKeys = readonly string[];
/** Of the main module, which has the loop. */
export interface Contents {
  /** How many handlers there are in the loop that do one instruction. */
  readonly hot: number;
  /** Which of those are done by one handler: they come next, and may be second in later ones. */
  readonly pairs: readonly Pair[];
  /** How many functions follow: handlers that most programs meet. */
  readonly usual: number;
  /** How many handlers each of the other modules has, and bytes: those of the groups in their order, of what stands in. */
  readonly aside: readonly (readonly [handlers: number, bytes: number])[];
  readonly imports: readonly string[];
}
/** Of a module with other handlers. */
export interface AsideContents {
  readonly imports: readonly string[];
}
export function addContents(
  module: ModuleBuilder,
  contents: Contents | AsideContents,
  keys: MainKeys | AsideKeys,
): void {
  module.customSection(CONTENTS, bytesOf(JSON.stringify(contents)));
  module.customSection(KEYS, bytesOf(JSON.stringify(keys)));
}
function readSection(module: WasmModule, name: string): unknown {
  const [section] = WebAssemblyHost.Module.customSections(module, name);
  if (!section) throw notOne();
  return JSON.parse(textOf(new Uint8Array(section)));
}

export const contentsOf = (module: WasmModule): Contents => readSection(module, CONTENTS) as Contents;
export const mainKeysOf = (module: WasmModule): MainKeys => readSection(module, KEYS) as MainKeys;
export const asideContentsOf = (module: WasmModule): AsideContents => readSection(module, CONTENTS) as AsideContents;
export const asideKeysOf = (module: WasmModule): AsideKeys => readSection(module, KEYS) as AsideKeys;
