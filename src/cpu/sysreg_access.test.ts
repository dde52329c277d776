import { describe, expect, it } from 'vitest';
import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import type { Feat } from '../arch/features.ts';
import { type ControlReg, enc } from '../arch/schema.ts';
import { REGISTERS, type Register, SYSTEM_OPS } from '../arch/sysregs.ts';
import { meets } from './needs.ts';
import { AccessRules, type View } from './sysreg_access.ts';

const E2H = 1n << 34n;
const all = (): boolean => true;

/** A view in which nothing traps; `flip` turns single controls over. */
function view(flip: readonly string[] = [], has: (f: Feat) => boolean = all): View {
  const values = new Map<string, bigint>();
  for (const [name, row] of Object.entries(CONTROL_REGS) as [ControlRegName, ControlReg][]) {
    let v = 0n;
    for (const [bit, f] of Object.entries(row.fields)) {
      const flipped = flip.includes(`${name}.${bit}`);
      if ((f.role === 'en') !== flipped && f.role !== 'bits') v |= 1n << BigInt(f.lo);
    }
    values.set(name, v);
  }
  const or = (name: string, bits: bigint): void => void values.set(name, values.get(name)! | bits);
  or('HCR_EL2', E2H);
  or('MDCR_EL2', 31n); // HPMN
  for (const name of ['CPACR_EL1', 'CPTR_EL2']) or(name, 0x0333_0000n & ~0x0000_0000n);
  return { has, hardware: all, control: (n) => values.get(n)!, iccSre: true, iccSreEnable: true };
}
const registers = [...REGISTERS.values()].filter((r) => r.el <= 1 && meets(r.feat, all));
const directions = (r: Register): boolean[] =>
  [true, false].filter((read) => (read ? r.access !== 'wo' : r.access !== 'ro' && (r.writeFrom ?? 0) <= 1));
/** The controls of a row that can trap this access by themselves. */
function controlsOf(r: Register, isRead: boolean): string[] {
  const out: string[] = [];
  for (const t of r.traps) {
    if (typeof t === 'string') out.push(t);
    else if ('cond' in t) continue;
    else if ('fgt' in t) {
      if (t.on !== 'rw' && (t.on === 'r') !== isRead) continue;
      const bit = t.fgt.replace('<n>', String(r.index ?? 0));
      const kind = isRead ? 'read' : 'write';
      const reg = (Object.entries(CONTROL_REGS) as [string, ControlReg][]).find(
        ([, row]) => row.fgt === kind && row.fields[bit],
      );
      if (reg) out.push(`${reg[0]}.${bit}`);
    } else {
      const named = isRead ? t.r : t.w;
      if (typeof named === 'string') out.push(named);
    }
  }
  return out;
}
const levelOf = (control: string): number => (CONTROL_REGS[control.split('.')[0] as ControlRegName].el >= 2 ? 2 : 1);
const works = (control: string): boolean => {
  const [name, bit] = control.split('.') as [ControlRegName, string];
  return meets((CONTROL_REGS[name] as ControlReg).fields[bit]!.need, all);
};

