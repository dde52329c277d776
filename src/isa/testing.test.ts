import { describe, expect, it } from 'vitest';
import { branches } from './branches.ts';
import { dpImm } from './dp_imm.ts';
import { dpReg } from './dp_reg.ts';
import { runInstruction, testState } from './testing.ts';

describe('one instruction on the reference evaluator', () => {
  it('adds an immediate, from SP to a register', () => {
    const s = testState({ sp: 0x1000n });
    expect(runInstruction(dpImm, ['ADD_imm', { sf: 1, imm12: 5, sh: 1, Rn: 31, Rd: 3 }], s)).toEqual({ kind: 'next' });
    expect(s.x[3]).toBe(0x6000n);
    expect(s.pc).toBe(0x400004n);
  });
  it('sets flags of a 32-bit comparison', () => {
    const s = testState({ x: [0xffff_ffff_0000_0001n, 2n] });
    runInstruction(dpReg, ['SUBS_shift', { sf: 0, Rn: 0, Rm: 1, Rd: 31 }], s);
    expect(s.nzcv).toBe(0b1000);
    runInstruction(dpReg, ['SUBS_shift', { sf: 0, Rn: 1, Rm: 0, Rd: 31 }], s);
    expect(s.nzcv).toBe(0b0010);
  });
  it('decodes a word: cset x0, ne', () => {
    const s = testState({ nzcv: 0 });
    runInstruction(dpReg, 0x9a9f07e0, s);
    expect(s.x[0]).toBe(1n);
  });
  it('branches, and raises', () => {
    const s = testState();
    expect(runInstruction(branches, 0x97ffffff, s)).toEqual({ kind: 'branch', type: 'direct' }); // bl .-4
    expect(s.pc).toBe(0x3ffffcn);
    expect(s.x[30]).toBe(0x400004n);
    expect(runInstruction(branches, 0xd4000021, s)).toEqual({ kind: 'exception', ec: 0x15, iss: 1, past: true });
  });
});
