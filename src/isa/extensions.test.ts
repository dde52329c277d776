// FEAT_CPA, FEAT_LSFE, FEAT_LSUI and FEAT_PAuth_LR: what Arm's pseudocode says, on the reference evaluator. No other
// implementation has them yet (tools/difftest/qemu.md).

import { describe, expect, it } from 'vitest';
import { matches } from '../arch/a64/encoding.ts';
import { assembleLine } from '../asm/a64.ts';
import { FPCR } from '../cpu/fp/context.ts';
import { SCALAR_HELPERS } from '../cpu/helpers.ts';
import { type PauthState, resetPauth } from '../cpu/pauth.ts';
import { A64 } from './a64.ts';
import { collectRows } from './handlers.ts';
import { type Outcome, runEntry, type TestHelpers, type TestState, testState } from './testing.ts';

const rows = collectRows(A64);
const pauth: PauthState = { ...resetPauth(), enabled: 15, tbiData: 1, tbiInstruction: 1 };
pauth.keys.set([1, 2, 3, 4, 5, 6, 7, 8]);

/** Runs lines of assembly one after the other, each at the next address unless it branches. */
function run(state: TestState, ...lines: string[]): Outcome {
  let outcome: Outcome = { kind: 'next' };
  for (const line of lines) {
    const word = assembleLine(line, { lookup: () => undefined, pc: state.pc });
    const found = rows.filter((r) => matches(r.parsed, word));
    const entry = found.find((r) => r.row.inside !== undefined) ?? found[0]!;
    const helpers: TestHelpers = {
      helper: (name, args) => {
        const cx = { fpcr: Number(state.slots['FPCR'] ?? 0n), fpsr: 0, fpmr: 0n, pauth };
        const r = (SCALAR_HELPERS[name as keyof typeof SCALAR_HELPERS] as (...a: unknown[]) => number | bigint)(
          cx,
          ...args,
        );
        if (cx.fpsr) state.slots['FPSR'] = (state.slots['FPSR'] ?? 0n) | BigInt(cx.fpsr);
        return r;
      },
    };
    outcome = runEntry(entry, word, state, helpers);
    if (outcome.kind === 'exception') return outcome;
  }
  return outcome;
}

describe('FEAT_CPA', () => {
  it('adds and subtracts a shifted offset, with SP on either side', () => {
    const s = testState({ x: [0n, 0x1000n, 3n], sp: 0x8000n });
    run(s, 'addpt x3, x1, x2, lsl #4', 'subpt sp, sp, x2, lsl #7', 'addpt x4, sp, x2');
    expect([s.x[3], s.sp, s.x[4]]).toEqual([0x1030n, 0x7e80n, 0x7e83n]);
  });
  it('multiplies', () => {
    const s = testState({ x: [0n, 7n, 9n, 100n] });
    run(s, 'maddpt x4, x1, x2, x3', 'msubpt x5, x1, x2, x3');
    expect([s.x[4], s.x[5]]).toEqual([163n, 37n]);
  });
  it('leaves the top byte alone without FEAT_CPA2', () => {
    const s = testState({ x: [0n, 0x00ff_ffff_ffff_ffffn, 1n] });
    run(s, 'addpt x3, x1, x2');
    expect(s.x[3]).toBe(1n << 56n);
  });
});

