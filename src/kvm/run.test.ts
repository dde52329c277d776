// Guests that run: exits, what the program finds in kvm_run, and what a guest may not see. Numbers in names are those of
// the project's list of invariants.

import { describe, expect, test } from 'vitest';
import { CODE, DEVICE, DONE, SET_VECTORS, TestGuest, VECTORS } from '../../test/kit/guest.ts';
import { KVM_SYSTEM_EVENT, structs } from '../uapi/index.ts';

const UNDEF = 0x0200_0000n;
const FPMR_HIDDEN = (vcpu: { setOneReg(name: string, value: bigint): void }): void =>
  vcpu.setOneReg('ID_AA64PFR2_EL1', 0n);

describe('MMIO', () => {
  test('a store exits with address, data and length; PC moves on with the next run', () => {
    const g = new TestGuest(`mov x0, #${DEVICE}\n mov w1, #0x1234\n strh w1, [x0, #0x18]\n ${DONE}`);
    expect(g.run()).toBe('MMIO');
    expect(g.mmio).toMatchObject({ phys_addr: DEVICE + 0x18n, len: 2, is_write: 1 });
    expect([...g.mmio.data.slice(0, 2)]).toEqual([0x34, 0x12]);
    expect(g.vcpu.getOneReg('PC')).toBe(CODE + 8n);
    g.finish();
    expect(g.mmio.phys_addr).toBe(DEVICE);
  });
  test.each([
    ['ldrb w2, [x0]', 1, 0x80n],
    ['ldrsb w2, [x0]', 1, 0xffff_ff80n],
    ['ldrsb x2, [x0]', 1, 0xffff_ffff_ffff_ff80n],
    ['ldrsh x2, [x0]', 2, 0xffff_ffff_ffff_8180n],
    ['ldr w2, [x0]', 4, 0x8382_8180n],
    ['ldrsw x2, [x0]', 4, 0xffff_ffff_8382_8180n],
    ['ldr x2, [x0]', 8, 0x8786_8584_8382_8180n],
  ])('%s takes the answer of the program', (insn, len, value) => {
    const g = new TestGuest(`mov x0, #${DEVICE}\n ${insn}\n ${DONE}`);
    expect(g.run()).toBe('MMIO');
    expect(g.mmio).toMatchObject({ len, is_write: 0 });
    g.answerMmio([0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87]);
    g.finish();
    expect(g.x(2)).toBe(value);
  });
  test('51: with immediate_exit the answer is taken and the guest does not run', () => {
    const g = new TestGuest(`mov x0, #${DEVICE}\n ldr x2, [x0]\n mov x2, #1\n ${DONE}`);
    g.run();
    g.answerMmio([7, 0, 0, 0, 0, 0, 0, 0]);
    expect(() => g.vcpu.run({ immediateExit: true })).toThrow(/KVM_RUN/);
    expect(g.x(2)).toBe(7n);
    expect(g.vcpu.getOneReg('PC')).toBe(CODE + 8n);
  });
  test('54: an abort that the program injects takes the place of the load', () => {
    const g = new TestGuest(`${SET_VECTORS} mov x0, #${DEVICE}\nload: ldr x2, [x0]\n ${DONE} ${VECTORS}`);
    g.run();
    g.answerMmio([7]);
    g.vcpu.ioctlStruct('KVM_SET_VCPU_EVENTS', structs.kvm_vcpu_events, { exception: { ext_dabt_pending: 1 } });
    g.finish();
    expect([g.x(2), g.x(29)]).toEqual([0n, g.symbols.get('load')]);
    expect(g.x(28)).toBe(0x9600_0010n);
  });
  test('a store of a pair has no syndrome: ENOSYS, or KVM_EXIT_ARM_NISV for those who asked', () => {
    const source = `mov x0, #${DEVICE}\n stp x1, x2, [x0]\n ${DONE}`;
    expect(() => new TestGuest(source).run()).toThrow(expect.objectContaining({ name: 'ENOSYS' }));
    const g = new TestGuest(source, { before: (vm) => vm.enableCap('ARM_NISV_TO_USER') });
    expect(g.run()).toBe('ARM_NISV');
    expect(g.exit(structs.exit_arm_nisv)).toMatchObject({ fault_ipa: DEVICE });
  });
});

describe('calls', () => {
  const call = (id: number, rest = ''): string =>
    `mov x0, #${id & 0xffff}\n movk x0, #${id >>> 16}, lsl #16\n ${rest} hvc #0\n ${DONE}`;
  test('the calling convention and PSCI say their versions', () => {
    const smccc = new TestGuest(call(0x8000_0000));
    smccc.finish();
    expect(smccc.x(0)).toBe(0x1_0001n);
    const psci = new TestGuest(call(0x8400_0000));
    psci.finish();
    expect(psci.x(0)).toBe(0x1_0003n);
  });
  test('an unknown call is not supported', () => {
    const g = new TestGuest(call(0x8700_1234));
    g.finish();
    expect(g.x(0)).toBe(0xffff_ffff_ffff_ffffn);
  });
  test('SYSTEM_OFF stops the VM and tells the program', () => {
    const g = new TestGuest(call(0x8400_0008));
    expect(g.run()).toBe('SYSTEM_EVENT');
    expect(g.exit(structs.exit_system_event)).toMatchObject({ type: KVM_SYSTEM_EVENT.SHUTDOWN, ndata: 1 });
    expect(g.vcpu.getMpState()).toBe('STOPPED');
    expect(g.x(0)).toBe(BigInt.asUintN(64, -6n));
  });
  test('equal machines give equal random bits, different calls different ones', () => {
    const source = `mov x0, #0x53\n movk x0, #0xc400, lsl #16\n mov x1, #192\n hvc #0\n ${DONE}`;
    const [a, b] = [new TestGuest(source), new TestGuest(source)];
    a.finish();
    b.finish();
    expect([a.x(0), a.x(1), a.x(2), a.x(3)]).toEqual([b.x(0), b.x(1), b.x(2), b.x(3)]);
    expect(new Set([a.x(1), a.x(2), a.x(3)]).size).toBe(3);
  });
});

