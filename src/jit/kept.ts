// What one run of a program leaves for the next: its regions, as bytes. Where they are kept is for others to say. They are good
// for the same build on the same machine; whether a region is good for the code that it is to stand for is seen word by word.

import { textOf } from '../base/text.ts';
import { type WasmFunction, type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import type { CrcName } from '../cpu/crc32.ts';
import type { ImportRow } from '../interp/imports.ts';
import type { TierHost } from '../interp/region.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { roundsOnce } from './features.ts';
import { type Kept, keyOf, Region, type RegionCode } from './regions.ts';

export const MAGIC = 0x68776b31;
/** Words before everything else (tools/programs.cjs reads them, too), then: JSON, words of all regions, the module, JSON with what is wanted to make another module. */
export const Head = { magic: 0, sum: 1, json: 2, words: 3, module: 4, hints: 5, size: 6 } as const;
/** Name of the function in the module that multiplies and adds, if regions want it to round once. */
export const MADD = 'madd';

export type RegionRow = Omit<RegionCode, 'known' | 'words' | 'body' | 'entries' | 'pages' | 'spans'> & {
  readonly known: Omit<RegionCode['known'], 'key'>;
  readonly age: number;
  /** Of each entry, page and span its numbers, in the order in which they are declared. */
  readonly entries: readonly number[];
  readonly pages: readonly number[];
  readonly spans: readonly number[];
  /** How many words it has, and where its function is in the module. */
  readonly count: number;
  readonly from: number;
  readonly to: number;
};
export interface Contents {
  /** What the code depends on beside the build. */
  readonly circumstances: string;
  readonly imports: readonly ImportRow[];
  readonly vectors: readonly string[];
  readonly tables: readonly CrcName[];
  readonly fused: boolean;
  readonly regions: readonly RegionRow[];
}
/** For each region: Body.unlikely. */
export type Hints = readonly (readonly number[])[];

/** What code of regions depends on: where things are that it names, and what it does beside what it is for. */
export function circumstancesOf({ area, flat, links, machine, mem }: TierHost, counts: boolean): string {
  return [machine, mem.shared, area.at, area.size, links, flat, counts].join(' ');
}

/** Changes when the words do. */
export function sumOf(words: Uint32Array): number {
  let a = 1;
  let b = 0;
  for (let i = Head.sum + 1; i < words.length; i++) {
    a = (Math.imul(a, 0x01000193) ^ words[i]!) | 0;
    b = (b + a) | 0;
  }
  return (a ^ b) >>> 0;
}

/**
 * What keptBytes gave in an earlier run.
 * @param compiled gives the module of these bytes, which have a sum, if it was compiled before
 * @returns undefined if the bytes are nothing of that kind, or of other circumstances
 */
export function readKept(
  given: Uint8Array,
  circumstances: string,
  compiled: (module: Uint8Array, sum: number) => WasmModule | undefined = () => undefined,
): Kept | undefined {
  const bytes = given.byteOffset % 4 === 0 ? given : given.slice();
  if (bytes.length % 4 !== 0 || bytes.length < 4 * Head.size) return undefined;
  const all = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const [, , json, words, moduleSize, hints] = all as unknown as readonly [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (all[Head.magic] !== MAGIC || 4 * (Head.size + words) + json + moduleSize + hints !== bytes.length)
    return undefined;
  if (all[Head.sum] !== sumOf(all)) return undefined;
  const parsed = (from: number, size: number): unknown => JSON.parse(textOf(bytes.subarray(from, from + size)));
  const atWords = 4 * Head.size + json;
  const atModule = atWords + 4 * words;
  const contents = parsed(4 * Head.size, json) as Contents;
  if (contents.circumstances !== circumstances) return undefined;
  const module = bytes.subarray(atModule, atModule + moduleSize);
  let unlikely: Hints | undefined;
  let word = atWords >>> 2;
  const regions = contents.regions.map((row, i): Region => {
    const { known, age, entries, pages, spans, count, from, to, ...rest } = row;
    word += count;
    const code: RegionCode = {
      ...rest,
      known: { ...known, key: keyOf(known) },
      entries: tuples(entries, 2).map(([place, limit]) => ({ place: place!, limit: limit! })),
      pages: tuples(pages, 2).map(([page, sum]) => ({ page: page!, sum: sum! })),
      spans: tuples(spans, 3).map(([page, from, to]) => ({ page: page!, from: from!, to: to! })),
      words: all.subarray(word - count, word),
      get body(): FunctionBody {
        unlikely ??= parsed(atModule + moduleSize, hints) as Hints;
        return { bytes: module.subarray(from, to), unlikely: unlikely[i]! };
      },
    };
    return new Region(code, i, undefined, age);
  });
  const { imports, tables, fused } = contents;
  return {
    regions,
    imports,
    vectors: contents.vectors.map((v) => BigInt(`0x${v}`)),
    tables,
    fused,
    load(host) {
      let made: WasmModule;
      try {
        made = compiled(module, all[Head.sum]!) ?? new WebAssemblyHost.Module(module);
      } catch {
        // The host has not what another one has.
        return undefined;
      }
      return host.fill(
        regions.length,
        { module: made, imports: imports.map(({ name }) => name) },
        (exports) => !fused || roundsOnce(exports[MADD] as WasmFunction),
      );
    },
  };
}
function tuples(numbers: readonly number[], size: number): number[][] {
  return Array.from({ length: numbers.length / size }, (_, i) => numbers.slice(i * size, (i + 1) * size));
}
