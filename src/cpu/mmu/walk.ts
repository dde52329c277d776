// The stage 1 table walk of VMSAv8-64: from a virtual to an intermediate physical address, all granules and sizes,
// with hardware updates of the access flag and dirty state. Reads tables through a port, so that stage 2 can fault it.
// @arm AArch64.S1Walk, AArch64.S1Translate

import { type FaultKind, fscAt } from '../../arch/esr.ts';
import { highHalf, joined, lowHalf } from '../../base/bits.ts';
import type { Access } from '../engine.ts';
import { type Leaf, Perm, permissionsOf } from './perms.ts';
import type { Range, Regime } from './regime.ts';

/** A descriptor as two halves; `undefined` from the port: stage 2 faulted, and the port knows how. */
export interface Descriptor {
  lo: number;
  hi: number;
}
/** A table of the last level that a walk has come to: those that come to it again begin there. */
export interface LastTable {
  /** What it is a table of; undefined: nothing is known. */
  range: Range | undefined;
  /** Which of the stretches that such a table translates. */
  stretch: number;
  table: number;
  apTable: number;
  uxnTable: boolean;
  pxnTable: boolean;
}
export const newLastTable = (): LastTable => ({
  range: undefined, stretch: 0, table: 0, apTable: 0, uxnTable: false, pxnTable: false,
}); // biome-ignore format: a record

export interface TablePort {
  /** Whoever offers it forgets it where a TLB would; absent: every walk begins with the first table. */
  readonly last?: LastTable;
  /** @returns false after a fault of stage 2 */
  read(ipa: number, into: Descriptor): boolean;
  /** Replaces a descriptor. @returns false after a fault of stage 2 */
  write(ipa: number, value: Descriptor): boolean;
}

export type WalkResult =
  | {
      readonly ok: true;
      /** Address of the byte. */
      readonly ipa: number;
      readonly writable: boolean;
      readonly executable: boolean;
      /** Attr<n> of MAIR_EL1; 0 (Device-nGnRnE) while the MMU is off for data. */
      readonly attr: number;
      readonly sh: number;
      readonly guarded: boolean;
      readonly level: number;
      /** log2 of what the entry translates, neighbours by the Contiguous bit included. */
      readonly sizeBits: number;
    }
  | {
      readonly ok: false;
      /** Status code of a stage 1 fault; undefined: stage 2 faulted on a table at `ipa`. */
      readonly fsc: number | undefined;
      readonly ipa: number;
      /** Of that table. */
      readonly level?: number;
      /** Why a permission is missing: an overlay took it away, or the page is clean and hardware does not make it dirty. */
      readonly because?: 'overlay' | 'clean';
    };

export interface WalkRequest {
  readonly va: bigint;
  readonly access: Access;
  readonly el0: boolean;
  /** PSTATE.PAN applies. */
  readonly pan: boolean;
  /** Make hardware updates (AT instructions may leave them out). */
  readonly update: boolean;
  /** The access may do everything (AT S1E1A). */
  readonly unchecked?: boolean;
}

const VALID = 1;
const TABLE_OR_PAGE = 2;
const AF = 1 << 10;
const AP2 = 1 << 7;
const HI = {
  PXN: 1 << 21,
  UXN: 1 << 22,
  DBM: 1 << 19,
  GP: 1 << 18,
  CONTIGUOUS: 1 << 20,
  PXN_TABLE: 1 << 27,
  UXN_TABLE: 1 << 28,
} as const;
const NORMAL = 0xff;
/** In the high half of an address. */
const BIT55 = 1 << 23;

const fault = (kind: FaultKind, level: number, because?: 'overlay' | 'clean'): WalkResult => ({
  ok: false,
  fsc: fscAt(kind, level as -1 | 0 | 1 | 2 | 3),
  ipa: 0,
  ...(because && { because }),
});

