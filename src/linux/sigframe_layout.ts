// Where everything of a signal frame stands: siginfo, ucontext with the registers, records with the rest.
// @linux rt_sigframe, struct sigcontext, __sigframe_alloc

import { SIGINFO_SIZE } from './siginfo.ts';

/** The frame record of X29 and X30, above the frame. */
export const RECORD = 16;

/** Offsets within the frame. */
const UC = SIGINFO_SIZE;
const SC = UC + 176;
const RESERVED = SC + 288;
const RESERVED_SIZE = 4096;
export const At = {
  /** ucontext: uc_stack (sp, flags, size), uc_sigmask. */
  UC,
  STACK: UC + 16,
  SIGMASK: UC + 40,
  /** sigcontext: fault_address, X0 to X30 and SP, PC, PSTATE, and the records. */
  SC,
  REGS: SC + 8,
  PC: SC + 264,
  PSTATE: SC + 272,
  RESERVED,
} as const;
/** As long as every frame is at least. */
export const FRAME_SIZE = RESERVED + RESERVED_SIZE;
/** @linux SIGFRAME_MAXSZ */
export const FRAME_MAX = 64 * 1024;

/** The system call that ends a handler. */
export const RT_SIGRETURN = 139;

/** PSTATE bits besides NZCV that a program may choose through rt_sigreturn: TCO, DIT, SSBS, BTYPE. @linux valid_user_regs */
export const PSTATE_USER = 0x0300_1c00;
/** Those that must be those of plain execution at EL0: mode, D, A, I, F, IL and SS. */
export const PSTATE_FIXED = 0x3df;
/** Those that a handler does not inherit: TCO, BTYPE. */
const PSTATE_ANEW = 0x0200_0c00;
/** PSTATE of a handler, which starts like a function reached by BLR: BTYPE is 0b10 where there is BTI. */
export const handlerPstate = (pstate: number, hasBti: boolean): number =>
  (pstate & ~PSTATE_ANEW) | (hasBti ? 0x800 : 0);

/** What of a CPU decides how a frame looks. */
export interface Records {
  readonly hasFpmr: boolean;
  readonly hasSve: boolean;
  readonly hasBti: boolean;
}

/** A record begins with its magic number and its size. */
export const Magic = {
  FPSIMD: 0x46508001,
  ESR: 0x45535201,
  FPMR: 0x46504d52,
  SVE: 0x53564501,
  EXTRA: 0x45585401,
} as const;
export const FPSIMD_SIZE = 528;
/** Of a record of one register. */
export const SMALL = 16;
export const EXTRA_SIZE = 32;
export const TERMINATOR_SIZE = 16;
/** The header of the SVE record, which stands alone while there is nothing beyond V. */
export const SVE_HEADER = 16;
/** Bytes of the SVE record with Z, P and FFR. @param vl vector length in bytes @linux SVE_SIG_CONTEXT_SIZE */
export const sveSize = (vl: number): number => SVE_HEADER + Math.ceil((32 * vl + (17 * vl) / 8) / 16) * 16;

/** Where each record begins; 0 for one that is not there. */
export interface Shape {
  readonly fpsimd: number;
  readonly esr: number;
  readonly sve: number;
  readonly sveSize: number;
  readonly fpmr: number;
  /** What does not fit comes after this record and a terminator. */
  readonly extra: number;
  /** What the frame takes of the stack. */
  readonly size: number;
  /** Where the last terminator ends: nothing stands behind it. */
  readonly end: number;
}
/** @param sve bytes of the SVE record, 0 without one */
export function shapeOf(esr: boolean, sve: number, fpmr: boolean): Shape {
  let end = RESERVED;
  let limit = RESERVED + RESERVED_SIZE - TERMINATOR_SIZE - EXTRA_SIZE;
  let extra = 0;
  const place = (size: number): number => {
    if (size === 0) return 0;
    if (size > limit - end && extra === 0) {
      extra = end;
      end += EXTRA_SIZE + TERMINATOR_SIZE;
      limit = FRAME_MAX - TERMINATOR_SIZE;
    }
    end += size;
    return end - size;
  };
  // The order is that of the frame.
  const at = {
    fpsimd: place(FPSIMD_SIZE),
    esr: place(esr ? SMALL : 0),
    sve: place(sve),
    fpmr: place(fpmr ? SMALL : 0),
  };
  end += TERMINATOR_SIZE;
  return { ...at, sveSize: sve, extra, size: Math.max(FRAME_SIZE, end), end };
}
/** AT_MINSIGSTKSZ: room for the largest frame. @param largestVl of the CPU in bytes, 0 without SVE */
export function minimumStack(largestVl: number, hasFpmr: boolean): number {
  return shapeOf(true, largestVl && sveSize(largestVl), hasFpmr).size + 2 * RECORD;
}
