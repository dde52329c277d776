// Every encoding that Linux 7.2's KVM forwards to a guest hypervisor, against our rows, both ways: with the control asking
// for it, and not. The facts are in golden/kvm-triage; what is expected of each line is worked out here.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FEATURE_SETS, maxHost, newVcpu, newVm } from '../../test/kit/kvm_regs.ts';
import { CONTROL_REGS, type ControlRegName } from '../arch/control_regs.ts';
import type { Feat } from '../arch/features.ts';
import { type ControlReg, enc, encParts, encText } from '../arch/schema.ts';
import { operationAt, registerAt } from '../arch/sysregs.ts';
import type { Level } from '../cpu/sysreg_access.ts';
import { Triager } from './emulate-nested.ts';
import type { VmRegs } from './regs_state.ts';

const lines = (file: string): string[] =>
  readFileSync(join(import.meta.dirname, '../../golden/kvm-triage', file), 'utf8')
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith('#'));
const encOfText = (text: string): number => {
  const [op0, op1, CRn, CRm, op2] = text.split('.').map(Number) as [number, number, number, number, number];
  return enc(op0, op1, CRn, CRm, op2);
};
/** All encodings of 'first' or 'first..last' (within one op0 and op1 from first to last). */
function encodings(text: string): number[] {
  const [first, last = first] = text.split('..') as [string, string?];
  return Array.from({ length: encOfText(last) - encOfText(first) + 1 }, (_, i) => encOfText(first) + i);
}

interface Condition {
  /** All of these, as [register, bit, value that forwards]. */
  readonly bits: readonly (readonly [ControlRegName, string, number])[];
  readonly on: string;
  readonly hostEl0: boolean;
}
const conditions = new Map<string, readonly Condition[]>();
for (const line of lines('conditions.txt')) {
  const combo = /^(\S+) = (.*)$/.exec(line);
  if (combo) conditions.set(combo[1]!, combo[2]!.split(' ').flatMap((n) => conditions.get(n)!));
  else {
    const [name, ...rest] = line.split(/\s+/) as [string, ...string[]];
    const bits = rest.filter((w) => w.includes('=') && !w.includes('<')).map((w) => {
      const [, reg, bit, value] = /^(\w+)\.(\w+)=(\d)$/.exec(w)!;
      return [reg as ControlRegName, bit!, Number(value)] as const;
    });
    const on = rest.find((w) => /^r?w?$/.test(w) && w !== '')!;
    conditions.set(name, [{ bits, on, hostEl0: rest.includes('host-el0') }]);
  }
} // biome-ignore format: a parser

// A VM that has every feature of the tables, so that every control exists; and a guest hypervisor that asks for nothing.

const full = maxHost();
const vm: VmRegs = newVm(full);
newVcpu(vm, FEATURE_SETS['el2All64']);
const everything: VmRegs = vm;
const E2H = ['HCR_EL2', 'E2H', 1] as const;
const TGE = ['HCR_EL2', 'TGE', 1] as const;
type Setting = readonly [ControlRegName, string, number];

