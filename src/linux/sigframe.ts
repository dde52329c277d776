// The frame a signal handler runs on: siginfo, ucontext with all registers and the FP records, frame record. Written at
// delivery, read back by rt_sigreturn after the handler may have edited any of it. @linux rt_sigframe, struct sigcontext

import { type CpuState, Slot, V_STRIDE } from '../cpu/state.ts';
import { Struct } from './bytes.ts';
import type { AddressSpace } from './mm/mm.ts';
import { putSigInfo, SIGINFO_SIZE, type SigInfo } from './siginfo.ts';

export interface AltStack {
  sp: bigint;
  size: bigint;
  flags: number;
}
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x8000_0000;

// Offsets within the frame.
const UC = SIGINFO_SIZE;
const UC_STACK = UC + 16;
const UC_SIGMASK = UC + 40;
const SC = UC + 176;
const SC_REGS = SC + 8;
const SC_SP = SC + 256;
const SC_PC = SC + 264;
const SC_PSTATE = SC + 272;
const RESERVED = SC + 288;
const RESERVED_SIZE = 4096;
const FRAME_SIZE = RESERVED + RESERVED_SIZE;
const RECORD = 16;

const FPSIMD_MAGIC = 0x46508001;
const FPSIMD_SIZE = 528;
const ESR_MAGIC = 0x45535201;
const FPMR_MAGIC = 0x46504d52;
const SVE_MAGIC = 0x53564501;
const EXTRA_MAGIC = 0x45585401;
const EXTRA_SIZE = 32;
const TERMINATOR_SIZE = 16;
/** The header of the SVE record, which stands alone while there is nothing beyond V. */
const SVE_HEADER = 16;
/** @linux SIGFRAME_MAXSZ */
const FRAME_MAX = 64 * 1024;

const NZCV_SHIFT = 28;
/** PSTATE bits besides NZCV that a program may choose through rt_sigreturn: TCO, DIT, SSBS, BTYPE. @linux valid_user_regs */
const PSTATE_USER = 0x0300_1c00;

/** SPSR as the kernel would have saved it: its upper half is zero. */
function pstateLow(cpu: CpuState): number {
  return ((cpu.nzcv << NZCV_SHIFT) | (cpu.low(Slot.PSTATE) & PSTATE_USER)) >>> 0;
}
export function pstateOf(cpu: CpuState): bigint {
  return BigInt(pstateLow(cpu));
}

export interface FrameContext {
  readonly cpu: CpuState;
  readonly mm: AddressSpace;
  readonly hasFpmr: boolean;
  readonly hasSve: boolean;
  /** Saved signal mask, restored by rt_sigreturn. */
  readonly mask: bigint;
  readonly altStack: AltStack;
  /** ESR of the fault that caused the signal, 0n if none. */
  readonly esr: bigint;
  readonly faultAddress: bigint;
}

/** Bytes of the SVE record with Z, P and FFR. @linux SVE_SIG_CONTEXT_SIZE */
const sveSize = (vl: number): number => SVE_HEADER + Math.ceil((32 * vl + (17 * vl) / 8) / 16) * 16;

/** Copies the low 128 bits of all vector registers to (or from) a structure. Signals come too often for bigints. */
function copyVectors(cpu: CpuState, words: Uint32Array, at: number, restore: boolean): void {
  const { u32 } = cpu.mem;
  let to = at >>> 2;
  for (let i = 0; i < 32; i++) {
    const v = (cpu.base + Slot.V + i * V_STRIDE) >>> 2;
    for (let k = v; k < v + 4; k++, to++) {
      if (restore) u32[k] = words[to]!;
      else words[to] = u32[k]!;
    }
  }
}
function copyGeneral(cpu: CpuState, words: Uint32Array, restore: boolean): void {
  const { u32 } = cpu.mem;
  const x = (cpu.base + Slot.X) >>> 2;
  for (let i = 0; i < 2 * 31; i++) {
    if (restore) u32[x + i] = words[SC_REGS / 4 + i]!;
    else words[SC_REGS / 4 + i] = u32[x + i]!;
  }
}

/** A record of the frame: where it stands, and what writes it. */
interface Part {
  readonly magic: number;
  readonly size: number;
  readonly write: (s: Buffer, at: number) => void;
}
/** Where each record goes, and the size of the frame: what does not fit comes after an `extra` record. @linux __sigframe_alloc */
function layout(sizes: readonly number[]): {
  readonly at: readonly number[];
  readonly extra: number | undefined;
  readonly size: number;
  /** Where the last record ends. */
  readonly end: number;
} {
  let end = RESERVED;
  let limit = RESERVED + RESERVED_SIZE - TERMINATOR_SIZE - EXTRA_SIZE;
  let extra: number | undefined;
  const at = sizes.map((size) => {
    if (size > limit - end && extra === undefined) {
      extra = end;
      end += EXTRA_SIZE + TERMINATOR_SIZE;
      limit = FRAME_MAX - TERMINATOR_SIZE;
    }
    const here = end;
    end += size;
    return here;
  });
  end += TERMINATOR_SIZE;
  return { at, extra, size: Math.max(FRAME_SIZE, end), end };
}
/** AT_MINSIGSTKSZ: room for the largest frame. @param largestVl of the CPU in bytes, 0 without SVE */
export function minimumStack(largestVl: number, hasFpmr: boolean): number {
  const sizes = [FPSIMD_SIZE, 16, ...(largestVl ? [sveSize(largestVl)] : []), ...(hasFpmr ? [16] : [])];
  return layout(sizes).size + 2 * RECORD;
}

