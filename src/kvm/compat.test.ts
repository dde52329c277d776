// The deviations of Linux 7.2, switched on and off: what a guest sees of a feature that its VM lacks. And the ID fields that
// are offered on request. Numbers are those of the project's lists.

import { describe, expect, test } from 'vitest';
import { DONE, SET_VECTORS, TestGuest, VECTORS } from '../../test/kit/guest.ts';
import { get, maxHost, newVcpu, set } from '../../test/kit/kvm_regs.ts';
import { probe, sysInsn, UNDEF } from '../../test/kit/probe.ts';
import { withField } from '../arch/id_fields.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import { SYSTEM_OPS } from '../arch/sysregs.ts';
import { Errno } from '../base/hostfile.ts';
import { builtinModel } from '../cpu/models.ts';
import type { KvmCompat } from './compat.ts';
import { Triager } from './emulate-nested.ts';
import { firstRun } from './fgu.ts';
import { writableMasks } from './id_regs.ts';
import type { OfferName } from './offers.ts';
import type { VmRegs } from './regs_state.ts';
import { createVmRegs } from './reset.ts';

const ENFPM = 1n << 34n;
/** SCTLR_EL1.{LSMAOE,nTLSMD,EOS}: one on a CPU without FEAT_LSMAOC and FEAT_ExS; the CPU that was recorded leaves them. */
const RES1 = (3n << 28n) | (1n << 11n);

describe('D4, 3b: SCTLR_EL1.EnFPM and FPMR in a VM without FPMR', () => {
  /** Sets EnFPM to a value at EL1, then reads FPMR at EL0. @returns SCTLR_EL1 as the guest reads it, ESR_EL1 after */
  function attempt(enfpm: 0 | 1, compat?: KvmCompat): { sctlr: bigint; esr: bigint } {
    const g = new TestGuest(
      `${SET_VECTORS} mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb
       mrs x1, sctlr_el1\n ${enfpm ? 'orr x1, x1, #(1 << 34)' : 'and x1, x1, #(~(1 << 34))'}\n msr sctlr_el1, x1\n isb\n mrs x2, sctlr_el1
       adr x3, user\n msr elr_el1, x3\n msr spsr_el1, xzr\n eret
       user: mrs x4, s3_3_c4_c4_2\n ${DONE} ${VECTORS}`.replaceAll('\\\n', '\n'),
      { kvm: { compat }, prepare: (vcpu) => vcpu.setOneReg('ID_AA64PFR2_EL1', 0n) },
    );
    g.finish();
    return { sctlr: g.x(2), esr: g.x(28) };
  }
  test.each([0, 1] as const)('written as %d: it reads as 0, and FPMR at EL0 is UNDEFINED', (enfpm) => {
    const { sctlr, esr } = attempt(enfpm);
    expect(sctlr & ENFPM).toBe(0n);
    expect(esr).toBe(UNDEF);
  });
  test('Linux 7.2 lets the guest set it, and EL0 then sees UNDEFINED only because KVM says so', () => {
    const { sctlr, esr } = attempt(1, 'linux-7.2');
    expect(sctlr & ~RES1).toBe(0x4_00c5_0078n);
    expect(esr).toBe(UNDEF);
  });
  test('with Linux 7.2, and the bit clear, EL1 is told of a trap (EC 0x18) on a register that is not there', () => {
    const { sctlr, esr } = attempt(0, 'linux-7.2');
    expect(sctlr & ENFPM).toBe(0n);
    expect(esr & ~(0x1fn << 5n)).toBe(0x6234_d009n);
  });
  test('at EL1 both are UNDEFINED', () => {
    for (const compat of [undefined, 'linux-7.2'] as const)
      expect(
        probe(['mrs x1, s3_3_c4_c4_2', 'msr s3_3_c4_c4_2, x1'], {
          kvm: { compat },
          prepare: (v) => v.setOneReg('ID_AA64PFR2_EL1', 0n),
        }).esr,
      ).toEqual([UNDEF, UNDEF]);
  });
});

// What Linux 7.2 hides and we offer on request.

const host = maxHost({
  ID_AA64ISAR3_EL1: (v) => withField(withField(v, 'ID_AA64ISAR3_EL1', 'CPA', 2), 'ID_AA64ISAR3_EL1', 'TLBIW', 1),
});
const vmWith = (...offer: OfferName[]): VmRegs => createVmRegs(host, { offer });
const cpa = (v: bigint | number): bigint => (v as bigint) & 0xfn;
const tlbiw = (v: bigint | number): bigint => ((v as bigint) >> 8n) & 0xfn;

