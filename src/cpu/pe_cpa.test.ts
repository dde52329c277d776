// FEAT_CPA2 in guests: which controls check pointer arithmetic at which level, from when on, and that a checked guest is
// still the same guest.

import { describe, expect, it } from 'vitest';
import { type Guest, type GuestOptions, guest, RAM, vectors } from '../../test/pe_guest.ts';
import type { MakeTier } from '../interp/region.ts';
import { jitTier, type TierStats } from '../jit/index.ts';

const CPTA = 1n << 9n;
const CPTA0 = 1n << 10n;
const CPTM = 1n << 11n;
const CPTM0 = 1n << 12n;
const ALL = CPTA | CPTA0 | CPTM | CPTM0;
const SCTLR2EN = 1n << 15n;
const TBI0 = 1n << 37n;
const PAN = 1n << 22n;
const UAO = 1n << 23n;

/** What the exceptions of EL1 and EL0 end in. */
const VECTORS = vectors({ 512: ['hvc #9'], 1024: ['hvc #9'] });
const DATA = RAM + 0x8000n;
/** DATA with a top byte, and an offset that changes it. */
const POINTER = 0x1200_0000_0000_0000n | DATA;
const OFFSET = 0x3400_0000_0000_0000n;
/** The top byte and bit 55 of the base, bit 54 unlike bit 55. */
const POISONED = POINTER | (1n << 54n);

interface Start extends GuestOptions {
  readonly el?: 0 | 1;
  readonly hcrx?: bigint;
  readonly pstate?: bigint;
}
/** A guest with tagged addresses, the MMU off. */
function start(code: string, sctlr2: bigint, { el = 1, hcrx, pstate = 0n, ...options }: Start = {}): Guest {
  const g = guest(`${code}\n svc #0${VECTORS}`, options);
  const { pe } = g;
  pe.set('TCR_EL1', TBI0);
  pe.set('SCTLR2_EL1', sctlr2);
  if (hcrx !== undefined) pe.set('HCRX_EL2', hcrx);
  pe.set('VBAR_EL1', g.symbols.get('vectors')!);
  pe.pstate = pstate | (el === 1 ? 5n : 0n);
  pe.cpu.setX(1, POINTER);
  pe.cpu.setX(2, OFFSET);
  g.write64(DATA, 0x1234n);
  return g;
}
const EC = 26n;
type End = { readonly ec: bigint; readonly far: bigint };
function finish(g: Guest): End {
  expect(g.pe.run(1000)).toMatchObject({ kind: 'el2', record: { ec: 0x16, iss: 9 } });
  return { ec: g.pe.get('ESR_EL1') >> EC, far: g.pe.get('FAR_EL1') };
}
const LOAD = 'ldr x3, [x1, x2]';
const LOAD_UNPRIVILEGED = 'addpt x4, x1, x2\n ldtr x3, [x4]';
const SVC = 0x15n;
const ABORT = { 0: 0x24n, 1: 0x25n } as const;

describe('a load from a base and an offset', () => {
  const faults = (sctlr2: bigint, how: Start = {}): boolean => {
    const g = start(LOAD, sctlr2, how);
    const { ec, far } = finish(g);
    if (ec === SVC) expect(g.pe.cpu.x(3)).toBe(0x1234n);
    else expect([ec, BigInt.asUintN(56, far)]).toEqual([ABORT[how.el ?? 1], BigInt.asUintN(56, POISONED)]);
    return ec !== SVC;
  };
  it('faults at EL1 under CPTA, and at EL0 under CPTA0', () => {
    expect([0n, CPTA, CPTA0, CPTM | CPTM0].map((v) => faults(v))).toEqual([false, true, false, false]);
    expect([0n, CPTA, CPTA0, CPTM | CPTM0].map((v) => faults(v, { el: 0 }))).toEqual([false, false, true, false]);
  });
  it('goes through where HCRX_EL2.SCTLR2En or the feature is missing', () => {
    for (const el of [0, 1] as const) {
      expect(faults(ALL, { el, hcrx: 0n })).toBe(false);
      expect(faults(ALL, { el, hcrx: SCTLR2EN })).toBe(true);
      expect(faults(ALL, { el, guestAbsent: ['FEAT_CPA2'] })).toBe(false);
    }
  });
});

