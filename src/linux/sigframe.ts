// The frame a signal handler runs on: siginfo, ucontext with all registers and the FP records, frame record. Written at
// delivery, read back by rt_sigreturn after the handler may have edited any of it. @linux rt_sigframe, struct sigcontext

import type { PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot, V_STRIDE } from '../cpu/state.ts';
import { Struct } from './bytes.ts';
import { type AddressSpace, userAddress } from './mm/mm.ts';
import { PAGE } from './mm/pages.ts';
import { putSigInfo, SIGINFO_SIZE, type SigInfo } from './siginfo.ts';

export interface AltStack {
  sp: bigint;
  size: bigint;
  flags: number;
}
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x8000_0000;

// Offsets within the frame.
const UC = SIGINFO_SIZE;
const UC_STACK = UC + 16;
const UC_SIGMASK = UC + 40;
const SC = UC + 176;
const SC_REGS = SC + 8;
const SC_PSTATE = SC + 272;
const RESERVED = SC + 288;
const RESERVED_SIZE = 4096;
const FRAME_SIZE = RESERVED + RESERVED_SIZE;
const RECORD = 16;

const FPSIMD_MAGIC = 0x46508001;
const FPSIMD_SIZE = 528;
const ESR_MAGIC = 0x45535201;
const FPMR_MAGIC = 0x46504d52;
const SVE_MAGIC = 0x53564501;
const EXTRA_MAGIC = 0x45585401;
const EXTRA_SIZE = 32;
const TERMINATOR_SIZE = 16;
/** The header of the SVE record, which stands alone while there is nothing beyond V. */
const SVE_HEADER = 16;
/** @linux SIGFRAME_MAXSZ */
const FRAME_MAX = 64 * 1024;

const NZCV_SHIFT = 28;
/** PSTATE bits besides NZCV that a program may choose through rt_sigreturn: TCO, DIT, SSBS, BTYPE. @linux valid_user_regs */
const PSTATE_USER = 0x0300_1c00;

/** SPSR as the kernel would have saved it: its upper half is zero. */
function pstateLow(cpu: CpuState): number {
  return ((cpu.nzcv << NZCV_SHIFT) | (cpu.low(Slot.PSTATE) & PSTATE_USER)) >>> 0;
}
export function pstateOf(cpu: CpuState): bigint {
  return BigInt(pstateLow(cpu));
}

export interface FrameContext {
  readonly cpu: CpuState;
  readonly mm: AddressSpace;
  readonly hasFpmr: boolean;
  readonly hasSve: boolean;
  /** Saved signal mask, restored by rt_sigreturn. */
  readonly mask: bigint;
  readonly altStack: AltStack;
  /** ESR of the fault that caused the signal, 0 if none. */
  readonly esr: number;
  readonly faultAddress: bigint;
}

/** Bytes of the SVE record with Z, P and FFR. @linux SVE_SIG_CONTEXT_SIZE */
const sveSize = (vl: number): number => SVE_HEADER + Math.ceil((32 * vl + (17 * vl) / 8) / 16) * 16;

// Signals come too often for bigints and small objects. What is moved from one place of `u64` to another is no bigint.

