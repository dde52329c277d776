// The FP state of a vCPU: which items of the list it has, and where they are in memory while they are not in registers.
// A VM without FPMR has no such item: nobody saves to its storage or loads from it. @linux hyp/include/hyp/switch.h

import { type FpBlock, type FpItem, type FpRegName, fpStateOf } from '../../cpu/fp_state.ts';
import { V_STRIDE } from '../../cpu/state.ts';
import type { VcpuRegs, VmRegs } from '../regs_state.ts';
import { sysRegSlot } from '../sys_reg_table.ts';
import { holds, vmHas } from '../vm_features.ts';

/** What is switched for this VM, in the order in which it is restored. */
export function fpViewOf(vm: VmRegs): readonly FpItem[] {
  return fpStateOf((feat) => (feat === 'FEAT_FPMR' ? holds(vm, 'fpmr') : vmHas(vm, feat)));
}

const FPMR = sysRegSlot('FPMR');

/** The storage of a vCPU's FP state. @linux kvm_cpu_context.fp_regs and sys_regs[FPMR] */
export class VcpuFpBlock implements FpBlock {
  readonly words: Uint32Array;
  readonly at = 0;
  readonly stride = V_STRIDE / 4;
  private readonly regs: VcpuRegs;
  private readonly hasSve: boolean;

  constructor(regs: VcpuRegs) {
    this.regs = regs;
    this.hasSve = holds(regs.vm, 'sve');
    const { buffer, byteOffset, byteLength } = regs.vectors;
    this.words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  }
  /** With SVE the storage is always that of all of Z. */
  get live(): number {
    return this.hasSve ? this.regs.sveMaxVl : 0;
  }
  set live(_bytes: number) {}
  sve(): Uint8Array {
    return this.regs.vectors;
  }
  get(name: FpRegName): bigint {
    const { core, sys } = this.regs;
    switch (name) {
      case 'FPCR':
        return BigInt(core.fpcr);
      case 'FPSR':
        return BigInt(core.fpsr);
      case 'FPMR':
        return sys[FPMR]!;
      case 'SVCR':
        return 0n;
    }
  }
  set(name: FpRegName, value: bigint): void {
    const { core, sys } = this.regs;
    if (name === 'FPCR') core.fpcr = Number(value);
    else if (name === 'FPSR') core.fpsr = Number(value);
    else if (name === 'FPMR') sys[FPMR] = value;
  }
}
