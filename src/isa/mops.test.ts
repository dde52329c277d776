// Memory copy and set: registers after each step, direction, faults in the middle, the wrong option.

import { describe, expect, it } from 'vitest';
import { mops } from './mops.ts';
import { type Outcome, runInstruction, type TestState, testState } from './testing.ts';

const BASE = 0x10000n;
const SIZE = 4096;
const [D, S, N] = [0, 1, 2];
const F = { Rd: D, Rs: S, Rn: N, options: 0 };
const neg = (n: bigint): bigint => BigInt.asUintN(64, -n);

function state(to: number, from: number | bigint, size: bigint): TestState {
  const memory = Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 255);
  const source = typeof from === 'number' ? BASE + BigInt(from) : from;
  return testState({ x: [BASE + BigInt(to), source, size], memoryBase: BASE, memory, nzcv: 15 });
}
/** Executes an instruction until it goes on to the next. */
function finish(row: string, s: TestState): Outcome {
  for (let n = 0; n < 1000; n++) {
    const start = s.pc;
    const outcome = runInstruction(mops, [row, F], s);
    if (outcome.kind === 'exception' || s.pc !== start) return outcome;
  }
  throw new Error('no end');
}
function all(kind: string, s: TestState): void {
  for (const part of ['P', 'M', 'E']) expect(finish(kind + part, s), kind + part).toEqual({ kind: 'next' });
}

describe('copies', () => {
  it.each([0, 1, 7, 15, 16, 17, 100])('forward only, %d bytes', (n) => {
    const s = state(100, 1000, BigInt(n));
    const expected = s.memory.slice();
    expected.copyWithin(100, 1000, 1000 + n);
    all('CPYF', s);
    expect(s.memory).toEqual(expected);
    expect(s.x.slice(0, 3)).toEqual([BASE + 100n + BigInt(n), BASE + 1000n + BigInt(n), 0n]);
    expect(s.nzcv).toBe(0);
  });
  it.each([
    ['up', 100, 90],
    ['up', 100, 110],
    ['down by one', 101, 100],
    ['up by one', 100, 101],
    ['onto itself', 100, 100],
    ['apart', 100, 2000],
  ])('overlapping: %s (%d from %d)', (_, to, from) => {
    const s = state(to, from, 77n);
    const expected = s.memory.slice();
    expected.copyWithin(to, from, from + 77);
    all('CPY', s);
    expect(s.memory).toEqual(expected);
    const backward = to > from && to < from + 77;
    const moved = backward ? 0n : 77n;
    expect(s.x.slice(0, 3)).toEqual([BASE + BigInt(to) + moved, BASE + BigInt(from) + moved, 0n]);
  });
  it('says after the prologue how much is left, as option A', () => {
    const s = state(100, 1000, 50n);
    finish('CPYFP', s);
    expect(s.x.slice(0, 3)).toEqual([BASE + 150n, BASE + 1050n, neg(50n)]);
    expect(s.nzcv).toBe(0);
    const back = state(120, 100, 50n);
    finish('CPYP', back);
    expect(back.x.slice(0, 3)).toEqual([BASE + 120n, BASE + 100n, 50n]);
  });
  it('takes sizes beyond the largest as the largest', () => {
    const s = state(0, 100, 0xffff_ffff_ffff_ffffn);
    finish('CPYFP', s);
    expect(s.x[N]).toBe(neg(0x7fff_ffff_ffff_ffffn));
    const either = state(0, 100, 0xffff_ffff_ffff_ffffn);
    finish('CPYP', either);
    expect(either.x[N]).toBe(neg(0x007f_ffff_ffff_ffffn));
  });
  it('goes on after a fault from where it was', () => {
    const s = state(SIZE - 40, 0, 100n);
    finish('CPYFP', s);
    const outcome = finish('CPYFM', s);
    expect(outcome).toMatchObject({ kind: 'exception', ec: 0x24, far: BASE + BigInt(SIZE - 40 + 32) });
    expect(s.x[N]).toBe(neg(68n));
    expect(s.memory.slice(SIZE - 40, SIZE - 8)).toEqual(s.memory.slice(0, 32));
    expect(finish('CPYFM', s)).toMatchObject({ kind: 'exception', far: BASE + BigInt(SIZE - 8) });
  });
  it('lets the epilogue finish what an interrupted main left', () => {
    const s = state(100, 1000, 50n);
    const expected = s.memory.slice();
    expected.copyWithin(100, 1000, 1050);
    finish('CPYFP', s);
    runInstruction(mops, ['CPYFM', F], s); // one chunk
    expect(s.x[N]).toBe(neg(34n));
    finish('CPYFE', s);
    expect(s.memory).toEqual(expected);
  });
});

describe('sets', () => {
  it.each([0, 1, 3, 16, 31, 64])('%d bytes', (n) => {
    const s = state(200, 0x1234_56abn, BigInt(n));
    const expected = s.memory.slice();
    expected.fill(0xab, 200, 200 + n);
    all('SET', s);
    expect(s.memory).toEqual(expected);
    expect(s.x.slice(0, 3)).toEqual([BASE + 200n + BigInt(n), 0x1234_56abn, 0n]);
  });
});

describe('flags that say option B', () => {
  it.each([
    ['CPYFM', 0x0003_0022],
    ['CPYE', 0x0007_0022],
    ['SETM', 0x0103_0022],
    ['SETE', 0x0107_0022],
  ])('%s raises the memory copy exception', (row, iss) => {
    const s = state(0, 0, 16n);
    s.nzcv = 2;
    expect(runInstruction(mops, [row, F], s)).toEqual({ kind: 'exception', ec: 0x27, iss, past: false });
    expect(s.x[N]).toBe(16n);
  });
});

describe('encodings', () => {
  it('need three different registers, none of them 31', () => {
    for (const f of [{ Rd: 1 }, { Rn: 1 }, { Rd: 31 }, { Rn: 31 }, { Rs: 31 }]) {
      expect(() => runInstruction(mops, ['CPYP', { ...F, ...f }], state(0, 0, 0n))).toThrow(/does not allow/);
    }
    expect(runInstruction(mops, ['SETP', { ...F, Rs: 31 }], state(0, 0, 0n))).toEqual({ kind: 'next' });
  });
});