/** The low 128 bits of all vector registers. Strides in u64. */
function moveVectors(u64: BigUint64Array, from: number, fromStride: number, to: number, toStride: number): void {
  for (let i = 0, f = from, t = to; i < 32; i++, f += fromStride, t += toStride) {
    u64[t] = u64[f]!;
    u64[t + 1] = u64[f + 1]!;
  }
}
const IN_FRAME = 2;
const IN_STATE = V_STRIDE / 8;
function saveVectors({ base, mem: { u64 } }: CpuState, at: number): void {
  moveVectors(u64, (base + Slot.V) >>> 3, IN_STATE, at >>> 3, IN_FRAME);
}
function restoreVectors({ base, mem: { u64 } }: CpuState, at: number): void {
  moveVectors(u64, at >>> 3, IN_FRAME, (base + Slot.V) >>> 3, IN_STATE);
}
/** X0 to X30 and SP stand in the frame as in the state, and after them PC. */
const REGISTERS = 32;
function moveGeneral(u64: BigUint64Array, from: number, fromPc: number, to: number, toPc: number): void {
  for (let i = 0; i < REGISTERS; i++) u64[to + i] = u64[from + i]!;
  u64[toPc] = u64[fromPc]!;
}
function saveGeneral({ base, mem: { u64 } }: CpuState, frame: number): void {
  const regs = (frame + SC_REGS) >>> 3;
  moveGeneral(u64, (base + Slot.X) >>> 3, (base + Slot.PC) >>> 3, regs, regs + REGISTERS);
}
function restoreGeneral({ base, mem: { u64 } }: CpuState, frame: number): void {
  const regs = (frame + SC_REGS) >>> 3;
  moveGeneral(u64, regs, regs + REGISTERS, (base + Slot.X) >>> 3, (base + Slot.PC) >>> 3);
}

/** Where each record goes, and the size of the frame: what does not fit comes after an `extra` record. @linux __sigframe_alloc */
interface Layout {
  readonly at: readonly number[];
  readonly extra: number | undefined;
  readonly size: number;
  /** Where the last record ends. */
  readonly end: number;
}
function layout(sizes: readonly number[]): Layout {
  let end = RESERVED;
  let limit = RESERVED + RESERVED_SIZE - TERMINATOR_SIZE - EXTRA_SIZE;
  let extra: number | undefined;
  const at = sizes.map((size) => {
    if (size > limit - end && extra === undefined) {
      extra = end;
      end += EXTRA_SIZE + TERMINATOR_SIZE;
      limit = FRAME_MAX - TERMINATOR_SIZE;
    }
    const here = end;
    end += size;
    return here;
  });
  end += TERMINATOR_SIZE;
  return { at, extra, size: Math.max(FRAME_SIZE, end), end };
}
/** AT_MINSIGSTKSZ: room for the largest frame. @param largestVl of the CPU in bytes, 0 without SVE */
export function minimumStack(largestVl: number, hasFpmr: boolean): number {
  const sizes = [FPSIMD_SIZE, 16, ...(largestVl ? [sveSize(largestVl)] : []), ...(hasFpmr ? [16] : [])];
  return layout(sizes).size + 2 * RECORD;
}

/** A record of the frame. The order is that of the frame. */
interface Part {
  readonly magic: number;
  has(c: FrameContext): boolean;
  size(cpu: CpuState): number;
  write(c: FrameContext, s: Memory, at: number): void;
}
const PARTS: readonly Part[] = [
  {
    magic: FPSIMD_MAGIC,
    has: () => true,
    size: () => FPSIMD_SIZE,
    write: ({ cpu }, s, at) => {
      s.set32(at + 8, cpu.low(Slot.FPSR)).set32(at + 12, cpu.low(Slot.FPCR));
      saveVectors(cpu, at + 16);
    },
  },
  {
    magic: ESR_MAGIC,
    has: (c) => c.esr !== 0,
    size: () => 16,
    write: (c, s, at) => void s.set32(at + 8, c.esr),
  },
  {
    magic: SVE_MAGIC,
    has: (c) => c.hasSve,
    size: (cpu) => (cpu.sveLive !== 0 ? sveSize(cpu.vl) : SVE_HEADER),
    write: ({ cpu }, s, at) => {
      const { vl } = cpu;
      s.set16(at + 8, vl);
      if (cpu.sveLive === 0) return;
      for (let n = 0; n < 32; n++) s.bytes.set(cpu.z(n), at + SVE_HEADER + n * vl);
      for (let n = 0; n < 17; n++) s.bytes.set(cpu.p(n), at + SVE_HEADER + 32 * vl + (n * vl) / 8);
    },
  },
  {
    magic: FPMR_MAGIC,
    has: (c) => c.hasFpmr,
    size: () => 16,
    write: ({ cpu }, s, at) => void s.set32(at + 8, cpu.low(Slot.FPMR)).set32(at + 12, cpu.high(Slot.FPMR)),
  },
];
/** A frame: its records, and where they go. */
interface Shape {
  readonly parts: readonly Part[];
  readonly sizes: readonly number[];
  readonly layout: Layout;
}
/** By what decides about the frames of programs that do not use SVE. */
const shapes: Shape[] = [];
function shapeOf(c: FrameContext): Shape {
  let kind = 0;
  for (let i = 0; i < PARTS.length; i++) if (PARTS[i]!.has(c)) kind |= 1 << i;
  const known = c.cpu.sveLive === 0 ? shapes[kind] : undefined;
  if (known) return known;
  const parts = PARTS.filter((_, i) => kind & (1 << i));
  const sizes = parts.map((p) => p.size(c.cpu));
  const shape = { parts, sizes, layout: layout(sizes) };
  if (c.cpu.sveLive === 0) shapes[kind] = shape;
  return shape;
}

