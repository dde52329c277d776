// Logical immediates: a run of ones, rotated, in an element of 2 to 64 bits that is repeated.

import type { Fields } from './form.ts';

/** @returns the immediate, or undefined for reserved encodings. @arm DecodeBitMasks */
export function decodeBitMasks(N: number, imms: number, immr: number, width: number): bigint | undefined {
  const len = 31 - Math.clz32((N << 6) | (~imms & 63));
  if (len < 1 || (width === 32 && N === 1)) return undefined;
  const size = 1 << len;
  const levels = size - 1;
  const s = imms & levels;
  const r = immr & levels;
  if (s === levels) return undefined;
  const ones = (1n << BigInt(s + 1)) - 1n;
  let element = ((ones >> BigInt(r)) | (ones << BigInt(size - r))) & ((1n << BigInt(size)) - 1n);
  for (let have = size; have < width; have *= 2) element |= element << BigInt(have);
  return element;
}

/** @returns N, immr, imms, or undefined if the value is no such pattern. */
export function encodeBitMask(value: bigint, width: number): Fields | undefined {
  if (value < -(1n << BigInt(width - 1)) || value >> BigInt(width) > 0n) return undefined;
  const v = BigInt.asUintN(width, value);
  for (let size = 2; size <= width; size *= 2) {
    const mask = (1n << BigInt(size)) - 1n;
    const element = v & mask;
    let repeats = true;
    for (let i = size; i < width && repeats; i += size) repeats = ((v >> BigInt(i)) & mask) === element;
    if (!repeats || element === 0n || element === mask) continue;
    for (let r = 0; r < size; r++) {
      const turned = ((element << BigInt(r)) | (element >> BigInt(size - r))) & mask;
      if ((turned & (turned + 1n)) !== 0n) continue;
      const s = turned.toString(2).length - 1;
      return { N: size === 64 ? 1 : 0, immr: r, imms: (~(2 * size - 1) & 63) | s };
    }
    return undefined;
  }
  return undefined;
}

/** MOVZ or MOVN would do it: then ORR is not shown as MOV. @arm MoveWidePreferred */
export function moveWidePreferred(sf: number, N: number, imms: number, immr: number): boolean {
  const width = sf ? 64 : 32;
  if (sf === 1 ? N !== 1 : N !== 0 || imms >= 32) return false;
  if (imms < 16) return (16 - (immr & 15)) % 16 <= 15 - imms;
  if (imms >= width - 15) return (immr & 15) <= imms - (width - 15);
  return false;
}