describe('an unprivileged load', () => {
  // 8 less than the first address with that top byte: no memory, so both fault, at different addresses.
  const at = (sctlr2: bigint, pstate = 0n, insn = 'ldtr x3, [x5, #-8]'): bigint => {
    const g = start(insn, sctlr2, { pstate });
    g.pe.cpu.setX(5, 0x1300_0000_0000_0000n);
    return BigInt.asUintN(56, finish(g).far);
  };
  const [plain, checked] = [0xff_ffff_ffff_fff8n, 0x7f_ffff_ffff_fff8n];
  it('is under CPTA0, unless PSTATE.UAO makes it a load of EL1', () => {
    expect([0n, CPTA, CPTA0].map((v) => at(v))).toEqual([plain, plain, checked]);
    expect([0n, CPTA, CPTA0].map((v) => at(v, UAO))).toEqual([plain, checked, plain]);
    expect([CPTA, CPTA0].map((v) => at(v, PAN, 'ldur x3, [x5, #-8]'))).toEqual([checked, plain]);
  });
  it('of a pointer that ADDPT made is under CPTA, which that is under', () => {
    expect([CPTA, CPTA0].map((v) => finish(start(LOAD_UNPRIVILEGED, v)).ec)).toEqual([ABORT[1], SVC]);
  });
});

describe('the instructions of FEAT_CPA', () => {
  const value = (insn: string, sctlr2: bigint, el: 0 | 1): bigint => {
    const g = start(insn, sctlr2, { el });
    finish(g);
    return g.pe.cpu.x(3);
  };
  const ADD = 'addpt x3, x1, x2';
  const MULTIPLY = 'mov x4, #1\n lsl x4, x4, #40\n maddpt x3, x4, x4, x1';
  it.each([
    [1, CPTA, CPTM, CPTA0 | CPTM0],
    [0, CPTA0, CPTM0, CPTA | CPTM],
  ] as const)('at EL%i obey the fields of that level', (el, add, multiply, others) => {
    for (const v of [0n, multiply, others]) expect(value(ADD, v, el)).toBe(POINTER + OFFSET);
    expect(value(ADD, add, el)).toBe(POISONED);
    // Multiplication is only checked together with addition.
    for (const v of [0n, add, multiply, others, add | others]) expect(value(MULTIPLY, v, el)).toBe(POINTER);
    expect(value(MULTIPLY, add | multiply, el)).toBe(POISONED);
  });
});

describe('SVE', () => {
  const options = { hcrx: 0xc800n } as const;
  const g = (code: string, sctlr2: bigint): Guest => {
    const made = start(`ptrue p0.d\n ${code}`, sctlr2, options);
    made.pe.set('CPACR_EL1', 0x0033_0000n);
    return made;
  };
  it.each([
    ['ld1d {z0.d}, p0/z, [x1, x4, lsl #3]', 'lsr x4, x2, #3'],
    ['ld1b {z0.d}, p0/z, [x1, x2]', ''],
    ['st1d {z0.d}, p0, [x1, z1.d]', 'dup z1.d, x2'],
    ['ldnt1d {z0.d}, p0/z, [z1.d, x2]', 'dup z1.d, x1'],
    ['ldff1d {z0.d}, p0/z, [x1, z1.d]', 'dup z1.d, x2'],
  ])('%s is checked', (line, before) => {
    expect([0n, CPTA0, CPTA].map((v) => finish(g(`${before}\n ${line}`, v)).ec)).toEqual([SVC, SVC, ABORT[1]]);
    expect(BigInt.asUintN(56, finish(g(`${before}\n ${line}`, CPTA)).far)).toBe(BigInt.asUintN(56, POISONED));
  });
  it('has pointers of its own', () => {
    const lane = (code: string, sctlr2: bigint): bigint => {
      const made = g(
        `dup z1.d, x1\n dup z2.d, x2\n mov x4, #1\n lsl x4, x4, #40\n dup z3.d, x4\n dup z4.d, x4\n mov z0.d, z1.d\n ${code}`,
        sctlr2,
      );
      expect(finish(made).ec).toBe(SVC);
      return made.pe.cpu.v(0)[0];
    };
    const ADDITIONS = ['addpt z0.d, z1.d, z2.d', 'addpt z0.d, p0/m, z0.d, z2.d'];
    const PRODUCTS = ['mlapt z0.d, z3.d, z4.d', 'mov z0.d, z3.d\n madpt z0.d, z4.d, z1.d'];
    for (const code of ADDITIONS) {
      expect(lane(code, 0n), code).toBe(POINTER + OFFSET);
      expect(lane(code, CPTA), code).toBe(POISONED);
    }
    for (const code of ['subpt z0.d, z1.d, z2.d', 'subpt z0.d, p0/m, z0.d, z2.d']) {
      expect(lane(code, 0n), code).toBe(BigInt.asUintN(64, POINTER - OFFSET));
      expect(lane(code, CPTA), code).toBe(POISONED);
    }
    for (const code of PRODUCTS) {
      expect(lane(code, CPTA), code).toBe(POINTER);
      expect(lane(code, CPTA | CPTM), code).toBe(POISONED);
    }
    expect(lane('mov x4, #3\n dup z3.d, x4\n mlapt z0.d, z3.d, z3.d', CPTA | CPTM)).toBe(POINTER + 9n);
    expect(lane('mov x4, #3\n dup z0.d, x4\n dup z4.d, x4\n madpt z0.d, z4.d, z1.d', CPTA | CPTM)).toBe(POINTER + 9n);
  });
});