/** All of the memory as a structure: frames are written and read where they stand, or in `scratch` if they cross pages. */
class Memory extends Struct {
  readonly words: Uint32Array;
  readonly scratch: number;
  constructor(mem: PhysMem) {
    super(mem.u8);
    this.words = mem.u32;
    this.scratch = mem.allocFixed(SCRATCH_SIZE);
  }
  // Faster than by a view, for places that are multiples of 4.
  override u32(at: number): number {
    return this.words[at >>> 2]!;
  }
  override set32(at: number, v: number): this {
    this.words[at >>> 2] = v;
    return this;
  }
}
/** There what an `extra` record speaks of comes after the frame. */
const EXTRA_SCRATCH = 2 * PAGE;
const SCRATCH_SIZE = EXTRA_SCRATCH + FRAME_MAX;
const memories = new WeakMap<PhysMem, Memory>();
function memoryOf(mem: PhysMem): Memory {
  let m = memories.get(mem);
  if (!m) {
    m = new Memory(mem);
    memories.set(mem, m);
  }
  return m;
}
/** Frames of programs without SVE are no longer than that, as far as anything stands in them. */
const USUAL = RESERVED + 640;

/** An address in two parts. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}
/** The next multiple of 16 at least `bytes` below. */
function below({ low, high }: Halves, bytes: number): Halves {
  const at = low - bytes;
  return { low: ((at >>> 0) & ~15) >>> 0, high: at < 0 ? (high - 1) >>> 0 : high };
}
/** What the kernel makes of an address: the top byte is ignored. */
const numberOf = ({ low, high }: Halves): number => (high & 0x00ff_ffff) * 2 ** 32 + low;

