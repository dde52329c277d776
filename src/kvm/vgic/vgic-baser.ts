// The table base registers of redistributors and ITS: which attributes a guest may ask for and what it gets instead.
// @linux arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_sanitise_*

import { BASER_CACHE, BASER_FIELDS, BASER_PAGE_64K, BASER_SHARE } from '../../arch/gic.ts';
import { extract, fieldMask, insert } from '../../base/bits.ts';

type Bits = readonly [number, number];

/** `length` bytes of a register from byte `at`. */
export function extractBytes(reg: bigint, at: number, length: number): bigint {
  return BigInt.asUintN(length * 8, reg >> BigInt(at * 8));
}
/** A 64-bit register of which a half, or all, is written. @param at byte offset of the access within it */
export function mergeBytes(reg: bigint, at: number, length: number, value: bigint): bigint {
  const lo = (at & 4) * 8;
  return insert(reg, lo + 8 * length - 1, lo, value);
}

function map(reg: bigint, [hi, lo]: Bits, f: (field: bigint) => number | bigint): bigint {
  return insert(reg, hi, lo, BigInt(f(extract(reg, hi, lo))));
}
/** Tables are ordinary cacheable memory to us: nothing weaker than inner shareable, read-allocate write-back. */
function cleanAttributes(reg: bigint, f: { readonly inner: Bits; readonly outer: Bits; readonly share: Bits }): bigint {
  reg = map(reg, f.share, (s) => (s === BigInt(BASER_SHARE.Outer) ? BASER_SHARE.Inner : s));
  reg = map(reg, f.inner, (c) =>
    c === BigInt(BASER_CACHE.nCnB) || c === BigInt(BASER_CACHE.nC) ? BASER_CACHE.RaWb : c,
  );
  return map(reg, f.outer, (c) => (c === BigInt(BASER_CACHE.nC) ? c : BASER_CACHE.SameAsInner));
}
/** The attributes that tables have before anybody wrote the register. */
export function defaultAttributes(f: { readonly inner: Bits; readonly outer: Bits; readonly share: Bits }): bigint {
  let reg = insert(0n, ...f.inner, BigInt(BASER_CACHE.RaWb));
  reg = insert(reg, ...f.outer, BigInt(BASER_CACHE.SameAsInner));
  return insert(reg, ...f.share, BigInt(BASER_SHARE.Inner));
}

const PROPBASER_RES0 = fieldMask(63, 59) | fieldMask(55, 52) | fieldMask(6, 5);
const PENDBASER_RES0 = fieldMask(63, 63) | fieldMask(61, 59) | fieldMask(55, 52) | fieldMask(15, 12) | fieldMask(6, 0);

export function cleanPropbaser(reg: bigint): bigint {
  return cleanAttributes(reg, BASER_FIELDS.GICR_PROPBASER) & ~PROPBASER_RES0;
}
export function cleanPendbaser(reg: bigint): bigint {
  return cleanAttributes(reg, BASER_FIELDS.GICR_PENDBASER) & ~PENDBASER_RES0;
}
export function cleanItsBaser(reg: bigint): bigint {
  const f = BASER_FIELDS.GITS_BASER;
  return insert(cleanAttributes(reg, f), ...f.pageSize, BigInt(BASER_PAGE_64K));
}
/** The command queue is aligned to 64 KiB. */
export function cleanItsCbaser(reg: bigint): bigint {
  return cleanAttributes(reg, BASER_FIELDS.GITS_CBASER) & ~fieldMask(15, 12);
}
