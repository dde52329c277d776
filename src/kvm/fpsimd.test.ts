// FP registers between host and guests: invariants 1 to 14 of the project's list, in every mode where they apply. The host
// process has registers of its own on the same CPU, so a switch that goes wrong shows as a wrong value.

import { describe, expect, test } from 'vitest';
import { DONE, SET_VECTORS, TestGuest, VECTORS } from '../../test/kit/guest.ts';
import { FP_STATE, fpStateOf } from '../cpu/fp_state.ts';
import { Slot } from '../cpu/state.ts';
import { regName } from './reg_names.ts';

const MODES = ['vhe', 'nvhe', 'protected'] as const;
const ONES = 0xffff_ffff_ffff_ffffn;
const UNDEF = 0x0200_0000n;
const F1CVTL = '.word 0x2e217800'; // F1CVTL V0.8H, V0.8B
const FP_ON = 'mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n';
const hideFpmr = (vcpu: { setOneReg(name: string, value: bigint): void }): void =>
  vcpu.setOneReg('ID_AA64PFR2_EL1', 0n);

/** Runs `body` at EL0 with SCTLR_EL1.EnFPM as given. */
const atEl0 = (body: string, enfpm: boolean, cpacr = 3): string => `${SET_VECTORS}
  mov x0, #(${cpacr} << 20)
  msr cpacr_el1, x0
  mrs x0, sctlr_el1
  ${enfpm ? 'orr x0, x0, #(1 << 34)' : 'and x0, x0, #0xfffffffbffffffff'}
  msr sctlr_el1, x0
  adr x0, user
  msr elr_el1, x0
  msr spsr_el1, xzr
  eret
user:
  ${body}
  ${DONE} ${VECTORS}`;
/** A program in the middle of something: each run stores a byte, and comes back for more. */
const STOP = DONE.replace('b .', '');

