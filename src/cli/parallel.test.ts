// Guests whose vCPUs execute at the same time: what is atomic and ordered for them must be so in memory.

import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../asm/index.ts';
import type { MakeTier } from '../interp/region.ts';
import { jitTier } from '../jit/index.ts';
import { openKvm, type Vcpu } from '../lib/index.ts';
import { parseExec } from './options.ts';
import { startThread } from './threads.ts';

const RAM = 0x4000_0000n;
const DEVICE = 0x0900_0000n;
const VCPUS = 3;
const ROUNDS = 20_000;

/**
 * Runs `work` on several vCPUs until each has come to its end. X20 is the number of the vCPU, X19 counts rounds, X0 is the
 * address of `data`, a page of zeros. @returns the words there
 */
function runOn(work: string, tier: MakeTier | undefined): BigUint64Array {
  const source = `
      adr x0, data
      mov x19, #${ROUNDS}
      ${work}
      mov x1, #${DEVICE}
      str x20, [x1]
      b .
      .balign 4096
    data: .zero 4096`;
  const system = openKvm({ memory: 64, threads: { begin: startThread, most: VCPUS }, ...(tier && { tier }) });
  const vm = system.createVm();
  const ram = vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: RAM, size: 0x1_0000n });
  const program = assembleProgram(source, { base: RAM });
  for (const s of program.sections) ram.write(Number(s.address - RAM), s.bytes);
  for (let i = 0; i < VCPUS; i++) {
    const vcpu = vm.createVcpu(i);
    vcpu.init({ features: ['PSCI_0_2'] });
    vcpu.setOneReg('PC', program.entry);
    vcpu.setOneReg('X20', BigInt(i));
  }
  const done = new Set<Vcpu>();
  while (done.size < VCPUS) {
    const { vcpu, exit } = vm.run();
    if (exit.reason !== 'INTR') expect(exit.reason).toBe('MMIO');
    done.add(vcpu);
  }
  const bytes = ram.read(Number(program.symbols.get('data')! - RAM), 4096);
  return new BigUint64Array(bytes.slice().buffer);
}
const TOTAL = BigInt(VCPUS * ROUNDS);

/** Repeats instructions as often as X19 says. X0 stays the address of `data`; X2..X9 are free. */
const repeat = (body: string, before = ''): string => `
      ${before}
    again:
      ${body}
      sub x19, x19, #1
      cbnz x19, again`;
/** Labels of a loop that tries until it is done. */
const retry = (load: string, change: string, store: string): string => `
    try:
      ${load}
      ${change}
      ${store}
      cbnz w4, try`;

