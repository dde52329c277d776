// Compiles the kernels: natively, as arm64 processes and as bare-machine images. Needs gcc and aarch64-linux-gnu-gcc.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * name: source, group (what a geometric mean is taken over), options of both compilers, of the arm64 one, of the native one.
 * `ownSum`: the native checksum may differ (a compiler fuses other multiplications on another machine).
 */
export const KERNELS = {
  mix: { group: 'integer' },
  mem: { group: 'integer' },
  call: { group: 'integer' },
  crypto: { group: 'integer' },
  str: { group: 'integer' },
  atomic: { group: 'integer' },
  atomicx: { source: 'atomic', group: 'integer', arm: ['-march=armv8-a'] },
  vm: { group: 'indirect and FP' },
  fp: { group: 'indirect and FP', both: ['-ffp-contract=off'] },
  fpf: { source: 'fp', group: 'indirect and FP', both: ['-ffp-contract=fast'], native: ['-mfma'], ownSum: true },
  sys: { group: 'system' },
  pages: { group: 'system' },
  exc: { group: 'system' },
};
const ARM = ['-march=armv8.1-a', '-mno-outline-atomics'];
const BARE = [
  '-nostdlib', '-ffreestanding', '-fno-stack-protector', '-fno-pic', '-z', 'max-page-size=4096', '-z', 'norelro',
  '-Wl,-Ttext-segment=0x40200000,--build-id=none',
]; // biome-ignore format: a list

function compile(cc, out, sources, options) {
  const r = spawnSync(cc, ['-O2', ...options, '-o', out, ...sources.map((s) => join(here, s))], { encoding: 'utf8' });
  if (r.error || r.status !== 0) {
    process.stderr.write(`bench: cannot compile ${out}: ${r.error?.message ?? r.stderr}\n`);
    process.exit(1);
  }
  return out;
}
/** @param times repetitions of an image of the bare machine, which takes no arguments */
export function buildKernel(name, dir, times) {
  const k = KERNELS[name];
  const source = `kernels/${k.source ?? name}.c`;
  const both = ['-fno-builtin', ...(k.both ?? [])];
  const arm = [...both, '-static', ...ARM, ...(k.arm ?? [])];
  mkdirSync(dir, { recursive: true });
  const at = (kind) => join(dir, `${name}.${kind}`);
  const process_ = ['platform/process.c', source];
  return {
    native: compile('gcc', at('native'), process_, [...both, ...(k.native ?? [])]),
    process: compile('aarch64-linux-gnu-gcc', at('process'), process_, arm),
    bare: compile(
      'aarch64-linux-gnu-gcc',
      at('bare'),
      ['platform/bare.c', source],
      [...arm, ...BARE, `-DTIMES=${times}`],
    ),
  };
}
/** A static arm64 program. @param source of bench/, one file */
export function buildProgram(source, dir) {
  mkdirSync(dir, { recursive: true });
  return compile('aarch64-linux-gnu-gcc', join(dir, basename(source, '.c')), [source], ['-static']);
}
/** The VMM that runs bare-machine images as KVM guests. */
export const buildVmm = (dir) => buildProgram('platform/vmm.c', dir);
