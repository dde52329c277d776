// Registers that are more than storage: what a read computes and a write sets in motion, by name. Everything not named
// here is 64 bits with reserved ones. Access has been decided before.

import { encOf, type RegName, register } from '../arch/sysregs.ts';
import { inlineCounters } from '../isa/inline_sysregs.ts';
import type { PeContext } from './pe_context.ts';
import type { TimerName } from './pe_ports.ts';
import { slotOf } from './pe_regs.ts';
import { type Pstate, Spsr } from './pstate.ts';

interface Effect {
  /** What the guest and the owner of EL2 read. */
  readonly read?: (pe: PeContext) => bigint;
  /** What the guest reads, where reading does something. */
  readonly guestRead?: (pe: PeContext) => bigint;
  /** A guest's write. Absent: storage. */
  readonly write?: (pe: PeContext, value: bigint) => void;
  /** The owner's write, where it differs from storage. */
  readonly set?: (pe: PeContext, value: bigint) => void;
}

/** Registers without control bits from which something is derived all the same. */
const DERIVED_FROM: ReadonlySet<string> = new Set<string>([
  'TTBR0_EL1', 'TTBR1_EL1', 'MAIR_EL1', 'PIR_EL1', 'PIRE0_EL1', 'POR_EL1', 'POR_EL0', 'VTTBR_EL2', 'S2PIR_EL2', 'OSLSR_EL1', 'ICC_SRE_EL1', 'ICC_SRE_EL2',
  'ZCR_EL1', 'ZCR_EL2',
  'DBGBVR<n>_EL1', 'DBGBCR<n>_EL1', 'DBGWVR<n>_EL1', 'DBGWCR<n>_EL1',
  ...['APIA', 'APIB', 'APDA', 'APDB', 'APGA'].flatMap((key) => [`${key}KEYLO_EL1`, `${key}KEYHI_EL1`]),
]); // biome-ignore format: a list

const bit = (n: number): bigint => 1n << BigInt(n);

function pstateBit(mask: bigint, changed?: (pe: PeContext) => void): Effect {
  return {
    read: (pe) => pe.pstate_.bits & mask,
    write: (pe, v) => {
      pe.pstate_.bits = (pe.pstate_.bits & ~mask) | (v & mask);
      changed?.(pe);
    },
  };
}
function counter(name: RegName, timer: TimerName): Effect {
  const row = inlineCounters().find((c) => c.enc === encOf(name))!;
  return { read: (pe) => pe.timers.counter(timer), guestRead: (pe) => pe.readCounter(row, timer) };
}
function timer(t: TimerName): Readonly<Record<'ctl' | 'cval' | 'tval', Effect>> {
  return {
    ctl: { read: (pe) => pe.timers.readCtl(t), write: (pe, v) => timerWrite(pe, () => pe.timers.writeCtl(t, v)) },
    cval: { write: (pe, v) => timerWrite(pe, () => pe.timers.writeCval(t, v)) },
    tval: { read: (pe) => pe.timers.readTval(t), write: (pe, v) => timerWrite(pe, () => pe.timers.writeTval(t, v)) },
  };
}
/** The time of the next event has changed. */
function timerWrite(pe: PeContext, write: () => void): void {
  write();
  pe.recheckInterrupts();
}
/** A pair of registers that set and clear bits of one. */
function setClear(store: RegName, width: bigint, reads: 'value' | 'ones' = 'value'): { set: Effect; clear: Effect } {
  const read = (pe: PeContext): bigint => pe.regs.get(store);
  return {
    set: {
      read: (pe) => (reads === 'ones' ? width : read(pe)),
      write: (pe, v) => pe.regs.set(store, read(pe) | (v & width)),
    },
    clear: { read, write: (pe, v) => pe.regs.set(store, read(pe) & ~v) },
  };
}

const CNTP = timer('CNTP');
const CNTV = timer('CNTV');
const CLAIM = setClear('DBGCLAIMCLR_EL1', 0xffn, 'ones');
const OSLK = bit(1);
const OSLM = bit(3);
const zero: Effect = { read: () => 0n, write: () => {} };
const stackPointer = (el: 0 | 1): Effect => ({
  read: (pe) => pe.pstate_.stackPointer(el),
  write: (pe, v) => pe.pstate_.setStackPointer(el, v),
  set: (pe, v) => pe.pstate_.setStackPointer(el, v),
});
const masked = (p: Pstate): bigint => p.bits & Spsr.DAIF;

