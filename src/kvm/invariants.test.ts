// Invariants of the register model that no KVM selftest checks. The numbers are those of the project's list.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  FEATURE_SETS,
  field,
  get,
  idOf,
  initAs,
  listedNames,
  maxHost,
  newVcpu,
  newVm,
  recordedHost,
  set,
  wordOf,
} from '../../test/kit/kvm_regs.ts';
import { ID_REG_NAMES, maskOfField, withField } from '../arch/id_fields.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { enc } from '../arch/schema.ts';
import { Errno } from '../base/hostfile.ts';
import { KVM_ARM_VCPU } from '../uapi/constants.ts';
import { regId } from '../uapi/reg_id.ts';
import { regList } from './get-reg-list.ts';
import { getOneReg, setOneReg } from './guest.ts';
import type { Host } from './host.ts';
import { writableMasks } from './id_regs.ts';
import { regName } from './reg_names.ts';
import type { VcpuRegs, VmRegs } from './regs_state.ts';
import { createVcpuRegs, resetVcpu, vcpuFinalize } from './reset.ts';
import { SVE_VLS } from './sve_regs.ts';

const { EBUSY, EINVAL, ENOENT, EPERM } = Errno;
const full = maxHost();
const ONES = 0xffff_ffff_ffff_ffffn;
const FPMR_ONLY = 0x1_0000_0000n;
const withMte = (vm: VmRegs): void => {
  vm.mte = true;
};

describe('FPMR and FP8', () => {
  test('1: FPMR of a fresh vCPU is 0 and listed', () => {
    const vcpu = newVcpu(newVm(full));
    expect(get(vcpu, 'FPMR')).toBe(0n);
    expect(regList(vcpu)).toContain(idOf('FPMR'));
  });
  test('2: without ID_AA64PFR2_EL1.FPMR the register is gone and nothing else', () => {
    const vcpu = newVcpu(newVm(full));
    const before = listedNames(vcpu);
    set(vcpu, 'ID_AA64PFR2_EL1', 0n);
    expect([get(vcpu, 'FPMR'), set(vcpu, 'FPMR', 1n)]).toEqual([-ENOENT, -ENOENT]);
    before.delete('FPMR');
    expect(listedNames(vcpu)).toEqual(before);
  });
  test('7: FPMR is kept as written', () => {
    const vcpu = newVcpu(newVm(full));
    expect(set(vcpu, 'FPMR', ONES)).toBe(0);
    expect(get(vcpu, 'FPMR')).toBe(ONES);
  });
  test('14: init clears FPMR and leaves the lowered ID register', () => {
    const vcpu = newVcpu(newVm(full));
    set(vcpu, 'FPMR', 5n);
    set(vcpu, 'ID_AA64FPFR0_EL1', 0n);
    expect(initAs(vcpu, [])).toBe(0);
    expect([get(vcpu, 'FPMR'), get(vcpu, 'ID_AA64FPFR0_EL1')]).toEqual([0n, 0n]);
  });
});

