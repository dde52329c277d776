// Whole programs, assembled here, on the real engine with a scripted host: what `hypatia exec` is made of.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeElf } from '../asm/elf.ts';
import { assembleProgram } from '../asm/program.ts';
import { regName } from '../kvm/reg_names.ts';
import { type HostServices, Strace } from '../linux/index.ts';
import { memoryFs } from '../linux/testing.ts';
import { assemble } from './exec.ts';
import { type ExecOptions, parseExec } from './options.ts';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly messages: string;
  /** Lines of --strace. */
  readonly trace: readonly string[];
}
/** Assembles and runs. `options` is what stands before the program on the command line. */
async function run(source: string, options: readonly string[] = [], files: Record<string, string> = {}): Promise<Run> {
  const elf = writeElf(assembleProgram(source, { base: 0x400000n }));
  let out = '';
  const messages: string[] = [];
  const stream = {
    type: 0o010000,
    isTty: false,
    read: () => 0,
    write: (b: Uint8Array) => {
      out += new TextDecoder().decode(b);
      return b.length;
    },
    readable: () => true,
  };
  const services: HostServices = {
    fs: memoryFs({ '/prog': elf, ...files }),
    stdin: stream,
    stdout: stream,
    stderr: stream,
    message: (line) => messages.push(line),
    shouldYield: () => false,
    pause: () => Promise.reject(new Error(`stuck: ${messages.join('\n')}`)),
  };
  const parsed: ExecOptions = { ...parseExec([...options, '/prog', 'one', 'two'], {})!, cwd: '/' };
  const machine = assemble(parsed, services);
  const trace: string[] = [];
  if (parsed.strace !== undefined) machine.strace = new Strace({ write: (line) => trace.push(line), regName });
  const code = await machine.run();
  return { code, out, messages: messages.join('\n'), trace };
}
const EXIT = `
  mov x8, #93
  svc #0
`;

