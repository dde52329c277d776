// Where an access of a nested guest goes, by the project's numbers: FPMR and what belongs to it, operations of stage 2,
// instructions with controls of their own, and the points in which Linux 7.2 decides otherwise.

import { describe, expect, test } from 'vitest';
import { FEATURE_SETS, field, maxHost, newVcpu, newVm, set } from '../../test/kit/kvm_regs.ts';
import { CONTROL_REGS, type ControlBitName, type ControlRegName } from '../arch/control_regs.ts';
import { EC, issOfSysreg } from '../arch/esr.ts';
import type { IdRegName } from '../arch/id_regs.ts';
import { type ControlReg, enc } from '../arch/schema.ts';
import { encOf, type RegName, register, SYSTEM_OPS } from '../arch/sysregs.ts';
import type { Level } from '../cpu/sysreg_access.ts';
import type { KvmCompat } from './compat.ts';
import { type TrappedInstruction, Triager } from './emulate-nested.ts';
import type { VmRegs } from './regs_state.ts';

const full = maxHost();
type Controls = { readonly [R in ControlRegName]?: { readonly [B in ControlBitName<R>]?: number } };
const VHE: Controls = { HCR_EL2: { E2H: 1 } };
const HOST: Controls = { HCR_EL2: { E2H: 1, TGE: 1 } };
/** FP is open to the nested guest, at both levels. */
const FP: Controls = { CPTR_EL2: { FPEN: 3, ZEN: 3 }, CPACR_EL1: { FPEN: 3, ZEN: 3 } };

interface Options {
  readonly features?: keyof typeof FEATURE_SETS;
  readonly lower?: { readonly [R in IdRegName]?: bigint };
  readonly compat?: KvmCompat;
  readonly host?: ReturnType<typeof maxHost>;
}
function vmOf({ features = 'el2All64', lower = {}, compat, host = full }: Options = {}): VmRegs {
  const vm = { ...newVm(host), compat };
  const vcpu = newVcpu(vm, FEATURE_SETS[features]!);
  for (const [name, v] of Object.entries(lower)) expect(set(vcpu, name, v), name).toBe(0);
  return vm;
}
/** All control registers are 0 but for what is said. */
function guest(vm: VmRegs, el: Level, ...controls: readonly Controls[]): Triager {
  const value = (name: ControlRegName): bigint => {
    let v = 0n;
    for (const c of controls)
      for (const [bit, n] of Object.entries(c[name] ?? {})) {
        const f = (CONTROL_REGS[name] as ControlReg).fields[bit]!;
        v |= BigInt(n) << BigInt(f.lo);
      }
    return v;
  };
  return new Triager({ vm, el, read: value });
}
const at = (t: Triager, name: RegName, isRead = true): string => t.sysreg(encOf(name), isRead).how;
const open: Controls = { HCRX_EL2: { EnFPM: 1 } };

