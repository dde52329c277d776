// The slow path of a memory access: alignment rules, translation, TLB fill, accesses that touch two pages. Shared by all
// engines, so that they fault alike. Knows no instructions.

import { highHalf, lowHalf } from '../base/bits.ts';
import type { Access as AccessRow } from '../ir/ops.ts';
import type { ExceptionRecord, Translation, Translator } from './engine.ts';
import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from './physmem.ts';
import { type CpuState, Slot } from './state.ts';
import { DATA_ENTRIES, ENTRY_SIZE, ENTRY_VALUE, type SoftTlb, TlbTable } from './tlb.ts';

export type AccessKind = 'r' | 'w' | 'rw';
const KINDS: readonly AccessKind[] = ['r', 'w', 'rw'];
const READ = ['read'] as const;
const WRITE = ['write'] as const;
const BOTH = ['read', 'write'] as const;

/** Where the parts of an access stand in a number; its size comes first. */
const ATOMIC = 7;
const ORDERED = 8;
const UNPRIVILEGED = 9;
const KIND = 10;
const ELEMENT = 12;
/** Of such a number. Writes: it does, or may. Checked: it must be aligned. */
export const ACCESS = {
  size: (1 << ATOMIC) - 1,
  checked: (1 << ATOMIC) | (1 << ORDERED),
  unprivileged: 1 << UNPRIVILEGED,
  writes: 3 << KIND,
} as const;
/** An access as one number, for compiled code. Of an element, the logarithm of its size. */
export function packAccess(kind: AccessKind, a: AccessRow): number {
  const flag = (on: boolean, bit: number): number => (on ? 1 << bit : 0);
  return (
    a.size |
    flag(a.atomic, ATOMIC) |
    flag(a.ordered, ORDERED) |
    flag(a.unprivileged, UNPRIVILEGED) |
    (KINDS.indexOf(kind) << KIND) |
    (Math.log2(a.element) << ELEMENT)
  );
}

const EC_DATA_ABORT = 0x24;
const DFSC_ALIGNMENT = 0x21;
const WNR = 1 << 6;

type Fault = Extract<Translation, { ok: false }>;
export function faultRecord(f: Fault): ExceptionRecord {
  const record = { ec: f.ec, iss: f.iss, far: f.far, ipa: f.ipa ?? 0n, toEl2: f.ipa !== undefined };
  return f.iss2 === undefined ? record : { ...record, iss2: f.iss2 };
}

/** @param ipa of an access that stage 2 makes one to Device memory: EL2 takes the fault */
export function alignmentFault(cpu: CpuState, va: bigint, write: boolean, ipa?: bigint): ExceptionRecord {
  const ec = cpu.el === 0 || ipa !== undefined ? EC_DATA_ABORT : EC_DATA_ABORT + 1;
  return { ec, iss: DFSC_ALIGNMENT | (write ? WNR : 0), far: va, ipa: ipa ?? 0n, toEl2: ipa !== undefined };
}

/** What the machine has that changes the rules of alignment. */
export interface AccessRules {
  /** FEAT_LSE2: atomic accesses may be misaligned within 16 bytes. */
  readonly lse2: boolean;
}

/** Where the two halves of a store to two pages go. */
export interface SplitStore {
  first: number;
  second: number;
  firstBytes: number;
  totalBytes: number;
}
export const newSplitStore = (): SplitStore => ({ first: 0, second: 0, firstBytes: 0, totalBytes: 0 });

export class AccessPath {
  private readonly mem: PhysMem;
  private readonly rules: AccessRules;
  private readonly tlbs = new Map<number, SoftTlb>();
  /** The answer before: most questions are for the same. */
  private last: SoftTlb | undefined;
  /** A store to two pages that is under way. */
  split: SplitStore = newSplitStore();

  constructor(mem: PhysMem, rules: AccessRules) {
    this.mem = mem;
    this.rules = rules;
  }
  add(tlb: SoftTlb): void {
    this.tlbs.set(tlb.base, tlb);
  }
  /** Instruction fetch goes through the translators again, everywhere. */
  flushFetch(): void {
    for (const tlb of this.tlbs.values()) tlb.flushFetch();
  }
  /** What has been decoded, or compiled, is not what it was. */
  renew(): void {
    for (const tlb of this.tlbs.values()) tlb.renew();
  }
  tlbOf(cpu: CpuState, unprivileged = false): SoftTlb {
    const base = this.mem.u32[(cpu.base + (unprivileged ? Slot.TLB_UNPRIVILEGED : Slot.TLB)) >>> 2]!;
    if (this.last?.base === base) return this.last;
    this.last = this.tlbs.get(base);
    if (!this.last) throw new Error('CpuState.tlb does not name a TLB of this engine');
    return this.last;
  }