describe('the example program', () => {
  it('prints what it prints on a real KVM on the same CPU', async () => {
    const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
    const source = readFileSync(at('examples/dpisa2023.s'), 'utf8');
    const cpu = new URL('golden/real-kvm/hosts/max-vhe.json', at('')).pathname;
    const r = await run(source, ['--cpu', cpu, '--cpu-unchecked']);
    expect(r.code).toBe(0);
    expect(r.out).toBe(readFileSync(at('golden/programs/dpisa2023.max.txt'), 'utf8'));
  });
});
describe('a program', () => {
  it('finds its arguments on the stack, writes and exits', async () => {
    const r = await run(`
      .global _start
      _start:
        ldr x0, [sp]            // argc
        ldr x1, [sp, #16]       // argv[1]
        mov x19, x0
        mov x0, #1
        mov x2, #3
        mov x8, #64
        svc #0
        mov x0, x19
        ${EXIT}
    `);
    expect(r).toEqual({ code: 3, out: 'one', messages: '', trace: [] });
  });
  it('opens /dev/kvm and asks its version', async () => {
    const source = `
      .global _start
      _start:
        mov x0, #-100
        adr x1, path
        mov x2, #2
        mov x8, #56             // openat
        svc #0
        mov x1, #0xae00         // KVM_GET_API_VERSION
        mov x2, #0
        mov x8, #29             // ioctl
        svc #0
        ${EXIT}
      path: .asciz "/dev/kvm"
    `;
    expect((await run(source)).code).toBe(12);
  });
  it('dies of an undefined instruction with a report', async () => {
    const r = await run(`
      .global _start
      _start:
        mov x5, #0x1234
        .inst 0x00000001        // udf #1
    `);
    expect(r.code).toBe(128 + 4);
    expect(r.messages).toMatch(/prog: SIGILL \(undefined instruction\) at 0x[0-9a-f]+; pc 0x[0-9a-f]+ in \/prog/);
    expect(r.messages).toMatch(/=> 0x[0-9a-f]+: 00000001 {2}udf #1/);
    expect(r.messages).toMatch(/x5 0x0000000000001234/);
  });
  it('jumps into nowhere: the report has no code to show', async () => {
    const r = await run(`
      .global _start
      _start:
        mov x0, #0x10
        br x0
    `);
    expect(r.code).toBe(139);
    expect(r.messages).toMatch(/SIGSEGV \(address not mapped\) at 0x10; pc 0x10/);
  });
  it('is told by the ID registers and by AT_HWCAP2 what the CPU has', async () => {
    // Exit code: bit 48 of AT_HWCAP2 (FPMR) and ID_AA64PFR2_EL1.FPMR, which must agree.
    const source = `
      .global _start
      _start:
        mov x1, sp
        ldr x0, [x1]
        add x1, x1, x0, lsl #3
        add x1, x1, #16         // past argc, argv and its null
      env:
        ldr x0, [x1], #8
        cbnz x0, env
      aux:
        ldp x0, x2, [x1], #16
        cbz x0, none
        cmp x0, #26             // AT_HWCAP2
        b.ne aux
        ubfx x2, x2, #48, #1
        mrs x3, S3_0_C0_C4_2
        ubfx x3, x3, #32, #1
        add x0, x2, x3, lsl #1
        ${EXIT}
      none:
        mov x0, #99
        ${EXIT}
    `;
    expect((await run(source)).code).toBe(3);
    expect((await run(source, ['--cpu', 'v8.0'])).code).toBe(0);
  });
  it('sees virtual time: a second of sleep is a second of CNTVCT, at once', async () => {
    const r = await run(`
      .global _start
      _start:
        mrs x19, cntvct_el0
        sub sp, sp, #16
        mov x0, #1
        stp x0, xzr, [sp]       // one second
        mov x0, sp
        mov x1, #0
        mov x8, #101            // nanosleep
        svc #0
        mrs x20, cntvct_el0
        mrs x21, cntfrq_el0
        sub x20, x20, x19
        udiv x0, x20, x21
        ${EXIT}
    `);
    expect(r.code).toBe(1);
  });
  it('gets the same random bytes for the same seed only', async () => {
    const source = `
      .global _start
      _start:
        sub sp, sp, #16
        mov x0, sp
        mov x1, #1
        mov x2, #0
        mov x8, #278            // getrandom
        svc #0
        ldrb w0, [sp]
        ${EXIT}
    `;
    const codes = [];
    for (const seed of ['5', '5', '6', '7', '8']) codes.push((await run(source, ['--seed', seed])).code);
    expect(codes[0]).toBe(codes[1]);
    expect(new Set(codes).size).toBeGreaterThan(2);
  });
  it('is shown bound files, and its writes stay in memory', async () => {
    const source = `
      .global _start
      _start:
        mov x0, #-100
        adr x1, path
        mov x2, #2
        mov x8, #56             // openat
        svc #0
        mov x19, x0
        sub sp, sp, #16
        mov x1, sp
        mov x2, #5
        mov x8, #63             // read
        svc #0
        mov x2, x0
        mov x0, #1
        mov x1, sp
        mov x8, #64             // write
        svc #0
        mov x0, #0
        ${EXIT}
      path: .asciz "/deep/er/file"
    `;
    const r = await run(source, ['--bind', '/data:/deep/er'], { '/data/file': 'bound' });
    expect(r.out).toBe('bound');
  });
  it('answers ENOSYS and says so once', async () => {
    const r = await run(`
      .global _start
      _start:
        mov x8, #0xf00
        svc #0
        mov x8, #0xf00
        svc #0
        neg x0, x0
        ${EXIT}
    `);
    expect(r.code).toBe(38);
    expect(r.messages).toBe('hypatia: system call 3840 is not implemented: ENOSYS');
  });
});

describe('--strace', () => {
  it('shows calls, requests with their structures, registers by name and errors in words', async () => {
    const ioctl = (request: string) => `
        mov x8, #29
        ldr x1, =${request}
        svc #0
    `;
    const r = await run(
      `
      .global _start
      _start:
        mov x0, #-100
        adr x1, nothing
        mov x2, #0
        mov x8, #56             // openat
        svc #0
        mov x0, #-100
        adr x1, path
        mov x2, #2
        svc #0
        mov x19, x0
        mov x2, #0
        ${ioctl('0xae01')}      // KVM_CREATE_VM
        mov x20, x0
        mov x2, #0
        ${ioctl('0xae41')}      // KVM_CREATE_VCPU
        mov x21, x0
        sub sp, sp, #64
        stp xzr, xzr, [sp]
        stp xzr, xzr, [sp, #16]
        mov w0, #5
        str w0, [sp]
        mov x0, x21
        mov x2, sp
        ${ioctl('0x4020aeae')}  // KVM_ARM_VCPU_INIT
        ldr x0, =0x603000000013c000
        add x1, sp, #32
        stp x0, x1, [sp]
        mov x0, x21
        mov x2, sp
        ${ioctl('0x4010aeab')}  // KVM_GET_ONE_REG
        mov x0, x20
        mov x2, sp
        ${ioctl('0xdead')}
        mov x0, #7
        mov x8, #94
        svc #0
      path: .asciz "/dev/kvm"
      nothing: .asciz "/no/\\tthing"
      .align 3
    `,
      ['--strace', '--cpu', 'v8.0'],
    );
    const lines = r.trace.map((l) => l.replace(/ +=/, ' =').replace(/0xff[0-9a-f]+/g, 'STACK'));
    expect(lines).toEqual([
      'openat(AT_FDCWD, "/no/\\tthing", O_RDONLY) = -1 ENOENT (No such file or directory)',
      'openat(AT_FDCWD, "/dev/kvm", O_RDWR) = 3',
      'ioctl(3, KVM_CREATE_VM, 0) = 4',
      'ioctl(4, KVM_CREATE_VCPU, 0) = 5',
      'ioctl(5, KVM_ARM_VCPU_INIT, {target=5, features=[0, ...]}) = 0',
      'ioctl(5, KVM_GET_ONE_REG, {id=0x603000000013c000 /* MIDR_EL1 */, addr=STACK => 0xf0800}) = 0',
      'ioctl(4, 0xdead, STACK) = -1 EINVAL (Invalid argument)',
      'exit_group(7) = ?',
      '+++ exited with 7 +++',
    ]);
  });
});

describe('options', () => {
  it('end where the program begins', () => {
    const o = parseExec(['--smp', '3', '--strace=x', 'prog', '--smp', '9', '--', '-h'], {})!;
    expect([o.smp, o.strace, o.program, o.args]).toEqual([3, 'x', 'prog', ['--smp', '9', '--', '-h']]);
    expect(parseExec(['--', '-weird'], {})!.program).toBe('-weird');
    expect(parseExec(['--strace', 'prog'], {})!.strace).toBe('');
    expect(parseExec(['--help', 'prog'], {})).toBeUndefined();
    expect(parseExec(['-h'], {})).toBeUndefined();
    const p = parseExec(['--bind', 'a:/b', '--bind=c:/d=e', '--cpu=', '--stats', 'prog'], {})!;
    expect([p.binds.map((b) => b.target), p.cpu, p.stats]).toEqual([['/b', '/d=e'], '', true]);
  });
  it('shape the environment', () => {
    expect(parseExec(['--env', 'A=1=2', '--env', 'B', 'p'], { B: 'x', C: 'y' })!.env).toEqual({ A: '1=2', C: 'y' });
  });
  it('are refused in one clear line', () => {
    const wrong: [string[], RegExp][] = [
      [[], /give a program/],
      [['--smp', '0', 'p'], /--smp 0: give a whole number from 1 to 512/],
      [['--smp', 'x', 'p'], /--smp x/],
      [['--clock', 'sun', 'p'], /--clock sun: give one of virtual, real/],
      [['--kvm-mode', 'x', 'p'], /give one of vhe, nvhe, protected, nested/],
      [['--bind', 'a', 'p'], /--bind a: give SRC:DST/],
      [['--seed', '-', 'p'], /--seed/],
      [['--bogus', 'p'], /unknown option '--bogus'/],
      [['-x', 'p'], /unknown option '-x'/],
      [['--toString', 'p'], /unknown option '--toString'/],
      [['--stats=1', 'p'], /option '--stats' does not take a value/],
      [['--seed'], /option '--seed' wants a value/],
      [['--cpu', '--stats', 'p'], /option '--cpu' wants a value; give one that starts with a dash as '--cpu=--stats'/],
    ];
    for (const [argv, text] of wrong) {
      expect(() => parseExec(argv, {})).toThrow(text);
      try {
        parseExec(argv, {});
      } catch (e) {
        expect((e as Error).message).not.toContain('\n');
      }
    }
  });
  it('name what a CPU model or program file lacks', async () => {
    const source = '.global _start\n_start: nop\n';
    await expect(run(source, ['--cpu', 'z80'])).rejects.toThrow(/--cpu z80: no such model; there are max/);
    await expect(run(source, ['--rw', '/nowhere'])).rejects.toThrow(/--rw .*nowhere: no such file or directory/);
  });
});

describe('FP registers of a program with a guest', () => {
  const IOCTL = 'mov x8, #29\n svc #0\n tbnz x0, #63, failed';
  /** Runs a guest that uses FP. Exit code: 0 if the program's own D0 survives, 1 if not, 2 if KVM refuses something. */
  const SOURCE = `
    .global _start
    _start:
      mov x0, #-100
      adr x1, path
      mov x2, #2
      mov x8, #56             // openat
      svc #0
      mov x1, #0xae01         // KVM_CREATE_VM
      mov x2, #0
      ${IOCTL}
      mov x20, x0
      mov x1, #0xae46         // KVM_SET_USER_MEMORY_REGION
      movk x1, #0x4020, lsl #16
      adr x2, region
      ${IOCTL}
      mov x0, x20
      mov x1, #0xae41         // KVM_CREATE_VCPU
      mov x2, #0
      ${IOCTL}
      mov x21, x0
      mov x1, #0xaeae         // KVM_ARM_VCPU_INIT
      movk x1, #0x4020, lsl #16
      adr x2, init
      ${IOCTL}
      mov x0, x21
      mov x1, #0xaeac         // KVM_SET_ONE_REG
      movk x1, #0x4010, lsl #16
      adr x2, pc
      ${IOCTL}
      fmov d0, #2.0
      fmov x22, d0
      mov x0, x21
      mov x1, #0xae80         // KVM_RUN
      mov x2, #0
      ${IOCTL}
      fmov x1, d0
      cmp x1, x22
      cset x0, ne
      ${EXIT}
    failed:
      mov x0, #2
      ${EXIT}
    path: .asciz "/dev/kvm"
      .balign 8
    region: .word 0, 0
      .quad 0x80000000, 0x1000, guest
    init: .word 5, 0, 0, 0, 0, 0, 0, 0
    pc: .quad 0x6030000000100040, value
    value: .quad 0x80000000
      .balign 4096
    guest:
      mov x0, #(3 << 20)
      msr cpacr_el1, x0
      isb
      fmov d0, #1.0
      mov x1, #0x10000000
      str w0, [x1]            // nothing is there: KVM_EXIT_MMIO
      .balign 4096
  `;
  const lines = async (...options: string[]): Promise<readonly [number, readonly string[]]> => {
    const { code, messages } = await run(SOURCE, options);
    return [code, messages.split('\n')];
  };
  const events = async (...options: string[]): Promise<readonly [number, readonly unknown[]]> => {
    const [code, told] = await lines('--trace', 'fp:json', ...options);
    return [code, told.map((line) => JSON.parse(line) as unknown)];
  };
  const names = (told: readonly unknown[]): unknown[] => told.map((e) => (e as { event: string }).event);

  it('are told by --trace fp, an event a line', async () => {
    const back = '[fp] CPU 0: thread 100 returns to its program; its values loaded, FPMR 0x0';
    expect(await lines('--trace', 'fp')).toEqual([
      0,
      [
        back,
        '[fp] CPU 0: vCPU 0 loaded; saved: host, FPMR 0x0; owner: free',
        '[fp] CPU 0: vCPU 0 used FP at 0x8000000c: trap, EC 0x07',
        '[fp] CPU 0: vCPU 0: its values loaded, FPMR 0x0; owner: guest',
        '[fp] CPU 0: vCPU 0 put; saved: guest, FPMR 0x0; owner: free',
        back,
      ],
    ]);
  });
  it('are told by --trace fp:json to programs', async () => {
    const [code, told] = await events();
    expect(code).toBe(0);
    expect(names(told)).toEqual(['fp_user', 'fp_load', 'fp_trap', 'fp_guest', 'fp_put', 'fp_user']);
    expect(told[2]).toEqual({ event: 'fp_trap', cpu: 0, vcpu: 0, ec: 7, pc: '0x8000000c' });
  });
  it('of a protected host are back before the host is', async () => {
    const [code, told] = await events('--kvm-mode', 'protected');
    expect(code).toBe(0);
    const seen = names(told).filter((n) => !String(n).startsWith('hyp_'));
    expect(seen).toEqual(['fp_user', 'fp_load', 'fp_trap', 'fp_guest', 'fp_restored', 'fp_user']);
  });
  it('belong to a vCPU longer with --fp-host-state v6, and are lost with its bugs', async () => {
    const [code, told] = await events('--fp-host-state', 'v6');
    expect(code).toBe(0);
    expect(told[1]).toEqual({ event: 'fp_load', cpu: 0, vcpu: 0, owner: 'host', saved: 'nothing' });
    expect((await lines('--kvm-mode', 'protected', '--fp-host-state', 'v6'))[0]).toBe(0);
    expect((await lines('--kvm-mode', 'protected', '--fp-host-state', 'v6:B4'))[0]).toBe(1);
  });
  it('are not told of without --trace, and wrong values of the options are refused', async () => {
    expect(await lines()).toEqual([0, ['']]);
    const wrong: [string, string, RegExp][] = [
      ['--trace', 'sve', /--trace sve: give fp, fp:text or fp:json/],
      ['--trace', 'fp:xml', /--trace xml: give one of text, json/],
      ['--fp-host-state', 'v5', /--fp-host-state v5: give modern, v6 or v6:B4/],
      ['--fp-host-state', 'v6:B7', /--fp-host-state B7: give one of B4/],
    ];
    for (const [option, value, text] of wrong) expect(() => parseExec([option, value, 'p'], {})).toThrow(text);
  });
});
