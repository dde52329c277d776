// FEAT_CPA2 in instructions: which sums are checked, at whose level, and what is written back. On the reference evaluator.

import { describe, expect, it } from 'vitest';
import { matches } from '../arch/a64/encoding.ts';
import { assembleLine } from '../asm/a64.ts';
import { A64 } from './a64.ts';
import { collectRows } from './handlers.ts';
import { PointerCheck } from './pointer_check.ts';
import { type Outcome, runEntry, type TestState, testState } from './testing.ts';

const rows = collectRows(A64);
const { Add, Multiply, Unprivileged } = PointerCheck;

function run(state: TestState, line: string): Outcome {
  const word = assembleLine(line, { lookup: () => undefined, pc: state.pc });
  return runEntry(rows.find((r) => matches(r.parsed, word))!, word, state, {});
}
/** One byte below the top byte's first address: 16 less changes it. */
const BASE = 0x1300_0000_0000_0008n;
const PLAIN = 0x12ff_ffff_ffff_fff8n;
const CHECKED = 0x137f_ffff_ffff_fff8n;
/** Where the access faults: nothing is there. */
function addressOf(line: string, checks: number): bigint | undefined {
  const s = testState({ x: [BASE, -16n & ((1n << 64n) - 1n)], slots: { POINTER_CHECKS: BigInt(checks) } });
  const outcome = run(s, line);
  return outcome.kind === 'exception' ? outcome.far : undefined;
}

const OWN = [
  'ldr x2, [x0, x1]', 'str x2, [x0, x1]', 'ldrb w2, [x0, x1]', 'ldr q2, [x0, x1]', 'str d2, [x0, x1]',
  'ldur x2, [x0, #-16]', 'stur w2, [x0, #-16]', 'ldur q2, [x0, #-16]', 'ldapur x2, [x0, #-16]', 'stlur w2, [x0, #-16]',
  'ldr x2, [x0, #-16]!', 'strh w2, [x0, #-16]!', 'ldr q2, [x0, #-16]!', 'ldp x2, x3, [x0, #-16]', 'stnp x2, x3, [x0, #-16]',
  'ldp x2, x3, [x0, #-16]!', 'ldpsw x2, x3, [x0, #-16]!', 'stp q2, q3, [x0, #-16]!', 'stilp x2, x3, [x0, #-16]!',
]; // biome-ignore format: a list
const AS_EL0 = ['ldtr x2, [x0, #-16]', 'sttrb w2, [x0, #-16]', 'ldtrsw x2, [x0, #-16]', 'ldtp x2, x3, [x0, #-16]',
  'sttp q2, q3, [x0, #-16]!', 'ldtnp q2, q3, [x0, #-16]']; // biome-ignore format: a list

describe('the address of', () => {
  it.each(OWN)('%s is checked as the present level says', (line) => {
    expect(addressOf(line, 0)).toBe(PLAIN);
    expect(addressOf(line, Add)).toBe(CHECKED);
    expect(addressOf(line, Unprivileged)).toBe(PLAIN);
  });
  it.each(AS_EL0)('%s is checked as EL0 says', (line) => {
    expect(addressOf(line, 0)).toBe(PLAIN);
    expect(addressOf(line, Unprivileged)).toBe(CHECKED);
    expect(addressOf(line, Add | Multiply)).toBe(PLAIN);
  });
  it('an access without an offset is that of its register', () => {
    for (const line of ['ldr x2, [x0]', 'ldar x2, [x0]', 'ldxr x2, [x0]', 'ldadd x2, x3, [x0]', 'ld1 {v2.16b}, [x0]'])
      expect(addressOf(line, Add), line).toBe(BASE);
  });
  it('STLR with write-back is checked too', () => {
    const s = testState({ x: [0x1300_0000_0000_0000n], slots: { POINTER_CHECKS: 1n } });
    expect(run(s, 'stlr x2, [x0, #-8]!')).toMatchObject({ far: CHECKED });
  });
});

describe('what is written back', () => {
  // The last bytes that a top byte has: what comes after the access is one too far.
  const LAST = 0x12ff_ffff_ffff_f000n;
  it.each([
    ['ldr x2, [x0], #16', 16n],
    ['str w2, [x0], #16', 16n],
    ['ldp x2, x3, [x0], #16', 16n],
    ['stp q2, q3, [x0], #32', 32n],
    ['ldr q2, [x0], #16', 16n],
    ['ldtp x2, x3, [x0], #16', 16n],
    ['ld1 {v2.16b}, [x0], #16', 16n],
    ['st2 {v2.2d, v3.2d}, [x0], #32', 32n],
    ['ld1 {v2.d}[1], [x0], x1', 32n],
    ['ldiapp x2, x3, [x0], #16', 16n],
    ['ldapr x2, [x0], #8', 8n],
  ])('by %s is checked', (line, step) => {
    const leaves = (checks: number): bigint | undefined => {
      const base = LAST + 4096n - step;
      const s = testState({ x: [base, 32n], memoryBase: LAST, slots: { POINTER_CHECKS: BigInt(checks) } });
      expect(run(s, line).kind).toBe('next');
      return s.x[0];
    };
    expect(leaves(0)).toBe(0x1300_0000_0000_0000n);
    expect(leaves(Add | Unprivileged)).toBe(0x1280_0000_0000_0000n);
  });
});

describe('instructions of FEAT_CPA', () => {
  const POISONED = 0x13ff_ffff_ffff_fff8n & ~(1n << 55n);
  const result = (line: string, x: bigint[], checks: number): bigint => {
    const s = testState({ x, slots: { POINTER_CHECKS: BigInt(checks) } });
    run(s, line);
    return s.x[4]!;
  };
  it.each([
    ['addpt x4, x0, x1', [BASE, (1n << 64n) - 16n]],
    ['subpt x4, x0, x1, lsl #3', [BASE, 2n]],
    ['maddpt x4, x1, x2, x0', [BASE, (1n << 64n) - 2n, 8n]],
    ['msubpt x4, x1, x2, x0', [BASE, 2n, 8n]],
  ] as const)('%s keeps the top byte and marks the result', (line, x) => {
    expect(result(line, [...x], 0)).toBe(PLAIN);
    expect(result(line, [...x], Unprivileged)).toBe(PLAIN);
    expect(result(line, [...x], Add)).toBe(POISONED);
  });
  it('a product that overflows is detected where multiplication is checked', () => {
    const times = (n: bigint, m: bigint, checks: number): bigint =>
      result('maddpt x4, x1, x2, x0', [0x1000n, BigInt.asUintN(64, n), BigInt.asUintN(64, m)], checks);
    const marked = 0x0040_0000_0000_1000n;
    for (const [n, m] of [
      [1n << 32n, 1n << 32n],
      [-(1n << 33n), 1n << 33n],
    ] as const) {
      expect(times(n, m, Add)).toBe(0x1000n);
      expect(times(n, m, Add | Multiply)).toBe(marked);
    }
    expect(times(-8n, -8n, Add | Multiply)).toBe(0x1040n);
    expect(times(-8n, 8n, Add | Multiply)).toBe(0x0fc0n);
  });
  it('plain additions are not pointer arithmetic', () => {
    expect(result('add x4, x0, x1', [BASE, (1n << 64n) - 16n], Add | Multiply)).toBe(PLAIN);
  });
});