function fpsimdPart(cpu: CpuState): Part {
  return {
    magic: FPSIMD_MAGIC,
    size: FPSIMD_SIZE,
    write: (s, at) => {
      s.set32(at + 8, cpu.low(Slot.FPSR)).set32(at + 12, cpu.low(Slot.FPCR));
      copyVectors(cpu, s.words, at + 16, false);
    },
  };
}
function svePart(cpu: CpuState): Part {
  const { vl } = cpu;
  const live = cpu.sveLive !== 0;
  return {
    magic: SVE_MAGIC,
    size: live ? sveSize(vl) : SVE_HEADER,
    write: (s, at) => {
      s.set16(at + 8, vl);
      if (!live) return;
      for (let n = 0; n < 32; n++) s.bytes.set(cpu.z(n), at + SVE_HEADER + n * vl);
      for (let n = 0; n < 17; n++) s.bytes.set(cpu.p(n), at + SVE_HEADER + 32 * vl + (n * vl) / 8);
    },
  };
}
const word = (magic: number, value: bigint): Part => ({
  magic,
  size: 16,
  write: (s, at) => void s.set64(at + 8, value),
});

/** A structure that can be seen as words, too. */
class Buffer extends Struct {
  readonly words: Uint32Array;
  constructor(size: number) {
    super(size);
    this.words = new Uint32Array(this.bytes.buffer, 0, size / 4);
  }
}
/** Signals can come often: one buffer is used for every frame while it is written or read. */
const SCRATCH = new Buffer(2 * FRAME_SIZE);
const RECORD_SCRATCH = new Struct(RECORD);
/** Frames of programs without SVE are no longer than that, as far as anything stands in them. */
const USUAL = RESERVED + 1024;

/** Writes the frame below `top`. @returns addresses the handler gets, or undefined when the stack cannot be written. */
export function pushFrame(
  c: FrameContext,
  info: SigInfo,
  top: bigint,
): { readonly sp: bigint; readonly fp: bigint; readonly siginfo: bigint; readonly ucontext: bigint } | undefined {
  const { cpu } = c;
  const parts = [
    fpsimdPart(cpu),
    ...(c.esr !== 0n ? [word(ESR_MAGIC, c.esr)] : []),
    ...(c.hasSve ? [svePart(cpu)] : []),
    ...(c.hasFpmr ? [word(FPMR_MAGIC, cpu.get(Slot.FPMR))] : []),
  ];
  const { at, extra, size, end } = layout(parts.map((p) => p.size));
  const fp = (top & ~15n) - BigInt(RECORD);
  const sp = (fp - BigInt(size)) & ~15n;
  const s = end <= SCRATCH.bytes.length ? SCRATCH : new Buffer(end);
  s.bytes.fill(0, 0, end);
  putSigInfo(s, info);
  s.set64(UC_STACK, c.altStack.sp)
    .set32(UC_STACK + 8, c.altStack.flags)
    .set64(UC_STACK + 16, c.altStack.size);
  s.set64(UC_SIGMASK, c.mask);
  s.set64(SC, c.faultAddress);
  copyGeneral(cpu, s.words, false);
  s.set64(SC_SP, cpu.sp).set64(SC_PC, cpu.pc).set32(SC_PSTATE, pstateLow(cpu));
  // Terminators are zero, as everything is that nobody writes.
  parts.forEach((p, i) => {
    s.set32(at[i]!, p.magic).set32(at[i]! + 4, p.size);
    p.write(s, at[i]!);
  });
  if (extra !== undefined) {
    const data = extra + EXTRA_SIZE + TERMINATOR_SIZE;
    s.set32(extra, EXTRA_MAGIC)
      .set32(extra + 4, EXTRA_SIZE)
      .set64(extra + 8, sp + BigInt(data))
      .set32(extra + 16, size - data);
  }
  const record = RECORD_SCRATCH.set64(0, cpu.x(29)).set64(8, cpu.x(30));
  if (!c.mm.write(fp, record.bytes) || !c.mm.write(sp, s.bytes.subarray(0, end))) return undefined;
  return { sp, fp, siginfo: sp, ucontext: sp + BigInt(UC) };
}

