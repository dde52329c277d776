// What docs/enforcement.md says, cell by cell: asked of guests that run, and of the decisions where a guest cannot. Numbers
// are those of the project's list of invariants.

import { describe, expect, test } from 'vitest';
import { DONE, TestGuest } from '../../test/kit/guest.ts';
import { FEATURE_SETS, get, listedNames, maxHost, newVcpu, newVm, set as setReg } from '../../test/kit/kvm_regs.ts';
import { probe, sysInsn, sysregInsn, UNDEF } from '../../test/kit/probe.ts';
import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import { type Feat, has } from '../arch/features.ts';
import { ID_REG_NAMES, idRegRow, readField, withField } from '../arch/id_fields.ts';
import { ID_REGS, type IdRegName } from '../arch/id_regs.ts';
import type { ControlReg } from '../arch/schema.ts';
import { REGISTERS, type Register, SYSTEM_OPS } from '../arch/sysregs.ts';
import { fieldMask } from '../base/bits.ts';
import { builtinModel } from '../cpu/models.ts';
import { meets } from '../cpu/needs.ts';
import { A64 } from '../isa/a64.ts';
import type { Vcpu } from '../lib/vcpu.ts';
import { controlResx } from './config.ts';
import { enforcementOf, type InstructionRow, SHOWN_FEATURES } from './enforcement.ts';
import { computeFgu, computeHcrx, fguGroup } from './fgu.ts';
import { makeHost } from './host.ts';
import type { VmRegs } from './regs_state.ts';
import { vmHas } from './vm_features.ts';

const rows: InstructionRow[] = A64.flatMap((t) =>
  Object.entries(t.rows).map(([name, r]) => ({ name, feat: r.feat, todo: r.todo === true })),
);
const features: readonly Feat[] = Object.values(SHOWN_FEATURES).flat();
const max = builtinModel('max').raw;
const withMte = (mte: boolean) => (vm: VmRegs) => {
  vm.mte = mte;
};

/** Takes every field of every ID register away that userspace may take, but for some. */
function lowerAll(vcpu: Vcpu, keep: readonly string[] = []): void {
  for (const name of ID_REG_NAMES)
    for (const [f, field] of Object.entries(idRegRow(name).fields)) {
      if (keep.includes(`${name}.${f}`)) continue;
      try {
        vcpu.setOneReg(name, vcpu.getOneReg(name) & ~fieldMask(field.hi, field.lo));
      } catch {
        // It may not be taken away.
      }
    }
}
const KEEP_CONTROLS = ['ID_AA64MMFR3_EL1.SCTLRX', 'ID_AA64MMFR3_EL1.TCRX'];
/** What a guest's VM has, from its ID registers. */
const hasOf = (vcpu: Vcpu) => {
  const values = new Map<number, bigint>();
  return (f: Feat): boolean =>
    has(f, (packed) => {
      const name = ID_REG_NAMES.find((n) => ID_REGS[n].enc === packed)!;
      const before = values.get(packed);
      if (before !== undefined) return before;
      let v = 0n;
      try {
        v = vcpu.getOneReg(name);
      } catch {
        // Not a register of VMs: as good as 0.
      }
      values.set(packed, v);
      return v;
    });
};