/** An atomic on one value in memory. @returns the value loaded and what memory holds then */
function atomic(
  line: string,
  memory: bigint,
  operand: bigint,
  fpcr = 0,
): [loaded: bigint, stored: bigint, fpsr: bigint] {
  const s = testState({ x: [0x10000n], slots: { FPCR: BigInt(fpcr) } });
  const bytes = new DataView(s.memory.buffer);
  bytes.setBigUint64(0, memory, true);
  s.v[1] = operand | (0x55n << 64n);
  s.v[2] = (1n << 128n) - 1n;
  run(s, line);
  return [s.v[2]!, bytes.getBigUint64(0, true), s.slots['FPSR'] ?? 0n];
}
describe('FEAT_LSFE', () => {
  const REST = 0xaaaa_bbbb_0000_0000n;
  it.each([
    ['ldfadd s1, s2, [x0]', REST | 0x3f80_0000n, 0x4000_0000n, REST | 0x4040_0000n],
    ['ldfmaxal s1, s2, [x0]', REST | 0xbf80_0000n, 0x4000_0000n, REST | 0x4000_0000n],
    ['ldfmina s1, s2, [x0]', REST | 0xbf80_0000n, 0x4000_0000n, REST | 0xbf80_0000n],
    // A quiet NaN is a number's loser for maxnm and minnm, and the default NaN otherwise.
    ['ldfmaxnm s1, s2, [x0]', REST | 0x7fc0_1234n, 0x4000_0000n, REST | 0x4000_0000n],
    ['ldfminnml s1, s2, [x0]', REST | 0x7fc0_1234n, 0x4000_0000n, REST | 0x4000_0000n],
    ['ldfmax s1, s2, [x0]', REST | 0xffc0_1234n, 0x4000_0000n, REST | 0x7fc0_0000n],
  ])('%s', (line, memory, operand, stored) => {
    expect(atomic(line, memory, operand)).toEqual([memory & 0xffff_ffffn, stored, 0n]);
  });
  it('works on halves and doubles', () => {
    expect(atomic('ldfadd h1, h2, [x0]', 0xffff_3c00n, 0x4000n)).toEqual([0x3c00n, 0xffff_4200n, 0n]);
    expect(atomic('ldfadd d1, d2, [x0]', 0x3ff0_0000_0000_0000n, 0x4000_0000_0000_0000n)).toEqual([
      0x3ff0_0000_0000_0000n,
      0x4008_0000_0000_0000n,
      0n,
    ]);
  });
  it('works on BFloat16, rounding sums as FPCR says', () => {
    // 256 + 1.5 has nine significant bits: between 256 and 258, next to 258.
    expect(atomic('ldbfadd h1, h2, [x0]', 0x4380n, 0x3fc0n)[1]).toBe(0x4381n);
    expect(atomic('ldbfadd h1, h2, [x0]', 0x4380n, 0x3fc0n, 3 << 22)[1]).toBe(0x4380n);
    expect(atomic('ldbfmin h1, h2, [x0]', 0x4380n, 0xbfc0n)[1]).toBe(0xbfc0n);
    expect(atomic('ldbfmaxnm h1, h2, [x0]', 0x7fc1n, 0xbfc0n)[1]).toBe(0xbfc0n);
    expect(atomic('ldbfadd h1, h2, [x0]', 0x7f80n, 0xff80n)[1]).toBe(0x7fc0n);
    expect(atomic('ldbfadd h1, h2, [x0]', 0x4380n, 0xc380n, 2 << 22)[1]).toBe(0x8000n);
  });
  it('looks at FZ but not at AH, has the default NaN only, reports nothing', () => {
    const tiny = 0x0000_0001n;
    expect(atomic('ldfadd s1, s2, [x0]', tiny, tiny)[1]).toBe(2n);
    expect(atomic('ldfadd s1, s2, [x0]', tiny, tiny, FPCR.FZ)[1]).toBe(0n);
    // With AH, the maximum of zeros would be the second operand, and a NaN would be passed on.
    expect(atomic('ldfmax s1, s2, [x0]', 0n, 0x8000_0000n, FPCR.AH)).toEqual([0n, 0n, 0n]);
    expect(atomic('ldfadd s1, s2, [x0]', 0x7f80_0001n, 0x4000_0000n, FPCR.AH)).toEqual([
      0x7f80_0001n,
      0x7fc0_0000n,
      0n,
    ]);
    expect(atomic('ldfadd s1, s2, [x0]', 0x7f7f_ffffn, 0x7f7f_ffffn)).toEqual([0x7f7f_ffffn, 0x7f80_0000n, 0n]);
  });
  it('stores without loading', () => {
    expect(atomic('stfadd s1, [x0]', 0x3f80_0000n, 0x4000_0000n)).toEqual([(1n << 128n) - 1n, 0x4040_0000n, 0n]);
    expect(atomic('stbfmaxl h1, [x0]', 0x3f80n, 0x4000n)[1]).toBe(0x4000n);
  });
  it('must not be misaligned across 16 bytes, and traps with FP off', () => {
    const s = testState({ x: [0x1000en] });
    expect(run(s, 'ldfadd s1, s2, [x0]')).toMatchObject({ kind: 'exception', ec: 0x24, iss: 0x61 });
    const off = testState({ x: [0x10000n], slots: { FP_ON: 0n } });
    expect(run(off, 'ldfadd s1, s2, [x0]')).toMatchObject({ kind: 'exception', ec: 7 });
  });
});