describe.each(MODES)('%s', (mode) => {
  const guest = (source: string, options: ConstructorParameters<typeof TestGuest>[1] = {}): TestGuest =>
    new TestGuest(source, { mode, ...options });
  const names = (g: TestGuest): string[] => g.vcpu.regList().map((r) => regName(r.id));
  /** Values in all FP registers of the host's program. */
  const fill = (g: TestGuest, seed: bigint): void => {
    const { state } = g.process.fp;
    for (let n = 0; n < 32; n++) state.setV(n, seed + BigInt(n), ~seed & 0xffffn);
    state.set(Slot.FPCR, 0x0300_0000n);
    state.set(Slot.FPSR, 0x1fn);
    state.set(Slot.FPMR, seed & 0x1ffn);
  };
  const seen = (g: TestGuest): readonly unknown[] => {
    const { state } = g.process.fp;
    const vectors = Array.from({ length: 32 }, (_, n) => state.v(n));
    return [vectors, state.get(Slot.FPCR), state.get(Slot.FPSR), state.get(Slot.FPMR)];
  };
  const ALL_V = Array.from({ length: 32 }, (_, n) => `fmov d${n}, x5`).join('\n');

  test('1: FPMR of a fresh vCPU is 0 and listed', () => {
    const g = guest(DONE);
    expect([g.vcpu.getOneReg('FPMR'), names(g).includes('FPMR')]).toEqual([0n, true]);
  });
  test('2: with ID_AA64PFR2_EL1.FPMR = 0 it is gone, and nothing else', () => {
    const before = names(guest(DONE));
    const g = guest(DONE, { prepare: hideFpmr });
    expect(() => g.vcpu.getOneReg('FPMR')).toThrow(expect.objectContaining({ name: 'ENOENT' }));
    expect(() => g.vcpu.setOneReg('FPMR', 1n)).toThrow(expect.objectContaining({ name: 'ENOENT' }));
    expect(names(g)).toEqual(before.filter((n) => n !== 'FPMR'));
  });
  test.each(['mrs x1, fpmr', 'msr fpmr, x1'])('3: without FPMR, %s is UNDEFINED and changes nothing', (insn) => {
    const g = guest(`${SET_VECTORS} ${FP_ON} mov x1, #5\nbad: ${insn}\n ${DONE} ${VECTORS}`, { prepare: hideFpmr });
    g.finish();
    expect([g.x(28), g.x(29), g.x(1)]).toEqual([UNDEF, g.symbols.get('bad'), 5n]);
  });
  test.each([true, false])('3b: without FPMR, EnFPM reads 0 and EL0 gets EC 0 (written: %s)', (enfpm) => {
    const g = guest(atEl0('mrs x1, fpmr', enfpm), { prepare: hideFpmr });
    g.finish();
    expect(g.x(28)).toBe(UNDEF);
    const read = guest(`mov x0, #(1 << 34)\n msr sctlr_el1, x0\n isb\n mrs x1, sctlr_el1\n ${DONE}`, {
      prepare: hideFpmr,
    });
    read.finish();
    expect(read.x(1) & (1n << 34n)).toBe(0n);
  });
  test('4: FP8 conversions are UNDEFINED without FPMR, and need nothing of ID_AA64FPFR0_EL1 with it', () => {
    const source = `${SET_VECTORS} ${FP_ON} mov x28, #1\n fmov d0, xzr\n${F1CVTL}\n ${DONE} ${VECTORS}`;
    const without = guest(source, { prepare: hideFpmr });
    without.finish();
    expect(without.x(28)).toBe(UNDEF);
    const withIt = guest(source, { prepare: (vcpu) => vcpu.setOneReg('ID_AA64FPFR0_EL1', 0n) });
    withIt.finish();
    expect(withIt.x(28)).toBe(1n);
  });
  test('5: with EnFPM = 0, EL0 takes EC 0x18 for FPMR and EC 0 for FP8', () => {
    const iss = (rt: number, read: number): bigint => BigInt(0x6234_d008 | (rt << 5) | read);
    for (const [insn, esr] of [
      ['mrs x1, fpmr', iss(1, 1)],
      ['msr fpmr, x8', iss(8, 0)],
      [F1CVTL, UNDEF],
    ] as const) {
      const g = guest(atEl0(insn, false));
      g.finish();
      expect(g.x(28), insn).toBe(esr);
    }
  });
  test('6: a closed CPACR_EL1.FPEN comes before a closed EnFPM', () => {
    const g = guest(atEl0('mrs x1, fpmr', false, 0));
    g.finish();
    expect(g.x(28) >> 26n).toBe(0x07n);
  });
  test('7: FPMR is kept as written, and RES0 bits have no effect', () => {
    const g = guest(`${FP_ON} mrs x1, fpmr\n ${DONE}`, { prepare: (vcpu) => vcpu.setOneReg('FPMR', ONES) });
    expect(g.vcpu.getOneReg('FPMR')).toBe(ONES);
    g.finish();
    expect(g.x(1)).toBe(ONES);
    const convert = (fpmr: bigint): bigint => {
      const c = guest(`${FP_ON} mov x1, #0x3838\n fmov d0, x1\n ${F1CVTL}\n fmov x2, d0\n ${DONE}`, {
        prepare: (vcpu) => vcpu.setOneReg('FPMR', fpmr),
      });
      c.finish();
      return c.x(2);
    };
    const RES0 = 0xffff_ffc0_0080_3e00n;
    expect(convert(RES0 | 1n)).toBe(convert(1n));
    expect(convert(0n)).not.toBe(convert(1n));
  });
  test('8: FPMR by ONE_REG is the guest’s last, and two VMs of one thread keep their own', () => {
    const source = (v: number): string => `${FP_ON} mov x1, #${v}\n msr fpmr, x1\n ${STOP} mrs x2, fpmr\n ${DONE}`;
    const a = guest(source(0x41));
    const b = guest(source(0x82), { beside: a });
    a.finish();
    expect(a.vcpu.getOneReg('FPMR')).toBe(0x41n);
    b.finish();
    a.finish();
    b.finish();
    expect([a, b].map((g) => [g.vcpu.getOneReg('FPMR'), g.x(2)])).toEqual([
      [0x41n, 0x41n],
      [0x82n, 0x82n],
    ]);
  });
  test('9: a VM without FPMR changes neither another VM’s nor the host’s', () => {
    const one = guest(`${FP_ON} mov x1, #0x41\n msr fpmr, x1\n ${STOP} mrs x2, fpmr\n ${DONE}`);
    const two = guest(`${FP_ON} ${STOP} fmov d0, #1.0\n ${STOP} fmov d1, d0\n ${DONE}`, {
      beside: one,
      prepare: hideFpmr,
    });
    one.finish();
    fill(one, 0x123n);
    for (let i = 0; i < 3; i++) two.finish();
    expect(one.process.fp.state.get(Slot.FPMR)).toBe(0x123n);
    expect(one.vcpu.getOneReg('FPMR')).toBe(0x41n);
    one.finish();
    expect(one.x(2)).toBe(0x41n);
  });
  test('10: the host’s registers survive KVM_RUN, whatever the guest does to its own', () => {
    const g = guest(`${FP_ON} mov x5, #0x77\n ${ALL_V}\n msr fpmr, x5\n msr fpcr, x5\n msr fpsr, x5\n ${DONE}`);
    g.vcpu.getOneReg('PC');
    fill(g, 0xabcn);
    const before = seen(g);
    g.finish();
    expect(seen(g)).toEqual(before);
    expect(g.vcpu.getOneReg('V31')).toBe(0x77n);
  });
  test('11: registers of a guest that uses no FP stay as the program set them', () => {
    const set: Record<string, bigint> = {
      V0: 0x1234_5678_9abc_def0_0fed_cba9_8765_4321n,
      V31: 7n,
      FPMR: 0x1c3n,
      FPSR: 1n,
      FPCR: 0x80_0000n,
    };
    const g = guest(`mov x1, #1\n ${DONE}`, {
      prepare: (vcpu) => {
        for (const [n, v] of Object.entries(set)) vcpu.setOneReg(n, v);
      },
    });
    g.finish();
    for (const [n, v] of Object.entries(set)) expect(g.vcpu.getOneReg(n), n).toBe(v);
  });
  test('12: what the program writes after a run is what the guest sees', () => {
    const g = guest(`${FP_ON} mov x5, #1\n fmov d0, x5\n msr fpmr, x5\n ${STOP} fmov x1, d0\n mrs x2, fpmr\n ${DONE}`);
    g.finish();
    g.vcpu.setOneReg('V0', 0x55n);
    g.vcpu.setOneReg('FPMR', 0x66n);
    g.finish();
    expect([g.x(1), g.x(2)]).toEqual([0x55n, 0x66n]);
  });
  test('14: init after a run clears FPMR and keeps the lowered ID register', () => {
    const g = guest(`${FP_ON} mov x5, #0x41\n msr fpmr, x5\n fmov d3, x5\n ${DONE}`, {
      prepare: (vcpu) => vcpu.setOneReg('ID_AA64FPFR0_EL1', 0n),
    });
    g.finish();
    expect([g.vcpu.getOneReg('FPMR'), g.vcpu.getOneReg('V3')]).toEqual([0x41n, 0x41n]);
    g.vcpu.init({ features: ['PSCI_0_2'] });
    expect(['FPMR', 'V3', 'ID_AA64FPFR0_EL1'].map((n) => g.vcpu.getOneReg(n))).toEqual([0n, 0n, 0n]);
  });
  test('31: a snapshot of a guest that owns the registers has its live values', () => {
    const g = guest(`${FP_ON} mov x5, #0x99\n fmov d7, x5\n msr fpsr, x5\n msr fpmr, x5\n ${DONE}`);
    g.finish();
    expect(['V7', 'FPSR', 'FPMR'].map((n) => g.vcpu.getOneReg(n))).toEqual([0x99n, 0x99n, 0x99n]);
  });
});