describe('absence', () => {
  test.each(['mrs x1, s3_3_c4_c4_2', 'msr s3_3_c4_c4_2, x1'])('3: without FPMR, %s is UNDEFINED', (insn) => {
    const g = new TestGuest(
      `${SET_VECTORS} mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n mov x1, #5\nbad: ${insn}\n ${DONE} ${VECTORS}`,
      { prepare: FPMR_HIDDEN },
    );
    g.finish();
    expect([g.x(28), g.x(29), g.x(1)]).toEqual([UNDEF, g.symbols.get('bad'), 5n]);
  });
  test('3b, 22: without FPMR, SCTLR_EL1.EnFPM reads as zero, and the program reads what it wrote', () => {
    const source = `mrs x1, sctlr_el1\n orr x1, x1, #(1 << 34)\n msr sctlr_el1, x1\n isb\n mrs x2, sctlr_el1\n ${DONE}`;
    const enfpm = 1n << 34n;
    const without = new TestGuest(source, { prepare: FPMR_HIDDEN });
    without.finish();
    expect(without.x(2) & enfpm).toBe(0n);
    const withIt = new TestGuest(source);
    withIt.finish();
    expect(withIt.x(2) & enfpm).toBe(enfpm);
    const raw = new TestGuest(DONE, {
      prepare: (vcpu) => {
        FPMR_HIDDEN(vcpu);
        vcpu.setOneReg('SCTLR_EL1', 0x00c5_0078n | enfpm);
      },
    });
    raw.finish();
    expect(raw.vcpu.getOneReg('SCTLR_EL1')).toBe(0x00c5_0078n | enfpm);
  });
  test('with FPMR the value is the guest’s last one, also after other guests ran', () => {
    const source = `mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n mrs x1, s3_3_c4_c4_2\n mov x2, #0x41\n msr s3_3_c4_c4_2, x2\n ${DONE}`;
    const a = new TestGuest(source, { prepare: (v) => v.setOneReg('FPMR', 0x5n) });
    const b = new TestGuest(source.replace('0x41', '0x82'));
    a.finish();
    b.finish();
    expect([a.x(1), a.vcpu.getOneReg('FPMR'), b.vcpu.getOneReg('FPMR')]).toEqual([5n, 0x41n, 0x82n]);
  });
  test('23: without an interrupt controller its registers are UNDEFINED', () => {
    const g = new TestGuest(`${SET_VECTORS}bad: mrs x1, s3_0_c12_c12_5\n ${DONE} ${VECTORS}`);
    g.finish();
    expect([g.x(28), g.x(29)]).toEqual([UNDEF, g.symbols.get('bad')]);
  });
  test('an ID register reads as the VM has it', () => {
    const g = new TestGuest(`mrs x1, s3_0_c0_c4_2\n mrs x2, s3_0_c0_c5_3\n ${DONE}`, { prepare: FPMR_HIDDEN });
    g.finish();
    expect([g.x(1), g.x(2)]).toEqual([0n, 0n]);
  });
});

describe('registers', () => {
  test('12: what the program writes between two runs is what the guest sees', () => {
    const g = new TestGuest(
      `mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n fmov d0, #1.0\n ${DONE.replace('b .', '')} fmov x1, d0\n mrs x2, tpidr_el1\n ${DONE}`,
    );
    g.finish();
    g.vcpu.setOneReg('V0', 0x1234n);
    g.vcpu.setOneReg('TPIDR_EL1', 0x77n);
    g.finish();
    expect([g.x(1), g.x(2)]).toEqual([0x1234n, 0x77n]);
  });
  test('19: ID registers are frozen by the first run', () => {
    const g = new TestGuest(DONE);
    g.finish();
    expect(() => g.vcpu.setOneReg('ID_AA64PFR2_EL1', 0n)).toThrow(expect.objectContaining({ name: 'EBUSY' }));
  });
  test('a program that steps a guest sees every instruction', () => {
    const g = new TestGuest(`nop\n mov x1, #1\n mov x1, #2\n ${DONE}`);
    g.vcpu.ioctlStruct('KVM_SET_GUEST_DEBUG', structs.kvm_guest_debug, { control: 3 });
    const pcs = Array.from({ length: 3 }, () => {
      expect(g.run()).toBe('DEBUG');
      return g.vcpu.getOneReg('PC');
    });
    expect(pcs).toEqual([CODE + 4n, CODE + 8n, CODE + 12n]);
  });
});
