// Stage 2 by the architecture: EL2's registers and tables in physical memory decide, as on a machine whose EL2 is not
// KVM. Another owner of the Stage2 port. Absent: FEAT_S2POE, FEAT_HAFT, FEAT_HDBSS, FEAT_MTE_PERM, FEAT_THE, FEAT_D128.
// @arm AArch64.S2Walk, AArch64.S2Translate, AArch64.S2CheckPermissions

import { joined } from '../../base/bits.ts';
import type { Access } from '../engine.ts';
import type { Has } from '../needs.ts';
import type { Stage2, Stage2Answer, Stage2Fault, Stage2Mapping } from '../pe_ports.ts';
import type { PeRegs } from '../pe_regs.ts';
import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from '../physmem.ts';
import { Perm } from './perms.ts';
import { isDeviceAtStage2, type Stage2Memory } from './stage2_attrs.ts';
import { type Stage2Setup, stage2Key, stage2SetupOf } from './stage2_setup.ts';
import { contiguousBits } from './walk.ts';

/** The physical address space: what memory there is. */
export interface Physical {
  /** @param page a physical address in units of 4 KiB. @returns its frame; undefined: no memory, an external abort */
  frame(page: number): number | undefined;
}

const VALID = 1;
const TABLE_OR_PAGE = 2;
const READABLE = 1 << 6;
/** S2AP[1]; "dirty" with indirect permissions. */
const WRITABLE = 1 << 7;
const AF = 1 << 10;
const HI = { DBM: 1 << 19, CONTIGUOUS: 1 << 20, XNX: 1 << 21, XN: 1 << 22 } as const;
const NO_MEMORY = 0x10;
const POW2: readonly number[] = Array.from({ length: 65 }, (_, n) => 2 ** n);

/** Values of S2PIR_EL2's fields: what EL1, EL0 and stage 1 walks may do. */
interface Permissions {
  readonly el1: number;
  readonly el0: number;
  readonly walk: number;
}
const { R, W, X } = Perm;
const of = (el1: number, el0: number, walk: number): Permissions => ({ el1, el0, walk });
const NONE = of(0, 0, 0);
/** Mostly read-only: stage 1 walks update their descriptors. */
const MOSTLY = of(R, R, R | W);
const INDIRECT: readonly Permissions[] = [
  NONE, NONE, MOSTLY, MOSTLY, of(W, W, 0), NONE, MOSTLY, MOSTLY,
  of(R, R, R), of(R, R | X, R), of(R | X, R, R), of(R | X, R | X, R),
  of(R | W, R | W, R | W), of(R | W, R | W | X, R | W), of(R | W | X, R | W, R | W), of(R | W | X, R | W | X, R | W),
]; // biome-ignore format: a table

const fault = (kind: Stage2Fault, level: number): Stage2Answer => ({
  ok: false,
  fault: kind,
  level: level as -1 | 0 | 1 | 2 | 3,
});

/** Stage 2 of one PE: registers steer it, so PEs do not share it. */
export class ArchStage2 implements Stage2 {
  private readonly mem: PhysMem;
  private readonly physical: Physical;
  private readonly paBits: number | undefined;
  private key: string | undefined;
  private setup!: Stage2Setup;

  /** @param paBits size of physical addresses; absent: 48, or 52 with FEAT_LPA */
  constructor(mem: PhysMem, physical: Physical, paBits?: number) {
    this.mem = mem;
    this.physical = physical;
    this.paBits = paBits;
  }
  follow(regs: PeRegs, has: Has): string {
    const key = stage2Key(regs);
    if (key !== this.key) {
      this.key = key;
      this.setup = stage2SetupOf(regs, has, this.paBits ?? (has('FEAT_LPA') ? 52 : 48));
    }
    return key;
  }
  /** Answers change with registers (`follow`) and are ended by TLBI: there is nothing else to hear of. */
  onChange(): void {}

  translate(ipa: number, access: Access, s1ptw: boolean, el0: boolean, update: boolean): Stage2Answer {
    const { setup } = this;
    if (setup.off) return this.found(R | W | X, { pa: ipa, sizeBits: FRAME_SHIFT });
    if (setup.invalid || ipa >= POW2[setup.inputBits]!) return fault('translation', 0);
    return this.walk(ipa, access, s1ptw, el0, update);
  }
  private found(perms: number, mapping: Stage2Mapping): Stage2Answer {
    const frame = this.physical.frame(Math.floor(mapping.pa / FRAME_SIZE));
    if (frame === undefined) return { ok: false, fault: 'translation', level: 3, external: NO_MEMORY };
    return { ok: true, frame, writable: (perms & W) !== 0, executable: (perms & X) !== 0, mapping };
  }