describe('a guest that switches SCTLR2_EL1', () => {
  it('is checked from the next ISB on, and no longer after another', () => {
    const g = start(
      `add x0, x1, x2\n ldr x3, [x1, x2]\n mov x5, #0x200\n msr s3_0_c1_c0_3, x5\n isb\n addpt x6, x1, x2
       msr s3_0_c1_c0_3, xzr\n isb\n addpt x7, x1, x2\n ldr x8, [x1, x2]`,
      0n,
    );
    expect(finish(g).ec).toBe(SVC);
    const x = (n: number): bigint => g.pe.cpu.x(n);
    expect([x(3), x(6), x(7), x(8)]).toEqual([0x1234n, POISONED, POINTER + OFFSET, 0x1234n]);
  });
  it('counts instructions as if it did not', () => {
    const LOOP = 'mov x9, #500\n1: ldr x3, [x1], #8\n stur x3, [x1, #-8]\n subs x9, x9, #1\n cbnz x9, 1b';
    const run = (sctlr2: bigint): bigint[] => {
      const g = start(LOOP, sctlr2);
      const stops: bigint[] = [];
      for (let i = 0; i < 500; i++) {
        if (g.pe.run(37).kind === 'el2') break;
        stops.push(g.pe.cpu.icount, g.pe.cpu.pc);
      }
      return [...stops, g.pe.cpu.icount, g.pe.cpu.x(1)];
    };
    expect(run(ALL)).toEqual(run(0n));
    expect(run(ALL).at(-1)).toBe(POINTER + 4000n);
  });
  it('may change its own code while it is checked', () => {
    const code = `adr x0, patch\n mov x6, #0x200\n mov w5, #0x00e4\n movk w5, #0xd280, lsl #16
       bl f\n mov x10, x4\n msr s3_0_c1_c0_3, x6\n isb\n str w5, [x0]\n dc cvau, x0\n dsb ish\n ic ivau, x0\n dsb ish\n isb
       bl f\n mov x11, x4\n msr s3_0_c1_c0_3, xzr\n isb\n bl f\n b 2f\nf:\npatch: mov x4, #1\n ret\n2:`;
    const g = start(code, 0n);
    expect(finish(g).ec).toBe(SVC);
    expect([10, 11, 4].map((n) => g.pe.cpu.x(n))).toEqual([1n, 7n, 7n]);
  });
  it('is the same with code that was compiled before, between and after', () => {
    // Each pass adds to X10 what a loop with an overflowing ADDPT and a load leaves.
    const g = (tier?: MakeTier): { readonly g: Guest; readonly x: bigint[] } => {
      const made = start(
        `mov x10, #0\n mov x6, #0x200\n bl f\n mov x11, x10\n msr s3_0_c1_c0_3, x6\n isb\n bl f\n mov x12, x10
         msr s3_0_c1_c0_3, xzr\n isb\n bl f\n mov x13, x10\n b 2f
         f: mov x9, #20000\n1: addpt x4, x1, x2\n add x10, x10, x4, lsr #54\n ldr x3, [x1], #0\n add x10, x10, x3
         subs x9, x9, #1\n cbnz x9, 1b\n ret\n2:`,
        0n,
        tier && { tier },
      );
      while (made.pe.run(1 << 20).kind === 'budget');
      return { g: made, x: [11, 12, 13].map((n) => made.pe.cpu.x(n)).concat(made.pe.cpu.icount) };
    };
    const stats: TierStats[] = [];
    let ticks = 0;
    const compiled = g(jitTier({ cache: 16, now: () => ticks++ }, (s) => stats.push(s)));
    const interpreted = g();
    expect(compiled.x).toEqual(interpreted.x);
    const pass = (top: bigint): bigint => 20_000n * ((top >> 54n) + 0x1234n);
    const [a, b, c] = [pass(POINTER + OFFSET), pass(POISONED), pass(POINTER + OFFSET)];
    expect(compiled.x.slice(0, 3)).toEqual([a, a + b, a + b + c]);
    expect(stats.at(-1)!.regions).toBeGreaterThan(0);
  });
});