const ENGINES: readonly [string, MakeTier | undefined][] = [
  ['interpreted', undefined],
  ['compiled', jitTier({ threshold: 1, stretch: [64, 4096] })],
];
describe.each(ENGINES)('vCPUs at the same time, %s', (_name, tier) => {
  const run = (work: string): BigUint64Array => runOn(work, tier);
  test('LDADD of every size', () => {
    const words = run(
      repeat(
        'ldadd x1, x2, [x0]\n staddl w1, [x5]\n ldaddah w1, w2, [x6]\n ldaddb w1, w2, [x7]',
        'mov x1, #1\n add x5, x0, #8\n add x6, x0, #16\n add x7, x0, #24',
      ),
    );
    expect([...words.subarray(0, 4)]).toEqual([TOTAL, TOTAL & 0xffff_ffffn, TOTAL & 0xffffn, TOTAL & 0xffn]);
  });
  test('LDADD that is not aligned', () => {
    const words = run(repeat('ldadd x1, x2, [x5]', `mov x1, #1\n add x5, x0, #3\n mov x19, #${ROUNDS / 10}`));
    expect((words[0]! >> 24n) | (words[1]! << 40n)).toBe(TOTAL / 10n);
  });
  test('exclusives', () => {
    expect(run(repeat(retry('ldxr x3, [x0]', 'add x3, x3, #1', 'stxr w4, x3, [x0]')))[0]).toBe(TOTAL);
    expect(run(repeat(retry('ldaxrb w3, [x0]', 'add w3, w3, #1', 'stlxrb w4, w3, [x0]')))[0]).toBe(TOTAL & 0xffn);
  });
  test('exclusive pairs', () => {
    const change = 'add x3, x3, #1\n add x5, x5, #2';
    const words = run(
      repeat(retry('ldaxp x3, x5, [x0]', change, 'stlxp w4, x3, x5, [x0]'), `mov x19, #${ROUNDS / 10}`),
    );
    expect([...words.subarray(0, 2)]).toEqual([TOTAL / 10n, TOTAL / 5n]);
  });
  test('compare and swap, alone and in pairs', () => {
    const cas = (size: string): string =>
      retry('ldr x2, [x0]\n mov x5, x2', 'add x3, x2, #1', `cas${size} x2, x3, [x0]\n cmp x2, x5\n cset w4, ne`);
    expect(run(repeat(cas('al')))[0]).toBe(TOTAL);
    const pair = retry(
      'ldp x2, x3, [x0]\n mov x6, x2\n mov x7, x3',
      'add x4, x2, #1\n add x5, x3, #3',
      'caspal x2, x3, x4, x5, [x0]\n cmp x2, x6\n ccmp x3, x7, #0, eq\n cset w4, ne',
    );
    const words = run(repeat(pair, `mov x19, #${ROUNDS / 10}`));
    expect([...words.subarray(0, 2)]).toEqual([TOTAL / 10n, (3n * TOTAL) / 10n]);
  });
  test('a lock that is taken by acquire and given by release', () => {
    const lock = (take: string): string =>
      repeat(`
        add x5, x0, #64
      lock:
        ${take}
        cbnz w2, lock
        ldr x3, [x0]
        add x3, x3, #1
        str x3, [x0]
        stlr wzr, [x5]`);
    expect(run(lock('mov w1, #1\n swpa w1, w2, [x5]'))[0]).toBe(TOTAL);
    expect(run(lock('mov w1, #1\n ldaxr w2, [x5]\n cbnz w2, lock\n stxr w2, w1, [x5]'))[0]).toBe(TOTAL);
  });
  test('a ticket lock, half of which is written by plain release', () => {
    const rounds = ROUNDS / 40;
    const words = run(`
        cmp x20, #1
        b.hi done
        mov x19, #${rounds}
        add x5, x0, #64
        mov w1, #0x10000
      again:
        ldadda w1, w2, [x5]
      wait:
        ldarh w3, [x5]
        cmp w3, w2, lsr #16
        b.ne wait
        ldr x4, [x0]
        add x4, x4, #1
        str x4, [x0]
        add w3, w3, #1
        stlrh w3, [x5]
        sub x19, x19, #1
        cbnz x19, again
      done:`);
    expect(words[0]).toBe(BigInt(2 * rounds));
  });
  test('what is written before a release is seen after an acquire', () => {
    // vCPU 0 writes data, then the number of the round; the others see the number, and data that is as new.
    const words = run(`
        add x5, x0, #64
        add x6, x0, #128
        mov x7, #0
        cbnz x20, reader
      writer:
        add x7, x7, #1
        str x7, [x5]
        str x7, [x5, #8]
        stlr x7, [x6]
        cmp x7, x19
        b.ne writer
        b done
      reader:
        ldapr x2, [x6]
        ldr x3, [x5]
        ldr x4, [x5, #8]
        cmp x3, x2
        b.lo stale
        cmp x4, x2
        b.hs fresh
      stale:
        mov x1, #1
        ldadd x1, x2, [x0]
      fresh:
        cmp x2, x19
        b.ne reader
      done:`);
    expect(words[0]).toBe(0n);
    expect(words[16]).toBe(BigInt(ROUNDS));
  });
  test('code that another vCPU has changed', () => {
    // vCPU 0 writes `movz x3, #round` and tells the round; the others execute it and say that they have.
    const words = run(`
        mov x19, #60
        add x5, x0, #64
        add x6, x0, #128
        adr x7, changing
        mov x8, #0
        mov x9, #0
        mov x1, #1
      round:
        add x8, x8, #1
        cbnz x20, reader
        movz w2, #0xd280, lsl #16
        orr w2, w2, #3
        orr w2, w2, w8, lsl #5
        str w2, [x7]
        dc cvau, x7
        dsb ish
        ic ivau, x7
        dsb ish
        isb
        stlr x8, [x5]
        add x9, x9, #2
      answers:
        ldar x2, [x6]
        cmp x2, x9
        b.lo answers
        b next
      reader:
        ldar x2, [x5]
        cmp x2, x8
        b.lo reader
        isb
        bl changing
        cmp x3, x8
        b.eq right
        ldadd x1, x2, [x0]
      right:
        ldaddal x1, x2, [x6]
      next:
        cmp x8, x19
        b.ne round
        b done
      changing:
        movz x3, #0
        ret
      done:`);
    expect([words[0], words[8], words[16]]).toEqual([0n, 60n, 120n]);
  });
  test('with DMB between, one of two sees what the other has stored', () => {
    // Rounds of two vCPUs: each stores its flag and reads the other's; vCPU 0 counts where both read 0.
    const words = run(`
        cmp x20, #1
        b.hi done
        add x5, x0, #64
        add x6, x5, x20, lsl #6
        eor x7, x20, #1
        add x7, x5, x7, lsl #6
        add x8, x0, #256
        add x11, x0, x20, lsl #3
        mov x10, #0
        mov x1, #1
        mov x19, #${ROUNDS / 10}
      round:
        bl meet
        str x1, [x6]
        dmb ish
        ldr x3, [x7]
        str x3, [x11, #8]
        bl meet
        str xzr, [x6]
        cbnz x20, counted
        ldp x3, x4, [x0, #8]
        orr x3, x3, x4
        cmp x3, #0
        cinc x12, x12, eq
      counted:
        bl meet
        sub x19, x19, #1
        cbnz x19, round
        cbnz x20, done
        str x12, [x0]
        b done
      meet:
        add x10, x10, #2
        ldaddal x1, x2, [x8]
      wait:
        ldar x2, [x8]
        cmp x2, x10
        b.lo wait
        ret
      done:`);
    expect([words[0], words[32]]).toEqual([0n, BigInt((ROUNDS / 10) * 6)]);
  });
});

describe('--parallel', () => {
  const parse = (...options: string[]) => parseExec([...options, 'program'], {});
  test('is asked for', () => {
    expect(parse()?.parallel).toBe(false);
    expect(parse('--parallel')?.parallel).toBe(true);
  });
  test('is refused where events have an order', () => {
    expect(() => parse('--parallel', '--trace', 'fp')).toThrow('--parallel: --trace tells of events in order');
    expect(() => parse('--parallel', '--kvm-mode', 'protected')).toThrow('runs one guest at a time');
  });
});
