// What recordings from a user process cannot show of loads and stores: alignment of SP and of atomic accesses, faults in the
// middle, FP registers that are switched off, FEAT_LRCPC3.

import { describe, expect, it } from 'vitest';
import { ldst } from './ldst.ts';
import { ldstAtomic } from './ldst_atomic.ts';
import { ldstExclusive } from './ldst_exclusive.ts';
import { ldstFp } from './ldst_fp.ts';
import { runInstruction, type TestState, testState } from './testing.ts';

const BASE = 0x10000n;
const SP_FAULT = { kind: 'exception', ec: 0x26, iss: 0, past: false };
const alignment = (write: boolean, far: bigint) => ({
  kind: 'exception',
  ec: 0x24,
  iss: write ? 0x61 : 0x21,
  past: false,
  far,
});
const translation = (write: boolean, far: bigint) => ({
  kind: 'exception',
  ec: 0x24,
  iss: write ? 0x47 : 0x07,
  past: false,
  far,
});
function state(from: Partial<TestState> = {}): TestState {
  const memory = Uint8Array.from({ length: 4096 }, (_, i) => i & 255);
  return testState({ memoryBase: BASE, memory, ...from });
}
const at = (s: TestState, offset: number, bytes: number): bigint =>
  s.memory.slice(offset, offset + bytes).reduceRight((v, b) => (v << 8n) | BigInt(b), 0n);

describe('the stack pointer as a base', () => {
  it('must be aligned to 16 bytes, whatever the offset', () => {
    const s = state({ sp: BASE + 8n });
    expect(runInstruction(ldst, ['LDR_imm', { sf: 1, Rn: 31, Rt: 0, imm12: 1 }], s)).toEqual(SP_FAULT);
    expect(runInstruction(ldst, ['STP_pre', { sf: 1, Rn: 31, imm7: 127 }], s)).toEqual(SP_FAULT);
    expect(runInstruction(ldstFp, ['LDR_imm_fp', { size: 3, Rn: 31 }], s)).toEqual(SP_FAULT);
    expect(runInstruction(ldstExclusive, ['LDXR', { size: 0, Rn: 31 }], s)).toEqual(SP_FAULT);
    expect(runInstruction(ldstAtomic, ['LDADD', { size: 0, Rn: 31 }], s)).toEqual(SP_FAULT);
    expect([s.sp, s.pc]).toEqual([BASE + 8n, 0x400000n]);
  });
  it('is not checked where SCTLR.SA is 0', () => {
    const s = state({ sp: BASE + 8n, slots: { SP_MASK: 0n } });
    expect(runInstruction(ldst, ['LDR_imm', { sf: 1, Rn: 31, Rt: 0 }], s)).toEqual({ kind: 'next' });
    expect(s.x[0]).toBe(0x0f0e0d0c0b0a0908n);
  });
});

describe('a fault', () => {
  const last = BASE + 4096n;
  it('leaves base and registers as they were', () => {
    const s = state({ x: [7n, last - 8n] });
    expect(runInstruction(ldst, ['LDP_post', { sf: 1, Rn: 1, Rt: 0, Rt2: 2, imm7: 2 }], s)).toEqual(
      translation(false, last - 8n),
    );
    expect([s.x[0], s.x[1], s.x[2]]).toEqual([7n, last - 8n, 0n]);
    expect(runInstruction(ldst, ['STR_pre', { sf: 1, Rn: 1, Rt: 0, imm9: 8 }], s)).toEqual(translation(true, last));
    expect(s.x[1]).toBe(last - 8n);
  });
  it('writes nothing of a pair', () => {
    const s = state({ x: [0n, last - 8n, ~0n & 0xffffffffffffffffn] });
    runInstruction(ldst, ['STP', { sf: 1, Rn: 1, Rt: 2, Rt2: 2 }], s);
    expect(at(s, 4088, 8)).toBe(0xfffefdfcfbfaf9f8n);
  });
  it('of a read-modify-write is one of reading, where a read would fault too', () => {
    const s = state({ x: [0n, last] });
    expect(runInstruction(ldstAtomic, ['SWP', { size: 3, Rn: 1 }], s)).toEqual(translation(false, last));
  });
});

describe('a register that is base and data', () => {
  it('is stored as it was and loaded as it is', () => {
    const s = state({ x: [BASE + 16n] });
    runInstruction(ldst, ['STR_post', { sf: 1, Rn: 0, Rt: 0, imm9: 8 }], s);
    expect([at(s, 16, 8), s.x[0]]).toEqual([BASE + 16n, BASE + 24n]);
    runInstruction(ldst, ['LDR_pre', { sf: 1, Rn: 0, Rt: 0, imm9: 8 }], s);
    expect(s.x[0]).toBe(0x2726252423222120n);
  });
});

describe('switched-off FP registers', () => {
  it('are found before anything else', () => {
    const s = state({ sp: BASE + 8n, slots: { FP_ON: 0n } });
    const outcome = { kind: 'exception', ec: 0x07, iss: 0x1e00000, past: false };
    expect(runInstruction(ldstFp, ['LDR_imm_fp', { size: 3, Rn: 31 }], s)).toEqual(outcome);
  });
});