describe('FEAT_LSUI', () => {
  const words = (s: TestState): bigint[] => [...new BigUint64Array(s.memory.buffer).slice(0, 8)];
  it('asks for every access as EL0 would', () => {
    const lines = [
      'sttnp x1, x2, [x0]', 'ldtnp x1, x2, [x0]', 'sttp x1, x2, [x0], #16', 'ldtp x1, x2, [x0, #16]!', 'sttp x1, x2, [x0]',
      'ldtp x1, x2, [x0]', 'sttp q1, q2, [x0]', 'ldtp q1, q2, [x0]', 'sttnp q1, q2, [x0]', 'ldtnp q1, q2, [x0]',
      'sttp q1, q2, [x0, #32]!', 'ldtp q1, q2, [x0], #32', 'ldtxr x1, [x0]', 'ldatxr w1, [x0]', 'sttxr w3, x1, [x0]',
      'stltxr w3, w1, [x0]', 'cast x1, x2, [x0]', 'caspalt x2, x3, x4, x5, [x0]', 'ldtadd x1, x2, [x0]', 'ldtclral w1, w2, [x0]',
      'ldtset w1, w2, [x0]', 'swpt x1, x2, [x0]',
    ]; // biome-ignore format: a table
    for (const line of lines) {
      const word = assembleLine(line);
      const entry = rows.find((r) => matches(r.parsed, word))!;
      const fields = Object.fromEntries(entry.parsed.fields.map((f) => [f.name, (word >>> f.lo) & (2 ** f.width - 1)]));
      const probes = entry.handler(fields).code.block.filter((n) => n.op.startsWith('mem.') && n.op !== 'mem.commit');
      expect(probes.map((n) => [line, (n.attr as { unprivileged: boolean }).unprivileged])).toEqual([[line, true]]);
    }
  });
  it('moves pairs of 64 and 128 bits', () => {
    const s = testState({ x: [0x10000n, 1n, 2n] });
    s.v[1] = (4n << 64n) | 3n;
    s.v[2] = (6n << 64n) | 5n;
    run(s, 'sttp x1, x2, [x0], #16', 'sttp q1, q2, [x0]', 'ldtp x3, x4, [x0, #-16]!', 'ldtp q3, q4, [x0], #32');
    expect(words(s)).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 0n, 0n]);
    expect([s.x[0], s.x[3], s.x[4]]).toEqual([0x10020n, 1n, 2n]);
    expect([s.v[3], s.v[4]]).toEqual([(2n << 64n) | 1n, (4n << 64n) | 3n]);
  });
  it('changes memory atomically', () => {
    const s = testState({ x: [0x10000n, 5n, 0n, 0xff00_0000_0007n] });
    run(s, 'swpt x3, x2, [x0]', 'ldtadd w1, w4, [x0]', 'sttset x1, [x0]', 'ldtclr x1, x5, [x0]');
    expect([s.x[2], s.x[4], s.x[5], words(s)[0]]).toEqual([0n, 7n, 0xff00_0000_000dn, 0xff00_0000_0008n]);
    s.x[6] = 0xff00_0000_0008n;
    run(s, 'cast x6, x1, [x0]', 'cast x6, x3, [x0]');
    expect([s.x[6], words(s)[0]]).toEqual([5n, 5n]);
    Object.assign(s.x, { 6: 5n, 7: 0n, 8: 10n, 9: 11n });
    run(s, 'caspt x6, x7, x8, x9, [x0]');
    expect(words(s).slice(0, 2)).toEqual([10n, 11n]);
  });
  it('has exclusives', () => {
    const s = testState({ x: [0x10000n, 5n] });
    run(s, 'ldtxr x2, [x0]', 'sttxr w3, x1, [x0]', 'stltxr w4, x1, [x0]');
    expect([s.x[2], s.x[3], s.x[4], words(s)[0]]).toEqual([0n, 0n, 1n, 5n]);
  });
});

