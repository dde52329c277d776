// The frame a signal handler runs on: siginfo, ucontext with all registers and the FP records, frame record. Written at
// delivery, read back by rt_sigreturn after the handler may have edited any of it. @linux rt_sigframe, struct sigcontext

import { type CpuState, Slot } from '../cpu/state.ts';
import { Struct } from './bytes.ts';
import type { AddressSpace } from './mm/mm.ts';
import { encodeSigInfo, SIGINFO_SIZE, type SigInfo } from './siginfo.ts';

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
/** PSTATE bits that a program may choose through rt_sigreturn: NZCV, TCO, DIT, SSBS, BTYPE. @linux valid_user_regs */
const PSTATE_USER = 0x0300_1c00n | 0xf000_0000n;

/** SPSR as the kernel would have saved it. */
export function pstateOf(cpu: CpuState): bigint {
  return (BigInt(cpu.nzcv) << BigInt(NZCV_SHIFT)) | (cpu.get(Slot.PSTATE) & PSTATE_USER & 0x0fff_ffffn);
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

/** A record of the frame: where it stands, and what writes it. */
interface Part {
  readonly magic: number;
  readonly size: number;
  readonly write: (s: Struct, at: number) => void;
}
/** Where each record goes, and the size of the frame: what does not fit comes after an `extra` record. @linux __sigframe_alloc */
function layout(sizes: readonly number[]): {
  readonly at: readonly number[];
  readonly extra: number | undefined;
  readonly size: number;
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
  return { at, extra, size: Math.max(FRAME_SIZE, end + TERMINATOR_SIZE) };
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
      s.set32(at + 8, Number(cpu.get(Slot.FPSR))).set32(at + 12, Number(cpu.get(Slot.FPCR)));
      for (let i = 0; i < 32; i++) {
        const [lo, hi] = cpu.v(i);
        s.set64(at + 16 + 16 * i, lo).set64(at + 24 + 16 * i, hi);
      }
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

/** Signals can come often: one buffer is used for every frame while it is written or read. */
const scratch = new Uint8Array(2 * FRAME_SIZE);
function blank(size: number): Struct {
  return new Struct(size <= scratch.length ? scratch.subarray(0, size).fill(0) : size);
}
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
  const { at, extra, size } = layout(parts.map((p) => p.size));
  const fp = (top & ~15n) - BigInt(RECORD);
  const sp = (fp - BigInt(size)) & ~15n;
  const s = blank(size);
  s.bytes.set(encodeSigInfo(info));
  s.set64(UC_STACK, c.altStack.sp)
    .set32(UC_STACK + 8, c.altStack.flags)
    .set64(UC_STACK + 16, c.altStack.size);
  s.set64(UC_SIGMASK, c.mask);
  s.set64(SC, c.faultAddress);
  for (let i = 0; i < 31; i++) s.set64(SC_REGS + 8 * i, cpu.x(i));
  s.set64(SC_SP, cpu.sp).set64(SC_PC, cpu.pc).set64(SC_PSTATE, pstateOf(cpu));
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
  const record = new Struct(RECORD).set64(0, cpu.x(29)).set64(8, cpu.x(30));
  if (!c.mm.write(fp, record.bytes) || !c.mm.write(sp, s.bytes)) return undefined;
  return { sp, fp, siginfo: sp, ucontext: sp + BigInt(UC) };
}

/** What of a CPU decides which records may stand in a frame. */
interface Records {
  readonly hasFpmr: boolean;
  readonly hasSve: boolean;
}
interface Found {
  fpsimd?: Struct;
  fpmr?: bigint;
  sve?: Struct;
}
/** Reads the records from `at` on. @returns the address and size of more of them, or whether all is well */
function readRecords(s: Struct, from: number, c: Records, found: Found): { data: bigint; size: number } | boolean {
  const end = s.bytes.length;
  let more: { data: bigint; size: number } | undefined;
  for (let at = from; ; ) {
    if (at % 16 !== 0 || at + 8 > end) return false;
    const magic = s.u32(at);
    const size = s.u32(at + 4);
    if (magic === 0) return size === 0 && (more ?? true);
    if (more || size < 16 || size % 16 !== 0 || at + size > end) return false;
    const body = new Struct(s.bytes.subarray(at, at + size));
    switch (magic) {
      case FPSIMD_MAGIC:
        if (found.fpsimd || size !== FPSIMD_SIZE) return false;
        found.fpsimd = body;
        break;
      case FPMR_MAGIC:
        if (!c.hasFpmr || size !== 16) return false;
        found.fpmr = body.u64(8);
        break;
      case SVE_MAGIC:
        if (!c.hasSve || found.sve) return false;
        found.sve = body;
        break;
      case ESR_MAGIC:
        break;
      case EXTRA_MAGIC:
        if (size !== EXTRA_SIZE) return false;
        more = { data: body.u64(8), size: body.u32(16) };
        // It must stand behind the terminator that follows.
        if (at + EXTRA_SIZE + TERMINATOR_SIZE > end) return false;
        break;
      default:
        return false;
    }
    at += size;
  }
}

/** Reads the frame at the stack pointer back into the CPU. @returns what else it restores, or undefined: SIGSEGV. */
export function popFrame(
  cpu: CpuState,
  mm: AddressSpace,
  c: Records,
): { readonly mask: bigint; readonly altStack: AltStack } | undefined {
  if ((cpu.sp & 15n) !== 0n) return undefined;
  const s = blank(FRAME_SIZE);
  if (!mm.read(cpu.sp, s.bytes)) return undefined;
  const pstate = s.u64(SC_PSTATE);
  // Mode, D, A, I, F, IL and SS must be those of plain EL0 execution.
  if ((pstate & 0x3dfn) !== 0n) return undefined;
  const found: Found = {};
  const more = readRecords(s, RESERVED, c, found);
  if (more === false) return undefined;
  if (more !== true) {
    if (more.size > FRAME_MAX || more.data % 16n !== 0n) return undefined;
    const rest = new Struct(more.size);
    if (!mm.read(more.data, rest.bytes) || readRecords(rest, 0, c, found) !== true) return undefined;
  }
  const { fpsimd, fpmr, sve } = found;
  if (!fpsimd) return undefined;
  if (sve && !restoreSve(cpu, sve)) return undefined;
  if (!sve) cpu.discardSve();
  for (let i = 0; i < 31; i++) cpu.setX(i, s.u64(SC_REGS + 8 * i));
  cpu.sp = s.u64(SC_SP);
  cpu.pc = s.u64(SC_PC);
  setPstate(cpu, pstate);
  cpu.set(Slot.FPSR, BigInt(fpsimd.u32(8)));
  cpu.set(Slot.FPCR, BigInt(fpsimd.u32(12)));
  // V counts where the two records differ.
  for (let i = 0; i < 32; i++) cpu.setV(i, fpsimd.u64(16 + 16 * i), fpsimd.u64(24 + 16 * i));
  if (fpmr !== undefined) cpu.set(Slot.FPMR, fpmr);
  return {
    mask: s.u64(UC_SIGMASK),
    altStack: { sp: s.u64(UC_STACK), flags: s.u32(UC_STACK + 8), size: s.u64(UC_STACK + 16) },
  };
}
/** @returns false if the record is of another vector length, of streaming mode, or too short. @linux restore_sve_fpsimd_context */
function restoreSve(cpu: CpuState, record: Struct): boolean {
  const { vl } = cpu;
  if (record.u16(8) !== vl || record.u16(10) !== 0) return false;
  cpu.discardSve();
  if (record.bytes.length === SVE_HEADER) return true;
  if (record.bytes.length < sveSize(vl)) return false;
  for (let n = 0; n < 32; n++) cpu.z(n).set(record.bytes.subarray(SVE_HEADER + n * vl, SVE_HEADER + (n + 1) * vl));
  const p = SVE_HEADER + 32 * vl;
  for (let n = 0; n < 17; n++) cpu.p(n).set(record.bytes.subarray(p + (n * vl) / 8, p + ((n + 1) * vl) / 8));
  cpu.touchSve(vl);
  return true;
}

export function setPstate(cpu: CpuState, pstate: bigint): void {
  cpu.nzcv = Number((pstate >> BigInt(NZCV_SHIFT)) & 15n);
  cpu.set(Slot.PSTATE, (cpu.get(Slot.PSTATE) & ~(PSTATE_USER & 0x0fff_ffffn)) | (pstate & PSTATE_USER & 0x0fff_ffffn));
}
