// Which PE does a CPU state of an engine belong to? Engines ask one set of hooks; this hands the question on to the PE
// whose guest runs.

import { InternalError } from '../base/assert.ts';
import type { ExitReason, SystemHooks } from './engine.ts';
import type { PauthState } from './pauth.ts';
import type { PeDirectory, PeDomain, PeMaintenance, PeRegistry } from './pe_ports.ts';
import type { CpuState } from './state.ts';

type Registered = Required<SystemHooks> & { pauth(): PauthState };

class Directory implements PeDirectory, PeRegistry {
  private readonly pes = new WeakMap<CpuState, Registered>();
  /** The answer before: most questions come from the same. */
  private last: CpuState | undefined;
  private lastPe: Registered | undefined;

  register(cpu: CpuState, pe: Registered): void {
    this.last = undefined;
    this.pes.set(cpu, pe);
  }
  owns(cpu: CpuState): boolean {
    return cpu === this.last || this.pes.has(cpu);
  }
  private of(cpu: CpuState): Registered {
    if (cpu === this.last) return this.lastPe!;
    const pe = this.pes.get(cpu);
    if (!pe) throw new InternalError('the CPU state belongs to no PE');
    this.last = cpu;
    this.lastPe = pe;
    return pe;
  }
  readSysreg(cpu: CpuState, enc: number): bigint | undefined {
    return this.of(cpu).readSysreg(cpu, enc);
  }
  writeSysreg(cpu: CpuState, enc: number, value: bigint): boolean {
    return this.of(cpu).writeSysreg(cpu, enc, value);
  }
  system(cpu: CpuState, enc: number, value: bigint, isRead: boolean): bigint | undefined {
    return this.of(cpu).system(cpu, enc, value, isRead);
  }
  resume(cpu: CpuState, reason: ExitReason): boolean {
    return this.of(cpu).resume(cpu, reason);
  }
  pauth(cpu: CpuState): PauthState {
    return this.of(cpu).pauth();
  }
}

/** One for each engine: give it (or a choice between it and other hooks, by `owns`) to the engine. */
export function createPeDirectory(): PeDirectory & PeRegistry {
  return new Directory();
}

/** One for each VM. */
export function createPeDomain(): PeDomain {
  const members: PeMaintenance[] = [];
  return { members, add: (pe) => void members.push(pe) };
}