describe('FPMR', () => {
  test('33: with HCRX_EL2.EnFPM = 0 of its hypervisor, reads and writes of a nested guest go to virtual EL2', () => {
    const vm = vmOf();
    for (const el of [0, 1] as const)
      for (const isRead of [true, false])
        expect(guest(vm, el, VHE, FP).sysreg(encOf('FPMR'), isRead)).toEqual({ how: 'forward', by: 'HCRX_EL2.EnFPM' });
  });
  test('33: the syndrome is the one that came', () => {
    const esr = (isRead: boolean): number =>
      ((EC.SYS64.ec << 26) | (1 << 25) | issOfSysreg(encOf('FPMR'), 0, isRead)) >>> 0;
    expect([esr(true), esr(false)]).toEqual([0x6234_d009, 0x6234_d008]);
  });
  test('34: an FP8 instruction is nothing that anybody could forward: no control of a hypervisor traps it', () => {
    // F1CVTL is refused by the PE itself, as UNDEFINED, at the level of the instruction.
    expect(guest(vmOf(), 1, VHE, FP).vector('FP').how).toBe('here');
  });
  test('35: with EnFPM = 1 nobody forwards it', () => {
    expect(at(guest(vmOf(), 1, VHE, FP, open), 'FPMR')).toBe('here');
  });
  test('36: with FP trapped in CPTR_EL2 the FP trap comes first, and is forwarded', () => {
    const t = guest(vmOf(), 1, VHE, { CPACR_EL1: { FPEN: 3 } });
    expect(t.rules.register(register('FPMR'), encOf('FPMR'), true, 1)).toMatchObject({ to: 2, ec: EC.FP_ASIMD.ec });
    expect(t.vector('FP')).toEqual({ how: 'forward', by: 'CPTR_EL2.FPEN' });
    expect(guest(vmOf(), 1, VHE, FP).vector('FP')).toEqual({ how: 'here' });
  });
  test('37, D2: without FPMR in the VM it is UNDEFINED whatever the hypervisor wrote; Linux 7.2 forwards it', () => {
    const lower = { ID_AA64PFR2_EL1: 0n };
    for (const controls of [{}, open]) {
      expect(at(guest(vmOf({ lower }), 1, VHE, FP, controls), 'FPMR')).toBe('undef');
      expect(at(guest(vmOf({ lower, compat: 'linux-7.2' }), 1, VHE, FP, controls), 'FPMR')).toBe('forward');
    }
  });
  test('D2: the same of TCR2_EL1 and SCTLR2_EL1', () => {
    const lower = { ID_AA64MMFR3_EL1: 0n };
    for (const name of ['TCR2_EL1', 'SCTLR2_EL1'] as const) {
      expect(at(guest(vmOf({ lower }), 1, VHE), name), name).toBe('undef');
      expect(at(guest(vmOf({ lower, compat: 'linux-7.2' }), 1, VHE), name), name).toBe('forward');
      expect(guest(vmOf(), 1, VHE).sysreg(encOf(name), true), name).toMatchObject({ how: 'forward' });
    }
  });
  test('the hypervisor itself and its applications are not asked', () => {
    expect(at(guest(vmOf(), 2, VHE, FP), 'FPMR')).toBe('here');
    expect(at(guest(vmOf(), 0, HOST, FP), 'FPMR')).toBe('here');
  });
  test('a VM without EL2 has nobody to forward to', () => {
    expect(at(guest(vmOf({ features: 'none' }), 1, VHE, FP), 'FPMR')).toBe('here');
    expect(at(guest(vmOf({ features: 'none', lower: { ID_AA64PFR2_EL1: 0n } }), 1), 'FPMR')).toBe('undef');
  });
});

describe('operations on stage 2', () => {
  const VMALLWS2 = ['', 'IS', 'OS', 'NXS', 'ISNXS', 'OSNXS'].map((s) => `TLBI_VMALLWS2E1${s}`);
  const SYS = { '': 0x6, IS: 0x2, OS: 0x5 } as const;
  test('TLBI VMALLWS2E1 has six encodings', () => {
    const encodings = Object.values(SYS).flatMap((CRm) => [8, 9].map((CRn) => enc(1, 4, CRn, CRm, 2)));
    expect(VMALLWS2.map((n) => SYSTEM_OPS.get(n)!.enc).sort()).toEqual(encodings.sort());
    expect(0xd500_0000 + ((1 << 19) | (enc(0, 4, 8, 6, 2) << 5)) + 31).toBe(0xd50c_865f);
  });
  test.each(VMALLWS2)(
    '38: %s is UNDEFINED while TLBIW is hidden, at virtual EL2, of a nested guest and at EL0',
    (name) => {
      const { enc: encoding } = SYSTEM_OPS.get(name)!;
      for (const el of [0, 1, 2] as const)
        expect(guest(vmOf(), el, { HCR_EL2: { E2H: 1, NV: 1 } }).sysreg(encoding, false).how).toBe('undef');
    },
  );
  test.each(['', 'IS', 'OS'])(
    '41: TLBI VAE1%sNXS in a nested guest follows HFGITR_EL2 unless HCRX_EL2.FGTnXS = 1',
    (share) => {
      const host = maxHost();
      const vm = vmOf({ host });
      const encoding = SYSTEM_OPS.get(`TLBI_VAE1${share}NXS`)!.enc;
      const asked = { HFGITR_EL2: { [`TLBIVAE1${share}`]: 1 } } as Controls;
      expect(guest(vm, 1, VHE, asked).sysreg(encoding, false)).toEqual({
        how: 'forward',
        by: `HFGITR_EL2.TLBIVAE1${share}`,
      });
      expect(guest(vm, 1, VHE, asked, { HCRX_EL2: { FGTnXS: 1 } }).sysreg(encoding, false).how).toBe('here');
      expect(guest(vm, 1, VHE).sysreg(encoding, false).how).toBe('here');
    },
  );
  test('a nested hypervisor of the nested guest: what is of EL2 is forwarded by HCR_EL2.NV', () => {
    for (const name of ['TLBI_ALLE1', 'TLBI_VMALLS12E1IS', 'AT_S12E1R'])
      expect(guest(vmOf(), 1, { HCR_EL2: { E2H: 1, NV: 1 } }).sysreg(SYSTEM_OPS.get(name)!.enc, false), name).toEqual({
        how: 'forward',
        by: 'HCR_EL2.NV',
      });
    expect(guest(vmOf(), 1, VHE).sysreg(SYSTEM_OPS.get('TLBI_ALLE1')!.enc, false).how).toBe('undef');
    expect(guest(vmOf(), 2, VHE).sysreg(SYSTEM_OPS.get('TLBI_ALLE1')!.enc, false).how).toBe('here');
  });
});

