// Pointer authentication codes: where they lie in a pointer, how they are computed and checked. Works on halves of
// 64-bit values (low, high, as 32-bit numbers), because it runs under compiled code. Which keys are in force, and what
// the translation regime looks like, it is told in PauthState; it reads no system register.

import { lazy } from '../base/lazy.ts';
import { type Qarma, qarma } from './qarma.ts';

/** Keys as instructions number them: bit 0 is B, bit 1 is data; 4 is the generic key. */
export const PacKey = { IA: 0, IB: 1, DA: 2, DB: 3, GA: 4 } as const;

export interface PauthState {
  /** ID_AA64ISAR1.APA (QARMA5), ISAR2.APA3 (QARMA3) or ISAR1.API (implementation defined: ours, fast). */
  algorithm: Qarma | 'impdef';
  /** FEAT_EPAC: a pointer that is not canonical gets the code 0. Never together with FEAT_PAuth2. */
  epac: boolean;
  /** FEAT_PAuth2: the code is exclusive-ORed into the pointer. */
  pauth2: boolean;
  /** FEAT_FPAC and FEAT_FPACCOMBINE: a wrong code faults (in the instructions that go on to use the pointer too). */
  fpac: boolean;
  fpacCombine: boolean;
  /** Key k is bit k: SCTLR_ELx.En{IA,IB,DA,DB}. */
  enabled: number;
  /** Five keys of four words: APxKeyLo low and high half, APxKeyHi low and high half. */
  readonly keys: Int32Array;
  /** First bit of the code for the lower and the upper address range: 64 - TxSZ. */
  bottom: readonly [number, number];
  /** Top byte ignored: bit 0 lower range, bit 1 upper range. For instruction addresses TBIDx counts too. */
  tbiData: number;
  tbiInstruction: number;
}

/** What a freshly reset PE has: keys zero, all disabled, 48-bit addresses, no tags. */
export function resetPauth(): PauthState {
  return {
    algorithm: 'impdef',
    epac: false,
    pauth2: true,
    fpac: true,
    fpacCombine: true,
    enabled: 0,
    keys: new Int32Array(20),
    bottom: [48, 48],
    tbiData: 0,
    tbiInstruction: 0,
  };
}

/** Result of the functions below: low and high half. */
export const result = new Int32Array(2);
let failed = false;
let good = false;
/** Whether authentication gives back what was signed last: it was a pointer as it should be. */
export const pacGood = (): boolean => good;
/** Whether the last authentication failed. */
export const pacWrong = (): boolean => failed;
/** Whether the last authentication failed, and faults: always with FEAT_FPAC, if `combined` only with FPACCOMBINE. */
export function pacFailed(s: PauthState, combined: boolean): boolean {
  return failed && (combined ? s.fpacCombine : s.fpac);
}

// ---- the code itself ------------------------------------------------------------------------------------------------------

const code = new Int32Array(2);

/** Our implementation-defined algorithm: multiply and fold, three times over. Not a cipher: fast, and sensitive to every bit. */
function fastHash(k: Int32Array, at: number, dLo: number, dHi: number, mLo: number, mHi: number): void {
  let a = dLo ^ k[at]!;
  let b = dHi ^ k[at + 1]!;
  let c = mLo ^ k[at + 2]!;
  let d = mHi ^ k[at + 3]!;
  for (let round = 0; round < 3; round++) {
    a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d) + d;
    b = Math.imul(b ^ (b >>> 13), 0x297a2d39) ^ a;
    c = Math.imul(c ^ (c >>> 16), 0x1b56c4e9) + b;
    d = Math.imul(d ^ (d >>> 14), 0x7feb352d) ^ c;
    a = (a << 11) | (a >>> 21);
    c = (c << 19) | (c >>> 13);
  }
  code[0] = a ^ c ^ (c >>> 15);
  code[1] = b ^ d ^ (d >>> 16);
}

/**
 * Codes computed lately: a return authenticates what its call signed. An entry is everything the code depends on (data,
 * modifier, key, algorithm) and the code.
 */
const ENTRY = 11;
const ENTRIES = 1024;
const recentCodes = lazy(() => new Int32Array(ENTRY * ENTRIES));
/** Each as a number. */
export const ALGORITHM = { impdef: 0, qarma5: 1, qarma3: 2 } as const;

