// What a person sees when the program dies of a signal: which, where, the instructions around, the registers.

import { hex } from '../base/bits.ts';
import { SiCode, Signal, signalName } from './abi/flags.ts';
import { pstateOf } from './sigframe.ts';
import type { SigInfo } from './siginfo.ts';
import type { Thread } from './thread.ts';

export interface CrashReport {
  readonly lines: readonly string[];
}

const BEFORE = 3;
const AFTER = 2;

/** @param disassemble text of one instruction word; without it the words themselves are shown */
export function reportCrash(t: Thread, info: SigInfo, disassemble?: (word: number, pc: bigint) => string): CrashReport {
  const cpu = t.state;
  const lines: string[] = [];
  const where = placeOf(t, cpu.pc);
  const addr = info.addr !== undefined ? ` at ${hex(info.addr)}` : '';
  lines.push(
    `hypatia: ${t.comm}: ${signalName(info.signo)}${cause(info)}${addr}; pc ${hex(cpu.pc)}${where} (pid ${t.pid}, tid ${t.tid})`,
  );
  const code: string[] = [];
  for (let i = -BEFORE; i <= AFTER; i++) {
    const pc = cpu.pc + BigInt(i * 4);
    const b = new Uint8Array(4);
    if (pc < 0n || !safeRead(t, pc, b)) continue;
    const word = new DataView(b.buffer).getUint32(0, true);
    const text = disassemble ? disassemble(word, pc) : '';
    code.push(`  ${i === 0 ? '=>' : '  '} ${hex(pc, 16)}: ${word.toString(16).padStart(8, '0')}  ${text}`.trimEnd());
  }
  lines.push(...code);
  for (let i = 0; i < 31; i += 4) {
    const row: string[] = [];
    for (let k = i; k < Math.min(i + 4, 31); k++) row.push(`x${k}`.padStart(5) + ' ' + hex(cpu.x(k), 16));
    if (i === 28) row.push('   sp ' + hex(cpu.sp, 16));
    lines.push(row.join(''));
  }
  lines.push(`   pc ${hex(cpu.pc, 16)}  pstate ${hex(pstateOf(cpu), 8)}`);
  return { lines };
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