/** Values in which no control traps, but for those set. */
function values(settings: readonly Setting[]): (name: ControlRegName) => bigint {
  const out = new Map<ControlRegName, bigint>();
  for (const [name, row] of Object.entries(CONTROL_REGS) as [ControlRegName, ControlReg][]) {
    let v = 0n;
    for (const f of Object.values(row.fields)) if (f.role === 'en') v |= ((1n << BigInt(f.hi - f.lo + 1)) - 1n) << BigInt(f.lo);
    out.set(name, v);
  }
  out.set('MDCR_EL2', out.get('MDCR_EL2')! | 31n); // HPMN: no counter is the hypervisor's
  for (const name of ['CPACR_EL1', 'CPTR_EL2'] as const) out.set(name, out.get(name)! | 0x0333_0000n);
  for (const [reg, bit, value] of settings) {
    const f = (CONTROL_REGS[reg] as ControlReg).fields[bit]!;
    const mask = ((1n << BigInt(f.hi - f.lo + 1)) - 1n) << BigInt(f.lo);
    out.set(reg, value === 0 ? out.get(reg)! & ~mask : out.get(reg)! | mask);
  }
  return (name) => out.get(name)!;
} // biome-ignore format: one loop each
/** ID registers in which every feature is there, whatever KVM would offer. */
const all = (f: Feat): boolean => !f.startsWith('!') && !['FEAT_E2H0', 'FEAT_EL3'].includes(f);
function triage(settings: readonly Setting[], encoding: number, isRead: boolean, el: Level): string {
  const t = new Triager({ vm: everything, el, read: values([E2H, ...settings]), has: all, fgu: new Map() });
  return t.sysreg(encoding, isRead).how;
}
/** The directions and the lowest level in which a register or operation can be accessed. */
function legal(encoding: number): { readonly el: number; readonly directions: boolean[] } | undefined {
  if (encoding >> 14 === 1) {
    const op = operationAt(encoding);
    return op && { el: op.el, directions: [op.result] };
  }
  const row = registerAt(encoding);
  if (!row) return undefined;
  const directions = [true, false].filter((r) => {
    const at = registerAt(encoding, r ? 'read' : 'write')!;
    return r ? at.access !== 'wo' : at.access !== 'ro' && (at.writeFrom ?? 0) < 3;
  });
  return { el: row.el, directions };
}
const show = (encoding: number, isRead: boolean, name: string): string =>
  `${encText(encoding)} ${name} ${isRead ? 'r' : 'w'}`;
/** Encodings without a name that a control traps all the same: the ends of each range are enough. */
function unnamed(encoding: number, range: string): { readonly el: number; readonly directions: boolean[] } | undefined {
  const [op0, op1, CRn] = encParts(encoding);
  if (!range.split('..').map(encOfText).includes(encoding)) return undefined;
  if (op0 === 3 && (CRn === 11 || CRn === 15)) return { el: 1, directions: [true, false] };
  return op0 === 3 && op1 === 0 && CRn === 0 ? { el: 1, directions: [true] } : undefined;
}

describe('coarse traps of Linux 7.2', () => {
  const entries = lines('coarse.txt').map((l) => l.split(/\s+/) as [group: string, at: string, name?: string]);
  test('there are 570', () => expect(entries.length).toBe(570));
  let checked = 0;
  test.each([...new Set(entries.map(([group]) => group))])('%s', (group) => {
    const wrong: string[] = [];
    for (const [, at, name = ''] of entries.filter(([g]) => g === group)) {
      let met = 0;
      for (const encoding of encodings(at)) {
        const access = legal(encoding) ?? unnamed(encoding, at);
        if (!access) continue;
        met++;
        const level: Level = access.el === 0 ? 0 : 1;
        for (const isRead of access.directions) {
          const clear = triage([], encoding, isRead, level);
          if (clear === 'forward') wrong.push(`${show(encoding, isRead, name)}: forwarded with nothing asked`);
          for (const { bits, on, hostEl0 } of conditions.get(group)!) {
            if (bits.length === 0) continue; // MDCR_HPMN has a test of its own
            const set = triage(
              bits,
              encoding,
              isRead,
              access.el === 2 || bits.some(([, b]) => b.startsWith('NV')) ? 1 : level,
            );
            const expected = on.includes(isRead ? 'r' : 'w');
            const what = bits.map((b) => b.join('.')).join();
            if ((set === 'forward') !== expected)
              wrong.push(
                `${show(encoding, isRead, name)} ${what}: ${set}, kernel ${expected ? 'forwards' : 'does not'}`,
              );
            const host = triage([...bits, TGE], encoding, isRead, 0);
            const fromHost = expected && hostEl0;
            if ((host === 'forward') !== fromHost)
              wrong.push(
                `${show(encoding, isRead, name)} ${what} in host EL0: ${host}, kernel ${fromHost ? 'forwards' : 'does not'}`,
              );
            checked++;
          }
        }
      }
      if (met === 0) wrong.push(`${at} ${name}: no row`);
    }
    expect(wrong).toEqual([]);
  });
  test('many questions were asked', () => expect(checked).toBeGreaterThan(1700));
});

