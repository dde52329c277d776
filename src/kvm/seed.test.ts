// The 2023 extensions as one series brings them to guests: three ID registers, FPMR, and the register list that depends
// on them. One block per row of the series.

import { describe, expect, test } from 'vitest';
import { field, get, idOf, listedNames, maxHost, newVcpu, newVm, set } from '../../test/kit/kvm_regs.ts';
import { maskOfField, withField } from '../arch/id_fields.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { Errno } from '../base/hostfile.ts';
import { regList } from './get-reg-list.ts';
import { getOneReg, setOneReg } from './guest.ts';
import { writableMasks } from './id_regs.ts';

const { EINVAL, ENOENT } = Errno;

/** A host with everything that the three registers can say. */
const full = maxHost({
  ID_AA64PFR2_EL1: () => 0x1_000f_0111n,
  ID_AA64ISAR3_EL1: () => 0x1111_2112n,
  ID_AA64FPFR0_EL1: () => 0xfc00_8003n,
  ID_AA64PFR1_EL1: (raw) => withField(raw, 'ID_AA64PFR1_EL1', 'MTE', 3),
});
const maskOf = (name: IdRegName): bigint => {
  const packed = ID_REGS[name].enc;
  return writableMasks(newVm(full))[((packed >> 3) & 15) * 8 + (packed & 7)]!;
};

describe('ID_AA64PFR2_EL1', () => {
  test('offers FPMR and nothing else to a VM without MTE', () => {
    expect(get(newVcpu(newVm(full)), 'ID_AA64PFR2_EL1')).toBe(0x1_0000_0000n);
  });
  test('never shows MTEPERM and UINJ; MTEFAR and MTESTOREONLY only with MTE', () => {
    const vm = newVm(full, (v) => {
      v.mte = true;
    });
    expect(get(newVcpu(vm), 'ID_AA64PFR2_EL1')).toBe(0x1_0000_0110n);
  });
  test('a hidden field is zero, not merely read-only: an old snapshot restores', () => {
    const vcpu = newVcpu(newVm(full));
    expect(set(vcpu, 'ID_AA64PFR2_EL1', 0n)).toBe(0);
    expect(set(vcpu, 'ID_AA64PFR2_EL1', 0x1_0000_0001n)).toBe(-EINVAL);
  });
  test('with MTE each of the three can be lowered by itself', () => {
    for (const f of ['FPMR', 'MTEFAR', 'MTESTOREONLY'] as const) {
      const vcpu = newVcpu(
        newVm(full, (v) => {
          v.mte = true;
        }),
      );
      const lowered = 0x1_0000_0110n & ~maskOfField('ID_AA64PFR2_EL1', f);
      expect(set(vcpu, 'ID_AA64PFR2_EL1', lowered)).toBe(0);
      expect(get(vcpu, 'ID_AA64PFR2_EL1')).toBe(lowered);
    }
  });
  test('its mask', () => expect(maskOf('ID_AA64PFR2_EL1')).toBe(0xf_0000_fff0n));
});

describe('ID_AA64ISAR3_EL1', () => {
  test('has its own mask, not that of ID_AA64ISAR2_EL1', () => {
    expect(maskOf('ID_AA64ISAR3_EL1')).toBe(0xff0f_00f0n);
    expect(maskOf('ID_AA64ISAR3_EL1')).not.toBe(maskOf('ID_AA64ISAR2_EL1'));
  });
  test('hides CPA, TLBIW, PACM and OCCMO', () => {
    const vcpu = newVcpu(newVm(full));
    expect(get(vcpu, 'ID_AA64ISAR3_EL1')).toBe(0x1101_0010n);
    for (const f of ['CPA', 'TLBIW', 'PACM', 'OCCMO'] as const) {
      expect(set(vcpu, 'ID_AA64ISAR3_EL1', withField(0x1101_0010n, 'ID_AA64ISAR3_EL1', f, 1))).toBe(-EINVAL);
    }
  });
  test('what it offers can be lowered', () => {
    for (const f of ['FPRCVT', 'LSUI', 'LSFE', 'FAMINMAX'] as const)
      expect(set(newVcpu(newVm(full)), 'ID_AA64ISAR3_EL1', withField(0x1101_0010n, 'ID_AA64ISAR3_EL1', f, 0))).toBe(0);
  });
});