  private walk(ipa: number, access: Access, s1ptw: boolean, el0: boolean, update: boolean): Stage2Answer {
    const { setup, mem } = this;
    const { granuleBits } = setup;
    const stride = granuleBits - 3;
    const limit = POW2[setup.outputBits]!;
    let table = setup.base;
    if (table >= limit) return fault('addressSize', 0);
    for (let level = setup.startLevel; ; level++) {
      const shift = granuleBits + (3 - level) * stride;
      const number = Math.floor(ipa / POW2[shift]!);
      // Concatenated tables are one larger table.
      const at = table + (level === setup.startLevel ? number : lowBits(number, stride)) * 8;
      const frame = this.physical.frame(Math.floor(at / FRAME_SIZE));
      if (frame === undefined) return fault('externalWalk', level);
      const word = (frame * FRAME_SIZE + lowBits(at, FRAME_SHIFT)) >>> 2;
      const lo = mem.u32[word]!;
      const hi = mem.u32[word + 1]!;
      const isTable = level < 3 && (lo & TABLE_OR_PAGE) !== 0;
      const isLeaf = level === 3 ? (lo & TABLE_OR_PAGE) !== 0 : !isTable && blockAllowed(setup, level);
      if (!(lo & VALID) || !(isTable || isLeaf)) return fault('translation', level);
      const address = addressOf(setup, lo, hi);
      const output = address - lowBits(address, isTable ? granuleBits : shift);
      if (output >= limit) return fault('addressSize', level);
      if (isTable) {
        table = output;
        continue;
      }
      const sizeBits = shift + (hi & HI.CONTIGUOUS ? contiguousBits(granuleBits, level) : 0);
      const pa = output + lowBits(ipa, shift);
      return this.leaf(word, { level, pa, sizeBits }, access, s1ptw, el0, update);
    }
  }
  /** @param word where the descriptor is, as an index of 32-bit words */
  private leaf(
    word: number,
    { level, pa, sizeBits }: { level: number; pa: number; sizeBits: number },
    access: Access,
    s1ptw: boolean,
    el0: boolean,
    update: boolean,
  ): Stage2Answer {
    const { setup, mem } = this;
    const lo = mem.u32[word]!;
    const hi = mem.u32[word + 1]!;
    const setsAf = !(lo & AF);
    if (setsAf && !setup.hardwareAf) return fault('accessFlag', level);
    const memory: Stage2Memory = {
      attr: (lo >>> 2) & 15,
      sh: setup.ds ? setup.sh : (lo >>> 8) & 3,
      fwb: setup.fwb,
      uncached: setup.uncached,
    };
    if (s1ptw && setup.protectedWalks && isDeviceAtStage2(memory)) return fault('permission', level);
    const managed = setup.hardwareDirty && (hi & HI.DBM) !== 0;
    const granted = setup.pir === undefined ? direct(setup, lo, hi, managed) : indirect(setup.pir, lo, hi);
    const perms = s1ptw ? granted.walk : el0 ? granted.el0 : granted.el1;
    if (!(perms & (access === 'read' ? R : access === 'write' ? W : X))) return fault('permission', level);
    const clean = !(lo & WRITABLE) && (setup.pir !== undefined || managed);
    const makesDirty = clean && access === 'write';
    if (makesDirty && !setup.hardwareDirty)
      return { ok: false, fault: 'permission', level: level as 0, because: 'clean' };
    if (update && (setsAf || makesDirty)) mem.u32[word] = lo | AF | (makesDirty ? WRITABLE : 0);
    // A clean page is written to only after it has been asked about again.
    return this.found(clean && !makesDirty ? perms & ~W : perms, { pa, sizeBits, memory });
  }
}

/** `x` modulo 2^bits, exact for x below 2^53. */
function lowBits(x: number, bits: number): number {
  const size = POW2[bits]!;
  return x - Math.floor(x / size) * size;
}
/** Levels at which a block descriptor may stand. @arm AArch64.BlockDescSupported */
function blockAllowed(s: Stage2Setup, level: number): boolean {
  if (level === 2) return true;
  if (s.granuleBits === 12) return level === 1 || (level === 0 && s.ds);
  return level === 1 && (s.granuleBits === 14 ? s.ds : s.largeBlocks);
}
/** The output address of a descriptor, low bits not yet cleared. */
function addressOf(s: Stage2Setup, lo: number, hi: number): number {
  const low = (lo & 0xfffff000) >>> 0;
  if (s.ds) return joined((hi & 0x3ffff) + ((lo >>> 8) & 3) * 2 ** 18, low);
  const base = joined(hi & 0xffff, low);
  return s.lpa64K ? base - lowBits(base, 16) + ((lo >>> 12) & 15) * 2 ** 48 : base;
}
/** @arm AArch64.S2DirectBasePermissions */
function direct(s: Stage2Setup, lo: number, hi: number, managed: boolean): Permissions {
  const data = (lo & READABLE ? R : 0) | (lo & WRITABLE || managed ? W : 0);
  const never = (hi & HI.XN) !== 0;
  const apart = s.xnx && (hi & HI.XNX) !== 0;
  return { el1: data | (never === apart ? X : 0), el0: data | (never ? 0 : X), walk: data };
}
/** @arm AArch64.S2IndirectBasePermissions */
function indirect(pir: bigint, lo: number, hi: number): Permissions {
  const index = ((hi >>> 19) & 12) | (hi & HI.DBM ? 2 : 0) | (lo & READABLE ? 1 : 0);
  return INDIRECT[Number((pir >> BigInt(4 * index)) & 15n)]!;
}