describe('what is more than a bit', () => {
  test('event counters at or above MDCR_EL2.HPMN are the hypervisor’s, in its own applications too', () => {
    const hpmn = (n: number): Controls => ({ MDCR_EL2: { HPMN: n } });
    for (const [n, index, how] of [
      [4, 3, 'here'],
      [4, 4, 'forward'],
      [0, 0, 'forward'],
      [31, 30, 'here'],
    ] as const)
      for (const controls of [VHE, HOST])
        expect(at(guest(vmOf(), 0, controls, hpmn(n)), `PMEVCNTR${index}_EL0`), `${index} of ${n}`).toBe(how);
    const selected = (sel: number): string =>
      new Triager({
        vm: vmOf(),
        el: 1,
        pmsel: sel,
        read: (r) => (r === 'MDCR_EL2' ? 4n : r === 'HCR_EL2' ? 1n << 34n : 0n),
      }).sysreg(encOf('PMXEVCNTR_EL0'), true).how;
    expect([selected(3), selected(4)]).toEqual(['here', 'forward']);
  });
  test('with HCR_EL2.E2H = 0, CPTR_EL2 and CNTHCTL_EL2 have another layout', () => {
    const vm = vmOf({ features: 'el2E2h0' });
    const raw = (values: Partial<Record<ControlRegName, bigint>>): Triager =>
      new Triager({ vm, el: 1, read: (r) => values[r] ?? 0n });
    expect(raw({ CPTR_EL2: 1n << 10n, CPACR_EL1: 3n << 20n }).vector('FP')).toEqual({
      how: 'forward',
      by: 'CPTR_EL2.TFP',
    });
    expect(raw({ CPACR_EL1: 3n << 20n }).vector('FP')).toEqual({ how: 'here' });
    expect([raw({}), raw({ CNTHCTL_EL2: 1n })].map((t) => at(t, 'CNTPCT_EL0'))).toEqual(['forward', 'here']);
    expect([raw({}), raw({ CNTHCTL_EL2: 2n })].map((t) => at(t, 'CNTP_CTL_EL0'))).toEqual(['forward', 'here']);
  });
  test('D8: MDCR_EL2.TDOSA counts without FEAT_DoubleLock; not for Linux 7.2', () => {
    const host = maxHost(field('ID_AA64DFR0_EL1', 'DoubleLock', 15));
    for (const [compat, how] of [
      [undefined, 'forward'],
      ['linux-7.2', 'here'],
    ] as const)
      expect(
        at(guest(vmOf({ host, ...(compat && { compat }) }), 1, VHE, { MDCR_EL2: { TDOSA: 1 } }), 'OSLAR_EL1', false),
      ).toBe(how);
  });
});

