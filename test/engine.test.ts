// That tests run on the engine that HYPATIA_ENGINE names.

import { expect, it } from 'vitest';
import { assembleProgram } from '../src/asm/index.ts';
import { Exit } from '../src/cpu/engine.ts';
import { createInterpreter } from '../src/interp/engine.ts';
import { TestMachine } from '../src/interp/testing.ts';
import { tiers } from './engine_setup.ts';

it('compiles what a test runs if it is to be compiled, and nothing otherwise', () => {
  const m = new TestMachine(createInterpreter);
  m.poke(0x400000n, assembleProgram('1: subs x0, x0, #1\n b.ne 1b\n svc #0', { base: 0x400000n }).sections[0]!.bytes);
  m.cpu.pc = 0x400000n;
  m.cpu.setX(0, 1000n);
  expect(m.engine.run(m.cpu, 10_000)).toBe(Exit.Exception);
  const compiled = tiers.reduce((n, t) => n + t.regions, 0);
  expect(compiled).toBe(process.env['HYPATIA_ENGINE'] === 'jit' ? 1 : 0);
});
