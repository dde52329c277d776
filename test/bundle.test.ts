// The command as users have it: a few files, and what one run of it keeps for the next (tools/bundle.mjs, tools/load.cjs).

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const SOURCE = `.section .text\n.globl _start\n_start:\n  mov x0, #1\n  adr x1, text\n  mov x2, #3\n  mov x8, #64\n  svc #0
  mov x0, #7\n  mov x8, #93\n  svc #0\ntext: .ascii "hi\\n"\n`;

describe('the bundled command', () => {
  let root: string;
  const command = () => join(root, 'dist/bin/hypatia.js');
  const kept = (): string[] => {
    const folder = join(root, 'dist/bin/code');
    return existsSync(folder)
      ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((n) => n.includes('/'))
      : [];
  };
  const run = (env: Readonly<Record<string, string>> = {}) => {
    // What is kept depends on what runs: the same whatever engine the tests are for.
    const OTHERS = /^(NODE_DISABLE_COMPILE_CACHE|NODE_OPTIONS|HYPATIA_.*)$/;
    const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OTHERS.test(name)));
    const r = spawnSync(process.execPath, [command(), 'exec', join(root, 'hello')], {
      encoding: 'utf8',
      env: { ...rest, ...env },
    });
    return [r.status, r.stdout, r.stderr];
  };
  const WELL = [7, 'hi\n', ''];

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
    rmSync(root, { recursive: true, force: true });
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
    rmSync(join(root, 'dist/bin/code.js'));
    const without = run();
    copyFileSync(join(dist, 'bin/code.js'), join(root, 'dist/bin/code.js'));
    expect(without).toEqual(WELL);
  });
  it('makes anew what it cannot use of that', () => {
    for (const bytes of ['', 'x', 'x'.repeat(4096)]) {
      for (const name of kept()) writeFileSync(join(root, 'dist/bin/code', name), bytes);
      expect(run()).toEqual(WELL);
    }
    expect(run()).toEqual(WELL);
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
