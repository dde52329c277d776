// What a function signs where it begins is known where it ends: with the very results of the interpreter, also where it is not.

import { expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { resetPauth } from '../cpu/pauth.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { createInterpreter } from '../interp/engine.ts';
import { TestMachine } from '../interp/testing.ts';
import { jitTier, type TierStats } from './index.ts';

const CODE = 0x400000n;
const CALLEE = CODE + BigInt(FRAME_SIZE);
const STACK = 0x7ffe0000n;
const ROUNDS = 200n;

/**
 * x0 counts rounds; its bits say in which nothing is authenticated (x5), nothing signed (x6), something spoilt (x7): often enough
 * for all of it to be part of regions. @param spoilt what is done between the two ends
 */
const callee = (spoilt: string): string => `mov x9, #0
  tst x0, x5
  b.ne 3f
  tst x0, x6
  b.ne 2f
  paciasp
  stp x29, x30, [sp, #-16]!
  mov x2, #3
  1: subs x2, x2, #1
  b.ne 1b
  ldp x29, x30, [sp], #16
  tst x0, x7
  b.eq 2f
  ${spoilt}
  2: autiasp
  3: mov x9, x30
  eor x1, x1, x30
  br x20`;
const DRIVER = `1: bl .+${FRAME_SIZE}
  sub x0, x0, #1
  mov sp, x21
  cbnz x0, .-12
  svc #0`;

const SPOILT: Readonly<Record<string, string>> = {
  'is the same': 'nop',
  'is another pointer': 'eor x30, x30, #0x100',
  'has another code': 'eor x30, x30, #0x0010000000000000',
  'is signed for another SP': 'sub sp, sp, #16',
  'is 0 with SP 0': 'mov x30, #0\n mov x8, #0\n mov sp, x8',
  'is signed with the other key': 'autiasp\n pacibsp',
  'was signed though it is no address': 'autiasp\n mov x30, #0x7000000000000000\n paciasp',
};

function machine(spoilt: string, fpac: boolean, compiled: boolean) {
  let stats: TierStats | undefined;
  const tier = jitTier({ threshold: 1, stretch: [20, 40] }, (s) => {
    stats = s;
  });
  const pauth = { ...resetPauth(), enabled: 15, fpac, fpacCombine: fpac };
  pauth.keys.forEach((_, i, keys) => {
    keys[i] = Math.imul(i + 1, 0x9e3779b1);
  });
  const m = new TestMachine(createInterpreter, [], { pauth: () => pauth, ...(compiled && { tier }) });
  const put = (source: string, base: bigint): void =>
    m.poke(base, assembleProgram(source, { base }).sections[0]!.bytes);
  put(DRIVER, CODE);
  put(callee(spoilt), CALLEE);
  for (let page = 0n; page < 4n; page++) m.map(STACK - page * BigInt(FRAME_SIZE));
  m.hooks = { ...m.hooks, system: () => ({}) as never };
  return { m, stats: () => stats };
}
/** Where runs end, with what registers: on exceptions control goes on behind the call. @param bits x5, x6, x7 */
function trace(m: TestMachine, bits: readonly [number, number, number]): string[] {
  m.cpu.pc = CODE;
  m.cpu.sp = STACK;
  for (let n = 0; n < 31; n++) m.cpu.setX(n, 0n);
  const [never, unsigned, bad] = bits.map(BigInt) as [bigint, bigint, bigint];
  const given = { 0: ROUNDS, 5: never, 6: unsigned, 7: bad, 20: CODE + 4n, 21: STACK };
  for (const [n, value] of Object.entries(given)) m.cpu.setX(Number(n), value);
  const lines: string[] = [];
  for (;;) {
    const reason = m.engine.run(m.cpu, 97);
    const registers = Array.from({ length: 31 }, (_, n) => m.cpu.x(n).toString(16));
    const { exception } = m.cpu;
    const why = reason === Exit.Exception ? `${exception?.ec} ${exception?.iss}` : '';
    lines.push([reason, why, m.cpu.pc.toString(16), m.cpu.sp.toString(16), m.cpu.nzcv, ...registers].join(' '));
    if (reason !== Exit.Exception) continue;
    if (m.cpu.x(0) === 0n) return lines;
    m.cpu.pc = CODE + 4n;
  }
}

it.each(Object.entries(SPOILT).flatMap(([what, how]) => [true, false].map((fpac) => [what, fpac, how] as const)))(
  'what %s at the end (FEAT_FPAC: %s)',
  (_, fpac, spoilt) => {
    const interpreter = machine(spoilt, fpac, false);
    const compiler = machine(spoilt, fpac, true);
    for (const bits of [
      [0, 0, 2],
      [0, 4, 3],
      [4, 2, 8],
    ] as const)
      expect(trace(compiler.m, bits)).toEqual(trace(interpreter.m, bits));
    expect(compiler.stats()!.regions).toBeGreaterThan(1);
  },
);