describe('access to system registers', () => {
  it('opens at its level where no control traps', () => {
    const rules = new AccessRules(view());
    const wrong: string[] = [];
    for (const r of registers)
      for (const isRead of directions(r)) {
        const v = rules.register(r, r.enc, isRead, 1);
        if (v !== 'ok') wrong.push(`${r.name} ${isRead ? 'r' : 'w'} ${JSON.stringify(v)}`);
      }
    expect(wrong).toEqual([]);
  });
  it('is undefined without the feature', () => {
    const rules = new AccessRules(view([], () => false));
    for (const r of registers) {
      if (r.feat === 'always' || meets(r.feat, () => false) || r.table === 'id') continue;
      for (const isRead of directions(r))
        expect([r.name, rules.register(r, r.enc, isRead, 1)]).toEqual([r.name, 'undef']);
    }
  });
  it('goes to the level of each control that is turned over', () => {
    const wrong: string[] = [];
    let count = 0;
    for (const r of registers)
      for (const isRead of directions(r))
        for (const control of controlsOf(r, isRead)) {
          const to = levelOf(control);
          // A control of EL1 speaks about EL0 only.
          const el = to === 1 ? 0 : 1;
          if (r.el > el || !works(control) || (!isRead && (r.writeFrom ?? 0) > el)) continue;
          count++;
          const v = new AccessRules(view([control])).register(r, r.enc, isRead, el);
          if (typeof v !== 'object' || v.to !== to)
            wrong.push(`${r.name} ${isRead ? 'r' : 'w'} ${control}: ${JSON.stringify(v)}`);
        }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(1000);
  });
  it('is closed to EL0 for registers of EL1', () => {
    const rules = new AccessRules(view());
    for (const r of registers) {
      if (r.el !== 1) continue;
      const expected =
        r.enc >> 14 === 3 && ((r.enc >> 7) & 15) === 0 && ((r.enc >> 11) & 7) !== 2 ? 'object' : 'string';
      for (const isRead of directions(r)) {
        const v = rules.register(r, r.enc, isRead, 0);
        expect([r.name, v === 'ok']).toEqual([r.name, false]);
        if (isRead) expect([r.name, typeof v]).toEqual([r.name, expected]);
      }
    }
  });
  it('reports FP before anything else of FPMR', () => {
    const fpmr = REGISTERS.get('FPMR')!;
    const at = (flip: string[], change: (v: View) => View): unknown =>
      new AccessRules(change(view(flip))).register(fpmr, fpmr.enc, true, 0);
    const withoutFp = (v: View): View => ({ ...v, control: (n) => (n === 'CPTR_EL2' ? 0n : v.control(n)) });
    expect(at(['HCRX_EL2.EnFPM', 'SCTLR_EL1.EnFPM'], withoutFp)).toEqual({ to: 2, ec: 7, iss: 0x1e00000 });
    expect(at(['HCRX_EL2.EnFPM', 'SCTLR_EL1.EnFPM'], (v) => v)).toMatchObject({ to: 1, ec: 0x18 });
    expect(at(['HCRX_EL2.EnFPM'], (v) => v)).toMatchObject({ to: 2, ec: 0x18 });
  });
});

describe('access to operations', () => {
  it('opens where nothing traps, and follows each control', () => {
    const wrong: string[] = [];
    const open = new AccessRules(view());
    for (const op of SYSTEM_OPS.values()) {
      if (op.el > 1 || !meets(op.feat, all)) continue;
      const v = open.operation(op, op.enc, op.result, 1);
      if (v !== 'ok') wrong.push(`${op.name} ${JSON.stringify(v)}`);
      const fgt =
        op.fgt === undefined
          ? []
          : (Object.entries(CONTROL_REGS) as [string, ControlReg][])
              .filter(([, r]) => r.fgt === 'insn' && r.fields[op.fgt!])
              .map(([n]) => `${n}.${op.fgt}`);
      for (const control of [...op.traps, ...fgt]) {
        const to = levelOf(control);
        const el = to === 1 ? 0 : 1;
        if (op.el > el || !works(control)) continue;
        const t = new AccessRules(view([control])).operation(op, op.enc, op.result, el);
        if (typeof t !== 'object' || t.to !== to) wrong.push(`${op.name} ${control} ${JSON.stringify(t)}`);
      }
    }
    expect(wrong).toEqual([]);
  });
  it('has EL2 operations undefined at EL1, or trapped under nesting', () => {
    const op = SYSTEM_OPS.get('TLBI_ALLE1')!;
    expect(new AccessRules(view()).operation(op, op.enc, false, 1)).toBe('undef');
    expect(new AccessRules(view(['HCR_EL2.NV'])).operation(op, op.enc, false, 1)).toMatchObject({ to: 2, ec: 0x18 });
  });
  it('traps implementation defined encodings where HCR_EL2.TIDCP says so', () => {
    const at = enc(3, 0, 15, 2, 0);
    expect(new AccessRules(view()).register(undefined, at, true, 1)).toBe('undef');
    expect(new AccessRules(view(['HCR_EL2.TIDCP'])).register(undefined, at, true, 1)).toMatchObject({
      to: 2,
      ec: 0x18,
    });
  });
});
