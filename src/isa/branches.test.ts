// Branches and exceptions beyond the recorded answers: kinds of branches, privilege, authentication failures, flag
// conversions in full.

import { describe, expect, it } from 'vitest';
import { SCALAR_HELPERS } from '../cpu/helpers.ts';
import { PacKey, pacAdd, resetPauth, result } from '../cpu/pauth.ts';
import { branches } from './branches.ts';
import { pauth } from './pauth.ts';
import { system } from './system.ts';
import { runInstruction, type TestHelpers, type TestState, testState } from './testing.ts';

describe('indirect branches', () => {
  it('say what they are, for BTYPE and return prediction', () => {
    const kind = (row: string, Rn: number): string => {
      const o = runInstruction(branches, [row, { Rn }], testState());
      return o.kind === 'branch' ? o.type : o.kind;
    };
    expect([kind('BR', 5), kind('BR', 16), kind('BR', 17), kind('BLR', 16), kind('RET', 30)]).toEqual([
      'jump',
      'jumpIp',
      'jumpIp',
      'call',
      'return',
    ]);
  });
  it('BLR X30 goes to the old X30', () => {
    const s = testState({ x: Array.from({ length: 31 }, (_, i) => BigInt(0x1000 * i)) });
    runInstruction(branches, ['BLR', { Rn: 30 }], s);
    expect([s.pc, s.x[30]]).toEqual([0x1e000n, 0x400004n]);
  });
  it('reach backward and forward', () => {
    const to = (row: string, f: Record<string, number>): bigint => {
      const s = testState();
      runInstruction(branches, [row, f], s);
      return BigInt.asIntN(64, s.pc - 0x400000n);
    };
    expect(to('B', { imm26: 0x1ffffff })).toBe(0x7fffffcn);
    expect(to('B', { imm26: 0x2000000 })).toBe(-0x8000000n);
    expect(to('CBZ', { sf: 1, Rt: 0, imm19: 0x7ffff })).toBe(-4n);
    expect(to('TBZ', { b5: 1, b40: 31, Rt: 0, imm14: 0x2000 })).toBe(-0x8000n);
    expect(to('B_cond', { cond: 15, imm19: 0x40000 })).toBe(-0x100000n);
  });
});

describe('exception generation', () => {
  it('returns past SVC and to BRK', () => {
    expect(runInstruction(branches, ['SVC', { imm16: 0x1234 }], testState())).toEqual({
      kind: 'exception',
      ec: 0x15,
      iss: 0x1234,
      past: true,
    });
    expect(runInstruction(branches, ['BRK', { imm16: 0xffff }], testState())).toMatchObject({ ec: 0x3c, past: false });
  });
  it('HVC, SMC and ERET are UNDEFINED at EL0', () => {
    const at = (el: bigint): TestState => testState({ slots: { EL: el } });
    for (const row of ['HVC', 'SMC', 'ERET']) {
      expect(runInstruction(branches, [row, {}], at(0n)), row).toMatchObject({ kind: 'exception', ec: 0 });
    }
    expect(runInstruction(branches, ['HVC', { imm16: 9 }], at(1n))).toMatchObject({ ec: 0x16, iss: 9, past: true });
    expect(runInstruction(branches, ['SMC', { imm16: 9 }], at(1n))).toMatchObject({ ec: 0x17, iss: 9 });
    expect(runInstruction(branches, ['ERET', {}], at(1n))).toEqual({ kind: 'exit', reason: 'system' });
  });
});

describe('flag conversions (FEAT_FlagM2)', () => {
  const turned = (row: string, nzcv: number): number => {
    const s = testState({ nzcv });
    runInstruction(system, [row, {}], s);
    return s.nzcv;
  };
  it('XAFLAG and AXFLAG turn the four results of a comparison into each other', () => {
    // equal, less, greater, unordered
    const arm = [0b0110, 0b1000, 0b0010, 0b0011];
    const other = [0b0110, 0b0000, 0b0010, 0b0100];
    expect(arm.map((f) => turned('AXFLAG', f))).toEqual(other);
    // Z and C of the other form: 00 less, 01 greater, 10 unordered, 11 equal
    expect([0b0000, 0b0010, 0b0100, 0b0110].map((f) => turned('XAFLAG', f))).toEqual([0b1000, 0b0010, 0b0011, 0b0110]);
  });
  it('CFINV inverts C only', () => {
    for (let f = 0; f < 16; f++) expect(turned('CFINV', f)).toBe(f ^ 2);
  });
});

