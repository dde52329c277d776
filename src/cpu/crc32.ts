// CRC32 and CRC32C steps as the CRC32* instructions do them: no inversion before or after, data in from its low byte.

import { lazy } from '../base/lazy.ts';
import type { PhysMem } from './physmem.ts';

/** One table of 256 remainders for a reflected polynomial. */
function table(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    let r = n;
    for (let bit = 0; bit < 8; bit++) r = r & 1 ? (r >>> 1) ^ polynomial : r >>> 1;
    return r;
  });
}
// 0x04C11DB7 and 0x1EDC6F41 with their bits reversed.
const CRC32 = lazy(() => table(0xedb88320));
const CRC32C = lazy(() => table(0x82f63b78));

export type CrcName = 'crc32' | 'crc32c';
/** Tables for that many bytes at once. */
export const CRC_TABLES = 4;
/** Bytes of one of them. */
export const CRC_TABLE_SIZE = 4 * 256;
/** The remainders of each byte with 0, 1, ... bytes of zeros after it, one table after the other. */
export function crcTables(name: CrcName): Uint32Array {
  const first = (name === 'crc32' ? CRC32 : CRC32C)();
  const all = new Uint32Array(CRC_TABLES * 256);
  all.set(first);
  for (let i = 256; i < all.length; i++) all[i] = step(first, all[i - 256]!, 0, 8);
  return all;
}
const placed = new WeakMap<PhysMem, Map<CrcName, number>>();
/** Address of the tables in linear memory, for generated code. */
export function crcTablesIn(mem: PhysMem, name: CrcName): number {
  let known = placed.get(mem);
  if (!known) {
    known = new Map();
    placed.set(mem, known);
  }
  let at = known.get(name);
  if (at === undefined) {
    at = mem.allocFixed(CRC_TABLES * CRC_TABLE_SIZE);
    mem.u32.set(crcTables(name), at >>> 2);
    known.set(name, at);
  }
  return at;
}

function step(t: Uint32Array, crc: number, data: number, bits: number): number {
  for (let at = 0; at < bits; at += 8) crc = t[(crc ^ (data >>> at)) & 255]! ^ (crc >>> 8);
  return crc | 0;
}

/** @param bits 8, 16 or 32: how much of `data` is taken in. @returns the new remainder as a signed 32-bit number. */
export function crc32(crc: number, data: number, bits: number): number {
  return step(CRC32(), crc, data, bits);
}
/** The same for the Castagnoli polynomial. */
export function crc32c(crc: number, data: number, bits: number): number {
  return step(CRC32C(), crc, data, bits);
}