/** What of a CPU decides which records may stand in a frame. */
interface Records {
  readonly hasFpmr: boolean;
  readonly hasSve: boolean;
}
/** Where a record stands. */
interface Place {
  readonly s: Buffer;
  readonly at: number;
  readonly size: number;
}
interface Found {
  fpsimd?: Place;
  fpmr?: bigint;
  sve?: Place;
}
/** Reads the records in [from, end). @returns the address and size of more of them, or whether all is well */
function readRecords(
  s: Buffer,
  from: number,
  end: number,
  c: Records,
  found: Found,
): { data: bigint; size: number } | boolean {
  let more: { data: bigint; size: number } | undefined;
  for (let at = from; ; ) {
    if (at % 16 !== 0 || at + 8 > end) return false;
    const magic = s.u32(at);
    const size = s.u32(at + 4);
    if (magic === 0) return size === 0 && (more ?? true);
    if (more || size < 16 || size % 16 !== 0 || at + size > end) return false;
    switch (magic) {
      case FPSIMD_MAGIC:
        if (found.fpsimd || size !== FPSIMD_SIZE) return false;
        found.fpsimd = { s, at, size };
        break;
      case FPMR_MAGIC:
        if (!c.hasFpmr || size !== 16) return false;
        found.fpmr = s.u64(at + 8);
        break;
      case SVE_MAGIC:
        if (!c.hasSve || found.sve) return false;
        found.sve = { s, at, size };
        break;
      case ESR_MAGIC:
        break;
      case EXTRA_MAGIC:
        if (size !== EXTRA_SIZE) return false;
        more = { data: s.u64(at + 8), size: s.u32(at + 16) };
        // It must stand behind the terminator that follows.
        if (at + EXTRA_SIZE + TERMINATOR_SIZE > end) return false;
        break;
      default:
        return false;
    }
    at += size;
  }
}
/** The frame at the stack pointer, as far as one reads: mostly the beginning says everything. */
function readFrame(cpu: CpuState, mm: AddressSpace, c: Records): Found | undefined {
  const s = SCRATCH;
  for (const end of [USUAL, FRAME_SIZE]) {
    if (!mm.read(cpu.sp, s.bytes.subarray(0, end))) return undefined;
    const found: Found = {};
    const more = readRecords(s, RESERVED, end, c, found);
    if (more === true) return found;
    if (more === false) continue;
    if (more.size > FRAME_MAX || more.size % 16 !== 0 || more.data % 16n !== 0n) return undefined;
    const rest = new Buffer(more.size);
    if (!mm.read(more.data, rest.bytes) || readRecords(rest, 0, more.size, c, found) !== true) return undefined;
    return found;
  }
  return undefined;
}

/** Reads the frame at the stack pointer back into the CPU. @returns what else it restores, or undefined: SIGSEGV. */
export function popFrame(
  cpu: CpuState,
  mm: AddressSpace,
  c: Records,
): { readonly mask: bigint; readonly altStack: AltStack } | undefined {
  if ((cpu.sp & 15n) !== 0n) return undefined;
  const found = readFrame(cpu, mm, c);
  const s = SCRATCH;
  const pstate = s.u32(SC_PSTATE);
  // Mode, D, A, I, F, IL and SS must be those of plain EL0 execution.
  if (!found?.fpsimd || (pstate & 0x3df) !== 0) return undefined;
  const { fpsimd, fpmr, sve } = found;
  if (sve && !restoreSve(cpu, sve)) return undefined;
  if (!sve) cpu.discardSve();
  copyGeneral(cpu, s.words, true);
  cpu.sp = s.u64(SC_SP);
  cpu.pc = s.u64(SC_PC);
  setPstate(cpu, pstate);
  cpu.setHalves(Slot.FPSR, fpsimd.s.u32(fpsimd.at + 8), 0);
  cpu.setHalves(Slot.FPCR, fpsimd.s.u32(fpsimd.at + 12), 0);
  // V counts where the two records differ.
  copyVectors(cpu, fpsimd.s.words, fpsimd.at + 16, true);
  if (fpmr !== undefined) cpu.set(Slot.FPMR, fpmr);
  return {
    mask: s.u64(UC_SIGMASK),
    altStack: { sp: s.u64(UC_STACK), flags: s.u32(UC_STACK + 8), size: s.u64(UC_STACK + 16) },
  };
}
/** @returns false if the record is of another vector length, of streaming mode, or too short. @linux restore_sve_fpsimd_context */
function restoreSve(cpu: CpuState, { s, at, size }: Place): boolean {
  const { vl } = cpu;
  if (s.u16(at + 8) !== vl || s.u16(at + 10) !== 0) return false;
  cpu.discardSve();
  if (size === SVE_HEADER) return true;
  if (size < sveSize(vl)) return false;
  const z = at + SVE_HEADER;
  for (let n = 0; n < 32; n++) cpu.z(n).set(s.bytes.subarray(z + n * vl, z + (n + 1) * vl));
  const p = z + 32 * vl;
  for (let n = 0; n < 17; n++) cpu.p(n).set(s.bytes.subarray(p + (n * vl) / 8, p + ((n + 1) * vl) / 8));
  cpu.touchSve(vl);
  return true;
}

/** @param pstate the low half of SPSR */
function setPstate(cpu: CpuState, pstate: number): void {
  cpu.nzcv = pstate >>> NZCV_SHIFT;
  cpu.setLow(Slot.PSTATE, (cpu.low(Slot.PSTATE) & ~PSTATE_USER) | (pstate & PSTATE_USER));
}