/** Writes the frame below `top`, and makes SP and X29 what they are for the handler. @returns false: the stack cannot be written */
export function pushFrame(c: FrameContext, info: SigInfo, top: Halves): boolean {
  const { cpu, mm } = c;
  const shape = shapeOf(c);
  const { layout } = shape;
  const fp = below(top, RECORD);
  const sp = below(fp, layout.size);
  const record = mm.direct(numberOf(fp), RECORD, true);
  if (record < 0) return false;
  const { u32, u8 } = cpu.mem;
  const x29 = (cpu.base + Slot.X + 8 * 29) >>> 2;
  for (let i = 0; i < RECORD / 4; i++) u32[record / 4 + i] = u32[x29 + i]!;
  const all = memoryOf(cpu.mem);
  const { scratch } = all;
  const place = mm.direct(numberOf(sp), layout.end, true);
  writeFrame(c, shape, info, sp, all, place < 0 ? scratch : place);
  if (place < 0 && !mm.writeAt(numberOf(sp), u8, scratch, layout.end)) return false;
  cpu.setHalves(Slot.SP, sp.low, sp.high);
  cpu.setHalves(Slot.X + 8 * 29, fp.low, fp.high);
  return true;
}
/** @param at where the frame stands in memory; for the program it is at `sp` */
function writeFrame(c: FrameContext, shape: Shape, info: SigInfo, sp: Halves, s: Memory, at: number): void {
  const { cpu, altStack } = c;
  const { parts, sizes, layout } = shape;
  const { extra, size, end } = layout;
  cpu.mem.u32.fill(0, at / 4, (at + end) / 4);
  putSigInfo(s, info, at);
  if (altStack.sp !== 0n || altStack.size !== 0n)
    s.set64(at + UC_STACK, altStack.sp).set64(at + UC_STACK + 16, altStack.size);
  s.set32(at + UC_STACK + 8, altStack.flags);
  if (c.mask !== 0n) s.set64(at + UC_SIGMASK, c.mask);
  if (c.faultAddress !== 0n) s.set64(at + SC, c.faultAddress);
  saveGeneral(cpu, at);
  s.set32(at + SC_PSTATE, pstateLow(cpu));
  // Terminators are zero, as everything is that nobody writes.
  for (let i = 0; i < parts.length; i++) {
    const part = at + layout.at[i]!;
    s.set32(part, parts[i]!.magic).set32(part + 4, sizes[i]!);
    parts[i]!.write(c, s, part);
  }
  if (extra === undefined) return;
  const data = extra + EXTRA_SIZE + TERMINATOR_SIZE;
  s.set32(at + extra, EXTRA_MAGIC)
    .set32(at + extra + 4, EXTRA_SIZE)
    .set64(at + extra + 8, BigInt(sp.high) * 2n ** 32n + BigInt(sp.low + data))
    .set32(at + extra + 16, size - data);
}
/** Of a frame at `sp`: where ucontext is. */
export const ucontextOf = ({ low, high }: Halves): Halves => ({
  low: (low + UC) >>> 0,
  high: low + UC > 0xffff_ffff ? high + 1 : high,
});

/** What of a CPU decides which records may stand in a frame. */
interface Records {
  readonly hasFpmr: boolean;
  readonly hasSve: boolean;
}
interface Found {
  /** Where in memory they stand. */
  readonly frame: number;
  fpsimd?: number;
  fpmr?: bigint;
  sve?: { readonly at: number; readonly size: number };
}
/** Reads the records in [from, end). @returns the address and size of more of them, or whether all is well */
function readRecords(
  s: Memory,
  from: number,
  end: number,
  c: Records,
  found: Found,
): { data: bigint; size: number } | boolean {
  let more: { data: bigint; size: number } | undefined;
  for (let at = from; ; ) {
    if ((at & 15) !== 0 || at + 8 > end) return false;
    const magic = s.u32(at);
    const size = s.u32(at + 4);
    if (magic === 0) return size === 0 && (more ?? true);
    if (more || size < 16 || (size & 15) !== 0 || at + size > end) return false;
    switch (magic) {
      case FPSIMD_MAGIC:
        if (found.fpsimd !== undefined || size !== FPSIMD_SIZE) return false;
        found.fpsimd = at;
        break;
      case FPMR_MAGIC:
        if (!c.hasFpmr || size !== 16) return false;
        found.fpmr = s.u64(at + 8);
        break;
      case SVE_MAGIC:
        if (!c.hasSve || found.sve) return false;
        found.sve = { at, size };
        break;
      case ESR_MAGIC:
        break;
      case EXTRA_MAGIC:
        if (size !== EXTRA_SIZE) return false;
        more = { data: s.u64(at + 8), size: s.u32(at + 16) };
        // It must stand behind the terminator that follows.
        if (at + EXTRA_SIZE + TERMINATOR_SIZE > end) return false;
        break;
      default:
        return false;
    }
    at += size;
  }
}
export const stackOf = (cpu: CpuState): Halves => ({ low: cpu.low(Slot.SP), high: cpu.high(Slot.SP) });
/** The frame at the stack pointer, of which `length` bytes are looked at. Mostly the beginning says everything. */
function readFrame(cpu: CpuState, mm: AddressSpace, c: Records, length = USUAL): Found | undefined {
  const all = memoryOf(cpu.mem);
  const { scratch } = all;
  const sp = numberOf(stackOf(cpu));
  let frame = mm.direct(sp, length, false);
  if (frame < 0) {
    if (!mm.readAt(sp, all.bytes, scratch, length)) return undefined;
    frame = scratch;
  }
  const found: Found = { frame };
  const more = readRecords(all, frame + RESERVED, frame + length, c, found);
  if (more === true) return found;
  if (more === false) return length === FRAME_SIZE ? undefined : readFrame(cpu, mm, c, FRAME_SIZE);
  if (more.size > FRAME_MAX || more.size % 16 !== 0 || more.data % 16n !== 0n) return undefined;
  const rest = scratch + EXTRA_SCRATCH;
  if (!mm.readAt(userAddress(more.data), all.bytes, rest, more.size)) return undefined;
  return readRecords(all, rest, rest + more.size, c, found) === true ? found : undefined;
}

