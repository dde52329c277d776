// What a VM lacks is closed, what it has is open: HCRX_EL2, fine-grained UNDEF and reserved bits as the first run
// computes them from the VM's ID registers.

import { describe, expect, test } from 'vitest';
import { FEATURE_SETS, field, get, maxHost, newVcpu, newVm, set } from '../../test/kit/kvm_regs.ts';
import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../arch/control_regs.ts';
import { fieldMask } from '../base/bits.ts';
import { controlResx } from './config.ts';
import { computeFgu, computeHcrx, firstRun } from './fgu.ts';
import type { VmRegs } from './regs_state.ts';

const full = maxHost();
function bit<R extends ControlRegName>(reg: R, name: ControlBitName<R>): bigint {
  const f = (CONTROL_REGS[reg].fields as Readonly<Record<string, { hi: number; lo: number }>>)[name]!;
  return fieldMask(f.hi, f.lo);
}
const vmWith = (features: keyof typeof FEATURE_SETS = 'none', lower: Readonly<Record<string, bigint>> = {}): VmRegs => {
  const vm = newVm(full);
  const vcpu = newVcpu(vm, FEATURE_SETS[features]!);
  for (const [name, v] of Object.entries(lower)) expect(set(vcpu, name, v), name).toBe(0);
  return vm;
};
const HCRX = (...names: ControlBitName<'HCRX_EL2'>[]): bigint => names.reduce((m, n) => m | bit('HCRX_EL2', n), 0n);

describe('HCRX_EL2 while a VM runs', () => {
  test('opens what the VM has', () => {
    expect(computeHcrx(vmWith())).toBe(HCRX('SMPME', 'MSCEn', 'MCE2', 'TCR2En', 'EnFPM', 'SCTLR2En'));
  });
  test('closes what was lowered', () => {
    expect(computeHcrx(vmWith('none', { ID_AA64PFR2_EL1: 0n, ID_AA64MMFR3_EL1: 0n }))).toBe(
      HCRX('SMPME', 'MSCEn', 'MCE2'),
    );
  });
  test('LS64 opens EnALS, LS64_V EnASR as well; the accelerated form stays closed', () => {
    for (const [ls64, bits] of [[0, []], [1, ['EnALS']], [2, ['EnALS', 'EnASR']], [3, ['EnALS', 'EnASR']]] as const) {
      const vm = newVm(maxHost(field('ID_AA64ISAR1_EL1', 'LS64', ls64)));
      newVcpu(vm);
      expect(computeHcrx(vm) & HCRX('EnALS', 'EnASR', 'EnAS0')).toBe(HCRX(...bits));
    } // biome-ignore format: a table
  });
  test('is not there on a host without FEAT_HCX', () => {
    const vm = newVm(maxHost(field('ID_AA64MMFR1_EL1', 'HCX', 0)));
    newVcpu(vm);
    expect(computeHcrx(vm)).toBe(0n);
  });
});

