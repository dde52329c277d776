// What one run has decoded, the next need not decode: with the same answers.

import { beforeAll, describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { A64 } from '../isa/a64.ts';
import { createInterpreter } from './engine.ts';
import { generateInterpreter } from './generate.ts';
import type { EngineOptions } from './options.ts';
import { Prebuilt } from './prebuilt.ts';
import { Templates } from './templates.ts';
import { TestMachine } from './testing.ts';

/** Over the end of a page: branches within it and out of it, operands aside, a handler out of the loop, floating point. */
const CODE = 0x400fd0n;
const SOURCE = `
  mov x0, #5
  mov x1, #0
1: add x1, x1, w0, uxtb #2
  movk x1, #0x1234, lsl #32
  bfi x1, x0, #40, #4
  bl 2f
  subs x0, x0, #1
  b.ne 1b
  rev16 x3, x1
  b 3f
  nop
  nop
2: ubfx x2, x1, #3, #7
  tbz x2, #0, 4f
  add x5, x5, #1
4: ret
3: fmov d1, #3.0
  scvtf d0, x2
  fmul d0, d0, d1
  fcvtzs x4, d0
  svc #0`;

describe('templates', () => {
  let prebuilt: Prebuilt;
  beforeAll(() => {
    prebuilt = new Prebuilt(generateInterpreter(A64));
  });
  const run = (options: Partial<EngineOptions>, source = SOURCE): readonly unknown[] => {
    const m = new TestMachine(createInterpreter, [], { prebuilt, ...options });
    for (const s of assembleProgram(source, { base: CODE }).sections) m.poke(s.address, s.bytes);
    m.cpu.pc = CODE;
    expect(m.engine.run(m.cpu, 1000)).toBe(Exit.Exception);
    return [m.cpu.exception, m.cpu.icount, m.cpu.pc, ...Array.from({ length: 6 }, (_, i) => m.cpu.x(i))];
  };
  it('of one run are all that the next one needs', () => {
    const first = new Templates();
    const answers = run({ templates: first });
    expect(answers[3]).toBe(0n);
    const next = new Templates(() => first.bytes());
    expect(run({ templates: next })).toEqual(answers);
    expect(next.bytes(), 'nothing was new').toBeUndefined();
  });
  it('of the program itself are all that is looked at, as long as it meets nothing else', () => {
    const first = new Templates();
    const answers = run({ templates: first });
    const [all, own] = [first.bytes()!, first.metBytes()!];
    const next = new Templates(
      () => own,
      () => {
        throw new Error('asked for');
      },
    );
    expect(run({ templates: next })).toEqual(answers);
    expect([next.bytes(), next.metBytes()]).toEqual([undefined, undefined]);
    const other = new Templates(undefined, () => all);
    expect(run({ templates: other })).toEqual(answers);
    expect(other.bytes(), 'nothing was new').toBeUndefined();
    expect(Buffer.compare(other.metBytes()!, own)).toBe(0);
  });
  it('that the program has not met are none of its own', () => {
    const first = new Templates();
    const answers = run({ templates: first });
    const second = new Templates(undefined, () => first.bytes());
    expect(run({ templates: second }, 'mov x0, #9\nmov x1, #77\nsvc #0')[3]).toBe(9n);
    const third = new Templates(
      () => second.metBytes(),
      () => second.bytes(),
    );
    expect(run({ templates: third })).toEqual(answers);
    expect(third.added, 'all is there when it is met').toBe(0);
  });
  it('are not taken from bytes that are something else', () => {
    const first = new Templates();
    const answers = run({ templates: first });
    const bytes = first.bytes()!;
    for (const wrong of [
      bytes.subarray(0, 100),
      bytes.subarray(0, -40),
      bytes.subarray(0, -1),
      new Uint8Array(bytes.length),
    ]) {
      const templates = new Templates(() => wrong);
      expect(run({ templates })).toEqual(answers);
      expect(Buffer.compare(templates.bytes()!, bytes)).toBe(0);
    }
  });
});
