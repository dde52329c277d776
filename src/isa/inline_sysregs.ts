// System registers that are plain storage of the PE, so frequent that an access to them is code and not a question to
// the system. Everything else about them is in arch/.

import { enc } from '../arch/schema.ts';
import { lazy } from '../base/lazy.ts';

/** Bits of the slot SYS_OPEN: accesses that no control traps, so that they need not ask; and whether PACM does anything. */
export const SysOpen = { Registers: 1, DcZva: 2, Cache: 4, Fpmr: 8, Pacm: 16 } as const;

export interface InlineSysreg {
  /** Name of the slot with the value; NZCV stands for the flags. */
  readonly slot: string;
  readonly enc: number;
  readonly writable: boolean;
  /** Needs FP and SIMD to be enabled. */
  readonly fp: boolean;
  /** Bits of the slot SYS_OPEN that say that no control traps a read, and a write; 0: none ever does. */
  readonly open: number;
  readonly openWrite: number;
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
export const inlineCounters = lazy((): readonly InlineCounter[] => [
  { enc: enc(3, 3, 14, 0, 1), slot: 'CNTP_AHEAD', open: 32 },
  { enc: enc(3, 3, 14, 0, 2), slot: 'CNTV_AHEAD', open: 64 },
  { enc: enc(3, 3, 14, 0, 5), slot: 'CNTP_AHEAD', open: 128 },
  { enc: enc(3, 3, 14, 0, 6), slot: 'CNTV_AHEAD', open: 256 },
]);

export const inlineSysregs = lazy((): readonly InlineSysreg[] => [
  {
    slot: 'TPIDR_EL0',
    enc: enc(3, 3, 13, 0, 2),
    writable: true,
    fp: false,
    open: SysOpen.Registers,
    openWrite: SysOpen.Registers,
  },
  { slot: 'TPIDRRO_EL0', enc: enc(3, 3, 13, 0, 3), writable: false, fp: false, open: SysOpen.Registers, openWrite: 0 },
  { slot: 'NZCV', enc: enc(3, 3, 4, 2, 0), writable: true, fp: false, open: 0, openWrite: 0 },
  { slot: 'FPCR', enc: enc(3, 3, 4, 4, 0), writable: false, fp: true, open: 0, openWrite: 0 },
  { slot: 'FPSR', enc: enc(3, 3, 4, 4, 1), writable: true, fp: true, open: 0, openWrite: 0, mask: FPSR_BITS },
  // What handlers of exceptions read and write. Opened one by one, when the system has answered once.
  { slot: 'ESR_EL1', enc: enc(3, 0, 5, 2, 0), writable: true, fp: false, open: 1 << 9, openWrite: 1 << 10 },
  { slot: 'ELR_EL1', enc: enc(3, 0, 4, 0, 1), writable: true, fp: false, open: 1 << 11, openWrite: 1 << 12 },
  { slot: 'SPSR_EL1', enc: enc(3, 0, 4, 0, 0), writable: true, fp: false, open: 1 << 13, openWrite: 1 << 14 },
  { slot: 'FAR_EL1', enc: enc(3, 0, 6, 0, 0), writable: true, fp: false, open: 1 << 15, openWrite: 1 << 16 },
  { slot: 'TPIDR_EL1', enc: enc(3, 0, 13, 0, 4), writable: true, fp: false, open: 1 << 17, openWrite: 1 << 18 },
]);
