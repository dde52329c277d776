// Migration of guests that have run, and what syndromes say of accesses that reach no memory. Numbers are those of the
// project's list of invariants.

import { describe, expect, test } from 'vitest';
import { CODE, DEVICE, DONE, SET_VECTORS, TestGuest, VECTORS } from '../../test/kit/guest.ts';
import type { Vcpu } from '../lib/index.ts';
import { structs, type VcpuFeature } from '../uapi/index.ts';

const WNR = 1n << 6n;
const CM = 1n << 8n;
const LIVE = ['CNTPCT_EL0', 'CNTVCT_EL0'];

describe('migration of a guest that ran', () => {
  const FEATURES: readonly (readonly VcpuFeature[])[] = [[], ['PTRAUTH_ADDRESS', 'PTRAUTH_GENERIC']];
  const SOURCE = `mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n fmov d3, #2.0\n mov x5, #77\n msr tpidr_el1, x5
    mov x6, #0x1000\n msr vbar_el1, x6\n msr contextidr_el1, x5\n ${DONE.replace('b .', '')} mrs x7, tpidr_el1\n fmov x8, d3\n ${DONE}`;
  const options = (features: readonly VcpuFeature[]) => ({
    features,
    before: (vm: TestGuest['vm']) => vm.enableCap('ARM_WRITABLE_IMP_ID_REGS'),
  });
  const snapshot = (vcpu: Vcpu): Map<string, bigint> =>
    new Map(vcpu.regList().map((r) => [r.name, vcpu.getOneReg(r.id)]));

  test.each(FEATURES)('27, 31: its registers continue it on another one (%s)', (...features) => {
    const from = new TestGuest(SOURCE, options(features));
    from.finish();
    const state = snapshot(from.vcpu);
    expect(state.get('V3')).toBe(0x4000_0000_0000_0000n);
    const to = new TestGuest(SOURCE, options(features));
    for (const r of from.vcpu.regList()) to.vcpu.setOneReg(r.id, state.get(r.name)!);
    const back = snapshot(to.vcpu);
    expect([...state].filter(([name, v]) => !LIVE.includes(name) && back.get(name) !== v)).toEqual([]);
    to.vcpu.setOneReg('PC', state.get('PC')! + 4n); // the store to the device is over
    to.finish();
    expect([to.x(7), to.x(8)]).toEqual([77n, 0x4000_0000_0000_0000n]);
  });
});

describe('syndromes of accesses without memory', () => {
  const RO = 0x9000_0000n;
  const nisv = (insn: string, at: bigint): bigint => {
    const g = new TestGuest(`mov x0, #${at}\n ${insn}\n ${DONE}`, {
      before: (vm) => {
        vm.enableCap('ARM_NISV_TO_USER');
        vm.setUserMemoryRegion({ slot: 1, guestPhysAddr: RO, size: 0x1000n, flags: ['READONLY'] });
      },
    });
    expect(g.run()).toBe('ARM_NISV');
    return g.exit(structs.exit_arm_nisv).esr_iss;
  };
  const ATOMICS = ['ldadd x1, x2, [x0]', 'swp x1, x2, [x0]', 'cas x1, x2, [x0]'];
  test.each(ATOMICS)('56: %s of no memory is a read; of read-only memory a write', (insn) => {
    expect(nisv(insn, DEVICE) & WNR).toBe(0n);
    expect(nisv(insn, RO) & WNR).toBe(WNR);
  });
  test('57: DC ZVA is a write', () => {
    expect(nisv('dc zva, x0', DEVICE) & (WNR | CM)).toBe(WNR);
  });
  test('57: maintenance is written as such, and without memory nothing', () => {
    const g = new TestGuest(`mov x0, #${DEVICE}\n dc civac, x0\n dc cvac, x0\n mov x1, #1\n ${DONE}`);
    g.finish();
    expect(g.x(1)).toBe(1n);
  });
  test('57: AT of no memory leaves a fault or an address in PAR_EL1, and does not come out', () => {
    const g = new TestGuest(
      `${SET_VECTORS} mov x0, #${DEVICE}\n at s1e1r, x0\n isb\n mrs x1, par_el1\n ${DONE} ${VECTORS}`,
    );
    g.finish();
    expect([g.x(28), g.x(1) & 1n, g.x(1) & 0xf_ffff_f000n]).toEqual([0n, 0n, DEVICE]);
    expect(g.vcpu.getOneReg('PC')).toBeGreaterThan(CODE);
  });
});
