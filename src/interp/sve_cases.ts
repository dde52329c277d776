// Single SVE instructions with states that suit them, drawn from a seed: predicates of every kind, elements with corner
// values, addresses that hit a window of memory or its ends. The same seed gives the same case in every run: recorded
// answers (golden/sve) name it by row, vector length and number.

import { encode, type FieldValues } from '../arch/a64/encoding.ts';
import { Decoder } from '../cpu/decode.ts';
import { A64 } from '../isa/a64.ts';
import { collectRows, type RowEntry } from '../isa/handlers.ts';
import { Random } from './testing.ts';

export const WINDOW_BASE = 0x2_0000_0000n;
export const WINDOW_BYTES = 16384;

/** Registers that a case starts from. */
export interface SveStart {
  readonly x: bigint[];
  sp: bigint;
  readonly nzcv: number;
  readonly fpcr: number;
  readonly fpsr: number;
  readonly fpmr: bigint;
  /** Z0..Z31, and P0..P15 and FFR, one after the other. */
  readonly z: Uint8Array;
  readonly p: Uint8Array;
}
export interface SveCase {
  readonly word: number;
  readonly fields: FieldValues;
  readonly start: SveStart;
}

/** Rows that are not compared with QEMU, with the reason. */
const CPA = 'qemu-aarch64 has no FEAT_CPA';
export const NOT_DRAWN: Readonly<Record<string, string>> = {
  ADDPT_zpzz: CPA, SUBPT_zpzz: CPA, ADDPT_zzz: CPA, SUBPT_zzz: CPA, MLAPT_zzzz: CPA, MADPT_zzzz: CPA,
}; // biome-ignore format: a table
/** Segments and elements of 128 bits, of which Arm no longer allows numbers that are no powers of two. */
const POWER_OF_TWO = /^UZP[12]_zzq$|QV(_\w+)?$/;
/** Contiguous first-fault and non-fault loads: QEMU reads the predicate wrongly unless element 0 is active. */
const FIRST_ACTIVE = /^LDFF1_rr|^LDNF1_ri/;
/** AHP, DN, FZ, RMode, FZ16, EBF, NEP, AH, FIZ. */
const FPCR_BITS = 0x07c8_2007;
const AH = 2;
/** QEMU negates NaNs here though FPCR.AH is 1. */
const NO_AH = /^FCMLA_x_/;
const PATTERNS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 29, 30, 31];
const CORNERS = [0n, 1n, 2n, 7n, 63n, 127n, 255n, 0x7fffn, 0x8000n, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn,
  0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn, 0xfffffffffffffffen]; // biome-ignore format: a list

let tables: { readonly rows: readonly RowEntry[]; readonly decoder: Decoder } | undefined;
function sve(): { readonly rows: readonly RowEntry[]; readonly decoder: Decoder } {
  if (!tables) {
    const all = collectRows(A64);
    const names = new Set(A64.filter((g) => g.sve).flatMap((g) => Object.keys(g.rows)));
    const rows = all.filter((e) => e.semantic && names.has(e.name));
    tables = { rows, decoder: new Decoder(all, () => true) };
  }
  return tables;
}
/** Rows that can be compared for a vector length. */
export function sveRows(vl: number): readonly RowEntry[] {
  return sve().rows.filter((e) => !(e.name in NOT_DRAWN) && !(POWER_OF_TWO.test(e.name) && vl & (vl - 1)));
}
const hash = (text: string): number => {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
};

/** Case number `n` of a row. @param vl bytes of a vector */
export function sveCase(entry: RowEntry, vl: number, n: number): SveCase {
  const r = new Random(hash(entry.name) + vl * 7919 + n * 104729);
  for (let tries = 0; tries < 5000; tries++) {
    const f: Record<string, number> = {};
    for (const span of entry.parsed.fields) f[span.name] = r.u32() & (2 ** span.width - 1);
    if ('pattern' in f && r.chance(60)) f['pattern'] = r.pick(PATTERNS);
    const word = encode(entry.parsed, f);
    if (sve().decoder.decode(word)?.entry !== entry) continue;
    const start: SveStart = {
      x: Array.from({ length: 31 }, () => (r.chance(50) ? r.pick(CORNERS) : r.u64())),
      sp: WINDOW_BASE + BigInt((1024 + r.below(WINDOW_BYTES - 2048)) & ~15),
      nzcv: r.below(16),
      fpcr: r.chance(50) ? 0 : r.u32() & FPCR_BITS & (NO_AH.test(entry.name) ? ~AH : -1),
      fpsr: 0,
      fpmr: fpmr(r),
      z: vectors(r, vl),
      p: predicates(r, vl),
    };
    if (FIRST_ACTIVE.test(entry.name)) start.p[(f['Pg']! * vl) / 8]! |= 1;
    if (word >>> 31) aim(r, vl, f, start);
    return { word, fields: f, start };
  }
  throw new Error(`${entry.name}: no word found`);
}

