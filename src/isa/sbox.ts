// S-boxes that are an inversion in a field of 256 elements between two affine maps: as tables of 256 bytes, and as tables of
// sixteen, by which vectors of bytes go through with a few table lookups each.
//
// A field of 256 is one of 16 with a root w of w^2 + c w + c: an element is k + i w, and its norm n = k^2 + c i k + c i^2.
// Its inverse is (k + c i + i w) / n, a sum of multiples of (k + c i) / n and (k + c j) / n, where j = i + k. The inverses of
// these two are j + 1 / (1 / i + c / k) and i + 1 / (1 / j + c / k): four bits in, four bits out, and additions.
// Where something is divided by zero, what is divided by the result is zero.

import { lazy } from '../base/lazy.ts';

export type Table = readonly number[];
export interface Sbox {
  /** The S-box itself, 256 bytes. */
  readonly bytes: () => Table;
  readonly nibbles: () => Nibbles;
}
/** Tables of sixteen bytes. All but the first two are looked up by elements of the smaller field. */
export interface Nibbles {
  /** By the lower and the upper half of a byte: two elements, k in the lower half and i in the upper one, to be added. */
  readonly split: readonly [Table, Table];
  /** 1 / x and c / x; NOTHING for x = 0. */
  readonly inverse: Table;
  readonly scaledInverse: Table;
  /** By the inverses of the two parts: bytes to be added, and to `constant`. */
  readonly join: readonly [Table, Table];
  readonly constant: number;
}
/** One divided by zero: no index, and after an element is added neither. */
const NOTHING = 0x80;

/** A polynomial of degree 8. */
function field(modulus: number): { product(a: number, b: number): number; inverse(a: number): number } {
  const product = (a: number, b: number): number => {
    let sum = 0;
    let power = a;
    for (let i = 0; i < 8; i++) {
      if ((b >> i) & 1) sum ^= power;
      power = power & 0x80 ? (power << 1) ^ modulus : power << 1;
    }
    return sum;
  };
  // x to the power 254, which is 11111110 in binary: squares, all but the first multiplied in. 0 for 0.
  const inverse = (x: number): number => {
    let square = x;
    let power = 1;
    for (let bit = 1; bit < 8; bit++) {
      square = product(square, square);
      power = product(power, square);
    }
    return power;
  };
  return { product, inverse };
}
/** The field of AES. */
export const AES_MODULUS = 0x11b;
export const { product: aesProduct } = field(AES_MODULUS);

/** Bit i of the result is the parity of x masked with the row rotated left by i, plus bit i of the constant. */
export interface Affine {
  readonly row: number;
  readonly constant: number;
}
function affine({ row, constant }: Affine, x: number): number {
  let result = 0;
  for (let i = 0; i < 8; i++) {
    let bits = x & ((row << i) | (row >> (8 - i)));
    bits ^= bits >> 4;
    bits ^= bits >> 2;
    bits ^= bits >> 1;
    result |= (bits & 1) << i;
  }
  return result ^ constant;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** @param before of the inversion, `after` it; undefined: nothing is done there */
export function sbox(modulus: number, before: Affine | undefined, after: Affine | undefined): Sbox {
  const { product, inverse } = field(modulus);
  const first = (x: number): number => (before ? affine(before, x) : x);
  const last = (x: number): number => (after ? affine(after, x) : x);
  return {
    bytes: lazy(() => upTo(256).map((x) => last(inverse(first(x))))),
    nibbles: lazy(() => nibblesOf(product, inverse, first, last)),
  };
}

function nibblesOf(
  product: (a: number, b: number) => number,
  inverse: (a: number) => number,
  first: (x: number) => number,
  last: (x: number) => number,
): Nibbles {
  const square = (x: number): number => product(x, x);
  const bytes = upTo(256);
  // The elements of the smaller field are those that are their own sixteenth power. Four of them make up all others.
  const small = bytes.filter((x) => square(square(square(square(x)))) === x);
  const elements = [0];
  for (const x of small) if (!elements.includes(x)) elements.push(...elements.map((y) => y ^ x));
  const number = (x: number): number => elements.indexOf(x);
  // A root outside of the smaller field, of a polynomial with coefficients in it.
  const w = bytes.find((x) => !small.includes(x) && small.includes(product(square(x), inverse(x ^ 1))))!;
  const c = product(square(w), inverse(w ^ 1));
  const pairs = new Map(
    upTo(256).map((pair) => [elements[pair & 15]! ^ product(elements[pair >> 4]!, w), pair] as const),
  );
  const split = (x: number): number => pairs.get(x)!;
  const invert = (factor: number): number[] =>
    elements.map((x) => (x === 0 ? NOTHING : number(product(factor, inverse(x)))));
  // With p and q the two parts: k / n is (p + q) / c, i / n is (p + k / n) / c.
  const q = product(w, square(inverse(c)));
  const p = 1 ^ product(w, inverse(c)) ^ q;
  const constant = last(0);
  const join = (factor: number): number[] => elements.map((x) => last(product(factor, inverse(x))) ^ constant);
  return {
    split: [upTo(16).map((x) => split(first(x))), upTo(16).map((x) => split(first(x << 4) ^ first(0)))],
    inverse: invert(1),
    scaledInverse: invert(c),
    join: [join(p), join(q)],
    constant,
  };
}

/** FIPS 197, 5.1.1. */
const AES_AFFINE: Affine = { row: 0xf1, constant: 0x63 };
export const AES_SBOX = sbox(AES_MODULUS, undefined, AES_AFFINE);
/** FIPS 197, 5.3.2: the inverse map is affine too. */
export const AES_INVERSE_SBOX = sbox(AES_MODULUS, { row: 0xa4, constant: 0x05 }, undefined);
/** GB/T 32907: the same affine map before and after inversion. */
const SM4_AFFINE: Affine = { row: 0xa7, constant: 0xd3 };
export const SM4_SBOX = sbox(0x1f5, SM4_AFFINE, SM4_AFFINE);
