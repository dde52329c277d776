// A bare PE with memory at IPA 0x4000_0000 and no devices, for tests of guest code written in assembly. EL2 is the test.

import type { Feat } from '../src/arch/features.ts';
import { assembleProgram } from '../src/asm/index.ts';
import { Pe } from '../src/cpu/pe.ts';
import { createPeDirectory, createPeDomain } from '../src/cpu/pe_directory.ts';
import type { PeDomain, Stage2, Stage2Answer, Stage2Change } from '../src/cpu/pe_ports.ts';
import { PhysMem } from '../src/cpu/physmem.ts';
import { createInterpreter } from '../src/interp/engine.ts';
import type { MakeTier } from '../src/interp/region.ts';
import { A64 } from '../src/isa/a64.ts';

export const RAM = 0x4000_0000n;
/** Features that need something that tests do not set up, or that trap what they use. */
const ABSENT: ReadonlySet<string> = new Set([
  'FEAT_EL3',
  'FEAT_NMI',
  'FEAT_GCS',
  'FEAT_SME',
  'FEAT_TIDCP1',
  'FEAT_AA32EL0',
  'FEAT_AA32EL1',
  'FEAT_CMOW',
  'FEAT_TRC_SR',
  'FEAT_THE',
  'FEAT_D128',
  'FEAT_ASID2',
]);
export const HCR = 0x4_8000_0039n; // E2H, RW, VM, IMO, FMO, AMO

export interface Guest {
  readonly pe: Pe;
  readonly mem: PhysMem;
  readonly domain: PeDomain;
  readonly symbols: ReadonlyMap<string, bigint>;
  /** Frame of an IPA in RAM. */
  frame(ipa: bigint): number;
  write64(ipa: bigint, value: bigint): void;
  read64(ipa: bigint): bigint;
  /** IPA pages that stage 2 does not let be written. */
  readonly readOnly: Set<bigint>;
  /** Tells the PEs that stage 2 changed; without an argument: everywhere. */
  changed(change?: Stage2Change): void;
  /** What stage 2 was asked: the access and the IPA of the page. */
  readonly asked: string[];
  readonly timerLevels: string[];
  irq: 'none' | 'irq' | 'fiq' | 'both';
  readonly device: Map<number, bigint>;
}

/** The end of a source: a table named `vectors`. @param at what stands at which offsets, in instructions */
export function vectors(at: Readonly<Record<number, readonly string[]>>): string {
  let end = 0;
  const lines = Object.entries(at).map(([offset, code]) => {
    const gap = Number(offset) - end;
    end = Number(offset) + 4 * code.length;
    return ` .space ${gap}\n ${code.join('\n ')}\n`;
  });
  return `\n .balign 2048\nvectors:\n${lines.join('')}`;
}

export interface GuestOptions {
  readonly pages?: number;
  readonly absent?: readonly Feat[];
  readonly guestAbsent?: readonly Feat[];
  readonly tier?: MakeTier;
  /** The clock follows the PE's time, and not only its instructions. */
  readonly follows?: boolean;
  /** Stage 2 is asked for every page that the TLB does not know. */
  readonly asksAlways?: boolean;
  /** Who answers for stage 2. Absent: IPA RAM and up are the pages, one for one, until `changed` is told otherwise. */
  readonly stage2?: (mem: PhysMem, frames: readonly number[]) => Stage2;
}

