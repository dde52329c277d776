// System registers that are plain storage of the PE, so frequent that an access to them is code and not a question to
// the system. Everything else about them is in arch/.

import { enc } from '../arch/schema.ts';

export interface InlineSysreg {
  /** Name of the slot with the value; NZCV stands for the flags. */
  readonly slot: string;
  readonly enc: number;
  readonly writable: boolean;
  /** Needs FP and SIMD to be enabled. */
  readonly fp: boolean;
  /** Some control can trap an access, so the slot SYS_OPEN is looked at. */
  readonly trappable: boolean;
  /** Bits that exist, where not all do. */
  readonly mask?: bigint;
}

/** FPSR: QC and the cumulative exception bits. */
const FPSR_BITS = 0x0800_009fn;

// FPCR is only read: which of its bits exist depends on features.
/** A counter: the CPU's time, and how far the counter is ahead of it. */
export interface InlineCounter {
  readonly enc: number;
  readonly slot: 'CNTV_AHEAD' | 'CNTP_AHEAD';
  /** In SYS_OPEN, while the slot holds and no control traps. */
  readonly open: number;
}
/**
 * Our choice: ticks (ns) that reading a counter and YIELD take beyond an instruction, about as on a machine. Loops that wait
 * come to their end in as many turns as there.
 */
export const WAIT_TICKS = 40;
export const INLINE_COUNTERS: readonly InlineCounter[] = [
  { enc: enc(3, 3, 14, 0, 1), slot: 'CNTP_AHEAD', open: 32 },
  { enc: enc(3, 3, 14, 0, 2), slot: 'CNTV_AHEAD', open: 64 },
  { enc: enc(3, 3, 14, 0, 5), slot: 'CNTP_AHEAD', open: 128 },
  { enc: enc(3, 3, 14, 0, 6), slot: 'CNTV_AHEAD', open: 256 },
];

export const INLINE_SYSREGS: readonly InlineSysreg[] = [
  { slot: 'TPIDR_EL0', enc: enc(3, 3, 13, 0, 2), writable: true, fp: false, trappable: true },
  { slot: 'TPIDRRO_EL0', enc: enc(3, 3, 13, 0, 3), writable: false, fp: false, trappable: true },
  { slot: 'NZCV', enc: enc(3, 3, 4, 2, 0), writable: true, fp: false, trappable: false },
  { slot: 'FPCR', enc: enc(3, 3, 4, 4, 0), writable: false, fp: true, trappable: false },
  { slot: 'FPSR', enc: enc(3, 3, 4, 4, 1), writable: true, fp: true, trappable: false, mask: FPSR_BITS },
];