export function walkStage1(r: Regime, port: TablePort, q: WalkRequest): WalkResult {
  const { va, access } = q;
  const lo = lowHalf(va);
  const hi = highHalf(va);
  const upper = (hi & BIT55) !== 0;
  const range = upper ? r.upper : r.lower;
  const tbi = access === 'execute' ? range.tbiInstruction : range.tbiData;
  if (!r.on) return untranslated(r, va, access, tbi);
  if (!tbi && hi >>> 24 !== (upper ? 0xff : 0)) return fault('TRANSLATION', 0);
  if (range.disabled || range.inputBits === 0 || (q.el0 && range.el0Disabled)) return fault('TRANSLATION', 0);
  // Bits from the input size up to 55 all equal bit 55.
  const bits = range.inputBits;
  const extended = (hi << 8) >> 8;
  const sign = upper ? -1 : 0;
  const rest = bits >= 32 ? extended >> (bits - 32) : extended === sign ? lo >> bits : ~sign;
  if (rest !== sign) return fault('TRANSLATION', 0);
  const offset = bits > 32 ? (hi & (POW2[bits - 32]! - 1)) * POW2[32]! + lo : lowBits(lo, bits);
  return descend(r, range, port, q, offset);
}

/** Stage 1 is off: addresses go through. @arm AArch64.S1DisabledOutput */
function untranslated(r: Regime, va: bigint, access: Access, tbi: boolean): WalkResult {
  const address = va & (tbi ? 0x00ff_ffff_ffff_ffffn : 0xffff_ffff_ffff_ffffn);
  if (address >> 52n !== 0n || Number(address) >= 2 ** Math.max(r.outputBits, 48)) return fault('ADDRESS_SIZE', 0);
  const attr = access === 'execute' || r.defaultCacheable ? NORMAL : 0;
  return {
    ok: true,
    ipa: Number(address),
    writable: true,
    executable: true,
    attr,
    sh: r.defaultCacheable ? 0 : 2,
    guarded: false,
    level: 3,
    sizeBits: 12,
  };
}

const d: Descriptor = { lo: 0, hi: 0 };
/** 2^n: walks are frequent, and neither ** nor % of numbers beyond 32 bits is cheap. */
const POW2: readonly number[] = Array.from({ length: 65 }, (_, n) => 2 ** n);
/** `x` modulo 2^bits, exact for x below 2^53. */
function lowBits(x: number, bits: number): number {
  const size = POW2[bits]!;
  return x - Math.floor(x / size) * size;
}

function descend(r: Regime, range: Range, port: TablePort, q: WalkRequest, offset: number): WalkResult {
  const { granuleBits } = range;
  const stride = granuleBits - 3;
  const leaf: Leaf = {
    ap: 0, uxn: false, pxn: false, dbm: false, pi: 0, po: 0, apTable: 0, uxnTable: false, pxnTable: false,
  }; // biome-ignore format: a record
  let table = range.base;
  const limit = POW2[r.outputBits]!;
  if (table >= limit) return fault('ADDRESS_SIZE', 0);
  let first = range.startLevel;
  const { last } = port;
  const stretch = Math.floor(offset / POW2[granuleBits + stride]!);
  if (last && last.range === range && last.stretch === stretch) {
    first = 3;
    table = last.table;
    leaf.apTable = last.apTable;
    leaf.uxnTable = last.uxnTable;
    leaf.pxnTable = last.pxnTable;
  }
  for (let level = first; ; level++) {
    const shift = granuleBits + (3 - level) * stride;
    const number = Math.floor(offset / POW2[shift]!);
    const index = level === range.startLevel ? number : lowBits(number, stride);
    const at = table + index * 8;
    if (!port.read(at, d)) return { ok: false, fsc: undefined, ipa: at, level };
    if (!(d.lo & VALID)) return fault('TRANSLATION', level);
    const isTable = level < 3 && (d.lo & TABLE_OR_PAGE) !== 0;
    if (level === 3 ? !(d.lo & TABLE_OR_PAGE) : !isTable && !blockAllowed(r, granuleBits, level)) {
      return fault('TRANSLATION', level);
    }
    const address = addressOf(r, granuleBits);
    if (isTable) {
      table = address - lowBits(address, granuleBits);
      if (table >= limit) return fault('ADDRESS_SIZE', level);
      if (range.hierarchical) {
        leaf.apTable |= (d.hi >>> 29) & 3;
        leaf.uxnTable ||= (d.hi & HI.UXN_TABLE) !== 0;
        leaf.pxnTable ||= (d.hi & HI.PXN_TABLE) !== 0;
      }
      if (last && level === 2) {
        last.range = range;
        last.stretch = stretch;
        last.table = table;
        last.apTable = leaf.apTable;
        last.uxnTable = leaf.uxnTable;
        last.pxnTable = leaf.pxnTable;
      }
      continue;
    }
    const output = address - lowBits(address, shift);
    if (output >= limit) return fault('ADDRESS_SIZE', level);
    return finish(r, range, port, q, leaf, at, output + lowBits(offset, shift), level);
  }
}