describe('atomic accesses (FEAT_LSE2)', () => {
  it('may be misaligned inside 16 bytes', () => {
    const s = state({ x: [1n, BASE + 5n, BASE + 13n] });
    expect(runInstruction(ldstAtomic, ['LDADD', { size: 3, Rn: 1, Rs: 0, Rt: 3 }], s)).toEqual({ kind: 'next' });
    expect(s.x[3]).toBe(0x0c0b0a0908070605n);
    expect(runInstruction(ldstAtomic, ['LDADD', { size: 3, Rn: 2, Rs: 0, Rt: 3 }], s)).toEqual(
      alignment(true, BASE + 13n),
    );
    expect(runInstruction(ldstExclusive, ['LDAR', { size: 2, Rn: 2, Rt: 3 }], s)).toEqual(alignment(false, BASE + 13n));
    expect(runInstruction(ldstExclusive, ['STLR', { size: 1, Rn: 2, Rt: 0 }], s)).toEqual({ kind: 'next' });
    expect(runInstruction(ldstAtomic, ['LDCLRP', { Rn: 1, Rt: 0, Rt2: 3 }], s)).toEqual(alignment(true, BASE + 5n));
    expect(runInstruction(ldst, ['LDR_imm', { sf: 1, Rn: 2, Rt: 3 }], s)).toEqual({ kind: 'next' });
  });
  it('pairs need even registers', () => {
    expect(() => runInstruction(ldstAtomic, ['CASP', { sz: 1, Rs: 1, Rt: 2, Rn: 0 }], state())).toThrow(
      /does not allow/,
    );
  });
});

describe('FEAT_LRCPC3', () => {
  it('loads and stores ordered pairs, with write-back', () => {
    const s = state({ x: [0x1111n, BASE + 32n, 0x2222n] });
    runInstruction(ldstExclusive, ['STILP_pre', { sf: 1, Rn: 1, Rt: 0, Rt2: 2 }], s);
    expect([at(s, 16, 8), at(s, 24, 8), s.x[1]]).toEqual([0x1111n, 0x2222n, BASE + 16n]);
    runInstruction(ldstExclusive, ['LDIAPP_post', { sf: 1, Rn: 1, Rt: 5, Rt2: 6 }], s);
    expect([s.x[5], s.x[6], s.x[1]]).toEqual([0x1111n, 0x2222n, BASE + 32n]);
    runInstruction(ldstExclusive, ['LDIAPP', { sf: 0, Rn: 1, Rt: 5, Rt2: 6 }], s);
    expect([s.x[5], s.x[6]]).toEqual([0x23222120n, 0x27262524n]);
    runInstruction(ldstExclusive, ['STILP', { sf: 0, Rn: 1, Rt: 0, Rt2: 2 }], s);
    expect(at(s, 32, 8)).toBe(0x0000222200001111n);
  });
  it('checks an ordered pair as one access', () => {
    const s = state({ x: [0n, BASE + 8n, BASE + 4n] });
    expect(runInstruction(ldstExclusive, ['LDIAPP', { sf: 1, Rn: 1, Rt: 5, Rt2: 6 }], s)).toEqual(
      alignment(false, BASE + 8n),
    );
    expect(runInstruction(ldstExclusive, ['STILP', { sf: 0, Rn: 2 }], s)).toEqual({ kind: 'next' });
  });
  it('loads and stores one register with write-back', () => {
    const s = state({ x: [0xabcdn, BASE + 16n] });
    runInstruction(ldstExclusive, ['STLR_pre', { sf: 0, Rn: 1, Rt: 0 }], s);
    expect([at(s, 12, 4), s.x[1]]).toEqual([0xabcdn, BASE + 12n]);
    runInstruction(ldstExclusive, ['LDAPR_post', { sf: 0, Rn: 1, Rt: 4 }], s);
    expect([s.x[4], s.x[1]]).toEqual([0xabcdn, BASE + 16n]);
  });
  it('loads and stores SIMD registers', () => {
    const s = state({ x: [BASE + 18n], v: [0x0102030405060708n] });
    runInstruction(ldstFp, ['STLUR_fp', { size: 1, opc1: 0, Rn: 0, Rt: 0, imm9: 0x1fe }], s);
    expect(at(s, 16, 2)).toBe(0x0708n);
    runInstruction(ldstFp, ['LDAPUR_fp', { size: 0, opc1: 1, Rn: 0, Rt: 2, imm9: 0x1fe }], s);
    expect(s.v[2]).toBe(0x1f1e1d1c1b1a191817161514131207_08n);
  });
});

describe('the exclusive monitor', () => {
  const load = ['LDXR', { size: 3, Rn: 1, Rt: 2, Rs: 31, Rt2: 31 }] as const;
  const store = ['STXR', { size: 3, Rn: 1, Rt: 0, Rs: 4, Rt2: 31 }] as const;
  it('lets one store through', () => {
    const s = state({ x: [5n, BASE] });
    runInstruction(ldstExclusive, load, s);
    runInstruction(ldstExclusive, store, s);
    expect([s.x[4], at(s, 0, 8)]).toEqual([0n, 5n]);
    s.x[0] = 6n;
    runInstruction(ldstExclusive, store, s);
    expect([s.x[4], at(s, 0, 8)]).toEqual([1n, 5n]);
  });
  it('is lost when the memory changed', () => {
    const s = state({ x: [5n, BASE] });
    runInstruction(ldstExclusive, load, s);
    s.memory[3] = 99;
    runInstruction(ldstExclusive, store, s);
    expect(s.x[4]).toBe(1n);
  });
});