describe('FEAT_PAuth_LR', () => {
  const LR = 0x40_1234n;
  const start = (slots: Record<string, bigint> = {}): TestState => {
    const x = Array.from({ length: 31 }, () => 0n);
    x[30] = LR;
    return testState({ x, sp: 0x7fff_1230n, pc: 0x40_0000n, slots });
  };
  const PACM_ON = { SYS_OPEN: 16n };
  /** What PACIA or PACIB makes of LR with a modifier. */
  const signed = (modifier: bigint, key = 'a'): bigint => {
    const s = start();
    s.x[1] = modifier;
    run(s, `paci${key} x30, x1`);
    return s.x[30]!;
  };
  const joined = (first: bigint, second: bigint): bigint =>
    ((first >> 4n) & 0xffff_ffffn) | (((second >> 5n) & 0xffff_ffffn) << 32n);

  it.each(['a', 'b'])('signs with SP and the address, key %s', (key) => {
    for (const line of [`paci${key}sppc`, `pacnbi${key}sppc`]) {
      const s = start();
      run(s, line);
      expect(s.x[30], line).toBe(signed(joined(s.sp, 0x40_0000n), key));
      expect(s.x[30]).not.toBe(LR);
    }
  });
  it.each(['a', 'b'])('checks it by label, by register, and on return, key %s', (key) => {
    const s = start();
    run(s, `paci${key}sppc`, `auti${key}sppc #-4`);
    expect(s.x[30]).toBe(LR);
    s.x[5] = s.pc;
    run(s, `paci${key}sppc`, `auti${key}sppcr x5`);
    expect(s.x[30]).toBe(LR);
    run(s, 'nop', `paci${key}sppc`, `reta${key}sppc #-4`);
    expect(s.pc).toBe(LR);
    s.x[30] = LR;
    s.x[6] = s.pc;
    run(s, `pacnbi${key}sppc`, `reta${key}sppcr x6`);
    expect(s.pc).toBe(LR);
  });
  it('faults where the address is another', () => {
    const s = start();
    // Bits 4 to 0 of the address do not count.
    expect(run(s, 'paciasppc', 'autiasppc #-36')).toEqual({ kind: 'exception', ec: 0x1c, iss: 0, past: false });
    const t = start();
    t.x[9] = t.pc + 32n;
    expect(run(t, 'pacibsppc', 'retabsppcr x9')).toMatchObject({ kind: 'exception', ec: 0x1c, iss: 1 });
  });
  it('signs X17 by X16 and X15', () => {
    const s = start();
    Object.assign(s.x, { 15: 0x123_4560n, 16: 0x765_4320n, 17: LR });
    run(s, 'pacia171615');
    expect(s.x[17]).toBe(signed(joined(0x765_4320n, 0x123_4560n)));
    run(s, 'autia171615', 'pacib171615', 'autib171615');
    expect(s.x[17]).toBe(LR);
  });
  it('PACM extends the next instruction and no other', () => {
    const s = start(PACM_ON);
    run(s, 'pacm', 'paciasp');
    expect(s.x[30]).toBe(signed(joined(s.sp, 0x40_0004n)));
    s.x[16] = 0x40_0004n;
    run(s, 'pacm', 'autiasp');
    expect(s.x[30]).toBe(LR);
    run(s, 'pacm', 'nop', 'paciasp');
    expect(s.x[30]).toBe(signed(s.sp));
    run(s, 'autiasp');
    // Jumping to what PACM stands before does not count.
    const at = s.pc + 4n;
    run(s, 'pacm', 'pacibsp');
    s.x[16] = at;
    run(s, 'pacm', 'retab');
    expect(s.pc).toBe(LR);
    Object.assign(s, { pc: at });
    s.x[30] = LR;
    run(s, 'pacibsp');
    expect(s.x[30]).toBe(signed(s.sp, 'b'));
  });
  it('PACM extends the forms by X16 and X17 with X15', () => {
    const s = start(PACM_ON);
    Object.assign(s.x, { 15: 0x99_9990n, 16: 0x765_4320n, 17: LR });
    run(s, 'pacm', 'pacib1716');
    expect(s.x[17]).toBe(signed(joined(0x765_4320n, 0x99_9990n), 'b'));
    run(s, 'autib171615');
    expect(s.x[17]).toBe(LR);
  });
  it('PACM does nothing where it is disabled', () => {
    const s = start();
    run(s, 'pacm', 'paciasp');
    expect(s.x[30]).toBe(signed(s.sp));
  });
});
