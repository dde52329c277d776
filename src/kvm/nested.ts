// A vCPU whose VM has EL2: what the triage (emulate-nested.ts) wants to know of it, and exits that its hypervisor asked
// for. @linux nested.c, handle_exit.c

import type { ExceptionClassName } from '../arch/esr.ts';
import type { Level } from '../cpu/sysreg_access.ts';
import { currentEl, getSysReg } from './emulate.ts';
import { type Situation, type TrappedInstruction, type Triage, Triager } from './emulate-nested.ts';
import { isStored } from './sys_reg_table.ts';
import type { Vcpu } from './vcpu.ts';
import { holds } from './vm_features.ts';

/** A vCPU as it was when it came to EL2. */
export function situationOf(vcpu: Vcpu): Situation {
  const regs = vcpu.guest?.regs.vm ?? vcpu.vm.regs;
  return {
    vm: regs,
    el: currentEl(vcpu) as Level,
    read: (name) => (isStored(name) ? getSysReg(vcpu, name) : 0n),
    pmsel: holds(regs, 'pmu') ? Number(getSysReg(vcpu, 'PMSELR_EL0') & 31n) : 0,
  };
}

type Trapped = TrappedInstruction | 'FP' | 'SVE';
/** ISS of WFE, and of a WFE with a time limit. */
const isWfe = (iss: number): boolean => (iss & 1) !== 0;
/** The instruction behind an exception class, where a hypervisor may have asked for it. */
const TRAPPED: { readonly [C in ExceptionClassName]?: (iss: number) => Trapped } = {
  WFX: (iss) => (isWfe(iss) ? 'WFE' : 'WFI'),
  FP_ASIMD: () => 'FP',
  SVE: () => 'SVE',
  SVC64: () => 'SVC',
  HVC64: () => 'HVC',
  SMC64: () => 'SMC',
  ERET: () => 'ERET',
  PAC: () => 'PAC',
  BRK64: () => 'BRK',
};

/** @returns undefined for classes in which no hypervisor has a say, or where the VM has none */
export function triageExit(vcpu: Vcpu, name: ExceptionClassName | undefined, iss: number): Triage | undefined {
  const of = name && TRAPPED[name];
  if (!of || !holds(vcpu.vm.regs, 'el2')) return undefined;
  const t = new Triager(situationOf(vcpu));
  const trapped = of(iss);
  return trapped === 'FP' || trapped === 'SVE' ? t.vector(trapped) : t.instruction(trapped);
}
