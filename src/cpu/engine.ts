// What an execution engine offers to the layers above, and what it asks of them. Interpreter and JIT implement
// Engine; kvm/ and linux/ see a CPU only through CpuState, Translator and Engine.

import type { CpuState } from './state.ts';

/** Why Engine.run came back. */
export const Exit = {
  /** The instruction budget is used up; go on by calling run again. */
  Budget: 0,
  /**
   * A synchronous exception: CpuState.exception says which. PC is the preferred return address (the instruction
   * itself for faults and UNDEF, the next one for SVC/HVC/SMC), registers are as before or after accordingly.
   */
  Exception: 1,
  /** WFI/WFE/WFIT/WFET with nothing pending; PC is past it. */
  Idle: 2,
  /** Someone called CpuState.requestExit (an interrupt became pending, a kick). */
  Kick: 3,
  /** An instruction that must be handled by the PE in TypeScript (ERET, trapped system access...). PC is at it. */
  System: 4,
} as const;
export type ExitReason = (typeof Exit)[keyof typeof Exit];

/** A synchronous exception in the terms of ESR_ELx (Arm: ExceptionRecord). */
export interface ExceptionRecord {
  /** ESR_ELx.EC, 0..63. */
  ec: number;
  /** ESR_ELx.ISS, 25 bits. */
  iss: number;
  /** ESR_ELx.ISS2; absent: 0. */
  iss2?: number;
  /** FAR_ELx; 0n where the exception has none. */
  far: bigint;
  /** HPFAR_EL2 << 8: the faulting IPA of stage 2 faults, else 0n. */
  ipa: bigint;
  /** The stage 2 fault is for EL2, whatever EL it came from. */
  toEl2: boolean;
}

export type Access = 'read' | 'write' | 'execute';

/** The answer of a translation: a frame, or the fault that the access takes. */
export type Translation =
  | {
      readonly ok: true;
      readonly frame: number;
      /** Stores may go ahead without asking again. */
      readonly writable: boolean;
      readonly executable: boolean;
      /** Do not remember this answer: ask for every access. */
      readonly uncached?: boolean;
      /** Misaligned accesses fault (Device memory, SCTLR_ELx.A). Such an answer is not remembered either. */
      readonly aligned?: boolean;
      /** Stage 2 alone asks for that: EL2 takes the fault, with this intermediate physical address. */
      readonly alignedIpa?: bigint;
      /** Device memory: DC ZVA faults. */
      readonly device?: boolean;
      /** FEAT_BTI: the page is guarded. */
      readonly guarded?: boolean;
      /** What the translator knows the page by, for Tlb.flushTagged: an intermediate physical page number. */
      readonly tag?: number;
    }
  | {
      readonly ok: false;
      readonly ec: number;
      readonly iss: number;
      readonly iss2?: number;
      readonly far: bigint;
      readonly ipa?: bigint;
    };

/**
 * A translation regime as seen by the engine's TLB fill. One for each address space (process, or guest regime).
 * @remarks The engine caches answers in the TLB block named by CpuState.tlb until Engine.flushTlb is called for it.
 */
export interface Translator {
  /** @param va canonical or not: all 64 bits. @param size of the access in bytes (1..64), never crossing a page. */
  translate(va: bigint, access: Access, size: number, cpu: CpuState): Translation;
}

/**
 * Called by the engine for system instructions and registers that are not plain storage. PC and icount are exact during
 * the call. The engine itself handles TPIDR_EL0, TPIDRRO_EL0 (reads), NZCV, FPCR, FPSR, DC ZVA (see Slot.SYS_OPEN).
 */
export interface SystemHooks {
  /** MRS. @returns the value, or undefined after having set cpu.exception. */
  readSysreg(cpu: CpuState, enc: number): bigint | undefined;
  /** MSR (register). @returns false after having set cpu.exception. */
  writeSysreg(cpu: CpuState, enc: number, value: bigint): boolean;
  /**
   * SYS, SYSL (op0 = 1) and MSR (immediate) of PSTATE fields that the engine does not handle itself (op0 = 0, CRn = 4, CRm
   * and `value` the immediate). @returns what SYSL reads, or undefined after having set cpu.exception.
   */
  system(cpu: CpuState, enc: number, value: bigint, isRead: boolean): bigint | undefined;
  /**
   * A run is about to end with this reason. What comes often (exceptions to the same world, and returns) can be dealt with
   * here, so that the run goes on; what it takes counts as executed. @returns whether it has been
   */
  resume?(cpu: CpuState, reason: ExitReason): boolean;
}

/**
 * Several CPUs that execute at the same time, each on a thread of its own. Everything but instructions, and what belongs to
 * the caller of these, still happens on one thread: what executing CPUs ask for waits until `attend`.
 */
export interface ParallelRuns {
  /** Begins Engine.run. @returns what it came to where it is over already; undefined: ask `finish` */
  start(cpu: CpuState, budget: number): ExitReason | undefined;
  /** The run of a CPU. @returns undefined: it still goes on */
  finish(cpu: CpuState): ExitReason | undefined;
  /** Gives up a run, at an exact instruction. */
  abandon(cpu: CpuState): void;
  /** Answers what runs ask. @param wait until something has happened, or for a moment @returns whether there are runs */
  attend(wait: boolean): boolean;
}

export interface Engine {
  /** Absent: CPUs take turns. */
  readonly parallel?: ParallelRuns | undefined;
  /**
   * Runs until something happens.
   * @param budget instructions to execute, at least 1 (more than 2^31 - 2^16 count as that). It is looked at where control leaves the straight line (taken
   *        branches, page ends, context synchronisation), so a run may go a little past it; the same code goes past by
   *        the same amount on every engine. A budget of 1 executes exactly one instruction.
   */
  run(cpu: CpuState, budget: number): ExitReason;
  /** A TLB block for one address space. */
  createTlb(translator: Translator): Tlb;
  /**
   * A frame that code may have been decoded from has changed (IC IVAU, DMA); without a frame, any of them (IC IALLU). A
   * frame that is freed, or that comes into use after a TLB flush, is looked at again without being named.
   */
  invalidateCode(frame?: number): void;
}

/** One address space's cached translations. */
export interface Tlb {
  /** Address in linear memory, for CpuState.tlb. */
  readonly base: number;
  /** Forget [start, end), or everything. */
  flush(start?: bigint, end?: bigint): void;
  /** Forget the page of an address, given by its halves. */
  flushPage(low: number, high: number): void;
  /** Forget pages whose tag is in [first, end); `writesOnly`: only that they may be written. */
  flushTagged(first: number, end: number, writesOnly: boolean): void;
  /** Pages that stand where their addresses say (flat.ts) are faster from now on. @returns false: another block has them */
  takeFlat?(): boolean;
  leaveFlat?(): void;
}
