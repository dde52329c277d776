// Regions call each other and go on where control comes back to: exactly as if each had gone on by itself.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { createInterpreter } from '../interp/engine.ts';
import { Random, TestMachine } from '../interp/testing.ts';
import { jitTier, type TierStats } from './index.ts';

const CODE = 0x400000n;
const STACK = 0x7ffe0000n;
const NOWHERE = 1n << 40n;
const FUNCTIONS = 4;
const ROUNDS = 40n;
const pageOf = (n: number): bigint => CODE + BigInt((n + 1) * FRAME_SIZE);

/** x0 says how deep calls go, x5 where something special is done: `special`. The loop makes each function a region. */
const functionOf = (n: number, special: string): string => {
  const next = pageOf((n + 1) % FUNCTIONS) - pageOf(n);
  const call = n === 2 ? 'ldr x9, [x20]\n blr x9' : `bl .+${next - 40n}`;
  return `str x30, [sp, #-16]!
    add x1, x1, #${n + 1}
    mov x2, #3
    1: subs x2, x2, #1
    b.ne 1b
    cmp x0, x5
    b.eq 4f
    2: cbz x0, 3f
    sub x0, x0, #1
    nop
    ${call}
    adc x1, x1, x0
    3: eor x1, x1, x1, ror #7
    ldr x30, [sp], #16
    ret
    4: ${special}`;
};
/** Flags of one kind before the call, looked at behind it, where those of the callee are another kind. */
const DRIVER = `1: mov x0, x4
  ands x9, x4, #1
  bl .+${FRAME_SIZE - 8}
  cinc x1, x1, mi
  add x1, x1, #1
  subs x19, x19, #1
  b.ne 1b
  svc #0`;

const SPECIAL: Readonly<Record<string, string>> = {
  'comes back': 'b 2b',
  'comes back two calls higher': 'add sp, sp, #16\n ldr x30, [sp], #16\n ret',
  'comes back by a branch': 'ldr x30, [sp], #16\n br x30',
  'comes back somewhere else': 'ldr x30, [sp], #16\n add x30, x30, #4\n ret',
  faults: 'ldr x7, [x6]\n b 2b',
  'changes what it comes back to': 'ldr w7, [x8]\n eor w7, w7, #0x400\n str w7, [x8]\n ic ivau, x8\n isb\n b 2b',
};

function machine(special: string, compiled: boolean): { m: TestMachine; stats: () => TierStats | undefined } {
  let stats: TierStats | undefined;
  const tier = jitTier({ threshold: 1, stretch: [40, 100] }, (s) => {
    stats = s;
  });
  const m = new TestMachine(createInterpreter, [], compiled ? { tier } : {});
  const put = (source: string, base: bigint): void =>
    m.poke(base, assembleProgram(source, { base }).sections[0]!.bytes);
  put(DRIVER, CODE);
  for (let n = 0; n < FUNCTIONS; n++) put(functionOf(n, special), pageOf(n));
  for (let page = 0n; page < 8n; page++) m.map(STACK - (page + 1n) * BigInt(FRAME_SIZE));
  const list = m.map(0x10000n);
  m.mem.view.setBigUint64(list.frame * FRAME_SIZE, pageOf(3), true);
  m.hooks = { ...m.hooks, system: () => ({}) as never };
  return { m, stats: () => stats };
}
/** Where every turn ends, with what registers. */
function trace(m: TestMachine, depth: number, at: number, turns: () => number): string[] {
  m.cpu.pc = CODE;
  m.cpu.sp = STACK;
  for (let n = 0; n < 31; n++) m.cpu.setX(n, 0n);
  const given = { 4: BigInt(depth), 5: BigInt(at), 6: NOWHERE, 8: pageOf(1) + 44n, 19: ROUNDS, 20: 0x10000n };
  for (const [n, value] of Object.entries(given)) m.cpu.setX(Number(n), value);
  const lines: string[] = [];
  for (;;) {
    const reason = m.engine.run(m.cpu, turns());
    const registers = Array.from({ length: 31 }, (_, n) => m.cpu.x(n).toString(16));
    lines.push([reason, m.cpu.pc.toString(16), m.cpu.sp.toString(16), m.cpu.nzcv, ...registers].join(' '));
    if (reason !== Exit.Exception) continue;
    if (m.cpu.x(19) === 0n && m.cpu.pc >= CODE + 28n && m.cpu.pc < pageOf(0)) return lines;
    if (lines.length > 100_000) throw new Error('it does not end');
    m.cpu.pc += 4n;
  }
}

describe.each(Object.entries(SPECIAL))('a callee that %s', (_, special) => {
  const interpreter = machine(special, false);
  const compiler = machine(special, true);
  it.each([3, 20, 150])('%i calls deep', (depth) => {
    const r = new Random(depth);
    for (let round = 0; round < 6; round++) {
      const at = r.below(depth);
      const seed = r.below(1000);
      const turns = (): (() => number) => {
        const own = new Random(seed);
        return () => (round < 3 ? 1_000_000 : 20 + own.below(round < 5 ? 3000 : 300));
      };
      expect(trace(compiler.m, depth, at, turns())).toEqual(trace(interpreter.m, depth, at, turns()));
    }
    expect(compiler.stats()!.regions).toBeGreaterThan(FUNCTIONS - 1);
  });
});
