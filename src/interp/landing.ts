// Where indirect branches land in guarded pages: asked once for each place and kind of branch, and remembered there.

import { highHalf, lowHalf } from '../base/bits.ts';
import { lazy } from '../base/lazy.ts';
import type { AccessPath } from '../cpu/access.ts';
import { btypeOf, type LandingPads, mayLand } from '../cpu/bti.ts';
import { landingPads } from '../cpu/landing_pads.ts';
import { FRAME_SIZE, type PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { extraIn, valueIn } from '../cpu/tlb.ts';
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
    const entry = this.entryOf(cpu, lowHalf(pc), highHalf(pc));
    if (!this.at(cpu, pc, entry, btypeOf(type, guarded))) return false;
    const bit = type | (guarded ? LANDING_GUARDED : 0);
    if (entry !== 0) this.pages.setLanding(valueIn(this.mem, entry), placeIn(pc) >>> 2, bit);
    return true;
  }
  /** At PC, where mostly the page is known, and not guarded. @returns false for a fault */
  here(cpu: CpuState, btype: number): boolean {
    const entry = this.entryOf(cpu, cpu.low(Slot.PC), cpu.high(Slot.PC));
    return (entry !== 0 && !this.isGuarded(entry)) || this.at(cpu, cpu.pc, entry, btype);
  }
  /** The page in the TLB; 0: it is not there. */
  private entryOf(cpu: CpuState, low: number, high: number): number {
    return this.path.tlbOf(cpu).entryOf('fetch', low, high);
  }
  private isGuarded(entry: number): boolean {
    return extraIn(this.mem, entry) !== 0;
  }
  private at(cpu: CpuState, pc: bigint, entry: number, btype: number): boolean {
    // A fault of the fetch itself comes first, and by itself.
    if (lowHalf(pc) & 3) return true;
    const frame = entry !== 0 ? this.guardedFrame(entry) : this.translated(cpu, pc);
    if (frame === undefined) return true;
    const word = this.mem.u32[(frame * FRAME_SIZE + placeIn(pc)) >>> 2]!;
    return mayLand(this.pads(), cpu, word, btype);
  }
  /** The frame of a page, if it is guarded. */
  private guardedFrame(entry: number): number | undefined {
    return this.isGuarded(entry) ? this.pages.frameOf(valueIn(this.mem, entry)) : undefined;
  }
  private translated(cpu: CpuState, pc: bigint): number | undefined {
    const t = this.path.tlbOf(cpu).translator.translate(pc, 'execute', 4, cpu);
    return t.ok && t.guarded ? t.frame : undefined;
  }
}

/** Of the address of an instruction. */
const placeIn = (pc: bigint): number => lowHalf(pc) & (FRAME_SIZE - 1);
