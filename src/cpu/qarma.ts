// The QARMA-64 block cipher in the two shapes that FEAT_PAuth uses (QARMA5, QARMA3). All but the S-box is linear, so
// each linear step is a table lookup per byte, and the tables are made from the cipher's own description: cell
// permutations, the circulant matrix circ(0, 1, 2, 1) of rotations, and the tweak's shift register.
// Knows nothing of pointers. @arm ComputePAC; R. Avanzi, "The QARMA Block Cipher Family" (2017)

import { lazy } from '../base/lazy.ts';

/** Cell 0 is the most significant nibble. */
type Cells = readonly number[];

const TAU = [0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2];
const H = [6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11];
/** Cells of the tweak that step their shift register. */
const LFSR_CELLS = [0, 1, 3, 4, 8, 11, 13];
const SIGMA1 = [10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4];
const SIGMA2 = [11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10];

/** Round constants and alpha, high and low halves: digits of pi. */
const RC_HI = [0, 0x13198a2e, 0xa4093822, 0x082efa98, 0x452821e6];
const RC_LO = [0, 0x03707344, 0x299f31d0, 0xec4e6c89, 0x38d01377];
const ALPHA_HI = 0xc0ac29b7;
const ALPHA_LO = 0xc97c50dd;

const inverse = (p: readonly number[]): number[] => {
  const out: number[] = [];
  p.forEach((v, i) => {
    out[v] = i;
  });
  return out;
};
const permute = (p: readonly number[]) => (x: Cells) => p.map((from) => x[from]!);
const rotate = (cell: number, n: number): number => ((cell << n) | (cell >>> (4 - n))) & 15;

/** The state is a 4 x 4 matrix of cells, rows first; every column is multiplied. */
function mix(x: Cells): Cells {
  return x.map((_, i) => {
    const column = i & 3;
    const row = i >> 2;
    let sum = 0;
    for (let k = 1; k < 4; k++) sum ^= rotate(x[((row + k) & 3) * 4 + column]!, k === 2 ? 2 : 1);
    return sum;
  });
}
const lfsr = (c: number): number => (((c ^ (c >> 1)) & 1) << 3) | (c >> 1);
const lfsrBack = (c: number): number => ((c << 1) & 15) | (((c >> 3) ^ c) & 1);
const tweak = (x: Cells): Cells => permute(H)(x).map((c, i) => (LFSR_CELLS.includes(i) ? lfsr(c) : c));
const tweakBack = (x: Cells): Cells => permute(inverse(H))(x.map((c, i) => (LFSR_CELLS.includes(i) ? lfsrBack(c) : c)));

/** Where each byte's pair stands in a table of linear(). */
const pair = (byte: number, v: number): number => (byte << 9) | (v << 1);

/** A linear map as 8 tables of 256 pairs (low, high): what each byte of the input contributes. */
function linear(f: (x: Cells) => Cells): Int32Array {
  const t = new Int32Array(8 * 256 * 2);
  for (let byte = 0; byte < 8; byte++) {
    for (let v = 0; v < 256; v++) {
      const cells = new Array<number>(16).fill(0);
      cells[15 - 2 * byte] = v & 15;
      cells[14 - 2 * byte] = v >> 4;
      const out = f(cells);
      const word = (from: number): number => out.slice(from, from + 8).reduce((w, c) => (w << 4) | c, 0);
      const at = pair(byte, v);
      t[at] = word(8);
      t[at + 1] = word(0);
    }
  }
  return t;
}
/** An S-box on both nibbles of a byte. */
const sBytes = (s: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, v) => (s[v >> 4]! << 4) | s[v & 15]!);

interface Tables {
  readonly forward: Int32Array;
  readonly backward: Int32Array;
  readonly unshuffle: Int32Array;
  readonly tweak: Int32Array;
  readonly tweakBack: Int32Array;
}
const tables = lazy(
  (): Tables => ({
    forward: linear((x) => mix(permute(TAU)(x))),
    backward: linear((x) => permute(inverse(TAU))(mix(x))),
    unshuffle: linear(permute(inverse(TAU))),
    tweak: linear(tweak),
    tweakBack: linear(tweakBack),
  }),
);