describe('ID registers', () => {
  test('15: what KVM does not virtualise is zero, stays zero and cannot be set', () => {
    const host = maxHost({ ID_AA64ISAR3_EL1: () => 0x1111_2112n, ID_AA64PFR2_EL1: () => 0x1_0000_0001n });
    const vcpu = newVcpu(newVm(host));
    const shown = 0x1101_0010n;
    expect([get(vcpu, 'ID_AA64ISAR3_EL1'), get(vcpu, 'ID_AA64PFR2_EL1')]).toEqual([shown, FPMR_ONLY]);
    for (const [f, v] of [
      ['CPA', 2],
      ['TLBIW', 1],
      ['PACM', 2],
      ['OCCMO', 1],
    ] as const) {
      expect(set(vcpu, 'ID_AA64ISAR3_EL1', withField(shown, 'ID_AA64ISAR3_EL1', f, v))).toBe(-EINVAL);
      expect(set(vcpu, 'ID_AA64ISAR3_EL1', withField(shown, 'ID_AA64ISAR3_EL1', f, 0))).toBe(0);
    }
    expect(set(vcpu, 'ID_AA64PFR2_EL1', FPMR_ONLY | 1n)).toBe(-EINVAL);
  });

  /** Values that older KVM gave out by mistake: accepted and forgotten although the mask does not say so. */
  const forgiven: Partial<Record<IdRegName, bigint>> = {
    ID_AA64PFR0_EL1: maskOfField('ID_AA64PFR0_EL1', 'MPAM'),
    ID_AA64PFR1_EL1: maskOfField('ID_AA64PFR1_EL1', 'MPAM_frac'),
    ID_AA64MMFR2_EL1: maskOfField('ID_AA64MMFR2_EL1', 'NV'),
  };
  test.each(Object.entries(FEATURE_SETS))(
    '16, 17: a bit that can be changed is in the mask; a zero mask means zero only (%s)',
    (_, features) => {
      const masks = writableMasks(newVm(full));
      const vcpu = newVcpu(newVm(full), features);
      for (let i = 0; i < masks.length; i++) {
        const packed = enc(3, i >> 6 === 2 ? 3 : i >> 6, 0, (i >> 3) & 7, i & 7);
        const id = regId('U64', 'SYSREG', packed);
        const was = getOneReg(vcpu, id);
        if (typeof was === 'number' || packed === ID_REGS.MPIDR_EL1.enc) continue;
        const name = regName(id) as IdRegName;
        for (let b = 0n; b < 64n; b++) {
          const r = setOneReg(vcpu, id, bytesOf(wordOf(was) ^ (1n << b)));
          const inMask = ((masks[i]! >> b) & 1n) === 1n;
          const mayForget = (((forgiven[name] ?? 0n) >> b) & 1n) === 1n;
          if (r === 0) expect(inMask || mayForget, `${name} bit ${b}`).toBe(true);
          else expect(r, `${name} bit ${b}`).toBe(-EINVAL);
          if (r === 0 && mayForget) expect(getOneReg(vcpu, id)).toEqual(was);
          setOneReg(vcpu, id, was);
        }
        if (masks[i] === 0n) expect([wordOf(was), setOneReg(vcpu, id, bytesOf(1n))], name).toEqual([0n, -EINVAL]);
      }
    },
  );
  test('18: without MTE nothing of it shows or can be set; with it each field can be lowered', () => {
    const host = recordedHost('max-nested', 'nested', {
      ...field('ID_AA64PFR1_EL1', 'MTE', 3),
      ID_AA64PFR2_EL1: () => 0x1_0000_0111n,
    });
    const without = newVcpu(newVm(host));
    const pfr1 = get(without, 'ID_AA64PFR1_EL1') as bigint;
    expect(pfr1 & (maskOfField('ID_AA64PFR1_EL1', 'MTE') | maskOfField('ID_AA64PFR1_EL1', 'MTE_frac'))).toBe(0n);
    expect(get(without, 'ID_AA64PFR2_EL1')).toBe(FPMR_ONLY);
    for (const f of ['MTEFAR', 'MTESTOREONLY'] as const)
      expect(set(without, 'ID_AA64PFR2_EL1', withField(FPMR_ONLY, 'ID_AA64PFR2_EL1', f, 1))).toBe(-EINVAL);
    const mte = newVcpu(newVm(host, withMte));
    expect(get(mte, 'ID_AA64PFR2_EL1')).toBe(0x1_0000_0110n);
    expect([...listedNames(mte)].filter((n) => !listedNames(without).has(n))).toEqual([
      'RGSR_EL1',
      'GCR_EL1',
      'TFSR_EL1',
      'TFSRE0_EL1',
    ]);
  });
  test('19: after a run, the current value is accepted and any other is EBUSY', () => {
    const vm = newVm(full);
    const vcpu = newVcpu(vm);
    vm.ranOnce = true;
    for (const name of ['ID_AA64PFR2_EL1', 'ID_AA64ISAR3_EL1', 'ID_AA64ISAR0_EL1', 'ID_AA64SMFR0_EL1'] as const) {
      const now = get(vcpu, name) as bigint;
      expect([set(vcpu, name, now), set(vcpu, name, now ^ 1n), set(vcpu, name, ONES)]).toEqual([0, -EBUSY, -EBUSY]);
    }
  });
  test('20: a value lowered through one vCPU is that of all, present and future', () => {
    const vm = newVm(full);
    const [a, b] = [newVcpu(vm), newVcpu(vm)];
    expect(set(a, 'ID_AA64PFR2_EL1', 0n)).toBe(0);
    expect([get(b, 'ID_AA64PFR2_EL1'), get(newVcpu(vm), 'ID_AA64PFR2_EL1')]).toEqual([0n, 0n]);
  });
  test('21: the init of a later vCPU raises nothing', () => {
    const vm = newVm(full);
    const a = newVcpu(vm);
    const b = createVcpuRegs(vm, 1);
    set(a, 'ID_AA64PFR2_EL1', 0n);
    initAs(b, []);
    expect(get(a, 'ID_AA64PFR2_EL1')).toBe(0n);
  });
  test('25: a snapshot without the 2023 extensions restores', () => {
    const vcpu = newVcpu(newVm(full));
    for (const name of ['ID_AA64PFR2_EL1', 'ID_AA64FPFR0_EL1', 'ID_AA64ISAR3_EL1'])
      expect(set(vcpu, name, 0n), name).toBe(0);
    expect(get(vcpu, 'FPMR')).toBe(-ENOENT);
  });
  test('26: every subset of ID_AA64FPFR0_EL1 is accepted and no reserved bit', () => {
    const vcpu = newVcpu(newVm(full));
    const bits = [0n, 1n, 26n, 27n, 28n, 29n, 30n, 31n];
    for (let subset = 0; subset < 256; subset++) {
      const v = bits.reduce((m, b, i) => ((subset >> i) & 1 ? m | (1n << b) : m), 0n);
      expect(set(vcpu, 'ID_AA64FPFR0_EL1', v)).toBe(0);
    }
    for (let b = 2n; b < 26n; b++) expect(set(vcpu, 'ID_AA64FPFR0_EL1', 1n << b), `bit ${b}`).toBe(-EINVAL);
  });
});

