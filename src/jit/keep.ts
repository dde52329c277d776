// Makes the bytes that kept.ts reads.

import { bytesOf } from '../base/text.ts';
import { HOST, TABLE } from '../interp/imports.ts';
import { FIRST_SLOT, type MakeTier, REGION_PARAMS, REGION_RESULTS } from '../interp/region.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import type { Counts } from './counts.ts';
import { addMadd } from './fused.ts';
import {
  type Contents,
  circumstancesOf,
  Head,
  type Hints,
  MADD,
  MAGIC,
  type RegionRow,
  readKept,
  sumOf,
} from './kept.ts';
import { regionImporter } from './region.ts';
import { DEFAULT_CACHE, type Region, Regions, type TierStats } from './regions.ts';
import { jitTier, type TierOptions } from './tier.ts';

/** Megabytes of one program, and how often a region is kept that is not used. */
const MOST = 8;
const MAX_AGE = 8;
/** What is new is worth it where it is more than this part of all. */
const SHARE = 1 / 64;

/** Regions for the next run: those of this one, and those of earlier ones that were not wanted this time, for a while. */
function chosen(regions: Regions): Region[] {
  const all = [...regions.all()].filter((r) => r.code.body && (r.used || r.age < MAX_AGE));
  all.sort((a, b) => a.order - b.order);
  let bytes = all.reduce((sum, r) => sum + r.code.bytes, 0);
  const byWorth = [...all].sort((a, b) => Number(a.used) - Number(b.used) || b.age - a.age || a.order - b.order);
  const gone = new Set<Region>();
  for (const region of byWorth) {
    if (bytes <= MOST * 2 ** 20) break;
    gone.add(region);
    bytes -= region.code.bytes;
  }
  return all.filter((r) => !gone.has(r));
}

/**
 * What is to be kept of a program's regions.
 * @param circumstances see circumstancesOf
 * @returns undefined if there is not much that has not been kept before
 */
export function keptBytes(regions: Regions, circumstances: string): Uint8Array | undefined {
  const all = chosen(regions);
  const sizeOf = (list: readonly Region[]): number => list.reduce((sum, r) => sum + r.instructions, 0);
  if (sizeOf(all.filter((r) => r.isNew)) <= sizeOf(all) * SHARE) return undefined;
  const { fused } = regions;
  const module = new ModuleBuilder();
  regionImporter(module, regions.host.mem.shared, regions.imports);
  module.importTable(HOST, TABLE);
  const first = module.importGlobal(HOST, FIRST_SLOT);
  const bodies = all.map((r) => r.code.body!);
  const functions = bodies.map((body) => module.add(REGION_PARAMS, REGION_RESULTS, body));
  if (fused) module.export(MADD, addMadd(module));
  module.fillTable({ global: first }, functions);
  const bytes = module.finish();
  const places = module.placesOf(bytes);
  const rows = all.map(({ code, used, age }, i): RegionRow => {
    const { words, body: _, entries, pages, spans, ...rest } = code;
    const { from, to } = places[i]!;
    return {
      ...rest,
      entries: entries.flatMap(({ place, limit }) => [place, limit]),
      pages: pages.flatMap(({ page, sum }) => [page, sum]),
      spans: spans.flatMap(({ page, from, to }) => [page, from, to]),
      count: words.length,
      age: used ? 0 : age + 1,
      from,
      to,
    };
  });
  const contents: Contents = {
    circumstances,
    imports: regions.imports,
    vectors: regions.constants.used.vectors.map((v) => v.toString(16)),
    tables: regions.constants.used.tables,
    fused,
    regions: rows,
  };
  const hints: Hints = bodies.map(({ unlikely }) => unlikely);
  return together(
    contents,
    all.map((r) => r.code.words),
    bytes,
    hints,
  );
}

/** A tier that goes on with what an earlier one has kept. */
export interface KeepingTier {
  readonly make: MakeTier;
  /** What is to be kept for later; undefined: nothing that is not kept already. */
  bytes(): Uint8Array | undefined;
}
/**
 * For those who keep code themselves.
 * @param kept what `bytes` of the same version of Hypatia gave; what cannot be used of it is compiled anew
 * @param options as of jitTier
 */
export function keepingTier(
  kept: Uint8Array | undefined,
  options: Partial<TierOptions> = {},
  report?: (stats: TierStats, counts: Counts | undefined) => void,
): KeepingTier {
  let bytes = (): Uint8Array | undefined => undefined;
  return {
    make(host) {
      const regions = new Regions(host, options.cache ?? DEFAULT_CACHE);
      const circumstances = circumstancesOf(host, options.count === true);
      const before = kept && readKept(kept, circumstances);
      if (before) regions.use(before);
      bytes = () => keptBytes(regions, circumstances);
      return jitTier({ ...options, keep: true, regions }, report)(host);
    },
    bytes: () => bytes(),
  };
}

function together(contents: Contents, words: readonly Uint32Array[], module: Uint8Array, hints: Hints): Uint8Array {
  const text = (value: unknown, before = 0): Uint8Array => {
    const written = JSON.stringify(value);
    return bytesOf(written + ' '.repeat(-(before + written.length) & 3));
  };
  const json = text(contents);
  const count = words.reduce((sum, w) => sum + w.length, 0);
  const last = text(hints, module.length);
  const bytes = new Uint8Array(4 * (Head.size + count) + json.length + module.length + last.length);
  const all = new Uint32Array(bytes.buffer);
  all[Head.magic] = MAGIC;
  all[Head.json] = json.length;
  all[Head.words] = count;
  all[Head.module] = module.length;
  all[Head.hints] = last.length;
  bytes.set(json, 4 * Head.size);
  let at = Head.size + json.length / 4;
  for (const w of words) {
    all.set(w, at);
    at += w.length;
  }
  bytes.set(module, 4 * at);
  bytes.set(last, 4 * at + module.length);
  all[Head.sum] = sumOf(all);
  return bytes;
}
