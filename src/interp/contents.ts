// What the modules of an interpreter say of themselves, in custom sections: what is asked for when a program starts are numbers,
// all else is JSON.

import { bytesOf, textOf } from '../base/text.ts';
import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { Pair } from './hot_variants.ts';
import { PairTable, pairWords } from './pair_table.ts';
import { KEYS, notOne, type Prebuilt } from './prebuilt.ts';

/** Name of the section that says what is in the main module. */
const CONTENTS = 'handlers';
/** Of the handlers in the loop that do one instruction, and of the usual functions. */
export type MainKeys = readonly (readonly [key: string, near: boolean])[];
export type AsideKeys = readonly string[];
/** Of the main module, which has the loop. */
export interface Contents {
  /** How many handlers there are in the loop that do one instruction. */
  readonly hot: number;
  /** Which of those are done by one handler: they come next, and may be second in later ones. */
  readonly pairs: PairTable;
  /** How many functions follow: handlers that most programs meet. */
  readonly usual: number;
  /** How many handlers the other modules have. */
  readonly others: number;
  /** Of each of those how many, and bytes: those of the groups in their order, of what stands in. */
  aside(): readonly AsideSize[];
}
export type AsideSize = readonly [handlers: number, bytes: number];
/** Words of the section. Sizes follow, then pairs. */
const Word = { hot: 0, usual: 1, others: 2, asides: 3, size: 4 } as const;

export function addContents(
  module: ModuleBuilder,
  { hot, usual, pairs, aside }: { hot: number; usual: number; pairs: readonly Pair[]; aside: readonly AsideSize[] },
): void {
  const others = aside.reduce((sum, [handlers]) => sum + handlers, 0);
  const words = Uint32Array.of(hot, usual, others, aside.length, ...aside.flat(), ...pairWords(pairs));
  module.customSection(CONTENTS, new Uint8Array(words.buffer));
}
export function contentsOf(module: WasmModule): Contents {
  const words = new Uint32Array(sectionOf(module, CONTENTS));
  const pairs = Word.size + 2 * words[Word.asides]!;
  return {
    hot: words[Word.hot]!,
    pairs: new PairTable(words.subarray(pairs)),
    usual: words[Word.usual]!,
    others: words[Word.others]!,
    aside: () =>
      Array.from({ length: words[Word.asides]! }, (_, i) => {
        const at = Word.size + 2 * i;
        return [words[at]!, words[at + 1]!] as const;
      }),
  };
}
/** Names of the functions that a module imports. */
export function importsOf(module: WasmModule): readonly string[] {
  const names: string[] = [];
  WebAssemblyHost.Module.imports(module).forEach(({ name, kind }) => {
    if (kind === 'function') names.push(name);
  });
  return names;
}
export function addKeys(module: ModuleBuilder, keys: MainKeys | AsideKeys): void {
  module.customSection(KEYS, bytesOf(JSON.stringify(keys)));
}
const keysIn = (section: Uint8Array): unknown => JSON.parse(textOf(section));
const keysOf = (module: WasmModule): unknown => keysIn(new Uint8Array(sectionOf(module, KEYS)));
/** @param prebuilt what the module was read from, if it was */
export const mainKeysOf = (module: WasmModule, prebuilt: Prebuilt | undefined): MainKeys =>
  (prebuilt ? keysIn(prebuilt.keys()) : keysOf(module)) as MainKeys;
export const asideKeysOf = (module: WasmModule): AsideKeys => keysOf(module) as AsideKeys;

function sectionOf(module: WasmModule, name: string): ArrayBuffer {
  const [section] = WebAssemblyHost.Module.customSections(module, name);
  if (!section) throw notOne();
  return section;
}
