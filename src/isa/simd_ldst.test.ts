// What golden/simd does not show of structure loads and stores: faults, wrapping register lists, SP as base, LRCPC3.

import { describe, expect, it } from 'vitest';
import { simdLdstMultiple, simdLdstSingle } from './simd_ldst.ts';
import { runInstruction, type TestState, testState } from './testing.ts';

const BASE = 0x10000n;
const SIZE = 64;

function stateAt(address: bigint, more: Partial<TestState> = {}): TestState {
  return testState({
    x: [0n, address, 0x100n],
    v: Array.from({ length: 32 }, (_, i) => 0xf0f0f0f0_f0f0f0f0_f0f0f0f0_f0f0f000n + BigInt(i)),
    memoryBase: BASE,
    memory: Uint8Array.from({ length: SIZE }, (_, i) => i),
    ...more,
  });
}

describe('structure loads and stores', () => {
  for (const [row, fields] of [
    ['LD1_x4_post', { Q: 1, Rm: 2 }],
    ['LD3_post', { Q: 1, size: 1, Rm: 31 }],
    ['LD2R_post', { size: 3, Rm: 31 }],
    ['ST4_post', { Q: 1, size: 0, Rm: 31 }],
    ['ST1_x2_post', { Q: 0, Rm: 2 }],
    ['LD4_lane_s_post', { Q: 1, S: 1, Rm: 31 }],
    ['ST2_lane_d_post', { Q: 1, Rm: 2 }],
  ] as const) {
    it(`${row}: a fault in the last element leaves registers and memory as they were`, () => {
      const s = stateAt(BASE + BigInt(SIZE) - 7n);
      const before = structuredClone(s);
      const group = row in simdLdstMultiple.rows ? simdLdstMultiple : simdLdstSingle;
      const outcome = runInstruction(group, [row, { Rn: 1, Rt: 4, ...fields }], s);
      expect(outcome.kind).toBe('exception');
      expect(s).toEqual(before);
    });
  }

  it('goes on with V0 after V31', () => {
    const s = stateAt(BASE);
    runInstruction(simdLdstMultiple, ['LD4', { Q: 1, size: 0, Rn: 1, Rt: 30 }], s);
    expect([30, 31, 0, 1].map((n) => s.v[n]! & 0xffffn)).toEqual([0x0400n, 0x0501n, 0x0602n, 0x0703n]);
  });

  it('writes back to SP', () => {
    const s = stateAt(0n, { sp: BASE + 16n });
    runInstruction(simdLdstMultiple, ['LD1_x1_post', { Q: 1, Rm: 31, Rn: 31, Rt: 0 }], s);
    expect(s.v[0]! & 0xffn).toBe(16n);
    expect(s.sp).toBe(BASE + 32n);
  });

  it('checks the alignment of SP before anything else', () => {
    const s = stateAt(0n, { sp: BASE + 8n });
    const outcome = runInstruction(simdLdstMultiple, ['ST1_x1', { Q: 0, Rn: 31, Rt: 0 }], s);
    expect(outcome).toMatchObject({ kind: 'exception', ec: 0x26 });
  });
});

describe('FEAT_LRCPC3', () => {
  for (const Q of [0, 1]) {
    it(`LDAP1 loads lane ${Q} and keeps the other`, () => {
      const s = stateAt(BASE + 8n);
      const old = s.v[3]!;
      runInstruction(simdLdstSingle, ['LDAP1', { Q, Rn: 1, Rt: 3 }], s);
      const loaded = 0x0f0e0d0c0b0a0908n;
      const low = (1n << 64n) - 1n;
      expect(s.v[3]).toBe(Q ? (old & low) | (loaded << 64n) : (old & ~low) | loaded);
    });
    it(`STL1 stores lane ${Q}`, () => {
      const s = stateAt(BASE + 16n, { v: [0x11111111_22222222_33333333_44444444n] });
      runInstruction(simdLdstSingle, ['STL1', { Q, Rn: 1, Rt: 0 }], s);
      const stored = [...s.memory.slice(12, 28)].map((b) => b.toString(16)).join(' ');
      const middle = Q ? '22 22 22 22 11 11 11 11' : '44 44 44 44 33 33 33 33';
      expect(stored).toBe(`c d e f ${middle} 18 19 1a 1b`);
    });
  }
});
