// Where indirect branches land in guarded pages: asked once for each place and kind of branch, and remembered there.

import { lazy } from '../base/lazy.ts';
import type { AccessPath } from '../cpu/access.ts';
import { btypeOf, type LandingPads, mayLand } from '../cpu/bti.ts';
import { landingPads } from '../cpu/landing_pads.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA } from '../cpu/tlb.ts';
import type { CodePages } from './code_pages.ts';
import type { EngineOptions } from './options.ts';
import { LANDING_GUARDED } from './record.ts';

export class Landing {
  readonly pads: () => LandingPads;
  private readonly mem: PhysMem;
  private readonly path: AccessPath;
  private readonly pages: CodePages;

  constructor(mem: PhysMem, path: AccessPath, pages: CodePages, { pads, has }: Pick<EngineOptions, 'pads' | 'has'>) {
    this.mem = mem;
    this.path = path;
    this.pages = pages;
    this.pads = lazy(() => pads ?? landingPads(has));
  }
  /**
   * An indirect branch has come to a guarded page.
   * @param type of the branch @param guarded whether it stands in one itself
   * @returns false for a fault
   */
  branch(cpu: CpuState, pc: bigint, type: number, guarded: boolean): boolean {
    if (!this.at(cpu, pc, btypeOf(type, guarded))) return false;
    const found = this.path.tlbOf(cpu).find('fetch', pc);
    const bit = type | (guarded ? LANDING_GUARDED : 0);
    if (found) this.pages.setLanding(found[0], Number(pc & 0xfffn) >>> 2, bit);
    return true;
  }
  /** At PC, where mostly the page is known, and not guarded. @returns false for a fault */
  here(cpu: CpuState, btype: number): boolean {
    const entry = this.path.tlbOf(cpu).entryOf('fetch', cpu.low(Slot.PC), cpu.high(Slot.PC));
    return (entry !== 0 && this.mem.u32[(entry + ENTRY_EXTRA) >>> 2] === 0) || this.at(cpu, cpu.pc, btype);
  }
  private at(cpu: CpuState, pc: bigint, btype: number): boolean {
    const tlb = this.path.tlbOf(cpu);
    const t = pc & 3n ? undefined : tlb.translator.translate(pc, 'execute', 4, cpu);
    // A fault of the fetch itself comes first, and by itself.
    if (!t?.ok || !t.guarded) return true;
    const word = this.mem.u32[(t.frame * FRAME_SIZE + Number(pc & 0xfffn)) >>> 2]!;
    return mayLand(this.pads(), cpu, word, btype);
  }
}
