// What becomes of a vCPU whose nested guest came to EL2: the exception at virtual EL2, or the guest's own UNDEFINED. The
// registers are set by hand: guests with EL2 are not executed yet.

import { describe, expect, test } from 'vitest';
import { DONE, TestGuest } from '../../test/kit/guest.ts';
import { EC, type ExceptionClassName, esrOf, issOfSysreg } from '../arch/esr.ts';
import { encOf, SYSTEM_OPS } from '../arch/sysregs.ts';
import { handleExit } from './handle_exit.ts';
import { type StoredReg, sysRegSlot } from './sys_reg_table.ts';
import type { Vcpu } from './vcpu.ts';

const EL1H = 0x3c5n;
const EL2H = 0x3c9n;
const PC = 0x8_0000n;
const VBAR = 0x10_0000n;
const E2H = 1n << 34n;

/** A vCPU of a VM with EL2, at EL1 of its nested guest. */
function nested(
  regs: Partial<Record<StoredReg, bigint>> = {},
  pfr2?: bigint,
): { vcpu: Vcpu; get: (n: StoredReg) => bigint; g: TestGuest } {
  const g = new TestGuest(DONE, {
    mode: 'nested',
    features: ['HAS_EL2'],
    prepare: (v) => {
      if (pfr2 !== undefined) v.setOneReg('ID_AA64PFR2_EL1', pfr2);
    },
  });
  const vcpu = g.kvmVm.vcpus[0]!;
  const all = { HCR_EL2: E2H, VBAR_EL2: VBAR, VBAR_EL1: 2n * VBAR, CPTR_EL2: 0x30_0000n, ...regs };
  for (const [n, v] of Object.entries(all)) vcpu.regs.sys[sysRegSlot(n as StoredReg)] = v;
  vcpu.regs.core.pstate = EL1H;
  vcpu.regs.core.pc = PC;
  return { vcpu, g, get: (n) => vcpu.regs.sys[sysRegSlot(n)]! };
}
function exit(g: TestGuest, vcpu: Vcpu, name: ExceptionClassName, iss: number): void {
  expect(handleExit(vcpu, { ec: EC[name].ec, iss, far: 0n, ipa: 0n, toEl2: true }, g.process)).toBe('resume');
}

describe('a trapped access', () => {
  test.each([true, false])('33: FPMR with HCRX_EL2.EnFPM = 0 (read: %s): virtual EL2 takes it as it came', (isRead) => {
    const { vcpu, get, g } = nested({ FPMR: 0x123n });
    const iss = issOfSysreg(encOf('FPMR'), 3, isRead);
    exit(g, vcpu, 'SYS64', iss);
    expect(get('ESR_EL2')).toBe(esrOf('SYS64', BigInt(iss)));
    expect([get('ELR_EL2'), get('SPSR_EL2')]).toEqual([PC, EL1H]);
    expect(vcpu.regs.core.pc).toBe(VBAR + 0x400n);
    expect(vcpu.regs.core.pstate & 0x3cfn).toBe(EL2H);
    expect([get('FPMR'), get('FAR_EL2'), get('HPFAR_EL2')]).toEqual([0x123n, 0n, 0n]);
  });
  test('37: without FPMR in the VM the nested guest’s own EL1 takes an UNDEFINED', () => {
    for (const HCRX_EL2 of [0n, 0xffff_ffff_ffff_ffffn]) {
      const { vcpu, get, g } = nested({ HCRX_EL2 }, 0n);
      exit(g, vcpu, 'SYS64', issOfSysreg(encOf('FPMR'), 0, true));
      expect([get('ESR_EL1'), get('ELR_EL1'), vcpu.regs.core.pc]).toEqual([0x0200_0000n, PC, 2n * VBAR + 0x200n]);
      expect(get('ESR_EL2')).toBe(0n);
    }
  });
  test('an operation of stage 2 in a nested guest of a nested hypervisor goes on; TLBI VMALLWS2E1 does not exist', () => {
    const NV = 1n << 42n;
    const at = (name: string): number => issOfSysreg(SYSTEM_OPS.get(name)!.enc, 31, false);
    const a = nested({ HCR_EL2: E2H | NV });
    exit(a.g, a.vcpu, 'SYS64', at('TLBI_ALLE1'));
    expect(a.get('ESR_EL2')).toBe(esrOf('SYS64', BigInt(at('TLBI_ALLE1'))));
    const b = nested({ HCR_EL2: E2H | NV });
    exit(b.g, b.vcpu, 'SYS64', at('TLBI_VMALLWS2E1'));
    expect([b.get('ESR_EL2'), b.get('ESR_EL1')]).toEqual([0n, 0x0200_0000n]);
  });
});

const BIT = (n: number): bigint => 1n << BigInt(n);
test.each<readonly [ExceptionClassName, number, string, Partial<Record<StoredReg, bigint>>, boolean]>([
  ['HVC64', 0, 'always', {}, true],
  ['SMC64', 7, 'HCR_EL2.TSC', { HCR_EL2: E2H | BIT(19) }, true],
  ['WFX', 0x1e0_0000, 'HCR_EL2.TWI', { HCR_EL2: E2H | BIT(13) }, true],
  ['SVC64', 1, 'HFGITR_EL2.SVC_EL1', { HFGITR_EL2: BIT(53) }, true],
  ['ERET', 0, 'HFGITR_EL2.ERET', { HFGITR_EL2: BIT(51) }, true],
  ['FP_ASIMD', 0x1e0_0000, 'CPTR_EL2.FPEN', { CPTR_EL2: 0n, CPACR_EL1: 3n << 20n }, true],
  ['ERET', 0, 'nobody', {}, false],
])('%s (ISS %d), asked for by %s', (name, iss, _, regs, forwarded) => {
  const { vcpu, get, g } = nested(regs);
  exit(g, vcpu, name, iss);
  expect(get('ESR_EL2')).toBe(forwarded ? esrOf(name, BigInt(iss)) : 0n);
  expect(get('ESR_EL1') === 0x0200_0000n).toBe(!forwarded);
});
