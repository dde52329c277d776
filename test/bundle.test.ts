// The command as users have it: a few files, and what one run of it keeps for the next (tools/bundle.mjs, tools/load.cjs, tools/keep.cjs).

import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const SOURCE = `.section .text\n.globl _start\n_start:\n  mov x0, #1\n  adr x1, text\n  mov x2, #3\n  mov x8, #64\n  svc #0
  mov x0, #7\n  mov x8, #93\n  svc #0\ntext: .ascii "hi\\n"\n`;

// What is kept depends on what runs: the same whatever engine the tests are for.
const OTHERS = /^(NODE_DISABLE_COMPILE_CACHE|NODE_OPTIONS|HYPATIA_.*)$/;
const CLEAN = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OTHERS.test(name)));

describe('the bundled command', () => {
  let root: string;
  const command = () => join(root, 'dist/bin/hypatia.js');
  const kept = (): string[] => {
    const folder = join(root, 'dist/bin/code');
    return existsSync(folder)
      ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((n) => n.includes('/'))
      : [];
  };
  const run = (env: Readonly<Record<string, string>> = {}, program = 'hello') => {
    const r = spawnSync(process.execPath, [command(), 'exec', join(root, program)], {
      encoding: 'utf8',
      env: { ...CLEAN, ...env },
    });
    return [r.status, r.stdout, r.stderr];
  };
  const WELL = [7, 'hi\n', ''];
  /** What it does where chunks of the command are missing. */
  function without<T>(chunks: readonly string[], act: () => T): T {
    for (const name of chunks) rmSync(join(root, `dist/bin/${name}.js`));
    try {
      return act();
    } finally {
      for (const name of chunks) copyFileSync(join(dist, `bin/${name}.js`), join(root, `dist/bin/${name}.js`));
    }
  }

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'hypatia bundle '));
    cpSync(join(dist, 'bin'), join(root, 'dist/bin'), { recursive: true, filter: (path) => !path.endsWith('/code') });
    mkdirSync(join(root, 'dist/interp'));
    copyFileSync(join(dist, 'interp/interp.wasm'), join(root, 'dist/interp/interp.wasm'));
    copyFileSync(join(dist, '../package.json'), join(root, 'package.json'));
    writeFileSync(join(root, 'hello.s'), SOURCE);
    execFileSync(process.execPath, [command(), 'asm', '-o', join(root, 'hello'), join(root, 'hello.s')]);
    rmSync(join(root, 'dist/bin/code'), { recursive: true, force: true });
  });
  afterAll(() => {
    rmSync(root, { recursive: true, force: true, maxRetries: 10 });
  });

  it('keeps nothing where it shall not', () => {
    expect(run({ NODE_DISABLE_COMPILE_CACHE: '1' })).toEqual(WELL);
    expect(kept()).toEqual([]);
  });
  it('needs neither tables nor semantics for what it has run before, and no KVM for a program without', () => {
    expect(run()).toEqual(WELL);
    const files = kept().map((name) => name.replace(/.*\//, ''));
    expect(files).toEqual(expect.arrayContaining(['exec.js', 'code.js', 'cpu-max', 'interp.optimised']));
    expect(files).not.toContain('kvm.js');
    expect(without(['code', 'facts', 'kvm', 'numbers', 'seldom', 'wasm'], () => run())).toEqual(WELL);
  });
  it('makes anew what it cannot use of that', () => {
    for (const bytes of ['', 'x', 'x'.repeat(4096)]) {
      for (const name of kept()) writeFileSync(join(root, 'dist/bin/code', name), bytes);
      expect(run()).toEqual(WELL);
    }
    expect(run()).toEqual(WELL);
  });
  it('keeps the code of the second run where the first had much else to make', () => {
    const many = Array.from({ length: 300 }, (_, n) => `  movz x3, #${n}\n`).join('');
    writeFileSync(join(root, 'many.s'), SOURCE.replace('_start:\n', `_start:\n${many}`));
    execFileSync(process.execPath, [command(), 'asm', '-o', join(root, 'many'), join(root, 'many.s')]);
    rmSync(join(root, 'dist/bin/code'), { recursive: true });
    const isKept = (): boolean => kept().some((name) => name.endsWith('/exec.js'));
    expect([run({}, 'many'), isKept()]).toEqual([WELL, false]);
    expect([run({}, 'many'), isKept()]).toEqual([WELL, true]);
  });
  describe('keeps code that it has compiled for a program', () => {
    /** Long enough to be compiled; prints the low byte of what it has computed. */
    const LONG = (n: number): string => `.section .text\n.globl _start\n_start:\n  movz x0, #80, lsl #16\n  mov x9, #0
    1: bl 2f\n  subs x0, x0, #1\n  b.ne 1b\n  adr x1, text\n  and w9, w9, #15\n  add w9, w9, #65\n  sub sp, sp, #16\n  strb w9, [sp]
    mov x0, #1\n  mov x1, sp\n  mov x2, #1\n  mov x8, #64\n  svc #0\n  mov x0, #0\n  mov x8, #93\n  svc #0
    2: add x9, x9, x0\n  eor x9, x9, x9, lsr #${n}\n  ret\ntext: .ascii "hi\\n"\n`;
    const assemble = (n: number): void => {
      writeFileSync(join(root, 'long.s'), LONG(n));
      execFileSync(process.execPath, [command(), 'asm', '-o', join(root, 'long'), join(root, 'long.s')]);
    };
    /** @returns what it printed, how many instructions that took, regions that were compiled, and kept ones that were used */
    const long = (...options: string[]) => {
      const r = spawnSync(process.execPath, [command(), 'exec', '--stats', ...options, join(root, 'long')], {
        encoding: 'utf8',
        env: CLEAN,
      });
      const [, instructions] = /instructions ([\d,]+)/.exec(r.stderr)!;
      const [, regions = '0', used = '0'] = /regions (\d+) of .*; (\d+) of an earlier run/.exec(r.stderr) ?? [];
      return { seen: [r.status, r.stdout, instructions], regions: Number(regions), used: Number(used) };
    };
    const program = (): string[] => kept().filter((name) => /program-long-\w+$/.test(name));
    let first: ReturnType<typeof long>;
    beforeAll(() => {
      assemble(7);
      first = long();
    });

    it('and uses it the next time', () => {
      expect(first.regions).toBeGreaterThan(0);
      expect(program()).toHaveLength(1);
      const second = long();
      expect(second.seen).toEqual(first.seen);
      expect(second).toMatchObject({ regions: 0, used: first.regions });
    });
    it('without what compiles', () => {
      const second = without(['code', 'seldom'], () => long());
      expect(second).toMatchObject({ seen: first.seen, used: first.regions });
    });
    it('unless it is told not to', () => {
      expect(long('--no-code-cache')).toEqual(first);
      expect(long('--engine', 'interp').seen).toEqual(first.seen);
    });
    it('for one kind of CPU', () => {
      const other = long('--cpu', 'neoverse-n1');
      expect([other.seen, other.used]).toEqual([first.seen, 0]);
      expect(program()).toHaveLength(2);
    });
    it('for the very instructions', () => {
      assemble(9);
      const other = long();
      assemble(7);
      expect(other.used).toBe(0);
      expect(other.seen.slice(1)).not.toEqual(first.seen.slice(1));
      expect(long()).toMatchObject({ seen: first.seen, used: first.regions });
    });
    it('and compiles anew what is damaged', () => {
      for (const change of [(b: Buffer) => b.subarray(0, b.length / 2), (b: Buffer) => b.fill(1, b.length - 200)]) {
        for (const name of program()) {
          const file = join(root, 'dist/bin/code', name);
          writeFileSync(file, change(readFileSync(file)));
        }
        expect(long()).toEqual(first);
        expect(long()).toMatchObject({ seen: first.seen, regions: 0 });
      }
    });
    it('as machine code from the third time on', async () => {
      const native = (): string[] => kept().filter((name) => name.endsWith('.native'));
      for (let i = 0; i < 600 && native().length === 0; i++) await new Promise((done) => setTimeout(done, 100));
      expect(native()).not.toEqual([]);
      expect(long()).toMatchObject({ seen: first.seen, regions: 0 });
      for (const name of native()) writeFileSync(join(root, 'dist/bin/code', name), 'x'.repeat(5000));
      expect(long()).toMatchObject({ seen: first.seen, regions: 0 });
    });
    it('while others do the same', async () => {
      for (const name of kept()) if (name.includes('program-')) rmSync(join(root, 'dist/bin/code', name));
      const one = () =>
        new Promise((done) => {
          execFile(process.execPath, [command(), 'exec', join(root, 'long')], { env: CLEAN }, (e, out) =>
            done([e, out]),
          );
        });
      const results = await Promise.all(Array.from({ length: 3 }, one));
      for (const result of results) expect(result).toEqual([null, first.seen[1]]);
      expect(long().seen).toEqual(first.seen);
    });
  });
  it('has an answer to each command', () => {
    const answer = (...args: string[]) =>
      spawnSync(process.execPath, [command(), ...args], { encoding: 'utf8' }).stdout;
    expect(answer('--help')).toContain('hypatia trap');
    expect(answer('disasm', 'd65f03c0')).toBe('d65f03c0  ret\n');
    expect(answer('fp8', '--table', 'E4M3')).toContain('448');
    expect(answer('trap', 'FPMR')).toContain('HCRX_EL2.EnFPM');
    expect(answer('exec', '--cpu', 'help')).toContain('everything that can be had');
  });
});
