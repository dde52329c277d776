// A static program that runs random programs and writes what each of them left: the states at every signal on the way, and
// registers and memory at its end. The code of a program is mapped twice; it and what it does is src/jit/testing.ts.

import { assembleProgram, writeElf } from '../../dist/asm/index.js';
import { Random } from '../../dist/interp/testing.js';
import { randomProgram } from '../../dist/jit/testing.js';

const CODE = 0x1000_0000;
const ALIAS = 0x3000_0000; // changes CODE into 0x2000_0000
/** The places of a program: of those that share them, or of one that has its own. */
const PLACE_BYTES = 0x1_0000;
const DATA = 0x4000_0000;
/** Pages of data; one of them is not there at first. What comes behind never is. */
const PAGES = 4;
const HOLE = 2;
/**
 * Before the end of a page, most programs across it. One half of them stand one over the other; the code of the other half is
 * still there at the end, so that it is kept.
 */
const PLACES = [0xf00, 0x2ff8, 0x4000, 0x6c00];
/** Signals of one program. */
const SIGNALS = 40;
const SIGNAL_BYTES = 64;
/** Where a state ends: x0..x30, NZCV, FPSR, FPCR, V0..V31. */
const STATE_BYTES = 34 * 8 + 512;

const CALL = {
  ftruncate: 46,
  write: 64,
  exit: 93,
  sigaltstack: 132,
  sigaction: 134,
  sigreturn: 139,
  mmap: 222,
  mprotect: 226,
  memfd: 279,
};
const call = (name, ...args) =>
  [
    ...args.map((a, i) => (String(a).startsWith('x') ? `mov x${i}, ${a}` : `ldr x${i}, =${a}`)),
    `mov x8, #${CALL[name]}`,
    'svc #0',
  ].join('\n ');

