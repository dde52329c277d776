// CPU states and TLB blocks that are used again: both stand in linear memory for ever, and programs make thousands of
// virtual machines one after another.

import type { Access, Engine, Tlb, Translation, Translator } from './engine.ts';
import type { PhysMem } from './physmem.ts';
import { CpuState } from './state.ts';

/** Lets one TLB block serve one translator after another. */
class Redirect implements Translator {
  target: Translator;
  constructor(target: Translator) {
    this.target = target;
  }
  translate(va: bigint, access: Access, size: number, cpu: CpuState): Translation {
    return this.target.translate(va, access, size, cpu);
  }
}

export class PePool {
  private readonly mem: PhysMem;
  private readonly engine: Engine;
  private readonly states: CpuState[] = [];
  private readonly tlbs: Tlb[] = [];
  private readonly redirects = new Map<Tlb, Redirect>();

  constructor(mem: PhysMem, engine: Engine) {
    this.mem = mem;
    this.engine = engine;
  }
  /** A state with everything zero, as a new one. */
  takeState(): CpuState {
    const used = this.states.pop();
    used?.reset();
    return used ?? new CpuState(this.mem);
  }
  giveState(state: CpuState): void {
    this.states.push(state);
  }
  /** An empty TLB block. */
  takeTlb(translator: Translator): Tlb {
    const used = this.tlbs.pop();
    if (used) {
      this.redirects.get(used)!.target = translator;
      return used;
    }
    const redirect = new Redirect(translator);
    const tlb = this.engine.createTlb(redirect);
    this.redirects.set(tlb, redirect);
    return tlb;
  }
  giveTlb(tlb: Tlb): void {
    tlb.leaveFlat?.();
    tlb.flush();
    this.tlbs.push(tlb);
  }
}