test('13: PSTATE.SM is restored first and FPMR last, and no SME state exists without SME', () => {
  expect(FP_STATE.map((i) => i.name)).toEqual(['vectors', 'FPCR', 'FPSR', 'FPMR']);
  expect(fpStateOf((f) => f !== 'FEAT_FPMR').map((i) => i.name)).toEqual(['vectors', 'FPCR', 'FPSR']);
});

describe('laziness', () => {
  const story = (source: string, eagerFp = false): string[] => {
    const events: string[] = [];
    const g = new TestGuest(source, { kvm: { eagerFp, fpTrace: (event) => events.push(event) } });
    g.finish();
    return events;
  };
  test('a guest that uses no FP neither traps nor is anything loaded or saved for it', () => {
    expect(story(`mov x1, #1\n ${DONE}`)).toEqual(['fp_load']);
  });
  test('one that does traps once in a run, however often it comes to KVM', () => {
    const events = story(`${FP_ON} fmov d0, #1.0\n mrs x1, id_aa64pfr0_el1\n fmov d1, d0\n ${DONE}`);
    expect(events).toEqual(['fp_load', 'fp_trap', 'fp_guest', 'fp_put']);
  });
  test('without laziness nothing traps', () => {
    expect(story(`${FP_ON} fmov d0, #1.0\n ${DONE}`, true)).toEqual(['fp_load', 'fp_guest', 'fp_put']);
  });
});