describe('fine-grained traps of Linux 7.2', () => {
  const entries = lines('fine.txt').map((l) => l.split(/\s+/) as [regs: string, bit: string, name: string, polarity: string, at: string, reg: string, nxs?: string]);
  test('there are 710', () => expect(entries.length).toBe(710));
  const nxs = (value: number): Setting => ['HCRX_EL2', 'FGTnXS', value];
  let checked = 0;
  test.each([...new Set(entries.map(([regs]) => regs))])('%s', (regs) => {
    const wrong: string[] = [];
    for (const [, bitText, name, polarity, at, regName, exempt] of entries.filter(([r]) => r === regs)) {
      const [readReg, writeReg = readReg] = regs.split('/') as [ControlRegName, ControlRegName?];
      let met = 0;
      for (const encoding of encodings(at)) {
        const access = legal(encoding);
        if (!access) continue;
        for (const isRead of access.directions) {
          const reg = isRead ? readReg : writeReg;
          const row: ControlReg = CONTROL_REGS[reg];
          const inIt = row.fields[name];
          const where = show(encoding, isRead, `${regName} by ${reg}.${name}`);
          if (!inIt) continue; // the write register has no bit for what is only read
          if (regs === 'HDFGWTR_EL2' && isRead) continue;
          met++;
          checked++;
          if (inIt.lo !== Number(bitText)) wrong.push(`${where}: bit ${inIt.lo}, kernel ${bitText}`);
          const traps = polarity === '-' ? 0 : 1;
          const level: Level = access.el === 0 ? 0 : 1;
          const set: Setting = [reg, name, traps];
          const [asked, clear, host] = [triage([set, nxs(0)], encoding, isRead, level), triage([[reg, name, 1 - traps], nxs(0)], encoding, isRead, level), triage([set, nxs(0), TGE], encoding, isRead, 0)];
          if (asked !== 'forward') wrong.push(`${where} set: ${asked}`);
          if (clear === 'forward') wrong.push(`${where} clear: forwarded`);
          if (host === 'forward') wrong.push(`${where} in host EL0: forwarded`);
          if (exempt) {
            const free = triage([set, nxs(1)], encoding, isRead, level);
            if (free === 'forward') wrong.push(`${where} with FGTnXS: forwarded`);
          } else if (triage([set, nxs(1)], encoding, isRead, level) !== 'forward') wrong.push(`${where}: FGTnXS exempts it`);
        }
      }
      if (met === 0) wrong.push(`${regs}.${name} ${at} ${regName}: no row`);
    }
    expect(wrong).toEqual([]);
  });
  test('about a thousand accesses were asked', () => expect(checked).toBeGreaterThan(1000));
  test('a bit of the fine-grained UNDEF set comes before everything else', () => {
    const wrong: string[] = [];
    for (const [regs, bitText, name, , at, regName] of entries) {
      const group = regs.split('/')[0]!.replace('FGWTR', 'FGRTR');
      const t = new Triager({ vm: everything, el: 1, read: values([E2H]), has: all, fgu: new Map([[group, 1n << BigInt(bitText)]]) });
      const encoding = encodings(at)[0]!;
      for (const isRead of legal(encoding)!.directions) {
        if (!fineBit(regs, name, isRead)) continue;
        const v = t.sysreg(encoding, isRead);
        if (v.how !== 'undef') wrong.push(`${regName} ${v.how}`);
      }
    }
    expect(wrong).toEqual([]);
  });
}); // biome-ignore format: tables

/** Whether a pair has the bit for this direction. */
function fineBit(regs: string, name: string, isRead: boolean): boolean {
  const [readReg, writeReg = readReg] = regs.split('/') as [ControlRegName, ControlRegName?];
  if (regs === 'HDFGWTR_EL2') return !isRead;
  return name in CONTROL_REGS[isRead ? readReg : writeReg].fields;
}