describe('ID fields', () => {
  test.each(features)('%s is shown as the page says, and can be lowered where it says so', (feat) => {
    for (const set of ['none', 'sve'] as const)
      for (const { use, visible, onlyIf } of enforcementOf(feat, rows).fields) {
        const name = use.reg;
        const host = maxHost({ [name]: (raw: bigint) => withField(raw, name, use.field as never, use.raw) });
        const vcpu = newVcpu(newVm(host), FEATURE_SETS[set]!);
        const shown = get(vcpu, name) as bigint;
        const value = readField(shown, idRegRow(name).fields[use.field]!);
        if (visible === 'never' || visible === 'request') expect(value, `${name}.${use.field}`).toBe(0);
        const without = shown & ~fieldMask(idRegRow(name).fields[use.field]!.hi, idRegRow(name).fields[use.field]!.lo);
        if (visible === 'lower' && value !== 0) expect(setReg(vcpu, name, without), `${name}.${use.field}`).toBe(0);
        if (
          visible === 'lower' &&
          !onlyIf &&
          host.sanitised(name) !== 0n &&
          readField(host.sanitised(name), idRegRow(name).fields[use.field]!) !== 0
        )
          expect(value, `${name}.${use.field}`).not.toBe(0);
      }
  });
  test('15: what is hidden reads as zero in the guest too, whatever the CPU has', () => {
    const raw = new Map(max);
    const put = (name: IdRegName, v: bigint): void => void raw.set(ID_REGS[name].enc, v);
    put('ID_AA64ISAR3_EL1', 0x1111_2112n);
    put('ID_AA64PFR2_EL1', 0x1_0000_0111n);
    const { x1, guest } = probe(
      [sysregInsn(ID_REGS.ID_AA64ISAR3_EL1.enc, true), sysregInsn(ID_REGS.ID_AA64PFR2_EL1.enc, true)],
      { raw },
    );
    expect(x1).toEqual([0x1101_0010n, 0x1_0000_0000n]);
    expect(x1).toEqual([guest.vcpu.getOneReg('ID_AA64ISAR3_EL1'), guest.vcpu.getOneReg('ID_AA64PFR2_EL1')]);
  });
  test('18: MTE shows with KVM_CAP_ARM_MTE alone, and each field can be lowered by itself', () => {
    const host = maxHost({
      ID_AA64PFR1_EL1: (v) => withField(v, 'ID_AA64PFR1_EL1', 'MTE', 3),
      ID_AA64PFR2_EL1: () => 0x1_0000_0111n,
    });
    const pfr2 = (mte: boolean) => get(newVcpu(newVm(host, withMte(mte))), 'ID_AA64PFR2_EL1');
    expect([pfr2(false), pfr2(true)]).toEqual([0x1_0000_0000n, 0x1_0000_0110n]);
    for (const f of ['MTEFAR', 'MTESTOREONLY', 'FPMR'] as const) {
      const vcpu = newVcpu(newVm(host, withMte(true)));
      expect(setReg(vcpu, 'ID_AA64PFR2_EL1', withField(0x1_0000_0110n, 'ID_AA64PFR2_EL1', f, 0)), f).toBe(0);
    }
  });
  test('18b, D12: with EL2 there is no part of MTE; Linux 7.2 leaves some', () => {
    const host = maxHost({
      ID_AA64PFR1_EL1: (v) => withField(v, 'ID_AA64PFR1_EL1', 'MTE', 3),
      ID_AA64PFR2_EL1: () => 0x1_0000_0111n,
    });
    const vm = (compat?: 'linux-7.2'): VmRegs => ({ ...newVm(host), mte: true, compat });
    const ours = newVcpu(vm(), FEATURE_SETS['el2']);
    expect(get(ours, 'ID_AA64PFR2_EL1')).toBe(0x1_0000_0000n);
    expect([...listedNames(ours)].filter((n) => /^(RGSR|GCR|TFSR|TFSRE0)_EL1$/.test(n))).toEqual([]);
    const tcso = fieldMask(59, 58);
    expect(controlResx(ours.vm, 'SCTLR_EL1').res0 & tcso).toBe(tcso);
    const kernel = newVcpu(vm('linux-7.2'), FEATURE_SETS['el2']);
    expect(get(kernel, 'ID_AA64PFR2_EL1')).toBe(0x1_0000_0110n);
    expect(controlResx(kernel.vm, 'SCTLR_EL1').res0 & tcso).toBe(0n);
  });
});