describe('instructions', () => {
  const NV = { HCR_EL2: { E2H: 1, NV: 1 } };
  const cases: readonly (readonly [TrappedInstruction, Level, Controls, string])[] = [
    ['WFI', 1, VHE, 'here'], ['WFI', 1, { HCR_EL2: { E2H: 1, TWI: 1 } }, 'HCR_EL2.TWI'], ['WFI', 0, { HCR_EL2: { E2H: 1, TWI: 1 } }, 'HCR_EL2.TWI'],
    ['WFI', 2, { HCR_EL2: { E2H: 1, TWI: 1 } }, 'here'], ['WFI', 1, { HCR_EL2: { E2H: 1, TWE: 1 } }, 'here'],
    ['WFE', 1, { HCR_EL2: { E2H: 1, TWE: 1 } }, 'HCR_EL2.TWE'],
    ['SMC', 1, VHE, 'here'], ['SMC', 1, { HCR_EL2: { E2H: 1, TSC: 1 } }, 'HCR_EL2.TSC'], ['SMC', 2, { HCR_EL2: { E2H: 1, TSC: 1 } }, 'here'],
    ['HVC', 1, VHE, 'HVC'], ['HVC', 2, VHE, 'HVC'],
    ['SVC', 0, { ...VHE, HFGITR_EL2: { SVC_EL0: 1 } }, 'HFGITR_EL2.SVC_EL0'], ['SVC', 1, { ...VHE, HFGITR_EL2: { SVC_EL1: 1 } }, 'HFGITR_EL2.SVC_EL1'],
    ['SVC', 1, { ...VHE, HFGITR_EL2: { SVC_EL0: 1 } }, 'undef'], ['SVC', 0, { ...HOST, HFGITR_EL2: { SVC_EL0: 1 } }, 'here'],
    ['ERET', 1, { ...VHE, HFGITR_EL2: { ERET: 1 } }, 'HFGITR_EL2.ERET'], ['ERET', 1, NV, 'HCR_EL2.NV'], ['ERET', 2, NV, 'here'], ['ERET', 1, VHE, 'undef'],
    ['BRK', 1, { ...VHE, MDCR_EL2: { TDE: 1 } }, 'MDCR_EL2.TDE'], ['BRK', 1, VHE, 'here'],
    ['PAC', 1, VHE, 'HCR_EL2.API'], ['PAC', 1, { HCR_EL2: { E2H: 1, API: 1 } }, 'undef'],
    ['LD64B', 1, VHE, 'undef'], ['GCSSTR', 1, VHE, 'undef'], ['PSB', 1, VHE, 'undef'], ['TSB', 1, VHE, 'undef'],
  ];
  test.each(cases)('%s at EL%d with %j: %s', (name, el, controls, expected) => {
    const t = guest(vmOf(), el, controls).instruction(name);
    expect(t.how === 'forward' ? t.by : t.how).toBe(expected);
  });
  test('without EL2 in the VM everything is for KVM', () => {
    const t = guest(vmOf({ features: 'pauth' }), 1, { HCR_EL2: { TWI: 1, TSC: 1 } });
    for (const name of ['WFI', 'WFE', 'SMC', 'HVC', 'BRK'] as const) expect(t.instruction(name), name).toEqual({ how: 'here' });
  });
  test('an instruction that the VM lacks is UNDEFINED before anybody is asked', () => {
    expect(guest(vmOf({ features: 'el2' }), 1, VHE).instruction('PAC').how).toBe('undef');
    expect(guest(vmOf({ features: 'el2' }), 1, VHE).vector('SVE').how).toBe('undef');
    expect(guest(vmOf(), 1, VHE, { CPACR_EL1: { ZEN: 3, FPEN: 3 } }).vector('SVE')).toEqual({ how: 'forward', by: 'CPTR_EL2.ZEN' });
  });
}); // biome-ignore format: tables
