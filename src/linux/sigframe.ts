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
export const FRAME_SIZE = RESERVED + RESERVED_SIZE;

const FPSIMD_MAGIC = 0x46508001;
const FPSIMD_SIZE = 528;
const ESR_MAGIC = 0x45535201;
const FPMR_MAGIC = 0x46504d52;
const EXTRA_MAGIC = 0x45585401;

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
  /** Saved signal mask, restored by rt_sigreturn. */
  readonly mask: bigint;
  readonly altStack: AltStack;
  /** ESR of the fault that caused the signal, 0n if none. */
  readonly esr: bigint;
  readonly faultAddress: bigint;
}

/** Writes the frame below `top`. @returns addresses the handler gets, or undefined when the stack cannot be written. */
export function pushFrame(
  c: FrameContext,
  info: SigInfo,
  top: bigint,
): { readonly sp: bigint; readonly fp: bigint; readonly siginfo: bigint; readonly ucontext: bigint } | undefined {
  const { cpu } = c;
  const fp = (top & ~15n) - 16n;
  const sp = (fp - BigInt(FRAME_SIZE)) & ~15n;
  const s = new Struct(FRAME_SIZE);
  s.bytes.set(encodeSigInfo(info));
  s.set64(UC_STACK, c.altStack.sp)
    .set32(UC_STACK + 8, c.altStack.flags)
    .set64(UC_STACK + 16, c.altStack.size);
  s.set64(UC_SIGMASK, c.mask);
  s.set64(SC, c.faultAddress);
  for (let i = 0; i < 31; i++) s.set64(SC_REGS + 8 * i, cpu.x(i));
  s.set64(SC_SP, cpu.sp).set64(SC_PC, cpu.pc).set64(SC_PSTATE, pstateOf(cpu));
  let at = RESERVED;
  s.set32(at, FPSIMD_MAGIC).set32(at + 4, FPSIMD_SIZE);
  s.set32(at + 8, Number(cpu.get(Slot.FPSR))).set32(at + 12, Number(cpu.get(Slot.FPCR)));
  for (let i = 0; i < 32; i++) {
    const [lo, hi] = cpu.v(i);
    s.set64(at + 16 + 16 * i, lo).set64(at + 24 + 16 * i, hi);
  }
  at += FPSIMD_SIZE;
  if (c.esr !== 0n) {
    s.set32(at, ESR_MAGIC)
      .set32(at + 4, 16)
      .set64(at + 8, c.esr);
    at += 16;
  }
  if (c.hasFpmr) {
    s.set32(at, FPMR_MAGIC)
      .set32(at + 4, 16)
      .set64(at + 8, cpu.get(Slot.FPMR));
    at += 16;
  }
  s.set64(at, 0); // the terminator: magic 0, size 0
  const record = new Struct(16).set64(0, cpu.x(29)).set64(8, cpu.x(30));
  if (!c.mm.write(fp, record.bytes) || !c.mm.write(sp, s.bytes)) return undefined;
  return { sp, fp, siginfo: sp, ucontext: sp + BigInt(UC) };
}

/** Reads the frame at the stack pointer back into the CPU. @returns what else it restores, or undefined: SIGSEGV. */
export function popFrame(
  cpu: CpuState,
  mm: AddressSpace,
  hasFpmr: boolean,
): { readonly mask: bigint; readonly altStack: AltStack } | undefined {
  if ((cpu.sp & 15n) !== 0n) return undefined;
  const s = new Struct(FRAME_SIZE);
  if (!mm.read(cpu.sp, s.bytes)) return undefined;
  const pstate = s.u64(SC_PSTATE);
  // Mode, D, A, I, F, IL and SS must be those of plain EL0 execution.
  if ((pstate & 0x3dfn) !== 0n) return undefined;
  let fpsimd: number | undefined;
  let fpmr: bigint | undefined;
  const end = RESERVED + RESERVED_SIZE;
  for (let at = RESERVED; ; ) {
    if (at % 16 !== 0 || at + 8 > end) return undefined;
    const magic = s.u32(at);
    const size = s.u32(at + 4);
    if (magic === 0) {
      if (size !== 0) return undefined;
      break;
    }
    if (size < 16 || size % 16 !== 0 || at + size > end) return undefined;
    switch (magic) {
      case FPSIMD_MAGIC:
        if (fpsimd !== undefined || size !== FPSIMD_SIZE) return undefined;
        fpsimd = at;
        break;
      case FPMR_MAGIC:
        if (!hasFpmr || size !== 16) return undefined;
        fpmr = s.u64(at + 8);
        break;
      case ESR_MAGIC:
        break;
      case EXTRA_MAGIC:
        return undefined; // no record of ours is ever that large
      default:
        return undefined;
    }
    at += size;
  }
  if (fpsimd === undefined) return undefined;
  for (let i = 0; i < 31; i++) cpu.setX(i, s.u64(SC_REGS + 8 * i));
  cpu.sp = s.u64(SC_SP);
  cpu.pc = s.u64(SC_PC);
  setPstate(cpu, pstate);
  cpu.set(Slot.FPSR, BigInt(s.u32(fpsimd + 8)));
  cpu.set(Slot.FPCR, BigInt(s.u32(fpsimd + 12)));
  for (let i = 0; i < 32; i++) cpu.setV(i, s.u64(fpsimd + 16 + 16 * i), s.u64(fpsimd + 24 + 16 * i));
  if (fpmr !== undefined) cpu.set(Slot.FPMR, fpmr);
  return {
    mask: s.u64(UC_SIGMASK),
    altStack: { sp: s.u64(UC_STACK), flags: s.u32(UC_STACK + 8), size: s.u64(UC_STACK + 16) },
  };
}

export function setPstate(cpu: CpuState, pstate: bigint): void {
  cpu.nzcv = Number((pstate >> BigInt(NZCV_SHIFT)) & 15n);
  cpu.set(Slot.PSTATE, (cpu.get(Slot.PSTATE) & ~(PSTATE_USER & 0x0fff_ffffn)) | (pstate & PSTATE_USER & 0x0fff_ffffn));
}
