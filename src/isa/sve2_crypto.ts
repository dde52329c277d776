// The cryptographic instructions of SVE2 as functions of 128-bit segments; S-boxes are those of crypto.ts.

import { AES_INVERSE_SBOX, AES_SBOX, aesProduct, type Sbox, SM4_SBOX } from './sbox.ts';

const byte = (v: bigint, i: number): number => Number((v >> BigInt(8 * i)) & 0xffn);
function fromBytes(f: (i: number) => number): bigint {
  let v = 0n;
  for (let i = 15; i >= 0; i--) v = (v << 8n) | BigInt(f(i));
  return v;
}

// ---- AES: byte i is row i mod 4 of column i div 4 ---------------------------------------------------------------------------

/** Adds the key, turns row r by r columns in a direction, and substitutes. */
const round =
  (sbox: Sbox, direction: 1 | -1) =>
  (state: bigint, key: bigint): bigint => {
    const mixed = state ^ key;
    const bytes = sbox.bytes();
    return fromBytes((i) => bytes[byte(mixed, (i + direction * 4 * (i & 3)) & 15)]!);
  };
export const aesEncrypt = round(AES_SBOX, 1);
export const aesDecrypt = round(AES_INVERSE_SBOX, -1);

/** Each column times a circulant matrix whose first row is given. */
const mixColumns =
  (row: readonly number[]) =>
  (v: bigint): bigint =>
    fromBytes((i) => row.reduce((sum, factor, k) => sum ^ aesProduct(byte(v, (i & ~3) | ((i + k) & 3)), factor), 0));
export const aesMixColumns = mixColumns([2, 3, 1, 1]);
export const aesInverseMixColumns = mixColumns([14, 11, 13, 9]);

// ---- SM4 ---------------------------------------------------------------------------------------------------------------------

const word = (v: bigint, i: number): number => Number((v >> BigInt(32 * i)) & 0xffff_ffffn);
const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
/** Four rounds with the keys given; `spread` is the linear map's rotations. */
const sm4 =
  (spread: readonly number[]) =>
  (state: bigint, keys: bigint): bigint => {
    const w = [0, 1, 2, 3].map((i) => word(state, i));
    for (let k = 0; k < 4; k++) {
      const mixed = w[k + 1]! ^ w[k + 2]! ^ w[k + 3]! ^ word(keys, k);
      const t = [0, 8, 16, 24].reduce((sum, n) => sum | (SM4_SBOX.bytes()[(mixed >>> n) & 0xff]! << n), 0);
      w.push(spread.reduce((sum, n) => sum ^ rotl(t, n), w[k]! ^ t));
    }
    return w.slice(4).reduceRight((v, x) => (v << 32n) | BigInt(x >>> 0), 0n);
  };
export const sm4Encrypt = sm4([2, 10, 18, 24]);
export const sm4Key = sm4([13, 23]);
