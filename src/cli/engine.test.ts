// Which engine the command line means.

import { describe, expect, it } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import { UsageError } from '../base/assert.ts';
import { Exit } from '../cpu/engine.ts';
import { createInterpreter } from '../interp/engine.ts';
import { TestMachine } from '../interp/testing.ts';
import { chooseTier } from './engine.ts';
import { execCommand } from './exec.ts';
import { type EngineName, parseExec } from './options.ts';
import { EngineStats } from './stats.ts';

describe('the engine', () => {
  it('is chosen by option, then by environment, and is auto otherwise', () => {
    expect(parseExec(['prog'], {})?.engine).toBe('auto');
    expect(parseExec(['prog'], { HYPATIA_ENGINE: 'interp' })?.engine).toBe('interp');
    expect(parseExec(['--engine', 'jit', 'prog'], { HYPATIA_ENGINE: 'interp' })?.engine).toBe('jit');
    expect(parseExec(['prog'], { HYPATIA_ENGINE: 'interp', HYPATIA_JIT_EAGER: '1', A: 'b' })).toMatchObject({
      jitEager: true,
      env: { A: 'b' },
    });
    expect(parseExec(['prog'], { HYPATIA_ENGINE: 'interp', A: 'b' })?.env).toEqual({ A: 'b' });
    expect(() => parseExec(['--engine', 'fast', 'prog'], {})).toThrow(UsageError);
    expect(() => parseExec(['--jit-cache', '0', 'prog'], {})).toThrow(UsageError);
  });
  it('compiles nothing as an interpreter', async () => {
    expect((await chooseTier('interp')).make).toBeUndefined();
    expect((await chooseTier('jit')).make).toBeDefined();
    expect((await chooseTier('auto')).make).toBeDefined();
  });
});

const CODE = 0x400000n;
const LOOP = `1: ldr x2, [x3]
  add x1, x1, x2
  subs x0, x0, #1
  b.ne 1b
  svc #0`;

/** Runs 1000 rounds of a loop. */
async function observed(name: EngineName): Promise<{ stats: EngineStats; dumped: string[] }> {
  const stats = new EngineStats();
  const dumped: string[] = [];
  const dump = (text: string, address: bigint): void => void dumped.push(`${address.toString(16)} ${text}`);
  const { make, observe } = await chooseTier(name, { eager: true, stats, dump });
  const m = new TestMachine(
    (mem, options) => observe!(createInterpreter(mem, options)),
    [],
    make ? { tier: make } : {},
  );
  m.poke(CODE, assembleProgram(LOOP, { base: CODE }).sections[0]!.bytes);
  m.map(0x10000n);
  m.cpu.pc = CODE;
  m.cpu.setX(0, 1000n);
  m.cpu.setX(3, 0x10000n);
  expect(m.engine.run(m.cpu, 50)).toBe(Exit.Budget);
  expect(m.engine.run(m.cpu, 100_000)).toBe(Exit.Exception);
  return { stats, dumped };
}

describe('--stats', () => {
  it('says what was compiled, how regions were left, and how often the TLB was missed', async () => {
    const { stats } = await observed('jit');
    expect(stats.instructions).toBe(4001);
    const text = stats.text('jit', 2 ** 20);
    expect(text).toMatch(/instructions 4,001: [89]\d\.\d\d% compiled, 1?\d\.\d\d% interpreted/);
    expect(text).toMatch(/regions 1 of 4 instructions, compiled in \d+ ms; 0 of an earlier run; 0 dropped, 1 left/);
    expect(text).toMatch(/regions entered [1-9]\d*; left for a branch to code outside 1/);
    expect(text).toContain('engine returned for budget 1, exception 1');
    expect(text).toMatch(/TLB misses: data 1 \(about 99\.\d+% hits\), fetch 1 \(99\.9/);
    expect(text).toContain('resident memory 1.0 MB');
  });
  it('has nothing compiled where everything is interpreted', async () => {
    const { stats, dumped } = await observed('interp');
    expect(stats.text('interp', 0)).toContain('instructions 4,001: 0.00% compiled, 100.00% interpreted');
    expect(stats.text('interp', 0)).toContain('regions none');
    expect(dumped).toEqual([]);
  });
});

describe('--jit-dump', () => {
  it('is given the text of every region', async () => {
    const { dumped } = await observed('jit');
    expect(dumped.length).toBe(1);
    expect(dumped[0]).toMatch(/^400000 region 0x400000: 4 instructions/);
    expect(dumped[0]).toContain('0x400008  subs x0, x0, #1');
    expect(dumped[0]).toMatch(/return_call(_indirect| \$f\d)$/m);
  });
  it('says what cannot be written', async () => {
    await expect(execCommand(['--jit-dump', '/no/such/folder/file', 'prog'])).rejects.toThrow(
      '--jit-dump /no/such/folder/file: cannot be written (ENOENT)',
    );
  });
});