const EFFECTS: Readonly<Partial<Record<RegName, Effect>>> = {
  // PSTATE.
  CurrentEL: { read: (pe) => BigInt(pe.cpu.el) << 2n },
  SPSel: { read: (pe) => BigInt(pe.pstate_.sp), write: (pe, v) => pe.pstate_.setMode(1, v & 1n ? 1 : 0) },
  DAIF: {
    read: (pe) => masked(pe.pstate_),
    write: (pe, v) => {
      pe.pstate_.bits = (pe.pstate_.bits & ~Spsr.DAIF) | (v & Spsr.DAIF);
      pe.recheckInterrupts();
    },
  },
  PAN: pstateBit(Spsr.PAN, (pe) => pe.applyTlb()),
  UAO: pstateBit(Spsr.UAO, (pe) => pe.applyTlb()),
  ALLINT: pstateBit(Spsr.ALLINT, (pe) => pe.recheckInterrupts()),
  SP_EL0: stackPointer(0),
  SP_EL1: stackPointer(1),

  // Identification that the owner of EL2 chooses.
  MIDR_EL1: { read: (pe) => pe.regs.get('VPIDR_EL2') },
  MPIDR_EL1: { read: (pe) => pe.regs.get('VMPIDR_EL2') },
  ISR_EL1: { read: (pe) => BigInt(pe.pendingInterrupts()) },

  // Timers.
  CNTPCT_EL0: counter('CNTPCT_EL0', 'CNTP'),
  CNTPCTSS_EL0: counter('CNTPCTSS_EL0', 'CNTP'),
  CNTVCT_EL0: counter('CNTVCT_EL0', 'CNTV'),
  CNTVCTSS_EL0: counter('CNTVCTSS_EL0', 'CNTV'),
  CNTP_CTL_EL0: CNTP.ctl,
  CNTP_CVAL_EL0: CNTP.cval,
  CNTP_TVAL_EL0: CNTP.tval,
  CNTV_CTL_EL0: CNTV.ctl,
  CNTV_CVAL_EL0: CNTV.cval,
  CNTV_TVAL_EL0: CNTV.tval,

  // Debug.
  OSLAR_EL1: {
    read: () => 0n,
    write: (pe, v) => {
      pe.regs.set('OSLSR_EL1', v & 1n ? OSLK : 0n);
      pe.debug.update();
      pe.recheckInterrupts();
    },
  },
  OSLSR_EL1: { read: (pe) => (pe.regs.get('OSLSR_EL1') & OSLK) | OSLM },
  DBGCLAIMSET_EL1: CLAIM.set,
  DBGCLAIMCLR_EL1: CLAIM.clear,
  // There is no debugger at the other end of the communication channel, and no error record.
  MDCCSR_EL0: zero,
  DBGDTR_EL0: zero,
  DBGDTRRX_EL0: zero,
  DBGDTRTX_EL0: zero,
  OSDTRRX_EL1: zero,
  OSDTRTX_EL1: zero,
  MDRAR_EL1: zero,
  DBGAUTHSTATUS_EL1: zero,
  ERXFR_EL1: zero,
  ERXCTLR_EL1: zero,
  ERXSTATUS_EL1: zero,
  ERXADDR_EL1: zero,
  ERXMISC0_EL1: zero,
  ERXMISC1_EL1: zero,
  ERXMISC2_EL1: zero,
  ERXMISC3_EL1: zero,
  ERXPFGF_EL1: zero,
  ERXPFGCTL_EL1: zero,
  ERXPFGCDN_EL1: zero,

  // Randomness that is the same in every run.
  RNDR: { read: (pe) => random(pe) },
  RNDRRS: { read: (pe) => random(pe) },
};

/** @arm AArch64.RNDR: success clears NZCV. */
function random(pe: PeContext): bigint {
  pe.cpu.nzcv = 0;
  return pe.nextRandom();
}

export function effectOf(name: string): Effect | undefined {
  return (EFFECTS as Readonly<Record<string, Effect | undefined>>)[name];
}
/** A register, looked up once: for whoever comes to it often. */
export interface RegHandle {
  readonly slot: number;
  /** Absent: storage. */
  readonly read: ((pe: PeContext) => bigint) | undefined;
  readonly set: ((pe: PeContext, value: bigint) => void) | undefined;
  /** What depends on it, and is to be computed anew after a change: only debug events and decisions about registers, or all. */
  readonly control: 'debug' | 'all' | undefined;
}
const DEBUG: ReadonlySet<string> = new Set([
  'MDSCR_EL1', 'MDCR_EL2', 'DBGBVR<n>_EL1', 'DBGBCR<n>_EL1', 'DBGWVR<n>_EL1', 'DBGWCR<n>_EL1',
]); // biome-ignore format: a list
const handles = new Map<RegName, RegHandle>();
export function handleOf(name: RegName): RegHandle {
  const known = handles.get(name);
  if (known) return known;
  const row = register(name);
  const effect = effectOf(name);
  const isControl = row.table === 'control' || DERIVED_FROM.has(row.key);
  const control = !isControl ? undefined : DEBUG.has(row.key) ? 'debug' : 'all';
  const made = { slot: slotOf(name), read: effect?.read, set: effect?.set, control } as const;
  handles.set(name, made);
  return made;
}