/** Levels at which a block descriptor may stand. @arm AArch64.BlockDescSupported */
function blockAllowed(r: Regime, granuleBits: number, level: number): boolean {
  if (granuleBits === 12) return level === 1 || level === 2 || (level === 0 && r.ds);
  if (granuleBits === 14) return level === 2 || (level === 1 && r.ds);
  return level === 2 || (level === 1 && r.largeBlocks);
}
/** The output address of the descriptor, low bits not yet cleared. */
function addressOf(r: Regime, granuleBits: number): number {
  const low = (d.lo & 0xfffff000) >>> 0;
  if (r.ds && granuleBits !== 16) {
    return joined((d.hi & 0x3ffff) + ((d.lo >>> 8) & 3) * 2 ** 18, low);
  }
  const base = joined(d.hi & 0xffff, low);
  if (granuleBits !== 16) return base;
  const plain = base - lowBits(base, 16);
  return r.lpa64K ? plain + ((d.lo >>> 12) & 15) * 2 ** 48 : plain;
}

/** log2 of the entries that the Contiguous bit joins. */
export function contiguousBits(granuleBits: number, level: number): number {
  return granuleBits === 12 ? 4 : granuleBits === 14 && level === 3 ? 7 : 5;
}

function finish(
  r: Regime,
  range: Range,
  port: TablePort,
  q: WalkRequest,
  leaf: Leaf,
  at: number,
  ipa: number,
  level: number,
): WalkResult {
  const { lo, hi } = d;
  const { granuleBits } = range;
  const setsAf = !(lo & AF);
  if (setsAf && !r.hardwareAf) return fault('ACCESS_FLAG', level);
  leaf.ap = (lo >>> 6) & 3;
  leaf.uxn = (hi & HI.UXN) !== 0;
  leaf.pxn = (hi & HI.PXN) !== 0;
  leaf.dbm = (hi & HI.DBM) !== 0;
  leaf.pi = (leaf.uxn ? 8 : 0) | (leaf.pxn ? 4 : 0) | (leaf.dbm ? 2 : 0) | ((lo >>> 6) & 1);
  leaf.po = (hi >>> 28) & 7;
  const granted = permissionsOf(r, leaf, q.el0);
  let { perms } = granted;
  if (!q.el0 && q.pan && granted.userAccess) perms &= ~(Perm.R | Perm.W);
  const attr = r.attrs[(lo >>> 2) & 7]!;
  const needed = q.access === 'read' ? Perm.R : q.access === 'write' ? Perm.W : Perm.X;
  if (!(perms & needed) && !q.unchecked) {
    const byOverlay = (granted.base & needed) !== 0 && (granted.overlaid & needed) === 0;
    return fault('PERMISSION', level, byOverlay ? 'overlay' : undefined);
  }
  // Clean: AP[2] (nDirty) is set on a page that may be written.
  const clean = (lo & AP2) !== 0 && (r.pie !== undefined || (r.hardwareDirty && leaf.dbm));
  const makesDirty = clean && q.access === 'write';
  if (makesDirty && !r.hardwareDirty && !q.unchecked) return fault('PERMISSION', level, 'clean');
  if (q.update && (setsAf || makesDirty)) {
    d.lo = (lo | AF) & (makesDirty ? ~AP2 : -1);
    if (!port.write(at, d)) return { ok: false, fsc: undefined, ipa: at, level };
  }
  return {
    ok: true,
    ipa,
    // A clean page is written to only after it has been asked about again.
    writable: (perms & Perm.W) !== 0 && (!clean || makesDirty),
    executable: (perms & Perm.X) !== 0,
    attr,
    sh: r.ds && granuleBits !== 16 ? range.sh : (lo >>> 8) & 3,
    guarded: (hi & HI.GP) !== 0,
    level,
    sizeBits:
      granuleBits + (3 - level) * (granuleBits - 3) + (hi & HI.CONTIGUOUS ? contiguousBits(granuleBits, level) : 0),
  };
}