describe('22: reserved bits', () => {
  interface Bit {
    readonly path: string;
    readonly reg: Register;
    readonly mask: bigint;
    readonly field: ControlReg['fields'][string];
  }
  const bits: Bit[] = (Object.entries(CONTROL_REGS) as [ControlRegName, ControlReg][]).flatMap(([name, row]) =>
    row.el < 2
      ? Object.entries(row.fields)
          .filter(([, f]) => f.need !== 'always')
          .map(([bit, field]) => ({
            path: `${name}.${bit}`,
            reg: REGISTERS.get(name)!,
            mask: fieldMask(field.hi, field.lo),
            field,
          }))
      : [],
  );
  /** Sets one field and reads it back, in the guest. */
  const attempt = ({ reg, mask }: Bit): string => {
    const insn = (isRead: boolean, rt: number): string =>
      `.inst 0x${((0xd500_0000 + ((isRead ? 1 << 21 : 0) | (reg.enc << 5) | rt)) >>> 0).toString(16)}`;
    return `ldr x4, =${mask}\n ${insn(true, 3)}\n orr x4, x3, x4\n ${insn(false, 4)}\n isb\n ${insn(true, 1)}\n ${insn(false, 3)}\n isb`;
  };
  const check = (keep: readonly string[]): { wrong: string[]; reserved: number; free: number } => {
    const prepare = (vcpu: Vcpu): void => lowerAll(vcpu, keep);
    const { x1, esr, guest } = probe(bits.map(attempt), { prepare });
    const has = hasOf(guest.vcpu);
    const wrong: string[] = [];
    let [reserved, free] = [0, 0];
    bits.forEach(({ path, reg, mask, field }, i) => {
      if (!meets(reg.feat, has)) {
        if (esr[i] !== UNDEF) wrong.push(`${path}: ESR ${esr[i]!.toString(16)} for a register that is not there`);
        return;
      }
      const left = x1[i]! & mask;
      const one = field.words.includes('res1-if-absent');
      if (meets(field.need, has)) {
        if (left !== 0n) free++;
      } else {
        reserved++;
        if (left !== (one ? mask : 0n)) wrong.push(`${path}: reads ${left.toString(16)}`);
      }
    });
    return { wrong, reserved, free };
  };
  test('of everything that a VM lacks read as they must, in a guest that sets them', () => {
    const { wrong, reserved, free } = check(KEEP_CONTROLS);
    expect(wrong).toEqual([]);
    expect(reserved).toBeGreaterThan(80);
    expect(free).toBeGreaterThan(3);
  });
  test('and so they do in a VM that has what the CPU has', () => {
    const vm = check(ID_REG_NAMES.flatMap((n) => Object.keys(idRegRow(n).fields).map((f) => `${n}.${f}`)));
    expect(vm.wrong).toEqual([]);
    expect(vm.free).toBeGreaterThan(30);
  });
  test('KVM_GET_ONE_REG gives back what the program wrote, also after a run', () => {
    const regs = ['SCTLR_EL1', 'SCTLR2_EL1', 'TCR2_EL1', 'CPACR_EL1'] as const;
    const wrong: string[] = [];
    for (const name of regs) {
      const absent = Object.values(CONTROL_REGS[name].fields as ControlReg['fields']).filter(
        (f) => f.need !== 'always',
      );
      const ones =
        absent.reduce((m, f) => (f.words.length > 0 ? m : m | fieldMask(f.hi, f.lo)), 0n) &
        ~fieldMask(25, 24) &
        ~fieldMask(21, 16);
      const g = new TestGuest(DONE, {
        prepare: (vcpu) => {
          lowerAll(vcpu, KEEP_CONTROLS);
          vcpu.setOneReg(name, ones);
        },
      });
      g.finish();
      if (g.vcpu.getOneReg(name) !== ones)
        wrong.push(`${name}: ${g.vcpu.getOneReg(name).toString(16)}, not ${ones.toString(16)}`);
    }
    expect(wrong).toEqual([]);
  });
  test.each(features)('the page names the bits of %s, and no VM without it has them', (feat) => {
    const vm = newVm(maxHost());
    const vcpu = newVcpu(vm, FEATURE_SETS['el2']);
    for (const name of ID_REG_NAMES)
      for (const [f, { hi, lo }] of Object.entries(idRegRow(name).fields)) {
        if (KEEP_CONTROLS.includes(`${name}.${f}`) && feat !== 'FEAT_SCTLR2' && feat !== 'FEAT_TCR2') continue;
        const v = get0(vcpu, name);
        if (v !== undefined) setReg(vcpu, name, v & ~fieldMask(hi, lo));
      }
    expect(vmHas(vm, feat), feat).toBe(KEPT_FEATURES.includes(feat));
    if (KEPT_FEATURES.includes(feat)) return;
    for (const path of [...enforcementOf(feat, rows).reserved, ...enforcementOf(feat, rows).reservedNested]) {
      const [name, bit] = path.split('.') as [ControlRegName, string];
      const f = (CONTROL_REGS[name] as ControlReg).fields[bit]!;
      expect(controlResx(vm, name).res0 & fieldMask(f.hi, f.lo), path).toBe(fieldMask(f.hi, f.lo));
    }
  });
  /** Userspace cannot take these away. */
  const KEPT_FEATURES: readonly Feat[] = [];
  const get0 = (vcpu: ReturnType<typeof newVcpu>, name: IdRegName): bigint | undefined => {
    try {
      const v = get(vcpu, name);
      return typeof v === 'bigint' ? v : undefined;
    } catch {
      return undefined;
    }
  };
});