  /** What compiled code looks up first: the host address of an access that the TLB knows and that stays in its page, or 0. */
  cached(cpu: CpuState, kind: AccessKind, va: bigint, size: number, unprivileged = false): number {
    return this.known(
      this.mem.u32[(cpu.base + (unprivileged ? Slot.TLB_UNPRIVILEGED : Slot.TLB)) >>> 2]!,
      kind,
      va,
      size,
    );
  }
  /** @param tlb its address */
  private known(tlb: number, kind: AccessKind, va: bigint, size: number): number {
    const { u32, i32 } = this.mem;
    const lo = lowHalf(va);
    const table = tlb + (kind === 'r' ? TlbTable.read : TlbTable.write);
    const entry = (table + ((lo >>> FRAME_SHIFT) & (DATA_ENTRIES - 1)) * ENTRY_SIZE) >>> 2;
    if ((u32[entry]! ^ lo) >>> 0 > FRAME_SIZE - size || u32[entry + 1]! !== highHalf(va)) return 0;
    return (lo + i32[entry + (ENTRY_VALUE >>> 2)]!) >>> 0;
  }
  /** @returns a host address good for the access, or 0 after having set cpu.exception. */
  probe(cpu: CpuState, va: bigint, packed: number): number {
    const size = packed & ACCESS.size;
    const kind = KINDS[(packed >> KIND) & 3]!;
    const checked = (packed & ACCESS.checked) !== 0;
    const low = lowHalf(va);
    if (checked && low & (size - 1) && !this.mayMisalign(low, size)) return this.misaligned(cpu, va, kind);
    return this.span(
      cpu,
      this.tlbOf(cpu, (packed & ACCESS.unprivileged) !== 0),
      va,
      kind,
      size,
      1 << (packed >> ELEMENT),
    );
  }
  /** Has the TLB answer for an access. @returns false if it cannot: the access faults, or is an unusual one */
  fill(cpu: CpuState, va: bigint, packed: number): boolean {
    const size = packed & ACCESS.size;
    const unprivileged = (packed & ACCESS.unprivileged) !== 0;
    const low = lowHalf(va);
    if ((packed & ACCESS.checked) !== 0 && low & (size - 1)) return false;
    if (size > FRAME_SIZE - (low & (FRAME_SIZE - 1)) || this.probe(cpu, va, packed) === 0) return false;
    return this.cached(cpu, KINDS[(packed >> KIND) & 3]!, va, size, unprivileged) !== 0;
  }
  /** The same for bytes in a row that need not be accessed at once: any number within a page, up to 64 in two. */
  span(cpu: CpuState, tlb: SoftTlb, va: bigint, kind: AccessKind, size: number, element: number): number {
    const inPage = FRAME_SIZE - (lowHalf(va) & (FRAME_SIZE - 1));
    if (size <= inPage) return this.page(cpu, tlb, va, kind, size, element);

    const first = this.known(tlb.base, kind, va, inPage) || this.page(cpu, tlb, va, kind, inPage, element);
    if (first === 0) return 0;
    const next = BigInt.asUintN(64, va + BigInt(inPage));
    const rest = size - inPage;
    const second = this.known(tlb.base, kind, next, rest) || this.page(cpu, tlb, next, kind, rest, 1);
    if (second === 0) return 0;
    const bounce = cpu.base + Slot.BOUNCE;
    if (kind === 'r') {
      this.mem.u8.copyWithin(bounce, first, first + inPage);
      this.mem.u8.copyWithin(bounce + inPage, second, second + size - inPage);
    } else {
      const { split } = this;
      split.first = first;
      split.second = second;
      split.firstBytes = inPage;
      split.totalBytes = size;
    }
    return bounce;
  }
  /** Carries a store to the bounce buffer out. */
  commit(cpu: CpuState): void {
    const bounce = cpu.base + Slot.BOUNCE;
    const { first, second, firstBytes, totalBytes } = this.split;
    this.mem.u8.copyWithin(first, bounce, bounce + firstBytes);
    this.mem.u8.copyWithin(second, bounce + firstBytes, bounce + totalBytes);
  }

  private page(cpu: CpuState, tlb: SoftTlb, va: bigint, kind: AccessKind, size: number, element: number): number {
    const low = lowHalf(va);
    let frame = 0;
    const accesses = kind === 'r' ? READ : kind === 'w' ? WRITE : BOTH;
    for (let i = 0; i < accesses.length; i++) {
      const access = accesses[i]!;
      const t = translate(tlb.translator, va, access, size, cpu);
      if (!t) return 0;
      frame = t.frame;
      if (t.aligned && low & (element - 1)) return this.misaligned(cpu, va, kind, t.alignedIpa);
      if (t.uncached || t.aligned) continue;
      tlb.fillData(access, va, frame, t.tag);
      if (access === 'read' && t.writable) tlb.fillData('write', va, frame, t.tag);
    }
    return frame * FRAME_SIZE + (low & (FRAME_SIZE - 1));
  }
  /** @arm AArch64.UnalignedAccessFaults, with SCTLR_ELx.nAA = 0 */
  private mayMisalign(low: number, size: number): boolean {
    return this.rules.lse2 && (low & 15) + size <= 16;
  }
  private misaligned(cpu: CpuState, va: bigint, kind: AccessKind, ipa?: bigint): number {
    cpu.exception = alignmentFault(cpu, va, kind !== 'r', ipa);
    return 0;
  }
}

/** @returns the translation, or undefined after having set cpu.exception. */
export function translate(
  translator: Translator,
  va: bigint,
  access: 'read' | 'write' | 'execute',
  size: number,
  cpu: CpuState,
): Extract<Translation, { ok: true }> | undefined {
  const t = translator.translate(va, access, size, cpu);
  if (t.ok) return t;
  cpu.exception = faultRecord(t);
  return undefined;
}
