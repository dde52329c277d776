// What controls floating point and what it reports: FPCR, FPSR and their bit names.
// Everything under cpu/fp/ is a pure function of its operands and of this context. It knows nothing of registers,
// instructions or traps: trapped exceptions (FPCR.IDE..IOE) are not implemented, those bits read as zero.

/** The floating-point state an operation sees. Exceptions are OR-ed into `fpsr`. */
export interface FpContext {
  fpcr: number;
  fpsr: number;
  /** FEAT_RPRES: FRECPE and FRSQRTE of single precision give 12 bits when FPCR.AH is 1. */
  readonly rpres?: boolean;
}

/** Floating-point format by width: half, single, double precision. */
export type Fmt = 16 | 32 | 64;

/** Bits of FPCR, as masks. */
export const FPCR = {
  FIZ: 1 << 0,
  AH: 1 << 1,
  NEP: 1 << 2,
  EBF: 1 << 13,
  FZ16: 1 << 19,
  RMode: 3 << 22,
  FZ: 1 << 24,
  DN: 1 << 25,
  AHP: 1 << 26,
} as const;

/** Bits of FPSR, as masks: the cumulative exception flags and the saturation flag. */
export const FPSR = {
  IOC: 1 << 0,
  DZC: 1 << 1,
  OFC: 1 << 2,
  UFC: 1 << 3,
  IXC: 1 << 4,
  IDC: 1 << 7,
  QC: 1 << 27,
} as const;

/** How a result is rounded. @arm FPRounding */
export type FpRounding = 'tieeven' | 'plusinf' | 'minusinf' | 'zero' | 'tieaway' | 'odd';

const modes = ['tieeven', 'plusinf', 'minusinf', 'zero'] as const;

/** The rounding mode that FPCR.RMode selects. @arm FPRoundingMode */
export function fpRoundingMode(fpcr: number): FpRounding {
  return modes[(fpcr >>> 22) & 3] as FpRounding;
}

/**
 * The context of operations that report nothing, always round to nearest and flush denormals on both sides when
 * FPCR.AH is 1 (the estimates and the BFloat16 conversions). With AH = 0 it is `cx` itself.
 */
export function alternateQuietContext(cx: FpContext): FpContext {
  if (!(cx.fpcr & FPCR.AH)) return cx;
  return { fpcr: (cx.fpcr | FPCR.FIZ | FPCR.FZ) & ~FPCR.RMode, fpsr: 0, rpres: cx.rpres ?? false };
}