/** A 64-bit field, which mostly is 0: then no bigint has to be made. */
const field = (s: Memory, at: number): bigint => (s.u32(at) === 0 && s.u32(at + 4) === 0 ? 0n : s.u64(at));

/** Reads the frame at the stack pointer back into the CPU. @returns what else it restores, or undefined: SIGSEGV. */
export function popFrame(
  cpu: CpuState,
  mm: AddressSpace,
  c: Records,
): { readonly mask: bigint; readonly altStack: AltStack } | undefined {
  if ((cpu.low(Slot.SP) & 15) !== 0) return undefined;
  const found = readFrame(cpu, mm, c);
  if (found?.fpsimd === undefined) return undefined;
  const all = memoryOf(cpu.mem);
  const { frame, fpsimd, fpmr, sve } = found;
  const pstate = all.u32(frame + SC_PSTATE);
  // Mode, D, A, I, F, IL and SS must be those of plain EL0 execution.
  if ((pstate & 0x3df) !== 0) return undefined;
  if (sve && !restoreSve(cpu, all, sve)) return undefined;
  if (!sve) cpu.discardSve();
  restoreGeneral(cpu, frame);
  setPstate(cpu, pstate);
  cpu.setHalves(Slot.FPSR, all.u32(fpsimd + 8), 0);
  cpu.setHalves(Slot.FPCR, all.u32(fpsimd + 12), 0);
  // V counts where the two records differ.
  restoreVectors(cpu, fpsimd + 16);
  if (fpmr !== undefined) cpu.set(Slot.FPMR, fpmr);
  return {
    mask: field(all, frame + UC_SIGMASK),
    altStack: {
      sp: field(all, frame + UC_STACK),
      flags: all.u32(frame + UC_STACK + 8),
      size: field(all, frame + UC_STACK + 16),
    },
  };
}
/** @returns false if the record is of another vector length, of streaming mode, or too short. @linux restore_sve_fpsimd_context */
function restoreSve(cpu: CpuState, s: Memory, { at, size }: NonNullable<Found['sve']>): boolean {
  const { vl } = cpu;
  if (s.u16(at + 8) !== vl || s.u16(at + 10) !== 0) return false;
  cpu.discardSve();
  if (size === SVE_HEADER) return true;
  if (size < sveSize(vl)) return false;
  const z = at + SVE_HEADER;
  for (let n = 0; n < 32; n++) cpu.z(n).set(s.bytes.subarray(z + n * vl, z + (n + 1) * vl));
  const p = z + 32 * vl;
  for (let n = 0; n < 17; n++) cpu.p(n).set(s.bytes.subarray(p + (n * vl) / 8, p + ((n + 1) * vl) / 8));
  cpu.touchSve(vl);
  return true;
}

/** @param pstate the low half of SPSR */
function setPstate(cpu: CpuState, pstate: number): void {
  cpu.nzcv = pstate >>> NZCV_SHIFT;
  cpu.setLow(Slot.PSTATE, (cpu.low(Slot.PSTATE) & ~PSTATE_USER) | (pstate & PSTATE_USER));
}