describe('traps that stay closed', () => {
  test.each(features)('%s: closed without it, open with it where the page names a trap', (feat) => {
    const { closed } = enforcementOf(feat, rows);
    const host = makeHost({ raw: max, mode: 'vhe' });
    const vm = newVm(host);
    newVcpu(vm);
    const [hcrx, fgu] = [computeHcrx(vm), computeFgu(vm)];
    for (const path of closed) {
      const [name, bit] = path.split('.') as [ControlRegName, string];
      const f = (CONTROL_REGS[name] as ControlReg).fields[bit]!;
      const mask = fieldMask(f.hi, f.lo);
      const shut = name === 'HCRX_EL2' ? (hcrx & mask) === 0n : ((fgu.get(fguGroup(name)) ?? 0n) & mask) !== 0n;
      expect([path, shut]).toEqual([path, !vmHas(vm, feat)]);
    }
  });
});

describe('23: registers and operations', () => {
  const atEl1 = [...REGISTERS.values()].filter((r) => r.el <= 1 && r.aliasOf === undefined && r.table !== 'id');
  const accesses = atEl1.flatMap((r) =>
    [true, false].filter((read) => (read ? r.access !== 'wo' : r.access !== 'ro')).map((isRead) => ({ r, isRead })),
  );
  const say = ({ r, isRead }: (typeof accesses)[number], esr: bigint): string =>
    `${r.name} ${isRead ? 'r' : 'w'}: ${esr.toString(16)}`;
  /** Bits of PSTATE that no control withholds: like instructions without one, they go on working. */
  const PSTATE_BITS = ['DIT', 'SSBS', 'TCO'];
  test('of what a VM lacks are UNDEFINED, read or written, with EC 0', () => {
    const prepare = (vcpu: Vcpu): void => lowerAll(vcpu);
    const known = probe([], { prepare });
    const has = hasOf(known.guest.vcpu);
    const absent = accesses.filter(({ r }) => !meets(r.feat, has) && !PSTATE_BITS.includes(r.name));
    const { esr } = probe(
      absent.map(({ r, isRead }) => sysregInsn(r.enc, isRead)),
      { prepare },
    );
    expect(absent.flatMap((a, i) => (esr[i] === UNDEF ? [] : [say(a, esr[i]!)]))).toEqual([]);
    expect(absent.length).toBeGreaterThan(500);
  });
  /** KVM leaves these UNDEFINED for all VMs, and Arm's RVBAR_EL1 is not there with EL2. */
  const NEVER = ['SCXTNUM_EL0', 'SCXTNUM_EL1'];
  test('of what a VM has are not, read', () => {
    const features = ['PTRAUTH_ADDRESS', 'PTRAUTH_GENERIC'] as const;
    const known = probe([], { features });
    const has = hasOf(known.guest.vcpu);
    const present = accesses.filter(({ r, isRead }) => isRead && meets(r.feat, has) && !NEVER.includes(r.name));
    const { esr } = probe(
      present.map(({ r }) => sysregInsn(r.enc, true)),
      { features },
    );
    expect(present.flatMap((a, i) => (esr[i] === UNDEF ? [say(a, esr[i]!)] : []))).toEqual([]);
    expect(present.length).toBeGreaterThan(100);
  });
  test('operations of EL0 and EL1 likewise; those of EL2 are UNDEFINED in any VM without it', () => {
    for (const prepare of [(): void => {}, (vcpu: Vcpu): void => lowerAll(vcpu)]) {
      const known = probe([], { prepare });
      const has = hasOf(known.guest.vcpu);
      const ops = [...SYSTEM_OPS.values()].filter(
        (o) => !o.result && !['DC_ZVA', 'DC_GVA', 'DC_GZVA', 'DC_IVAC'].includes(o.name),
      );
      const { esr } = probe(
        ops.map((o) => sysInsn(o.enc)),
        { prepare },
      );
      const wrong = ops.flatMap((o, i) => {
        const there = o.el <= 1 && meets(o.feat, has) && (o.nxsOf === undefined || has('FEAT_XS'));
        if (!there) return esr[i] === UNDEF ? [] : [`${o.name}: ${esr[i]!.toString(16)}`];
        return esr[i] === UNDEF ? [`${o.name} is UNDEFINED`] : [];
      });
      expect(wrong).toEqual([]);
    }
  });
});

