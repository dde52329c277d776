// Bit fields over bigint (registers) and number (instruction words).

export const mask64 = 0xffff_ffff_ffff_ffffn;

const whole = new BigUint64Array(1);
const halves = new Uint32Array(whole.buffer);
/** value<31:0>, and value<63:32>: several times cheaper than arithmetic with bigints. */
export function lowHalf(value: bigint): number {
  whole[0] = value;
  return halves[0]!;
}
export function highHalf(value: bigint): number {
  whole[0] = value;
  return halves[1]!;
}
/** The number with these halves; of 2^21 and above the high one has no room. For a small integer V8 allocates nothing. */
export function joined(high: number, low: number): number {
  return high === 0 ? low : high * 0x1_0000_0000 + low;
}

/** A mask with the bits hi..lo set. 0 <= lo <= hi <= 63. */
export function fieldMask(hi: number, lo: number): bigint {
  return ((1n << BigInt(hi - lo + 1)) - 1n) << BigInt(lo);
}
export function bitMask(n: number): bigint {
  return 1n << BigInt(n);
}
/** value<hi:lo> */
export function extract(value: bigint, hi: number, lo: number): bigint {
  return (value >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n);
}
/** value with <hi:lo> replaced by `field` (taken modulo the width). */
export function insert(value: bigint, hi: number, lo: number, field: bigint): bigint {
  const m = fieldMask(hi, lo);
  return (value & ~m) | ((field << BigInt(lo)) & m);
}
/** The `width` low bits of `value` as a signed number. */
export function signExtend(value: bigint, width: number): bigint {
  return BigInt.asIntN(width, value);
}
/** word<hi:lo> of a 32-bit instruction word. */
export function bits32(word: number, hi: number, lo: number): number {
  const width = hi - lo + 1;
  return width === 32 ? word >>> 0 : (word >>> lo) & (2 ** width - 1);
}
export function hex(value: bigint | number, digits = 0): string {
  return '0x' + BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0');
}