/** A variant: the S-box, its inverse, and the number of the last round. */
interface Variant {
  readonly sub: Uint8Array;
  readonly unsub: Uint8Array;
  readonly last: number;
}
const VARIANTS = {
  qarma5: lazy(() => ({ sub: sBytes(SIGMA2), unsub: sBytes(inverse(SIGMA2)), last: 4 })),
  qarma3: lazy(() => ({ sub: sBytes(SIGMA1), unsub: sBytes(inverse(SIGMA1)), last: 2 })),
} as const satisfies Record<string, () => Variant>;

export type Qarma = keyof typeof VARIANTS;

/** Low and high half of the block, then of the running tweak. One cipher runs at a time. */
const state = new Int32Array(4);
const BLOCK = 0;
const TWEAK = 2;

/** Replaces the block or the tweak by a linear map of it. */
function apply(t: Int32Array, at: typeof BLOCK | typeof TWEAK): void {
  const low = state[at]!;
  const high = state[at + 1]!;
  const a = pair(0, low & 255);
  const b = pair(1, (low >>> 8) & 255);
  const c = pair(2, (low >>> 16) & 255);
  const d = pair(3, low >>> 24);
  const e = pair(4, high & 255);
  const f = pair(5, (high >>> 8) & 255);
  const g = pair(6, (high >>> 16) & 255);
  const h = pair(7, high >>> 24);
  state[at] = t[a]! ^ t[b]! ^ t[c]! ^ t[d]! ^ t[e]! ^ t[f]! ^ t[g]! ^ t[h]!;
  state[at + 1] = t[a + 1]! ^ t[b + 1]! ^ t[c + 1]! ^ t[d + 1]! ^ t[e + 1]! ^ t[f + 1]! ^ t[g + 1]! ^ t[h + 1]!;
}
const subWord = (s: Uint8Array, w: number): number =>
  s[w & 255]! | (s[(w >>> 8) & 255]! << 8) | (s[(w >>> 16) & 255]! << 16) | (s[w >>> 24]! << 24);
function substitute(s: Uint8Array): void {
  state[0] = subWord(s, state[0]!);
  state[1] = subWord(s, state[1]!);
}
function mixIn(low: number, high: number): void {
  state[0]! ^= low;
  state[1]! ^= high;
}

/**
 * Encrypts one block: halves of the data, of the tweak (modifier) and of the two keys.
 * @param out receives the low half in `out[0]` and the high half in `out[1]`.
 */
export function qarma(
  which: Qarma,
  out: Int32Array,
  dataLo: number,
  dataHi: number,
  modLo: number,
  modHi: number,
  key0Lo: number,
  key0Hi: number,
  key1Lo: number,
  key1Hi: number,
): void {
  const { sub, unsub, last } = VARIANTS[which]();
  const t = tables();
  // key0 rotated right by one, its low bit also taking the top one.
  const wLo = (key0Lo >>> 1) | (key0Hi << 31);
  const k0Lo = wLo ^ (key0Hi >>> 31);
  const k0Hi = (key0Hi >>> 1) | (key0Lo << 31);
  state[0] = dataLo ^ key0Lo;
  state[1] = dataHi ^ key0Hi;
  state[2] = modLo;
  state[3] = modHi;
  for (let i = 0; i <= last; i++) {
    mixIn(key1Lo ^ state[2]! ^ RC_LO[i]!, key1Hi ^ state[3]! ^ RC_HI[i]!);
    if (i > 0) apply(t.forward, BLOCK);
    substitute(sub);
    apply(t.tweak, TWEAK);
  }
  mixIn(k0Lo ^ state[2]!, k0Hi ^ state[3]!);
  apply(t.forward, BLOCK);
  substitute(sub);
  apply(t.forward, BLOCK);
  mixIn(key1Lo, key1Hi);
  apply(t.unshuffle, BLOCK);
  substitute(unsub);
  apply(t.backward, BLOCK);
  mixIn(key0Lo ^ state[2]!, key0Hi ^ state[3]!);
  for (let i = 0; i <= last; i++) {
    substitute(unsub);
    if (i < last) apply(t.backward, BLOCK);
    apply(t.tweakBack, TWEAK);
    mixIn(RC_LO[last - i]! ^ key1Lo ^ state[2]! ^ ALPHA_LO, RC_HI[last - i]! ^ key1Hi ^ state[3]! ^ ALPHA_HI);
  }
  out[0] = state[0]! ^ k0Lo;
  out[1] = state[1]! ^ k0Hi;
}