function vectors(r: Random, vl: number): Uint8Array {
  const z = new Uint8Array(32 * vl);
  for (let n = 0; n < 32; n++) {
    const bytes = r.pick([1, 2, 4, 8]);
    const how = r.below(6);
    const top = 1n << BigInt(8 * bytes - 1);
    for (let at = n * vl; at < (n + 1) * vl; at += bytes) {
      let v = r.u64();
      if (how === 0) v = BigInt(r.below(256));
      else if (how === 1) v = r.pick([0n, 1n, -1n, top, top - 1n]);
      else if (how === 2) v = floating(r, bytes);
      else if (how === 3) v = BigInt(r.below(8)) - 4n;
      for (let i = 0; i < bytes; i++) z[at + i] = Number((BigInt.asUintN(64, v) >> BigInt(8 * i)) & 0xffn);
    }
  }
  return z;
}
/** Formats that exist for the most part, saturation, scales that do not lead out of range. */
function fpmr(r: Random): bigint {
  const format = (): bigint => BigInt(r.below(r.chance(95) ? 2 : 8));
  const [lscale, lscale2, nscale] = [r.below(r.chance(70) ? 6 : 128), r.below(64), (r.below(17) - 8) & 255];
  const low = format() | (format() << 3n) | (format() << 6n) | BigInt((r.below(4) << 14) | (lscale << 16));
  return low | (BigInt(nscale) << 24n) | (BigInt(lscale2) << 32n);
}
/** Mostly near one: results that round, cancel and stay in range. */
function floating(r: Random, bytes: number): bigint {
  const [exponent, fraction] = bytes === 1 ? [4, 3] : bytes === 2 ? [5, 10] : bytes === 4 ? [8, 23] : [11, 52];
  const bias = 2 ** (exponent - 1) - 1;
  const e = r.chance(80) ? bias - 3 + r.below(7) : r.pick([0, 2 ** exponent - 1, 1, 2 ** exponent - 2]);
  const m = r.chance(70) ? BigInt.asUintN(fraction, r.u64()) : 0n;
  return (BigInt(r.below(2)) << BigInt(exponent + fraction)) | (BigInt(e) << BigInt(fraction)) | m;
}
/** All, none, a prefix, half, few or most of the bits; FFR mostly all. */
function predicates(r: Random, vl: number): Uint8Array {
  const p = new Uint8Array((17 * vl) / 8);
  for (let n = 0; n < 17; n++) {
    const how = n === 16 ? r.below(3) : r.below(8);
    const end = r.below(vl + 1);
    const is = (bit: number): boolean =>
      how === 0 ||
      (how === 1 ? bit < end : how < 5 ? r.chance(50) : how === 5 ? r.chance(8) : how === 6 && r.chance(92));
    for (let bit = 0; bit < vl; bit++) if (is(bit)) p[(n * vl) / 8 + (bit >> 3)]! |= 1 << (bit & 7);
  }
  return p;
}
/** Near the window: mostly inside, now and then across one of its ends or a page. */
function address(r: Random, vl: number): bigint {
  const how = r.below(10);
  const inside = 1024 + r.below(WINDOW_BYTES - 2048);
  if (how < 6) return WINDOW_BASE + BigInt(inside);
  if (how < 7) return WINDOW_BASE + 4096n - BigInt(r.below(4 * vl));
  if (how < 8) return WINDOW_BASE + BigInt(WINDOW_BYTES - r.below(4 * vl));
  if (how < 9) return WINDOW_BASE - BigInt(r.below(2 * vl));
  return r.chance(50) ? r.u64() & 0xffff_ffffn : WINDOW_BASE + BigInt(inside & ~15);
}
/** Makes the registers that an access names lead to the window. */
function aim(r: Random, vl: number, f: FieldValues, start: SveStart): void {
  const base = address(r, vl);
  const small = (limit: number): bigint => BigInt(r.below(limit)) - (r.chance(20) ? 40n : 0n);
  const { Rn, Rm, Zn, Zm } = f;
  if (Rn === 31) start.sp = base & ~15n;
  else if (Rn !== undefined) start.x[Rn] = base;
  if (Rm !== undefined && Rm !== 31 && Rm !== Rn) start.x[Rm] = BigInt.asUintN(64, small(64));
  const n = Rn === undefined ? Zn : Zm;
  if (n === undefined) return;
  const view = new DataView(start.z.buffer);
  const pointers = Rn === undefined;
  const wide = pointers || r.chance(50);
  for (let at = n * vl; at < (n + 1) * vl; at += wide ? 8 : 4) {
    const odd = r.chance(3);
    const pointer = odd ? r.u64() : WINDOW_BASE + 1024n + BigInt(r.below(WINDOW_BYTES - 2048));
    const v = pointers ? pointer : small(odd ? 100000 : 64);
    if (wide) view.setBigUint64(at, BigInt.asUintN(64, v), true);
    else view.setInt32(at, Number(v), true);
  }
}

// ---- recorded answers ---------------------------------------------------------------------------------------------------

/** Cases of each row in golden/sve. */
export const GOLDEN_CASES = 3;
/** What a case left behind. */
export interface SveEnd {
  /** 'end', or the signal that a process would have got. */
  readonly how: string;
  readonly state: {
    readonly x: readonly bigint[];
    readonly sp: bigint;
    readonly nzcv: number;
    readonly fpsr: number;
    readonly z: Uint8Array;
    readonly p: Uint8Array;
  };
  /** Changed 8-byte words of the window. */
  readonly memory: ReadonlyMap<number, bigint>;
}
/** Everything in 32 bits, as text. */
export function sumOf({ how, state, memory }: SveEnd): string {
  const parts = [how, state.nzcv, state.fpsr, state.sp, ...state.x];
  for (const [at, v] of [...memory].sort(([a], [b]) => a - b)) parts.push(at, v);
  let h = hash(parts.join(' '));
  for (const byte of state.z) h = Math.imul(h ^ byte, 0x01000193);
  for (const byte of state.p) h = Math.imul(h ^ byte, 0x01000193);
  return (h >>> 0).toString(16).padStart(8, '0');
}