describe('ID_AA64ISAR3_EL1.CPA', () => {
  test('is 0 for everybody, and not writable, unless asked for', () => {
    const vcpu = newVcpu(vmWith());
    const v = get(vcpu, 'ID_AA64ISAR3_EL1') as bigint;
    expect(cpa(v)).toBe(0n);
    expect(set(vcpu, 'ID_AA64ISAR3_EL1', v | 1n)).toBe(-Errno.EINVAL);
    expect(cpa(writableMasks(vcpu.vm)[6 * 8 + 3]!)).toBe(0n);
  });
  test('asked for, comes with SCTLR2_EL1 and can be lowered', () => {
    const vcpu = newVcpu(vmWith('ID_AA64ISAR3_EL1.CPA'));
    const v = get(vcpu, 'ID_AA64ISAR3_EL1') as bigint;
    expect([cpa(v), tlbiw(v)]).toEqual([2n, 0n]);
    expect(typeof get(vcpu, 'SCTLR2_EL1')).toBe('bigint');
    expect(cpa(writableMasks(vcpu.vm)[6 * 8 + 3]!)).toBe(0xfn);
    for (const n of [1n, 0n]) expect(set(vcpu, 'ID_AA64ISAR3_EL1', (v & ~0xfn) | n)).toBe(0);
    expect(set(vcpu, 'ID_AA64ISAR3_EL1', v | 3n)).toBe(-Errno.EINVAL);
  });
  test('goes with SCTLR2 before the VM runs', () => {
    const vcpu = newVcpu(vmWith('ID_AA64ISAR3_EL1.CPA'));
    set(vcpu, 'ID_AA64MMFR3_EL1', 0n);
    firstRun(vcpu);
    expect(cpa(get(vcpu, 'ID_AA64ISAR3_EL1'))).toBe(0n);
  });
  test('is not to be had on a host without SCTLR2', () => {
    const poor = maxHost({
      ID_AA64ISAR3_EL1: (v) => withField(v, 'ID_AA64ISAR3_EL1', 'CPA', 2),
      ID_AA64MMFR3_EL1: () => 0n,
    });
    expect(cpa(get(newVcpu(createVmRegs(poor, { offer: ['ID_AA64ISAR3_EL1.CPA'] })), 'ID_AA64ISAR3_EL1'))).toBe(0n);
  });
  test('its controls in SCTLR2_EL1 are switched with the guest where it is offered, and reserved where it is not', () => {
    const raw = new Map(builtinModel('max').raw);
    const put = (name: IdRegName, v: bigint): void => void raw.set(ID_REGS[name].enc, v);
    put('ID_AA64ISAR3_EL1', withField(raw.get(ID_REGS.ID_AA64ISAR3_EL1.enc)!, 'ID_AA64ISAR3_EL1', 'CPA', 2));
    const CPTA = 0x1e00n;
    const left = (offer: readonly OfferName[], prepare = (_: unknown): void => {}): bigint => {
      const g = new TestGuest(`mov x1, #0x1e00\n msr s3_0_c1_c0_3, x1\n isb\n mrs x2, s3_0_c1_c0_3\n ${DONE}`, {
        raw,
        kvm: { offer },
        prepare,
      });
      g.finish();
      return g.x(2);
    };
    expect(left(['ID_AA64ISAR3_EL1.CPA'])).toBe(CPTA);
    expect(left([])).toBe(0n);
    // Two guests, one after the other: each finds its own.
    const [a, b] = [0x600n, 0x1800n].map((v) => {
      const g = new TestGuest(`mrs x1, s3_0_c1_c0_3\n ${DONE.replace('b .', '')} mrs x2, s3_0_c1_c0_3\n ${DONE}`, {
        raw,
        kvm: { offer: ['ID_AA64ISAR3_EL1.CPA'] },
        prepare: (vcpu) => vcpu.setOneReg('SCTLR2_EL1', v),
      });
      return g;
    }) as [TestGuest, TestGuest];
    for (const g of [a, b, a, b]) g.finish();
    expect([a.x(1), b.x(1), a.x(2), b.x(2)]).toEqual([0x600n, 0x1800n, 0x600n, 0x1800n]);
  });
});

describe('ID_AA64ISAR3_EL1.TLBIW', () => {
  const OPS = ['', 'IS', 'OS', 'NXS', 'ISNXS', 'OSNXS'].map((s) => SYSTEM_OPS.get(`TLBI_VMALLWS2E1${s}`)!.enc);
  const NV = 1n << 42n;
  const E2H = 1n << 34n;
  const how = (vm: VmRegs, el: 0 | 1 | 2, hcr: bigint): string[] => {
    const t = new Triager({ vm, el, read: (r) => (r === 'HCR_EL2' ? hcr : 0n) });
    return OPS.map((op) => t.sysreg(op, false).how);
  };
  const all = (x: string): string[] => OPS.map(() => x);
  test('offered to a VM with EL2: virtual EL2 has the operation, its own nested hypervisor’s goes to it, nobody else has it', () => {
    const vm = vmWith('ID_AA64ISAR3_EL1.TLBIW');
    expect(tlbiw(get(newVcpu(vm, ['HAS_EL2']), 'ID_AA64ISAR3_EL1'))).toBe(1n);
    expect(how(vm, 2, E2H)).toEqual(all('here'));
    expect(how(vm, 1, E2H | NV)).toEqual(all('forward'));
    expect(how(vm, 1, E2H)).toEqual(all('undef'));
    expect(how(vm, 0, E2H | NV)).toEqual(all('undef'));
  });
  test('hidden: UNDEFINED everywhere', () => {
    const vm = vmWith();
    newVcpu(vm, ['HAS_EL2']);
    for (const el of [0, 1, 2] as const) expect(how(vm, el, E2H | NV)).toEqual(all('undef'));
  });
  test('a VM without EL2 is not offered it, and its guest finds it UNDEFINED', () => {
    expect(tlbiw(get(newVcpu(vmWith('ID_AA64ISAR3_EL1.TLBIW')), 'ID_AA64ISAR3_EL1'))).toBe(0n);
    expect(probe(OPS.map(sysInsn), { kvm: { offer: ['ID_AA64ISAR3_EL1.TLBIW'] } }).esr).toEqual(OPS.map(() => UNDEF));
  });
}); // biome-ignore format: tables
