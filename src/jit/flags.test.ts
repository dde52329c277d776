// Every condition after every kind of instruction that sets flags, in a region and in the interpreter.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { Exit } from '../cpu/engine.ts';
import { createInterpreter } from '../interp/engine.ts';
import { TestMachine } from '../interp/testing.ts';
import { jitTier, type TierStats } from './index.ts';

const CODE = 0x400000n;
const CONDITIONS = ['eq', 'ne', 'cs', 'cc', 'mi', 'pl', 'vs', 'vc', 'hi', 'ls', 'ge', 'lt', 'gt', 'le'];
const SETTERS = [
  'cmp x0, x1', 'cmp w0, w1', 'cmn x0, x1', 'cmn w0, w1', 'tst x0, x1', 'tst w0, w1', 'adcs x19, x0, x1',
  'sbcs w19, w0, w1', 'cmp x0, #1', 'cmn w0, #1', 'cmp x0, x1\n ccmp x1, x0, #5, ne', 'msr nzcv, x0',
  'tst x0, x1\n ccmn w0, w1, #10, gt',
]; // biome-ignore format: a table
const VALUES = [
  0n, 1n, 2n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x7fffffffffffffffn, 1n << 63n, (1n << 64n) - 1n, 0xb0000000n,
]; // biome-ignore format: a table

describe('conditions in regions', () => {
  it.each(SETTERS)('after %s', (setter) => {
    const sets = CONDITIONS.map((c, i) => `cset x${2 + i}, ${c}`).join('\n');
    const source = `1: ${setter}\n${sets}\n mrs x17, nzcv\n sub x20, x20, #1\n cbnz x20, 1b\n svc #0`;
    let stats: TierStats | undefined;
    const tier = jitTier({ threshold: 1, stretch: [20, 100] }, (s) => {
      stats = s;
    });
    const machines = [new TestMachine(createInterpreter), new TestMachine(createInterpreter, [], { tier })];
    for (const m of machines) m.poke(CODE, assembleProgram(source, { base: CODE }).sections[0]!.bytes);
    for (const a of VALUES) {
      for (const b of VALUES) {
        const [x, y] = machines.map((m) => {
          m.cpu.pc = CODE;
          m.cpu.setX(0, a);
          m.cpu.setX(1, b);
          m.cpu.setX(20, 20n);
          expect(m.engine.run(m.cpu, 10_000)).toBe(Exit.Exception);
          return [m.cpu.nzcv, ...Array.from({ length: 18 }, (_, i) => m.cpu.x(i))].join();
        });
        expect(`${a} ${b}: ${y}`).toBe(`${a} ${b}: ${x}`);
      }
    }
    expect(stats!.regions).toBeGreaterThan(0);
  });
});