describe('instructions', () => {
  const run = (insn: string, prepare: (vcpu: Vcpu) => void): bigint => probe([insn], { prepare }).esr[0]!;
  const zero = (name: IdRegName) => (vcpu: Vcpu) => {
    const kept = name === 'ID_AA64ISAR2_EL1' ? vcpu.getOneReg(name) & ~fieldMask(59, 56) : 0n; // LUT
    vcpu.setOneReg(name, kept);
  };
  test('24: without a control to withhold them they execute, although their ID field says no: FAMINMAX, LUT, FPRCVT', () => {
    expect(run('famax v0.4s, v1.4s, v2.4s', zero('ID_AA64ISAR3_EL1'))).toBe(0n);
    expect(run('luti2 v0.16b, {v1.16b}, v2[0]', zero('ID_AA64ISAR2_EL1'))).toBe(0n);
    expect(run('fcvtzs d0, s1', zero('ID_AA64ISAR3_EL1'))).toBe(0n);
  });
  test('4: with FPMR, 8-bit floating point executes whatever ID_AA64FPFR0_EL1 says', () => {
    expect(run('f1cvtl v0.8h, v1.8b', zero('ID_AA64FPFR0_EL1'))).toBe(0n);
  });
  test('without FPMR all of it is UNDEFINED', () => {
    const insns = [
      'f1cvtl v0.8h, v1.8b',
      'bf1cvtl v0.8h, v1.8b',
      'fdot v0.4s, v1.16b, v2.16b',
      'fdot v0.8h, v1.16b, v2.16b',
      'fmlalb v0.8h, v1.16b, v2.16b',
      'fmmla v0.4s, v1.16b, v2.16b',
      'fmmla v0.8h, v1.16b, v2.16b',
    ];
    const { esr } = probe(insns, { prepare: zero('ID_AA64PFR2_EL1') });
    expect(esr).toEqual(insns.map(() => UNDEF));
    expect(probe(insns).esr).toEqual(insns.map(() => 0n));
  });
});
