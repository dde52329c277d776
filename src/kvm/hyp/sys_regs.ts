// ID registers of a protected VM as its guest sees them: made by the hypervisor from the system's values, by lists of what
// a protected guest may have. The host has no say, and what no list names is not there: never FPMR, nor any other 2023
// extension. @linux arch/arm64/kvm/hyp/nvhe/sys_regs.c

import { findField, readField } from '../../arch/id_fields.ts';
import { ID_REGS, type IdRegName } from '../../arch/id_regs.ts';
import { insert } from '../../base/bits.ts';
import { computeFgu, computeHcrx } from '../fgu.ts';
import type { VmRegs } from '../regs_state.ts';
import { holds, idRegIndex } from '../vm_features.ts';

type Most = number | { readonly most: number; readonly needs: 'sve' | 'pauth' };
const ifPauth = (most: number): Most => ({ most, needs: 'pauth' });

/** The most that a field may say; 'all': the system's value as it is. */
const OFFERED: Readonly<Partial<Record<IdRegName, Readonly<Record<string, Most>> | 'all'>>> = {
  ID_AA64PFR0_EL1: {
    EL0: 1, EL1: 1, EL2: 1, EL3: 1, FP: 1, AdvSIMD: 1, GIC: 1, SVE: { most: 1, needs: 'sve' }, RAS: 1, DIT: 1, CSV2: 1, CSV3: 1,
  },
  ID_AA64PFR1_EL1: { BT: 1, SSBS: 2, MTE_frac: 15 },
  ID_AA64PFR2_EL1: {},
  ID_AA64ISAR0_EL1: 'all',
  ID_AA64ISAR1_EL1: {
    DPB: 2, APA: ifPauth(1), API: ifPauth(1), JSCVT: 1, FCMA: 1, LRCPC: 3, GPA: 1, GPI: 1, FRINTTS: 1, SB: 1, SPECRES: 2, BF16: 2, DGH: 1, I8MM: 1,
  },
  ID_AA64ISAR2_EL1: { GPA3: ifPauth(1), APA3: ifPauth(1), ATS1A: 1 },
  ID_AA64MMFR0_EL1: { PARange: 2, ASIDBits: 2, BigEnd: 1, SNSMem: 1, BigEndEL0: 1, ExS: 1 },
  ID_AA64MMFR1_EL1: { HAFDBS: 2, VMIDBits: 2, HPDS: 2, PAN: 3, SpecSEI: 1, ETS: 1, CMOW: 1 },
  ID_AA64MMFR2_EL1: { CnP: 1, UAO: 1, IESB: 1, AT: 1, IDS: 1, TTL: 1, BBM: 2, E0PD: 1 },
}; // biome-ignore format: a table
/** Where "not implemented" is not zero. */
const NOT_THERE: Readonly<Partial<Record<IdRegName, readonly string[]>>> = {
  ID_AA64DFR0_EL1: ['DoubleLock', 'MTPMU'],
  ID_AA64MMFR4_EL1: ['E2H0'],
};
const NI = 15n;
/** Identification that is not about features. */
const KEPT: readonly IdRegName[] = ['CTR_EL0', 'MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1'];

function restricted(vm: VmRegs, name: IdRegName): bigint {
  const system = vm.host.sanitised(name);
  const offered = OFFERED[name];
  if (offered === 'all') return system;
  let value = 0n;
  for (const [field, limit] of Object.entries(offered ?? {})) {
    const f = findField(name, field)!;
    const most = typeof limit === 'number' ? limit : holds(vm, limit.needs) ? limit.most : 0;
    value = insert(value, f.hi, f.lo, BigInt(Math.min(readField(system, f), most)));
  }
  for (const field of NOT_THERE[name] ?? []) {
    const f = findField(name, field)!;
    value = insert(value, f.hi, f.lo, NI);
  }
  return value;
}

/** The hypervisor's view of a protected VM: ID registers, and the traps that follow from them. @linux kvm_init_pvm_id_regs */
export function restrictVm(vm: VmRegs): VmRegs {
  const own: VmRegs = { ...vm, idRegs: new BigUint64Array(vm.idRegs.length) };
  for (const name of Object.keys(ID_REGS) as IdRegName[]) {
    const index = idRegIndex(ID_REGS[name].enc);
    if (index !== undefined) own.idRegs[index] = KEPT.includes(name) ? vm.idRegs[index]! : restricted(vm, name);
  }
  own.enforcement = { resx: vm.enforcement!.resx, fgu: computeFgu(own), hcrx: computeHcrx(own) };
  return own;
}