describe('pointer authentication', () => {
  const keys = { ...resetPauth(), enabled: 15, tbiData: 1, tbiInstruction: 1 };
  keys.keys.set(Array.from({ length: 20 }, (_, i) => i * 77 + 5));
  const context = { fpcr: 0, fpsr: 0, fpmr: 0n, pauth: keys };
  const helpers: TestHelpers = {
    helper: (name, args) =>
      (SCALAR_HELPERS[name as keyof typeof SCALAR_HELPERS] as (...a: unknown[]) => number | bigint)(context, ...args),
  };
  const signed = (pointer: bigint, modifier: bigint, key: number): bigint => {
    const half = (v: bigint, i: bigint): number => Number(BigInt.asIntN(32, v >> i));
    pacAdd(keys, half(pointer, 0n), half(pointer, 32n), half(modifier, 0n), half(modifier, 32n), key);
    return (BigInt(result[1]! >>> 0) << 32n) | BigInt(result[0]! >>> 0);
  };
  const fail = (iss: number) => ({ kind: 'exception', ec: 0x1c, iss, past: false });

  it.each([
    ['AUTIA', 0],
    ['AUTIB', 1],
    ['AUTDA', 2],
    ['AUTDB', 3],
  ])('%s of a bad pointer raises with the key in the syndrome', (row, key) => {
    const s = testState({ x: [0x1234n | (9n << 48n), 0x55n] });
    expect(runInstruction(pauth, [row, { Rd: 0, Rn: 1 }], s, helpers)).toEqual(fail(key));
    expect(s.x[0]).toBe(0x1234n | (9n << 48n));
    s.x[0] = signed(0x1234n, 0x55n, key);
    expect(runInstruction(pauth, [row, { Rd: 0, Rn: 1 }], s, helpers)).toEqual({ kind: 'next' });
    expect(s.x[0]).toBe(0x1234n);
  });
  it('BRAA, BLRAB and RETAA branch to what they authenticate', () => {
    const s = testState({ x: [signed(0x400100n, 7n, PacKey.IA), 7n, signed(0x400200n, 0n, PacKey.IB)] });
    expect(runInstruction(pauth, ['BRA', { M: 0, Rn: 0, Rm: 1 }], s, helpers)).toEqual({
      kind: 'branch',
      type: 'jump',
    });
    expect(s.pc).toBe(0x400100n);
    expect(runInstruction(pauth, ['BLRAZ', { M: 1, Rn: 2 }], s, helpers)).toEqual({ kind: 'branch', type: 'call' });
    expect([s.pc, s.x[30]]).toEqual([0x400200n, 0x400104n]);
    s.x[30] = signed(0x400300n, s.sp, PacKey.IA);
    expect(runInstruction(pauth, ['RETA', { M: 0 }], s, helpers)).toEqual({ kind: 'branch', type: 'return' });
    expect(s.pc).toBe(0x400300n);
    expect(runInstruction(pauth, ['RETA', { M: 1 }], s, helpers)).toEqual(fail(1));
  });
  it('LDRAA scales its offset and writes the plain address back', () => {
    const memory = Uint8Array.from({ length: 256 }, (_, i) => i);
    const s = testState({ memoryBase: 0x10000n, memory, x: [signed(0x10010n, 0n, PacKey.DA)] });
    runInstruction(pauth, ['LDRA', { M: 0, Rn: 0, Rt: 1, W: 1, S: 1, imm9: 511 }], s, helpers);
    expect([s.x[0], s.x[1]]).toEqual([0x10008n, 0x0f0e0d0c0b0a0908n]);
    s.x[0] = signed(0x10010n, 0n, PacKey.DB);
    const kept = s.x[0];
    runInstruction(pauth, ['LDRA', { M: 1, Rn: 0, Rt: 1, W: 0, imm9: 1 }], s, helpers);
    expect([s.x[0], s.x[1]]).toEqual([kept, 0x1f1e1d1c1b1a1918n]);
  });
  it('PACGA gives 32 bits in the upper half', () => {
    const s = testState({ x: [1n, 2n] });
    runInstruction(pauth, ['PACGA', { Rd: 3, Rn: 0, Rm: 1 }], s, helpers);
    expect(s.x[3]! & 0xffff_ffffn).toBe(0n);
    expect(s.x[3]).not.toBe(0n);
  });
});
