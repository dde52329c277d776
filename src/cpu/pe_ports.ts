// What a PE that runs a guest asks of whoever owns EL2 (KVM, a bare machine), and what it answers when it comes back:
// stage 2, interrupts, devices behind system registers, the clock. Interfaces only.

import type { Feat } from '../arch/features.ts';
import type { RegName } from '../arch/sysregs.ts';
import type { Access, Engine, ExceptionRecord, SystemHooks } from './engine.ts';
import type { Stage2Memory } from './mmu/stage2_attrs.ts';
import type { TlbTarget } from './mmu/tlbi.ts';
import type { PauthState } from './pauth.ts';
import type { PePool } from './pe_pool.ts';
import type { PeRegs } from './pe_regs.ts';
import type { PhysMem } from './physmem.ts';
import type { CpuState } from './state.ts';
import type { RegHandle } from './sysreg_effects.ts';

/** Why Pe.run came back. */
export type PeExit =
  /** The budget is used up. */
  | { readonly kind: 'budget' }
  /** Pe.kick (or CpuState.requestExit) was called. */
  | { readonly kind: 'kick' }
  /**
   * WFI or WFE that nothing traps and nothing ends; PC is past it. Run again after an interrupt became pending or the
   * time `wake` has come (undefined: no timer of this PE will end it). Running again earlier is allowed: the instruction
   * may end at any time.
   */
  | { readonly kind: 'idle'; readonly wake: bigint | undefined }
  /** An exception to EL2. PC and PSTATE (Pe.pstate) are what ELR_EL2 and SPSR_EL2 would hold. */
  | { readonly kind: 'el2'; readonly record: ExceptionRecord };

/** 'externalWalk': there is no memory where a table of stage 2 should be. */
export type Stage2Fault = 'translation' | 'permission' | 'accessFlag' | 'addressSize' | 'externalWalk';
/** Where stage 2 tables send an address. */
export interface Stage2Mapping {
  /** Physical address of the byte. */
  readonly pa: number;
  /** log2 of what the entry translates, neighbours by the Contiguous bit included. */
  readonly sizeBits: number;
  /** Absent: stage 2 is off, the attributes of stage 1 stay. */
  readonly memory?: Stage2Memory;
}
export type Stage2Answer =
  | {
      readonly ok: true;
      readonly frame: number;
      /** Stores may go ahead without asking again. */
      readonly writable: boolean;
      readonly executable: boolean;
      /** Ask for every access. */
      readonly uncached?: boolean;
      /** From an owner that walks tables. */
      readonly mapping?: Stage2Mapping;
    }
  | {
      readonly ok: false;
      readonly fault: Stage2Fault;
      readonly level: -1 | 0 | 1 | 2 | 3;
      /** The permission is there, but the page is clean and hardware does not make it dirty. */
      readonly because?: 'clean';
      /**
       * A synchronous external abort instead: the guest takes it at EL1 (or EL2 with HCR_EL2.TEA) with this status code.
       */
      readonly external?: number;
    };

/** Answers of stage 2 that may be wrong now: those about pages [first, end), in 4 KiB. */
export interface Stage2Change {
  readonly first: number;
  readonly end: number;
  /** Only that they may be written. */
  readonly writesOnly: boolean;
}
/** Intermediate physical addresses to frames, for all PEs of a VM. */
export interface Stage2 {
  /**
   * @param ipa the byte accessed; answers hold for its 4 KiB page
   * @param s1ptw the access is one of a stage 1 table walk
   * @param el0 it is one of EL0
   * @param update make hardware updates (AT instructions leave them out)
   */
  translate(ipa: number, access: Access, s1ptw: boolean, el0: boolean, update: boolean): Stage2Answer;
  /**
   * EL2's registers may have changed. Of an owner that is steered by them (mmu/stage2.ts).
   * @param has what the hardware has
   * @returns what answers depend on: those given under another key are kept apart
   */
  follow?(regs: PeRegs, has: (feat: Feat) => boolean): string;
  /** Registers a listener for "earlier answers may be wrong now"; called without an argument: all of them. */
  onChange(listener: (change?: Stage2Change) => void): void;
}

/** What a GIC CPU interface (or HCR_EL2.{VI,VF} in software) signals to the guest. Asked often: must be cheap. */
export interface InterruptSource {
  /** The virtual interrupt that is signalled now, masked by priorities but not by PSTATE. */
  pending(): 'none' | 'irq' | 'fiq' | 'both';
}

/** System registers that live outside of the PE (ICC_*), by packed encoding. The PE has checked EL and traps. */
export interface SysregDevice {
  /** @returns undefined: UNDEFINED */
  read(enc: number): bigint | undefined;
  /** @returns false: UNDEFINED. Interrupts are looked at again afterwards. */
  write(enc: number, value: bigint): boolean;
}

/** The system counter. Deterministic: tied to executed instructions. */
export interface PeClock {
  /** Ticks a second: what CNTFRQ_EL0 says. Absent: 1 GHz. */
  readonly frequency?: bigint;
  /** CNTPCT without any offset, exact at the present instruction. */
  now(): bigint;
  /**
   * While a PE runs, now() goes on by exactly what its CpuState.time does. Then the PE lets time pass there when the guest
   * reads the counter, which takes longer than an instruction, and when accesses missed the TLB.
   */
  readonly follows?: boolean;
  /** Lets time pass that no instruction accounts for. Not called while a PE runs. */
  spend?(ticks: number): void;
  /**
   * What reading the counter takes where other CPUs take time along, so that every read has to be asked for. Absent: time is
   * that of the CPU while it runs.
   */
  readonly readTicks?: number;
  /** How many instructions this PE may execute before now() reaches `tick`: at least 1. */
  instructionsUntil(tick: bigint): number;
}

