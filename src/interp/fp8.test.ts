// 8-bit floating point as programs meet it: FPMR written and used, and what refuses the instructions.

import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { createInterpreter } from './engine.ts';
import { createReference } from './reference.ts';
import { TestMachine } from './testing.ts';

const CODE = 0x400000n;
/** E4M3 for the first stream, E5M2 for the second, products halved. */
const FPMR = 0x1_0001n;

describe.each([
  ['interpreter', createInterpreter],
  ['reference', createReference],
] as const)('FP8 on the %s', (_, make) => {
  function machine(source: string, without: readonly string[] = []): TestMachine {
    const m = new TestMachine(make, without);
    m.poke(CODE, assembleProgram(source, { base: CODE }).sections[0]!.bytes);
    m.cpu.pc = CODE;
    return m;
  }
  const exception = (m: TestMachine) => {
    expect(m.engine.run(m.cpu, 100)).toBe(Exit.Exception);
    const { ec, iss } = m.cpu.exception!;
    return { ec, iss, at: m.cpu.pc - CODE };
  };

  test('uses the formats and scales that FPMR was given', () => {
    const m = machine(
      `mov x0, #1
       movk x0, #1, lsl #16
       msr FPMR, x0
       movi v1.16b, #0x40              // 2 in E4M3
       movi v2.16b, #0x42              // 3 in E5M2
       fmov v3.4s, #1.0
       fdot v3.4s, v1.16b, v2.16b
       f1cvtl v4.8h, v1.8b
       mrs x1, FPMR
       svc #0`,
    );
    expect(exception(m).ec).toBe(0x15);
    expect(m.cpu.v(3)[0]).toBe(0x4150_0000_4150_0000n); // 1 + (4 * 2 * 3) / 2 = 13
    expect(m.cpu.v(4)).toEqual([0x3c00_3c00_3c00_3c00n, 0x3c00_3c00_3c00_3c00n]); // 2 / 2
    expect(m.cpu.x(1)).toBe(FPMR);
  });
  test.each([
    'fdot v0.4s, v1.16b, v2.16b',
    'f1cvtl v0.8h, v1.8b',
    'fcvtn v0.8b, v1.4s, v2.4s',
    'fmlalb v0.8h, v1.16b, v2.b[3]',
  ])('%s is UNDEFINED where a control refuses FPMR, whether FP is enabled or not', (source) => {
    for (const fpOn of [true, false]) {
      const m = machine(`nop\n${source}`);
      m.cpu.fpOn = fpOn;
      m.cpu.fpmrOn = false;
      expect(exception(m)).toEqual({ ec: 0, iss: 0, at: 4n });
    }
  });
  test('takes the FP trap where only that is set', () => {
    const m = machine('nop\nfdot v0.4s, v1.16b, v2.16b');
    m.cpu.fpOn = false;
    expect(exception(m)).toEqual({ ec: 7, iss: 0x1e00000, at: 4n });
  });
  test('leaves FP instructions that do not use FPMR alone', () => {
    const m = machine('fadd d0, d1, d2\nsvc #0');
    m.cpu.fpmrOn = false;
    expect(exception(m).ec).toBe(0x15);
  });
  test.each([
    ['FEAT_FP8', 'f2cvtl v0.8h, v1.8b'],
    ['FEAT_FP8DOT2', 'fdot v0.8h, v1.16b, v2.16b'],
    ['FEAT_FP8DOT4', 'fdot v0.4s, v1.16b, v2.16b'],
    ['FEAT_FP8FMA', 'fmlallbb v0.4s, v1.16b, v2.16b'],
    ['FEAT_F8F16MM', 'fmmla v0.8h, v1.16b, v2.16b'],
    ['FEAT_F8F32MM', 'fmmla v0.4s, v1.16b, v2.16b'],
  ])('%s brings %s', (feature, source) => {
    expect(exception(machine(source, [feature])).ec).toBe(0);
    expect(exception(machine(`${source}\nsvc #0`)).ec).toBe(0x15);
  });
});