describe('migration', () => {
  const LIVE = new Set([idOf('CNTPCT_EL0'), idOf('CNTVCT_EL0')]);
  const snapshot = (vcpu: VcpuRegs): Map<bigint, Uint8Array> =>
    new Map(regList(vcpu).map((id) => [id, getOneReg(vcpu, id) as Uint8Array]));
  const same = (a: ReadonlyMap<bigint, Uint8Array>, b: ReadonlyMap<bigint, Uint8Array>): string[] =>
    [...a]
      .filter(([id, v]) => !LIVE.has(id) && wordOf(v) !== wordOf(b.get(id) ?? new Uint8Array()))
      .map(([id]) => regName(id));

  /** A vCPU in whose every writable register something was written, by a small generator. */
  function scrambled(host: Host, features: readonly (keyof typeof KVM_ARM_VCPU)[], seed: number): VcpuRegs {
    const vcpu = newVcpu(newVm(host), features);
    let s = seed;
    const next = (): number => {
      s = (Math.imul(s, 1_103_515_245) + 12_345) >>> 0;
      return s >>> 24;
    };
    for (const id of regList(vcpu)) {
      const was = getOneReg(vcpu, id) as Uint8Array;
      if (idRegIds.has(id)) continue;
      const isPstate = regName(id) === 'PSTATE';
      if (!isPstate)
        setOneReg(
          vcpu,
          id,
          was.map(() => next()),
        );
    }
    return vcpu;
  }
  const idRegIds = new Set(ID_REG_NAMES.map((n) => regId('U64', 'SYSREG', ID_REGS[n].enc)));
  const lower = (vcpu: VcpuRegs): void => {
    for (const name of ['ID_AA64ISAR0_EL1', 'ID_AA64ISAR3_EL1', 'ID_AA64FPFR0_EL1'] as const) set(vcpu, name, 0n);
  };

  test.each(Object.entries(FEATURE_SETS))('27: all registers survive in list order (%s)', (_, features) => {
    const source = scrambled(full, features, 7);
    lower(source);
    const target = newVcpu(newVm(full), features);
    const from = snapshot(source);
    for (const [id, v] of from) if (id !== SVE_VLS) expect(setOneReg(target, id, v), regName(id)).toBe(0);
    expect(same(from, snapshot(target))).toEqual([]);
  });
  test('28: and in any order, ID registers first', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(FEATURE_SETS)),
        fc.integer({ min: 1 }),
        fc.boolean(),
        (features, seed, reverse) => {
          const source = scrambled(full, features, seed);
          lower(source);
          const target = newVcpu(newVm(full), features);
          const from = snapshot(source);
          const rest = [...from.keys()].filter((id) => id !== SVE_VLS && !idRegIds.has(id));
          const order = reverse
            ? rest.reverse()
            : rest
                .map((id, i) => [Math.imul(i + 1, seed | 1) >>> 0, id] as const)
                .sort((a, b) => a[0] - b[0])
                .map(([, id]) => id);
          for (const id of [...[...from.keys()].filter((id) => idRegIds.has(id)), ...order])
            expect(setOneReg(target, id, from.get(id)!)).toBe(0);
          expect(same(from, snapshot(target))).toEqual([]);
        },
      ),
      { seed: 28, numRuns: 40 },
    );
  });
  test('29: FPMR of a VM that has it, in a VM that has not: ENOENT for it alone', () => {
    const source = scrambled(full, [], 3);
    const target = newVcpu(newVm(full));
    set(target, 'ID_AA64PFR2_EL1', 0n);
    const from = snapshot(source);
    const failed = [...from].filter(([id]) => !idRegIds.has(id)).flatMap(([id, v]) => {
      const r = setOneReg(target, id, v);
      return r === 0 ? [] : [[regName(id), r]];
    }); // biome-ignore format: one pipeline
    expect(failed).toEqual([['FPMR', -ENOENT]]);
    from.delete(idOf('FPMR'));
    for (const id of idRegIds) from.delete(id);
    expect(same(from, snapshot(target))).toEqual([]);
  });
  test('30: SVE lengths, then finalise, then registers; V registers are refused', () => {
    const vcpu = createVcpuRegs(newVm(full), 0);
    initAs(vcpu, ['SVE']);
    const z = (n: number): bigint => regId('U2048', 'SVE', n << 5);
    expect(setOneReg(vcpu, z(0), new Uint8Array(256))).toBe(-EPERM);
    expect(setOneReg(vcpu, SVE_VLS, bytesOf(3n, 64))).toBe(0);
    expect(vcpuFinalize(vcpu, KVM_ARM_VCPU.SVE)).toBe(0);
    expect(setOneReg(vcpu, SVE_VLS, bytesOf(3n, 64))).toBe(-EPERM);
    const value = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(setOneReg(vcpu, z(5), value)).toBe(0);
    expect(set(vcpu, 'FPMR', 9n)).toBe(0);
    const back = getOneReg(vcpu, z(5)) as Uint8Array;
    expect([...back.subarray(0, 32)]).toEqual([...value.subarray(0, 32)]);
    expect(back.subarray(32).every((b) => b === 0)).toBe(true);
    expect(getOneReg(vcpu, regId('U128', 'CORE', 84))).toBe(-EINVAL);
    resetVcpu(vcpu);
    expect(wordOf(getOneReg(vcpu, SVE_VLS) as Uint8Array)).toBe(3n);
  });
  test('31: V registers, control registers and FPMR in a snapshot are those of the vCPU', () => {
    const vcpu = newVcpu(newVm(full));
    vcpu.vectors.set([1, 2, 3, 4], 7 * 256);
    vcpu.core.fpcr = 0x0300_0000;
    const s = snapshot(vcpu);
    expect([...s.get(regId('U128', 'CORE', 84 + 4 * 7))!.subarray(0, 4)]).toEqual([1, 2, 3, 4]);
    expect(wordOf(s.get(regId('U32', 'CORE', 213))!)).toBe(0x0300_0000n);
  });
  test('32: EL2 registers keep reserved bits until the VM runs', () => {
    const vcpu = newVcpu(newVm(full), FEATURE_SETS['el2']!);
    for (const name of ['HCRX_EL2', 'HCR_EL2', 'SCTLR2_EL2']) {
      expect(set(vcpu, name, ONES)).toBe(0);
      expect(get(vcpu, name), name).toBe(ONES);
    }
  });
});

describe('feature sets', () => {
  const init = (vm: VmRegs, ...features: (keyof typeof KVM_ARM_VCPU)[]): number =>
    initAs(createVcpuRegs(vm, vm.vcpus.length), features);
  test('the first init fixes the features of the VM', () => {
    const vm = newVm(full);
    expect([init(vm, 'SVE'), init(vm), init(vm, 'SVE'), init(vm, 'SVE', 'POWER_OFF')]).toEqual([0, -EINVAL, 0, 0]);
    expect(vm.vcpus.map((v) => v.powerOff)).toEqual([false, false, false, true]);
  });
  test('a refused init fixes nothing', () => {
    const vm = newVm(full);
    expect([init(vm, 'PTRAUTH_ADDRESS'), init(vm, 'PMU_V3')]).toEqual([-EINVAL, 0]);
  });
  test('MTE and AArch32 exclude each other', () => {
    const host = recordedHost('max-nested', 'nested', field('ID_AA64PFR1_EL1', 'MTE', 2));
    expect(init(newVm(host, withMte), 'EL1_32BIT')).toBe(-EINVAL);
  });
});