describe('fine-grained UNDEF', () => {
  test('holds the registers of features that KVM never shows', () => {
    const fgu = computeFgu(vmWith());
    for (const name of [
      'nGCS_EL0',
      'nGCS_EL1',
      'nTPIDR2_EL0',
      'nSMPRI_EL1',
      'nRCWMASK_EL1',
      'nACCDATA_EL1',
      'nMAIR2_EL1',
    ] as const)
      expect(fgu.get('HFGRTR_EL2')! & bit('HFGRTR_EL2', name), name).toBe(bit('HFGRTR_EL2', name));
  });
  test('follows the VM: PIR and the authentication keys', () => {
    const open = computeFgu(vmWith('pauth')).get('HFGRTR_EL2')!;
    expect(open & bit('HFGRTR_EL2', 'nPIR_EL1')).toBe(0n);
    expect(open & bit('HFGRTR_EL2', 'APIAKey')).toBe(0n);
    const closed = computeFgu(vmWith('none', { ID_AA64MMFR3_EL1: 0n })).get('HFGRTR_EL2')!;
    expect(closed & bit('HFGRTR_EL2', 'nPIR_EL1')).toBe(bit('HFGRTR_EL2', 'nPIR_EL1'));
    expect(closed & bit('HFGRTR_EL2', 'APIAKey')).toBe(bit('HFGRTR_EL2', 'APIAKey'));
  });
  test('never holds what every CPU has', () => {
    for (const features of Object.keys(FEATURE_SETS)) {
      const fgu = computeFgu(vmWith(features));
      for (const name of ['SCTLR_EL1', 'TTBR0_EL1', 'VBAR_EL1', 'CPACR_EL1'] as const)
        expect(fgu.get('HFGRTR_EL2')! & bit('HFGRTR_EL2', name), features).toBe(0n);
      expect(fgu.get('HDFGRTR_EL2')! & bit('HDFGRTR_EL2', 'OSDLR_EL1'), features).toBe(0n);
    }
  });
  test('a read and a write register make one set', () => {
    expect([...computeFgu(vmWith()).keys()].filter((k) => k.includes('FGWTR'))).toEqual([]);
  });
});

describe('reserved bits', () => {
  test('22: without its feature a control bit is reserved in SCTLR_EL1 and SCTLR2_EL1', () => {
    const vm = vmWith('none', { ID_AA64PFR2_EL1: 0n });
    const sctlr = controlResx(vm, 'SCTLR_EL1');
    for (const name of ['EnFPM', 'TCSO', 'TCSO0'] as const)
      expect(sctlr.res0 & bit('SCTLR_EL1', name), name).toBe(bit('SCTLR_EL1', name));
    const sctlr2 = controlResx(vm, 'SCTLR2_EL1');
    for (const name of ['CPTA', 'CPTA0', 'CPTM', 'CPTM0', 'EnPACM', 'EnPACM0'] as const)
      expect(sctlr2.res0 & bit('SCTLR2_EL1', name), name).toBe(bit('SCTLR2_EL1', name));
  });
  test('with it the bit is free', () => {
    expect(controlResx(vmWith(), 'SCTLR_EL1').res0 & bit('SCTLR_EL1', 'EnFPM')).toBe(0n);
  });
  test('a register whose feature is absent is all reserved', () => {
    expect(controlResx(vmWith('el2', { ID_AA64MMFR3_EL1: 0n }), 'SCTLR2_EL2').res0).toBe(0xffff_ffff_ffff_ffffn);
  });
  test('are applied to stored values by the first run of a VM with EL2, and to no other VM', () => {
    for (const features of ['el2', 'none'] as const) {
      const vm = vmWith(features);
      const vcpu = vm.vcpus[0]!;
      set(vcpu, 'SCTLR_EL1', 0xffff_ffff_ffff_ffffn);
      firstRun(vcpu);
      const { res0, res1 } = controlResx(vm, 'SCTLR_EL1');
      const kept = 0xffff_ffff_ffff_ffffn;
      expect(get(vcpu, 'SCTLR_EL1')).toBe(features === 'el2' ? (kept & ~res0) | res1 : kept);
    }
  });
});

describe('the interrupt controller in ID registers', () => {
  test('without one in the kernel, the first run takes it away', () => {
    const vm = vmWith();
    firstRun(vm.vcpus[0]!);
    expect((get(vm.vcpus[0]!, 'ID_AA64PFR0_EL1') as bigint) & fieldMask(27, 24)).toBe(0n);
    expect((get(vm.vcpus[0]!, 'ID_PFR1_EL1') as bigint) & fieldMask(31, 28)).toBe(0n);
  });
  test('with a GICv3 it stays', () => {
    const vm = vmWith();
    vm.irqchip = 'v3';
    firstRun(vm.vcpus[0]!);
    expect((get(vm.vcpus[0]!, 'ID_AA64PFR0_EL1') as bigint) & fieldMask(27, 24)).toBe(1n << 24n);
  });
});
