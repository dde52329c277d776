// SVE on both engines: vector lengths, predicated memory, what FP and SIMD writes do to Z, traps.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import type { Engine } from '../cpu/engine.ts';
import { Exit } from '../cpu/engine.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { createInterpreter } from './engine.ts';
import type { EngineOptions } from './options.ts';
import { createReference } from './reference.ts';
import { TestMachine } from './testing.ts';

const CODE = 0x400000n;
const DATA = 0x10000n;
type Make = (mem: PhysMem, options: EngineOptions) => Engine;

function machine(make: Make, source: string, vl: number): TestMachine {
  const m = new TestMachine(make);
  m.poke(CODE, assembleProgram(`${source}\n svc #0`, { base: CODE }).sections[0]!.bytes);
  m.cpu.pc = CODE;
  m.cpu.vl = vl;
  return m;
}
function run(m: TestMachine): number | undefined {
  expect(m.engine.run(m.cpu, 10_000)).toBe(Exit.Exception);
  return m.cpu.exception?.ec;
}

describe.each([
  ['interpreter', createInterpreter],
  ['reference', createReference],
] as const)('SVE on the %s', (_, make) => {
  it.each([16, 32, 48, 64, 256])('copies bytes in a predicated loop, vectors of %i bytes', (vl) => {
    const m = machine(
      make,
      `mov x2, #0
       mov x3, #77
       whilelo p0.b, x2, x3
    1: ld1b { z0.b }, p0/z, [x0, x2]
       add z0.b, z0.b, z0.b
       st1b { z0.b }, p0, [x1, x2]
       addvl x2, x2, #1
       whilelo p0.b, x2, x3
       b.mi 1b
       cntb x4`,
      vl,
    );
    m.poke(
      DATA + 4000n,
      Uint8Array.from({ length: 200 }, (_v, i) => i),
    );
    m.poke(DATA + 0x3000n, new Uint8Array(4096).fill(0xee));
    m.cpu.setX(0, DATA + 4000n);
    m.cpu.setX(1, DATA + 0x3000n);
    expect(run(m)).toBe(0x15);
    const page = m.mem.frameBytes(m.pages.get((DATA + 0x3000n) >> 12n)!.frame);
    expect([...page.subarray(0, 80)]).toEqual(Array.from({ length: 80 }, (_v, i) => (i < 77 ? (2 * i) & 255 : 0xee)));
    expect(m.cpu.x(4)).toBe(BigInt(vl));
  });
  it('zeroes the rest of Z when V is written', () => {
    const m = machine(make, 'ptrue p0.b\n ld1b { z1.b }, p0/z, [x0]\n mov v1.16b, v1.16b\n fmov d2, d1', 64);
    m.poke(DATA, new Uint8Array(64).fill(7));
    m.cpu.z(2).fill(9);
    m.cpu.setX(0, DATA);
    run(m);
    expect([...m.cpu.z(1)]).toEqual(Array.from({ length: 64 }, (_v, i) => (i < 16 ? 7 : 0)));
    expect([...m.cpu.z(2)]).toEqual(Array.from({ length: 64 }, (_v, i) => (i < 8 ? 7 : 0)));
    expect(m.cpu.sveLive).toBe(64);
    m.cpu.discardSve();
    expect([...m.cpu.p(0)]).toEqual(Array(8).fill(0));
  });
  it('writes nothing when an element faults', () => {
    const m = machine(make, 'ptrue p0.b\n st1b { z1.b }, p0, [x0]', 64);
    m.map(DATA);
    m.cpu.setX(0, DATA + 4096n - 32n);
    m.cpu.z(1).fill(5);
    expect(run(m)).toBe(0x24);
    expect(m.cpu.exception?.far).toBe(DATA + 4096n);
    expect(m.peek64(DATA + 4088n)).toBe(0n);
    expect(m.cpu.pc).toBe(CODE + 4n);
  });
  it.each([0x19, 0x07])('raises class %i where a control says so', (ec) => {
    const m = machine(make, 'ptrue p0.b', 16);
    m.cpu.sveTrap = ec;
    expect(run(m)).toBe(ec);
    expect(m.cpu.exception?.iss).toBe(ec === 7 ? 0x1e00000 : 0);
  });
});