describe('ID_AA64FPFR0_EL1', () => {
  test('shows the host and lets each bit be cleared by itself', () => {
    const vcpu = newVcpu(newVm(full));
    expect(get(vcpu, 'ID_AA64FPFR0_EL1')).toBe(0xfc00_8003n);
    for (let b = 0n; b < 64n; b++) {
      if (((0xfc00_8003n >> b) & 1n) === 0n) continue;
      expect(set(vcpu, 'ID_AA64FPFR0_EL1', 0xfc00_8003n & ~(1n << b))).toBe(0);
    }
  });
  test('a bit that the host lacks cannot be set', () => {
    const vcpu = newVcpu(newVm(maxHost({ ID_AA64FPFR0_EL1: () => 0x8000_0000n })));
    expect(set(vcpu, 'ID_AA64FPFR0_EL1', 0xc000_0000n)).toBe(-EINVAL);
    expect(set(vcpu, 'ID_AA64FPFR0_EL1', 0n)).toBe(0);
  });
});

describe('FPMR', () => {
  const bare = maxHost(field('ID_AA64PFR2_EL1', 'FPMR', 0));
  test('is there exactly when the VM has it', () => {
    expect(get(newVcpu(newVm(full)), 'FPMR')).toBe(0n);
    const without = newVcpu(newVm(bare));
    expect(get(without, 'FPMR')).toBe(-ENOENT);
    expect(set(without, 'FPMR', 0n)).toBe(-ENOENT);
  });
  test('disappears when userspace lowers ID_AA64PFR2_EL1.FPMR, and comes back', () => {
    const vcpu = newVcpu(newVm(full));
    expect(set(vcpu, 'FPMR', 0x77n)).toBe(0);
    expect(set(vcpu, 'ID_AA64PFR2_EL1', 0n)).toBe(0);
    expect(get(vcpu, 'FPMR')).toBe(-ENOENT);
    expect(set(vcpu, 'ID_AA64PFR2_EL1', 0x1_0000_0000n)).toBe(0);
    expect(get(vcpu, 'FPMR')).toBe(0x77n);
  });
  test('has the encoding S3_3_C4_C4_2', () => expect(idOf('FPMR')).toBe(0x6030_0000_0013_da22n));
});

describe('KVM_GET_REG_LIST', () => {
  test('lists FPMR between CTR_EL0 and TPIDR_EL0, and only with ID_AA64PFR2_EL1.FPMR', () => {
    const vcpu = newVcpu(newVm(full));
    const before = regList(vcpu);
    const at = before.indexOf(idOf('FPMR'));
    expect(before[at - 1]).toBe(idOf('CTR_EL0'));
    set(vcpu, 'ID_AA64PFR2_EL1', 0n);
    expect(regList(vcpu)).toEqual(before.filter((id) => id !== idOf('FPMR')));
    expect(listedNames(vcpu).has('ID_AA64PFR2_EL1')).toBe(true);
  });
  test('lists the three ID registers on any host', () => {
    const names = listedNames(
      newVcpu(newVm(maxHost({ ID_AA64PFR2_EL1: () => 0n, ID_AA64ISAR3_EL1: () => 0n, ID_AA64FPFR0_EL1: () => 0n }))),
    );
    for (const n of ['ID_AA64PFR2_EL1', 'ID_AA64FPFR0_EL1', 'ID_AA64ISAR3_EL1']) expect(names.has(n)).toBe(true);
  });
  test('every listed register can be read and written with its own value', () => {
    const vcpu = newVcpu(newVm(full));
    for (const id of regList(vcpu)) expect(setOneReg(vcpu, id, getOneReg(vcpu, id) as Uint8Array)).toBe(0);
  });
});