/** Assembles `source` at RAM and makes a PE at its start, EL1h, MMU off. */
export function guest(source: string, options: GuestOptions = {}): Guest {
  const mem = new PhysMem(64);
  const absent = new Set<string>([...ABSENT, ...(options.absent ?? [])]);
  const has = (f: Feat): boolean => !f.startsWith('!') && !absent.has(f);
  const directory = createPeDirectory();
  const engine = createInterpreter(mem, {
    has: (f) => has(f as Feat),
    hooks: directory,
    pauth: (cpu) => directory.pauth(cpu),
    groups: A64,
    ...(options.tier && { tier: options.tier }),
  });
  const frames = Array.from({ length: options.pages ?? 512 }, () => mem.allocFrame());
  const readOnly = new Set<bigint>();
  const listeners: ((change?: Stage2Change) => void)[] = [];
  const asked: string[] = [];
  const timerLevels: string[] = [];
  const device = new Map<number, bigint>();
  const domain = createPeDomain();
  const state = { irq: 'none' as Guest['irq'] };
  const translate = (ipa: number, access: string): Stage2Answer => {
    asked.push(`${access} ${(ipa - (ipa % 4096)).toString(16)}`);
    const page = Math.floor((ipa - Number(RAM)) / 4096);
    const frame = frames[page];
    if (page < 0 || frame === undefined) return { ok: false, fault: 'translation', level: 1 };
    const writable = !readOnly.has(RAM + BigInt(page * 4096));
    if (access === 'write' && !writable) return { ok: false, fault: 'permission', level: 3 };
    return { ok: true, frame, writable, executable: true };
  };
  const pe: Pe = new Pe({
    mem,
    engine,
    domain,
    directory,
    has,
    guestHas: (f) => has(f) && !(options.guestAbsent ?? []).includes(f),
    stage2: options.stage2?.(mem, frames) ?? {
      translate,
      onChange: (l) => void listeners.push(l),
      ...(options.asksAlways && { follow: () => '' }),
    },
    interrupts: { pending: () => state.irq },
    device: {
      read: (enc) => device.get(enc),
      write: (enc, v) => {
        device.set(enc, v);
        return true;
      },
    },
    clock: options.follows
      ? { now: () => pe.cpu.time, follows: true, instructionsUntil: (tick) => Number(tick - pe.cpu.time) }
      : { now: () => pe.cpu.icount, instructionsUntil: (tick) => Number(tick - pe.cpu.icount) },
    timers: { timerLevel: (t, on) => void timerLevels.push(`${t} ${on ? 1 : 0}`) },
    readId: () => 0n,
  });
  const program = assembleProgram(source, { base: RAM });
  for (const s of program.sections) {
    s.bytes.forEach((b, i) => {
      const at = s.address + BigInt(i) - RAM;
      mem.u8[frames[Number(at >> 12n)]! * 4096 + Number(at & 0xfffn)] = b;
    });
  }
  pe.set('HCR_EL2', HCR);
  pe.set('CPTR_EL2', 0x0030_0000n | 0x0003_0000n);
  pe.set('HCRX_EL2', 0xc800n | (1n << 23n));
  pe.set('CNTHCTL_EL2', 0xc00n);
  for (const [reg, v] of FGT_OPEN) pe.set(reg, v);
  pe.set('SCTLR_EL1', 0x00c5_0078n);
  pe.set('CPACR_EL1', 0x0030_0000n);
  pe.set('VPIDR_EL2', 0x410f_d0f0n);
  pe.set('VMPIDR_EL2', 0x8000_0000n);
  pe.cpu.pc = program.entry;
  const at = (ipa: bigint): number => frames[Number((ipa - RAM) >> 12n)]! * 4096 + Number(ipa & 0xfffn);
  return {
    pe,
    mem,
    domain,
    symbols: program.symbols,
    readOnly,
    timerLevels,
    device,
    frame: (ipa) => at(ipa) >>> 12,
    write64: (ipa, value) => mem.view.setBigUint64(at(ipa), BigInt.asUintN(64, value), true),
    read64: (ipa) => mem.view.getBigUint64(at(ipa), true),
    changed: (change) => {
      for (const l of listeners) l(change);
    },
    asked,
    get irq() {
      return state.irq;
    },
    set irq(v) {
      state.irq = v;
    },
  };
}

/** The enables among the fine-grained traps. */
const FGT_OPEN = [
  ['HFGRTR_EL2', 0xfff4n << 48n],
  ['HFGWTR_EL2', 0xfff4n << 48n],
  ['HFGITR_EL2', 0x0f00n << 48n],
] as const;
