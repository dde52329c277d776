// Several instructions that one handler does: the same results, faults and counts as one by one, and as the reference has them.

import { expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { createInterpreter } from './engine.ts';
import { createReference } from './reference.ts';
import { Random, TestMachine } from './testing.ts';

const CODE = 0x400000n;
const DATA = 0x10000n;
const SOURCES = [
  ...['cbz w1', 'cbnz w1'].flatMap((branch) =>
    ['ldrb w1, [x0, #3]', 'ldrb w1, [x0, #1]!'].map((load) => `${load}; ${branch}, 1f`),
  ),
  'ldrb w0, [x0, #1]!; cbz w0, 1f',
  'ldr x1, [x0, #8]; cbz x1, 1f',
  'ldr x0, [x0]; cbnz x0, 1f',
  'mov x1, x0; ldrb w2, [x1]',
  'ldr w1, [x0, #4]; ldr w0, [x2, #8]',
  'ldr w2, [x0]; ldr w1, [x2]',
  'ldur w1, [x0, #-4]; str w1, [x2], #-4',
  'ldr x1, [x0], #8; str x1, [x2], #8',
  'ldr x0, [x2], #8; str x0, [x2], #-16',
  'ldrb w1, [x0], #1; crc32b w3, w3, w1',
  ...['cmp x1, x2', 'cmp w1, w3'].flatMap((compare) =>
    ['eq', 'ne'].map((cond) => `add x1, x1, #0; ${compare}; b.${cond} 1f`),
  ),
  'tst w1, #1; csel w2, w3, w1, ne',
  'ands x1, x2, #0xf0; csel w2, w3, w1, ne',
  'eor w1, w1, w3; lsr w2, w1, #5',
  ...['add', 'eor', 'and'].flatMap((op) => [
    `${op} w1, w2, w3; ror w3, w1, #7`,
    `ror w1, w2, #31; ${op} w1, w1, w1`,
    `eor w3, w1, w2, ror #25; ${op} w3, w3, w2`,
  ]),
  'cmp x1, x2; mov x3, x1; b.ne 1f',
  'add w1, w2, w3; add w2, w1, w3; add w3, w3, w1; add w1, w1, w1',
  'eor w1, w2, w3; eor w2, w1, w3; eor w3, w3, w1; eor w1, w1, w2',
  'ror w1, w1, #3; ror w2, w1, #31; ror w3, w2, #9; add w1, w2, w3',
  'ror w1, w1, #3; add w2, w1, w3; add w3, w2, w1; add w1, w2, w3',
  'and w1, w2, w3; add w2, w2, w1; and w3, w1, w2; eor w1, w3, w2, ror #7',
  'add w1, w2, w3; eor w2, w2, w1; eor w3, w1, w2, ror #8; add w1, w3, w2',
  ...['ldp w1, w2, [sp, #8]', 'ldr w1, [sp, #4]'].flatMap((load) =>
    ['ror w3, w1, #3', 'and w3, w1, w2', 'add w1, w1, w2'].map((then) => `mov sp, x0; ${load}; ${then}`),
  ),
  'mov sp, x0; add w1, w2, w3; str w1, [sp, #4]',
  'mov sp, x0; add w1, w2, w3; str w2, [sp, #4]',
  'ldur w1, [x0, #-4]; eor w1, w1, w2, ror #3',
  'bic w1, w2, w3; ldur w2, [x0, #4]',
  'lsl x3, x2, #2; add x4, x3, x2; add x3, x1, x3',
  'ldur w1, [x0, #-4]; ldur w0, [x2, #4]',
  'mov sp, x0; add w1, w2, w3; ldr w2, [sp, #12]; and w3, w2, w1',
  'bic w1, w2, w3; orr w2, w1, w3; eor w3, w3, w3, lsr #9; orn w1, w2, w3',
  'mov x1, x2; nop',
  'add x1, x2, #1; nop',
  // Registers that are passed on, and others in their places.
  ...['w1', 'w3'].flatMap((w) => [
    `ldur w1, [x0, #-4]; str ${w}, [x2], #-4; cmp x2, x3; b.ne 1f`,
    `ldr w1, [x0]; cmp x0, x3; str ${w}, [x0, #4]; sub x0, x0, #4; b.ne 1f`,
    `ldrb w1, [x0], #1; crc32b w3, w3, ${w}; cmp x0, x2; b.ne 1f`,
    `ldr w1, [x0]; add x2, x2, x3; madd w1, ${w}, w2, w3; str w1, [x0]`,
    `ldr w1, [x0]; add x1, x2, x3; madd w1, w1, w2, w3; str ${w}, [x0]`,
    `ldr w1, [x0]; subs ${w.replace('w', 'x')}, x0, x3; str w1, [x0, #4]; sub x0, x0, #4; b.ne 1f`,
    `ldrb w1, [x0], #1; crc32b w0, w3, ${w}; cmp x0, x2; b.ne 1f`,
    `add w1, w1, #1; cmp ${w}, w2; b.eq 1f`,
  ]),
  'ldur w1, [x0, #-4]; str w1, [x2], #-4; cmp x0, x3; b.ne 1f',
  'ldrb w1, [x0], #1; crc32b w3, w3, w1; cmp x2, x0; b.ne 1f',
  ...['x1', 'x3'].flatMap((x) => [
    `lsr w1, w2, #26; add x2, x0, ${x}, lsl #3; ldar x1, [x2]`,
    `lsr w1, w2, #26; add x2, x0, x1, lsl #3; ldar ${x}, [x0]`,
    `ldr x1, [x0, #8]; eor x1, ${x}, x2; str x1, [x0, #8]`,
    `ldr x1, [x0, #8]; eor x2, x1, x3; str ${x}, [x0, #8]`,
    `add x1, x2, x3, lsl #2; add x1, ${x}, #1`,
    `add x1, x1, #1; cmp ${x}, x2; b.ne 1f`,
    `swpa x1, x2, [x0]; cbnz ${x}, 1f`,
    `swpal x2, x1, [x0]; cbnz ${x}, 1f`,
    `add x1, x2, x3, lsl #2; mov x2, x3; add x1, ${x}, #1; casal x2, x1, [x0]`,
    `add x1, x2, x3, lsl #2; mov x1, x3; add ${x}, x1, #1; casal x1, x3, [x0]`,
    `add x1, x2, x3, lsl #2; mov x2, x4; add x3, x1, #1; casal x2, ${x}, [x0]`,
    `ldxr x1, [x0]; add x2, ${x}, x3; stxr w4, x2, [x0]; cbnz w4, 1f`,
    `ldxr x1, [x0]; add x2, x1, x3; stxr w4, ${x}, [x0]; cbnz w2, 1f`,
    `ldaxr x1, [x0]; stlxr w4, x3, [x0]; cbnz ${x.replace('x', 'w')}, 1f`,
    `ldaxr x1, [x0]; stxr w4, x3, [x0]; cbnz w4, 1f; cbnz ${x}, 1f`,
    `ldaxr x1, [x0]; cmp ${x}, x2; b.ne 1f`,
    `stlr x1, [x0]; add x2, x2, #1; cmp x2, ${x}; b.ne 1f`,
    `stlr x1, [x0]; add x3, x2, #1; cmp ${x}, x2; b.ne 1f`,
  ]),
  'shl v1.2s, v0.2s, #25; ushr v2.2s, v1.2s, #7',
  'add v1.2s, v0.2s, v2.2s; shl v2.2s, v1.2s, #13',
  'orr v1.8b, v0.8b, v2.8b; ushr v0.2s, v1.2s, #18',
  'ushr v1.2s, v0.2s, #19; orr v0.8b, v0.8b, v1.8b',
  'orr v0.8b, v2.8b, v1.8b; eor v0.8b, v0.8b, v1.8b',
  'eor v0.8b, v2.8b, v1.8b; add v2.2s, v0.2s, v1.2s',
];

/** The last bytes of a page before one that cannot be read, and of one that cannot be written. */
const ADDRESSES = [0n, 0x20n, 0xff4n, 0xffbn, 0xffcn, 0xfffn, 0x1000n, 0x1ffcn].map((at) => DATA + at);

it.each(SOURCES)('%s', (source) => {
  const machine = (make: typeof createInterpreter | typeof createReference): TestMachine => {
    const m = new TestMachine(make);
    const { sections } = assembleProgram(`${source.replaceAll(';', '\n')}\nmov x4, #1\n1: svc #0`, { base: CODE });
    for (const s of sections) m.poke(s.address, s.bytes);
    m.map(DATA);
    m.map(DATA + 0x1000n, { writable: false });
    return m;
  };
  const machines = [machine(createInterpreter), machine(createInterpreter), machine(createReference)];
  const random = new Random(5);
  const value = (): bigint =>
    random.chance(70) ? random.pick(ADDRESSES) : random.pick([0n, 1n, random.u64(), (1n << 64n) - 1n]);
  for (let round = 0; round < 40; round++) {
    const x = [0, 1, 2, 3, 4].map(value);
    const v = [0, 1, 2].map(() => random.u64());
    const bytes = Uint8Array.from({ length: 32 }, () => (random.chance(50) ? 0 : random.below(256)));
    const results = machines.map((m, way) => {
      m.cpu.pc = CODE;
      for (const at of [0n, 0xff0n, 0x1ff0n]) m.poke(DATA + at, bytes.subarray(0, 16));
      m.poke(DATA + 0x20n, bytes);
      x.forEach((each, i) => {
        m.cpu.setX(i, each);
      });
      v.forEach((each, i) => {
        m.cpu.setV(i, each, ~each);
      });
      const before = m.cpu.icount;
      let exit: number = Exit.Budget;
      for (let i = 0; i < 8 && exit === Exit.Budget; i++) exit = m.engine.run(m.cpu, way === 1 ? 1 : 100);
      const memory = [0n, 0x20n, 0xff4n, 0xff8n].map((at) => m.peek64(DATA + at));
      const registers = [0, 1, 2, 3, 4].map((i) => m.cpu.x(i));
      const vectors = [0, 1, 2].map((i) => m.cpu.v(i));
      const { ec, iss, far } = m.cpu.exception ?? {};
      return {
        exit,
        ec,
        iss,
        far,
        pc: m.cpu.pc,
        count: m.cpu.icount - before,
        nzcv: m.cpu.nzcv,
        registers,
        vectors,
        memory,
      };
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  }
});
