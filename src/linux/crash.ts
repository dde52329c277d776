// What a person sees when the program dies of a signal: which, where, the instructions around, the registers.

import { hex } from '../base/bits.ts';
import { SiCode, Signal } from './abi/flags.ts';
import { signalName } from './abi/signals.ts';
import { pstateOf } from './sigframe.ts';
import type { SigInfo } from './siginfo.ts';
import type { Thread } from './thread.ts';

/** The text of an instruction word. */
export type Disassemble = (word: number, pc: bigint) => string;
export interface CrashReport {
  /** Without the text of instructions their words are shown alone. */
  lines(disassemble?: Disassemble): readonly string[];
}

const BEFORE = 3;
const AFTER = 2;

export function reportCrash(t: Thread, info: SigInfo): CrashReport {
  const cpu = t.state;
  const where = placeOf(t, cpu.pc);
  const addr = info.addr !== undefined ? ` at ${hex(info.addr)}` : '';
  const head = `hypatia: ${t.comm}: ${signalName(info.signo)}${cause(info)}${addr}; pc ${hex(cpu.pc)}${where} (pid ${t.pid}, tid ${t.tid})`;
  const code: { readonly mark: string; readonly word: number; readonly pc: bigint }[] = [];
  for (let i = -BEFORE; i <= AFTER; i++) {
    const pc = cpu.pc + BigInt(i * 4);
    const b = new Uint8Array(4);
    if (pc < 0n || !safeRead(t, pc, b)) continue;
    const word = new DataView(b.buffer).getUint32(0, true);
    code.push({ mark: i === 0 ? '=>' : '  ', word, pc });
  }
  const registers: string[] = [];
  for (let i = 0; i < 31; i += 4) {
    const row: string[] = [];
    for (let k = i; k < Math.min(i + 4, 31); k++) row.push(`x${k}`.padStart(5) + ' ' + hex(cpu.x(k), 16));
    if (i === 28) row.push('   sp ' + hex(cpu.sp, 16));
    registers.push(row.join(''));
  }
  registers.push(`   pc ${hex(cpu.pc, 16)}  pstate ${hex(pstateOf(cpu), 8)}`);
  const textOf = ({ mark, word, pc }: (typeof code)[number], disassemble?: Disassemble): string =>
    `  ${mark} ${hex(pc, 16)}: ${word.toString(16).padStart(8, '0')}  ${disassemble?.(word, pc) ?? ''}`.trimEnd();
  return { lines: (disassemble) => [head, ...code.map((c) => textOf(c, disassemble)), ...registers] };
}

function safeRead(t: Thread, addr: bigint, out: Uint8Array): boolean {
  try {
    return t.mm.read(addr, out);
  } catch {
    return false;
  }
}
function placeOf(t: Thread, pc: bigint): string {
  const v = t.mm.vmas.find(Number(pc & 0xffff_ffff_ffffn));
  if (!v) return '';
  const name = v.backing?.path ?? v.name;
  return name ? ` in ${name}+${hex(Number(pc) - v.start + v.offset)}` : '';
}
const CAUSES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [Signal.SIGSEGV]: {
    [SiCode.SEGV_MAPERR]: 'address not mapped',
    [SiCode.SEGV_ACCERR]: 'access not permitted',
  },
  [Signal.SIGBUS]: {
    [SiCode.BUS_ADRALN]: 'misaligned address',
    [SiCode.BUS_ADRERR]: 'beyond the end of the mapped object',
  },
  [Signal.SIGILL]: {
    [SiCode.ILL_ILLOPC]: 'undefined instruction',
    [SiCode.ILL_ILLOPN]: 'pointer authentication failed',
  },
  [Signal.SIGTRAP]: { [SiCode.TRAP_BRKPT]: 'breakpoint instruction' },
};
function cause(info: SigInfo): string {
  const text = CAUSES[info.signo]?.[info.code];
  return text ? ` (${text})` : '';
}