export type TimerName = 'CNTP' | 'CNTV';
/** The outputs of the PE's EL1 timers. */
export interface TimerSink {
  /** The output (condition met, enabled and not masked) changed. */
  timerLevel(timer: TimerName, asserted: boolean): void;
}

/** The PEs behind the CPU states of an engine: what the engine's hooks ask when a guest runs. */
export interface PeDirectory extends Required<SystemHooks> {
  /** The state belongs to a PE made with this directory. */
  owns(cpu: CpuState): boolean;
  pauth(cpu: CpuState): PauthState;
}

/** What a Pe (pe.ts) is made from. */
export interface PeOptions {
  readonly mem: PhysMem;
  readonly engine: Engine;
  /** Where CPU state and TLB blocks come from and go to; absent: fresh ones. */
  readonly pool?: PePool;
  /** PEs that share TLB maintenance broadcasts: those of one VM. */
  readonly domain: PeDomain;
  readonly directory: PeRegistry;
  readonly stage2: Stage2;
  /** What the hardware has. */
  readonly has: (feat: Feat) => boolean;
  /**
   * What the VM has, asked when `configure` is called: registers of other features are UNDEFINED and control bits of
   * other features reserved at EL1 and EL0, whatever the trap controls say. Absent: what the hardware has.
   */
  readonly guestHas?: (feat: Feat) => boolean;
  /** SVE vector lengths of the CPU in units of 128 bits, ascending. Absent: all up to 16. */
  readonly vectorQuads?: readonly number[];
  readonly interrupts: InterruptSource;
  readonly device: SysregDevice;
  readonly clock: PeClock;
  readonly timers: TimerSink;
  /** Values of registers that are wired rather than written (identification), by packed encoding. */
  readonly readId: (enc: number) => bigint;
}

/** PEs that hear each other's TLB maintenance. Opaque: made by createPeDomain. */
export interface PeDomain {
  add(pe: PeMaintenance): void;
  readonly members: readonly PeMaintenance[];
}
export interface PeMaintenance {
  readonly mmu: TlbTarget;
  flushTlbs(): void;
}
/** The part of a directory that a new PE enters itself into. */
export interface PeRegistry {
  register(cpu: CpuState, pe: Required<SystemHooks> & { pauth(): PauthState }): void;
}

/** The public face of class Pe (pe.ts). */
export interface PeApi {
  /** General registers, PC, vectors: X0..X30 by cpu.x(n), cpu.pc. SP banks are SP_EL0 and SP_EL1 of get and set. */
  readonly cpu: CpuState;
  /**
   * Any system register by name, without access checks, as the owner of EL2 sees it (raw: reserved bits included).
   * EL2 registers steer the guest: HCR_EL2, HCRX_EL2, CPTR_EL2, MDCR_EL2, CNTHCTL_EL2, CNTVOFF_EL2, CNTPOFF_EL2,
   * HFGxTR_EL2, HSTR_EL2, VMPIDR_EL2, VPIDR_EL2, VTTBR_EL2 (VMID), VSESR_EL2...
   */
  get(name: RegName): bigint;
  set(name: RegName, value: bigint): void;
  /** The same by handle (sysreg_effects.ts: handleOf), for whoever comes often. */
  getAt(handle: RegHandle): bigint;
  setAt(handle: RegHandle, value: bigint): void;
  /** PSTATE in the layout of SPSR_EL2: EL in M, flags, masks. Writing switches EL and stack pointer bank. */
  pstate: bigint;
  /** The VM's features changed (guestHas answers differently). */
  configure(): void;
  /** Runs the guest. @param budget instructions, at least 1 */
  run(budget: number): PeExit;
  /** The same where the engine executes CPUs at the same time (Engine.parallel). @returns undefined: ask `finish` */
  start(budget: number): PeExit | undefined;
  /** @returns undefined: it still runs */
  finish(): PeExit | undefined;
  /** Gives up what `start` began. */
  abandon(): void;
  /** Makes run return 'kick' soon, or at once when it is called next. */
  kick(): void;
  /** An interrupt input may have changed: look again at the next branch. Cheap; needed only while run is active. */
  recheckInterrupts(): void;
  /** CNTPCT (timer 'CNTP') or CNTVCT as the guest sees it now. */
  counter(timer: TimerName): bigint;
  /** The level of a timer's output now. */
  timerOutput(timer: TimerName): boolean;
  /** The level of stage 1 that the last stage 2 fault on a table (S1PTW) belongs to, -1 to 3. */
  readonly tableFaultLevel: number;
  /** Forgets cached translations of this PE. */
  flushTlbs(): void;
  /** The PE will not run any more: what it is made of can be used again. */
  release(): void;
  /** Takes a synchronous exception or virtual SError to EL1 now, as KVM's injection does: PC and PSTATE are its source. */
  takeToEl1(record: ExceptionRecord, vector: 'sync' | 'irq' | 'fiq' | 'serror'): void;
  /**
   * A system instruction of the EL1&0 regime as EL2 executes it: TLBI, and AT, which leaves its answer in PAR_EL1.
   * @param name as in the tables: TLBI_IPAS2E1IS, AT_S12E1R...
   * @throws RangeError for any other operation
   */
  operate(name: string, value: bigint): void;
  /** Stage 1 (and 2) translation of a guest address without access, for GUEST_DEBUG and such. undefined: it faults. */
  translateVa(va: bigint, access: Access): { readonly ipa: bigint; readonly frame: number } | undefined;
}