/** @arm ComputePAC. KeyHi is the outer key, KeyLo the core key. */
function compute(s: PauthState, key: number, dLo: number, dHi: number, mLo: number, mHi: number): void {
  const k = s.keys;
  const at = key * 4;
  if (s.algorithm === 'impdef') {
    fastHash(k, at, dLo, dHi, mLo, mHi);
    return;
  }
  const which = ALGORITHM[s.algorithm];
  const recent = recentCodes();
  const e = ((Math.imul(dLo ^ (mLo << 1) ^ (key << 8), 0x9e3779b1) >>> 22) & (ENTRIES - 1)) * ENTRY;
  const hit =
    recent[e] === dLo &&
    recent[e + 1] === dHi &&
    recent[e + 2] === mLo &&
    recent[e + 3] === mHi &&
    recent[e + 4] === k[at] &&
    recent[e + 5] === k[at + 1] &&
    recent[e + 6] === k[at + 2] &&
    recent[e + 7] === k[at + 3] &&
    recent[e + 8] === which;
  if (!hit) {
    qarma(s.algorithm, code, dLo, dHi, mLo, mHi, k[at + 2]!, k[at + 3]!, k[at]!, k[at + 1]!);
    recent.set([dLo, dHi, mLo, mHi, k[at]!, k[at + 1]!, k[at + 2]!, k[at + 3]!, which, code[0]!, code[1]!], e);
  }
  code[0] = recent[e + 9]!;
  code[1] = recent[e + 10]!;
}

// ---- where it lies ----------------------------------------------------------------------------------------------------------

const BIT55 = 1 << 23;

/** Bits of the high word from `bottom` (33..63) up. */
const above = (bottom: number): number => (-1 << (bottom - 32)) | 0;
const tbiOf = (s: PauthState, key: number): number => (key & 2 ? s.tbiData : s.tbiInstruction);

/** Which bits of the high word hold the code, bit 55 apart. `range`: 0 lower, 1 upper. */
function codeBits(s: PauthState, key: number, range: number): number {
  const top = (tbiOf(s, key) >> range) & 1 ? 0x00ffffff : -1;
  return above(s.bottom[range]!) & top & ~BIT55;
}
/** The pointer's high word as it is without a code: extension bits equal to the range's bit. */
function canonical(pHi: number, bits: number, range: number): number {
  const field = bits | BIT55;
  return range ? pHi | field : pHi & ~field;
}

/** @arm Strip */
export function pacStrip(s: PauthState, pLo: number, pHi: number, data: boolean): void {
  const range = (pHi >>> 23) & 1;
  result[0] = pLo;
  result[1] = canonical(pHi, codeBits(s, data ? PacKey.DA : PacKey.IA, range), range);
}

/** @arm AddPAC */
export function pacAdd(s: PauthState, pLo: number, pHi: number, mLo: number, mHi: number, key: number): void {
  result[0] = pLo;
  result[1] = pHi;
  good = true;
  if (!((s.enabled >> key) & 1)) return;
  // Where neither range ignores tags, bit 63 tells the ranges apart; where one does, bit 55 decides for both.
  const range = tbiOf(s, key) ? (pHi >>> 23) & 1 : pHi >>> 31;
  const bits = codeBits(s, key, range);
  compute(s, key, pLo, canonical(pHi, bits, range), mLo, mHi);
  const extension = pHi & (bits | BIT55);
  good = extension === (range ? bits | BIT55 : 0);
  if (extension !== 0 && extension !== (bits | BIT55)) {
    if (s.epac) code[1] = 0;
    else if (!s.pauth2) code[1]! ^= bits < 0 ? 1 << 30 : 1 << 22;
  }
  const field = (s.pauth2 ? pHi ^ code[1]! : code[1]!) & bits;
  result[1] = (pHi & ~(bits | BIT55)) | field | (range ? BIT55 : 0);
}

/** @arm Auth. pacFailed() tells how it went. */
export function pacAuth(s: PauthState, pLo: number, pHi: number, mLo: number, mHi: number, key: number): void {
  failed = false;
  result[0] = pLo;
  result[1] = pHi;
  if (!((s.enabled >> key) & 1)) return;
  const range = (pHi >>> 23) & 1;
  const bits = codeBits(s, key, range);
  const original = canonical(pHi, bits, range);
  compute(s, key, pLo, original, mLo, mHi);
  if (s.pauth2) {
    result[1] = pHi ^ (code[1]! & bits);
    failed = ((result[1]! ^ original) & bits) !== 0;
    return;
  }
  failed = ((code[1]! ^ pHi) & bits) !== 0;
  // The error code goes below the top bit of the field: 01 for an A key, 10 for a B key.
  const at = bits < 0 ? 29 : 21;
  result[1] = !failed ? original : (original & ~(3 << at)) | ((key & 1 ? 2 : 1) << at);
}

/** PACGA: 32 bits of code in the upper half. */
export function pacGeneric(s: PauthState, dLo: number, dHi: number, mLo: number, mHi: number): void {
  compute(s, PacKey.GA, dLo, dHi, mLo, mHi);
  result[0] = 0;
  result[1] = code[1]!;
}