/** @param bytes of code, all together */
const runtime = (bytes) => `
_start:
 ldr x0, =stack + 0x20000
 mov sp, x0
 adr x0, name
 ${call('memfd', 'x0', 0)}
 mov x24, x0
 ${call('ftruncate', 'x24', bytes)}
 ${call('mmap', CODE, bytes, 7, 0x11, 'x24', 0)}
 ${call('mmap', CODE ^ ALIAS, bytes, 7, 0x11, 'x24', 0)}
 ${call('mmap', DATA, PAGES * 4096, 3, 0x32, -1, 0)}
 ldr x0, =${DATA}
 mov x1, #${(PAGES * 4096) / 8}
 ldr x2, =0x9e3779b97f4a7c15
fill: str x3, [x0], #8
 mul x3, x1, x2
 subs x1, x1, #1
 b.ne fill
 ldr x1, =altstack
 ${call('sigaltstack', 'x1', 0)}
 ldr x24, =signals
next_signal: ldrb w25, [x24], #1
 cbz w25, programs
 mov x3, #8
 ldr x1, =action
 mov x0, x25
 mov x2, #0
 mov x8, #${CALL.sigaction}
 svc #0
 b next_signal
programs:
 ldr x26, =table
next_program:
 ldp x0, x1, [x26]           // source, bytes
 cbz x0, done
 ldr x2, [x26, #16]          // where it goes
 ldr x6, =${ALIAS}
copy: ldr w3, [x0], #4
 str w3, [x2], #4
 subs x1, x1, #4
 b.ne copy
 ldr x1, [x26, #16]
 and x1, x1, #0xffffffffffffffc0
clean: eor x4, x1, x6
 dc cvau, x1
 dsb ish
 ic ivau, x1
 ic ivau, x4
 add x1, x1, #32                         // no line is shorter
 cmp x1, x2
 b.lo clean
 dsb ish
 isb
 ldr x0, =${DATA + HOLE * 4096}
 ${call('mprotect', 'x0', 4096, 0)}
 ldr x23, =state
 str xzr, [x23, #${STATE_BYTES}]   // signals so far
 ldr x28, [x26, #32]         // where it begins
 ldr x29, [x26, #24]         // first state
 ldp x0, x1, [x29, #${21 * 8}]
 msr nzcv, x0
 msr fpsr, x1
 ldr x0, [x29, #${23 * 8}]
 msr fpcr, x0
 add x0, x29, #${24 * 8}
${Array.from({ length: 16 }, (_, i) => ` ldp q${2 * i}, q${2 * i + 1}, [x0], #32`).join('\n')}
 str x26, [x23, #${STATE_BYTES + 8}]
 mov x30, x28
${Array.from({ length: 10 }, (_, i) => ` ldp x${2 * i}, x${2 * i + 1}, [x29, #${16 * i}]`).join('\n')}
 ldr x20, [x29, #160]
 ldr x21, =${DATA}
 ldr x22, =end_program
 ldr x24, =0x1000000         // FZ
 br x30
end_program:
${Array.from({ length: 15 }, (_, i) => ` stp x${2 * i}, x${2 * i + 1}, [x23, #${16 * i}]`).join('\n')}
 str x30, [x23, #240]
 mrs x0, nzcv
 mrs x1, fpsr
 mrs x2, fpcr
 stp x0, x1, [x23, #248]
 str x2, [x23, #264]
 msr fpcr, xzr
 add x0, x23, #272
${Array.from({ length: 16 }, (_, i) => ` stp q${2 * i}, q${2 * i + 1}, [x0], #32`).join('\n')}
 ldr x0, =${DATA + HOLE * 4096}
 ${call('mprotect', 'x0', 4096, 3)}
 ldr x1, =state
 ${call('write', 1, 'x1', STATE_BYTES + 8 + 8 + SIGNALS * SIGNAL_BYTES)}
 ldr x1, =${DATA}
 ${call('write', 1, 'x1', PAGES * 4096)}
 ldr x23, =state
 ldr x26, [x23, #${STATE_BYTES + 8}]
 add x26, x26, #40
 b next_program
done:
 ${call('exit', 0)}
handler:                     // x0 signal, x1 siginfo, x2 ucontext
 ldr x3, =state
 add x3, x3, #${STATE_BYTES}
 ldr x4, [x3]                // signals so far
 add x5, x4, #1
 str x5, [x3]
 ldr x6, =${SIGNALS}
 cmp x4, x6
 b.hs leave_program
 add x5, x3, #16
 add x5, x5, x4, lsl #6
 ldr w6, [x1, #8]            // si_code
 ldr x7, [x1, #16]           // si_addr
 ldr x9, [x2, #440]          // PC
 stp w0, w6, [x5]
 stp x9, x7, [x5, #8]
 ldr x10, [x2, #448]         // PSTATE
 and x10, x10, #0xf0000000
 ldr x13, [x2, #472]         // FPSR, FPCR
 stp x10, x13, [x5, #40]
 ldr x11, =0x100000001b3
 add x12, x2, #184
 mov x13, #32
hash1: ldr x14, [x12], #8
 eor x10, x10, x14
 mul x10, x10, x11
 subs x13, x13, #1
 b.ne hash1
 str x10, [x5, #24]
 add x12, x2, #480
 mov x13, #16
hash2: ldr x14, [x12], #8
 eor x10, x10, x14
 mul x10, x10, x11
 eor x10, x10, x10, lsr #29
 subs x13, x13, #1
 b.ne hash2
 str x10, [x5, #32]
 cmp w0, #4                  // no such instruction: past it
 ccmp w0, #5, #4, ne
 b.eq past
 cmp x7, x9                  // nothing to execute there: back to the caller
 b.eq back
 lsr x7, x7, #12             // nothing there: now and then there is
 ldr x6, =${(DATA >>> 12) + HOLE}
 cmp x7, x6
 b.ne past
 tbz x10, #3, past
 ldr x0, =${DATA + HOLE * 4096}
 ${call('mprotect', 'x0', 4096, 3)}
 ret
past:
 add x9, x9, #4
 str x9, [x2, #440]
 ret
back:
 ldr x9, [x2, #${184 + 30 * 8}]
 str x9, [x2, #440]
 ret
leave_program:
 ldr x9, =end_program
 str x9, [x2, #440]
 ret
restorer:
 mov x8, #${CALL.sigreturn}
 svc #0
name: .asciz "code"
`;

const DATA_SECTION = `
 .data
altstack: .quad stack, 0, 0x10000
action: .quad handler, 0x0c000004, restorer, 0
signals: .byte 4, 5, 7, 11, 0
 .balign 16
state: .skip ${STATE_BYTES + 16 + SIGNALS * SIGNAL_BYTES}
 .balign 16
stack: .skip 0x20000
 .balign 16
`;

const word = (line) => new DataView(assembleProgram(line, { base: 0n }).sections[0].bytes.buffer).getUint32(0, true);
/** What a program starts with, as lines of data. */
function start(r) {
  const number = () =>
    r.pick([() => r.u64(), () => BigInt(r.below(100)), () => 0xffffffffn, () => 1n << BigInt(r.below(64))])();
  const x = Array.from({ length: 21 }, number);
  for (let i = 10; i < 14; i++) x[i] = BigInt(DATA + r.below(PAGES * 4096));
  for (let i = 14; i < 20; i++) x[i] = 1n;
  x[20] = BigInt(3 + r.below(r.pick([10, 200, 1000, 3000])));
  const half = () =>
    r.pick([
      () => 0x4008000000000000n,
      () => r.u64(),
      () => 0n,
      () => 0x3ff0000000000000n,
      () => 0x3fc000003f800000n,
    ])();
  const [nzcv, fpsr, fpcr] = [
    BigInt(r.below(16)) << 28n,
    BigInt(r.pick([0, 0x10, 0x10])),
    BigInt(r.pick([0, 0, 0, 0x1000000, 0x2000000, 0xc00000])),
  ];
  const v = Array.from({ length: 64 }, half);
  return [...x, nzcv, fpsr, fpcr, ...v].map((n) => ` .quad 0x${n.toString(16)}`).join('\n');
}

/** @returns the executable that runs programs `first` to `first + count - 1`, and their sources */
export function regionPrograms(first, count) {
  const programs = Array.from({ length: count }, (_, i) => {
    const r = new Random(first + i);
    const place = r.pick(PLACES);
    const base = CODE + place + r.below(2) * (i + 1) * PLACE_BYTES;
    const source = randomProgram(r, { end: 'br x22', process: { alias: ALIAS, assemble: word } });
    const { bytes } = assembleProgram(source, { base: BigInt(base) }).sections[0];
    return { source, base, bytes, entry: r.below(3) === 0 ? base ^ ALIAS : base, state: start(r) };
  });
  const table = programs.map((p, i) => ` .quad code${i}, ${p.bytes.length}, ${p.base}, start${i}, ${p.entry}`);
  const data = programs.map((p, i) => {
    const words = new Uint32Array(p.bytes.buffer, p.bytes.byteOffset, p.bytes.length / 4);
    return `start${i}:\n${p.state}\ncode${i}: .inst ${[...words].map((w) => `0x${w.toString(16)}`).join(',')}\n .balign 16`;
  });
  const text = [runtime((count + 1) * PLACE_BYTES), DATA_SECTION, ...data, 'table:', ...table, ' .quad 0, 0', ''].join(
    '\n',
  );
  return { elf: writeElf(assembleProgram(text, { base: 0x401000n })), programs };
}

/** Instructions around the programs, nearly: for each of them, for each word of their code, for each signal. */
export const AROUND = { program: 180, word: 4.5, signal: 260, start: 8300 };

/** Bytes that each program writes. */
export const OUTPUT_BYTES = STATE_BYTES + 16 + SIGNALS * SIGNAL_BYTES + PAGES * 4096;

/** Signals that the program with that number in an output has taken. */
export const signalsOf = (output, n) => Number(output.readBigUInt64LE(n * OUTPUT_BYTES + STATE_BYTES));

/** What a program has left, as lines. */
export function show(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const hex = (at) => `0x${view.getBigUint64(at, true).toString(16)}`;
  const names = [...Array.from({ length: 31 }, (_, i) => `x${i}`), 'nzcv', 'fpsr', 'fpcr'];
  const lines = names.map((name, i) => `${name} ${hex(8 * i)}`);
  for (let i = 0; i < 32; i++) lines.push(`v${i} ${hex(272 + 16 * i + 8)} ${hex(272 + 16 * i)}`);
  const signals = Math.min(Number(view.getBigUint64(STATE_BYTES, true)), SIGNALS);
  lines.push(`signals ${hex(STATE_BYTES)}`);
  for (let i = 0; i < signals; i++) {
    const at = STATE_BYTES + 16 + SIGNAL_BYTES * i;
    lines.push(
      `signal ${i}: ${view.getUint32(at, true)} code ${view.getUint32(at + 4, true)} at ${hex(at + 8)} address ${hex(at + 16)} x ${hex(at + 24)} v ${hex(at + 32)} nzcv ${hex(at + 40)} fp ${hex(at + 48)}`,
    );
  }
  const data = STATE_BYTES + 16 + SIGNALS * SIGNAL_BYTES;
  for (let i = data; i < bytes.length; i += 8) lines.push(`data+0x${(i - data).toString(16)} ${hex(i)}`);
  return lines;
}
