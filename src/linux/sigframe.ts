// The frame a signal handler runs on: siginfo, ucontext with all registers and the FP records, frame record. Written at
// delivery, read back by rt_sigreturn after the handler may have edited any of it. @linux setup_rt_frame, restore_sigframe

import { joined } from '../base/bits.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { type CpuState, Slot } from '../cpu/state.ts';
import { type AltStack, NO_ALT_STACK, SS_DISABLE } from './alt_stack.ts';
import { Struct } from './bytes.ts';
import { userAddress } from './mm/addresses.ts';
import type { AddressSpace } from './mm/mm.ts';
import { PAGE } from './mm/pages.ts';
import {
  At,
  EXTRA_SIZE,
  FPSIMD_SIZE,
  FRAME_MAX,
  FRAME_SIZE,
  Magic,
  PSTATE_FIXED,
  PSTATE_USER,
  RECORD,
  type Records,
  type Shape,
  SMALL,
  SVE_HEADER,
  shapeOf,
  sveSize,
  TERMINATOR_SIZE,
} from './sigframe_layout.ts';
import { type Moves, makeMoves } from './sigframe_moves.ts';
import { makeQuick, type Quick, Told } from './sigframe_quick.ts';
import { putSigInfo, type SigInfo } from './siginfo.ts';

const NZCV_SHIFT = 28;

/** SPSR as the kernel would have saved it: its upper half is zero. */
function pstateLow(cpu: CpuState): number {
  return ((cpu.nzcv << NZCV_SHIFT) | (cpu.low(Slot.PSTATE) & PSTATE_USER)) >>> 0;
}
export function pstateOf(cpu: CpuState): bigint {
  return BigInt(pstateLow(cpu));
}
/** @param pstate the low half of SPSR */
function setPstate(cpu: CpuState, pstate: number): void {
  cpu.nzcv = pstate >>> NZCV_SHIFT;
  cpu.setLow(Slot.PSTATE, (cpu.low(Slot.PSTATE) & ~PSTATE_USER) | (pstate & PSTATE_USER));
}

/** Whom a signal interrupts: a thread. */
export interface Interrupted {
  readonly state: CpuState;
  readonly mm: AddressSpace;
  /** ESR of the fault that caused the signal, 0 if none. */
  readonly faultEsr: number;
  readonly faultAddress: bigint;
}
/** An address in two parts. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}
export const stackOf = (cpu: CpuState): Halves => ({ low: cpu.low(Slot.SP), high: cpu.high(Slot.SP) });
/** The next multiple of 16 at least `bytes` below. */
function below({ low, high }: Halves, bytes: number): Halves {
  const at = low - bytes;
  return { low: ((at >>> 0) & ~15) >>> 0, high: at < 0 ? (high - 1) >>> 0 : high };
}
/** What the kernel makes of an address: the top byte is ignored. */
const numberOf = (low: number, high: number): number => joined(high & 0x00ff_ffff, low);
/** Of a frame at `sp`: where ucontext is. */
export const ucontextOf = ({ low, high }: Halves): Halves => ({
  low: (low + At.UC) >>> 0,
  high: low + At.UC > 0xffff_ffff ? high + 1 : high,
});

/** All of the memory as a structure: frames are written and read where they stand, or in `scratch` if they cross pages. */
class Memory extends Struct {
  private readonly words: Uint32Array;
  private readonly longs: BigUint64Array;
  constructor(mem: PhysMem) {
    super(mem.u8);
    this.words = mem.u32;
    this.longs = mem.u64;
  }
  // Faster than by a view, for places that are multiples of the size.
  override u32(at: number): number {
    return this.words[at >>> 2]!;
  }
  override set32(at: number, v: number): this {
    this.words[at >>> 2] = v;
    return this;
  }
  override set64(at: number, v: bigint | number): this {
    this.longs[at >>> 3] = typeof v === 'bigint' ? v : BigInt(v);
    return this;
  }
  head(at: number, magic: number, size: number, low = 0, high = 0): void {
    this.set32(at, magic)
      .set32(at + 4, size)
      .set32(at + 8, low)
      .set32(at + 12, high);
  }
  /** Of a 64-bit field. */
  isZero(at: number): boolean {
    return (this.u32(at) | this.u32(at + 4)) === 0;
  }
}
/** There what an `extra` record speaks of comes after the frame. */
const EXTRA_SCRATCH = 2 * PAGE;
/** Frames of programs without SVE are no longer than that, as far as anything stands in them. */
const USUAL = shapeOf(true, SVE_HEADER, true).end;

/** The records of the frame that is read, as addresses in memory; 0: not there. */
class Found {
  fpsimd = 0;
  fpmr = 0;
  sve = 0;
  extra = 0;

  clear(): void {
    this.fpsimd = 0;
    this.fpmr = 0;
    this.sve = 0;
    this.extra = 0;
  }
}

/** Writes and reads the frames of one machine. */
export class SignalFrames {
  private readonly mem: PhysMem;
  private readonly has: Records;
  private readonly all: Memory;
  private readonly moves: Moves;
  private readonly quick: Quick;
  private readonly told: number;
  private readonly scratch: number;
  /** Of programs that do not use SVE, without and with ESR. */
  private readonly usual: readonly [Shape, Shape];
  private readonly found = new Found();

  constructor(mem: PhysMem, has: Records) {
    this.mem = mem;
    this.has = has;
    this.all = new Memory(mem);
    this.moves = makeMoves(mem);
    this.quick = makeQuick(mem, has);
    this.told = mem.allocFixed(Told.SIZE);
    this.scratch = mem.allocFixed(EXTRA_SCRATCH + FRAME_MAX);
    const sve = has.hasSve ? SVE_HEADER : 0;
    this.usual = [shapeOf(false, sve, has.hasFpmr), shapeOf(true, sve, has.hasFpmr)];
  }

  /**
   * Enters the handler of a fault if everything is as it mostly is. Nothing may be blocked, and there may be no alternate
   * stack and nothing of SVE beyond V.
   * @param restorer what the handler returns to
   * @returns false: nothing has been done
   */
  enter(t: Interrupted, info: SigInfo, handler: bigint, restorer: bigint, withInfo: boolean): boolean {
    const { all, told } = this;
    all
      .set64(told + Told.ADDR, info.addr!)
      .set64(told + Told.FAULT, t.faultAddress)
      .set64(told + Told.HANDLER, handler)
      .set64(told + Told.RESTORER, restorer);
    return this.quick.enter(t.state.base, told, info.signo, info.code, t.faultEsr, withInfo ? 1 : 0) !== 0;
  }
  /**
   * Returns from a handler, if everything is as it mostly is: then nothing is blocked, and there is no alternate stack.
   * Nothing of SVE may be there beyond V.
   * @returns false: nothing has been done
   */
  leave(cpu: CpuState): boolean {
    return this.quick.leave(cpu.base) !== 0;
  }

  // ---- delivery --------------------------------------------------------------------------------------------------------

  /**
   * Writes the frame below `top`, and makes SP and X29 what they are for the handler.
   * @param mask the signal mask that rt_sigreturn restores
   * @returns false: the stack cannot be written
   */
  push(t: Interrupted, info: SigInfo, top: Halves, mask: bigint, altStack: AltStack): boolean {
    const { state: cpu, mm } = t;
    const { mem, has, scratch } = this;
    const esr = t.faultEsr !== 0;
    const shape =
      cpu.sveLive === 0 || !has.hasSve ? this.usual[esr ? 1 : 0] : shapeOf(esr, sveSize(cpu.vl), has.hasFpmr);
    const fp = below(top, RECORD);
    const sp = below(fp, shape.size);
    const record = mm.direct(numberOf(fp.low, fp.high), RECORD, true);
    if (record < 0) return false;
    const { u32, u8 } = mem;
    const x29 = (cpu.base + Slot.X + 8 * 29) >>> 2;
    for (let i = 0; i < RECORD / 4; i++) u32[record / 4 + i] = u32[x29 + i]!;
    const address = numberOf(sp.low, sp.high);
    const place = mm.direct(address, shape.end, true);
    const at = place < 0 ? scratch : place;
    this.moves.save(cpu.base, at, at + shape.fpsimd + SMALL);
    this.describe(t, info, at, mask, altStack);
    this.writeRecords(t, shape, sp, at);
    if (place < 0 && !mm.writeAt(address, u8, scratch, shape.end)) return false;
    cpu.setHalves(Slot.SP, sp.low, sp.high);
    cpu.setHalves(Slot.X + 8 * 29, fp.low, fp.high);
    return true;
  }
  /** What is not zero before the records, and not a register that has been moved. */
  private describe(t: Interrupted, info: SigInfo, at: number, mask: bigint, altStack: AltStack): void {
    const { all } = this;
    putSigInfo(all, info, at);
    all.set32(at + At.STACK + 8, altStack.flags);
    if (altStack !== NO_ALT_STACK) all.set64(at + At.STACK, altStack.sp).set64(at + At.STACK + 16, altStack.size);
    if (mask !== 0n) all.set64(at + At.SIGMASK, mask);
    if (t.faultAddress !== 0n) all.set64(at + At.SC, t.faultAddress);
    all.set32(at + At.PSTATE, pstateLow(t.state));
  }
  /** @param at where the frame stands in memory; for the program it is at `sp` */
  private writeRecords({ state: cpu, faultEsr }: Interrupted, shape: Shape, sp: Halves, at: number): void {
    const { all } = this;
    all.head(at + shape.fpsimd, Magic.FPSIMD, FPSIMD_SIZE, cpu.low(Slot.FPSR), cpu.low(Slot.FPCR));
    if (shape.esr !== 0) all.head(at + shape.esr, Magic.ESR, SMALL, faultEsr);
    if (shape.sve !== 0) all.head(at + shape.sve, Magic.SVE, shape.sveSize, cpu.vl);
    if (shape.sveSize > SVE_HEADER) this.saveSve(cpu, at + shape.sve + SVE_HEADER, at + shape.sve + shape.sveSize);
    if (shape.fpmr !== 0) all.head(at + shape.fpmr, Magic.FPMR, SMALL, cpu.low(Slot.FPMR), cpu.high(Slot.FPMR));
    all.head(at + shape.end - TERMINATOR_SIZE, 0, 0);
    if (shape.extra === 0) return;
    const data = shape.extra + EXTRA_SIZE + TERMINATOR_SIZE;
    const extra = at + shape.extra;
    all.head(extra, Magic.EXTRA, EXTRA_SIZE);
    all.set64(extra + 8, BigInt(sp.high) * 2n ** 32n + BigInt(sp.low + data));
    all.head(extra + 16, shape.size - data, 0);
    all.head(extra + EXTRA_SIZE, 0, 0);
  }
  private saveSve(cpu: CpuState, at: number, end: number): void {
    const { vl } = cpu;
    const { u8 } = this.mem;
    const p = at + 32 * vl;
    for (let n = 0; n < 32; n++) u8.set(cpu.z(n), at + n * vl);
    for (let n = 0; n < 17; n++) u8.set(cpu.p(n), p + (n * vl) / 8);
    u8.fill(0, p + (17 * vl) / 8, end);
  }

  // ---- rt_sigreturn ----------------------------------------------------------------------------------------------------

  /** Reads the frame at the stack pointer back into the CPU. @returns where it stands, for what else it has; 0: SIGSEGV */
  pop(cpu: CpuState, mm: AddressSpace): number {
    if ((cpu.low(Slot.SP) & 15) !== 0) return 0;
    const { all, found } = this;
    const frame = this.read(cpu, mm, USUAL);
    const { fpsimd, fpmr, sve } = found;
    if (frame === 0 || fpsimd === 0) return 0;
    const pstate = all.u32(frame + At.PSTATE);
    if ((pstate & PSTATE_FIXED) !== 0) return 0;
    if (sve === 0) cpu.discardSve();
    else if (!this.restoreSve(cpu, sve)) return 0;
    // V counts where the two records differ.
    this.moves.restore(cpu.base, frame, fpsimd + SMALL);
    setPstate(cpu, pstate);
    cpu.setHalves(Slot.FPSR, all.u32(fpsimd + 8), 0);
    cpu.setHalves(Slot.FPCR, all.u32(fpsimd + 12), 0);
    if (fpmr !== 0) cpu.setHalves(Slot.FPMR, all.u32(fpmr + 8), all.u32(fpmr + 12));
    return frame;
  }
  /** uc_sigmask of a frame that pop() has found. */
  maskIn(frame: number): bigint {
    const at = frame + At.SIGMASK;
    // No bigint has to be made then.
    return this.all.isZero(at) ? 0n : this.all.u64(at);
  }
  /** uc_stack of it. */
  altStackIn(frame: number): AltStack {
    const { all } = this;
    const at = frame + At.STACK;
    const flags = all.u32(at + 8);
    const isNone = flags === SS_DISABLE && all.isZero(at) && all.isZero(at + 16);
    return isNone ? NO_ALT_STACK : { sp: all.u64(at), size: all.u64(at + 16), flags };
  }
  /** Finds the frame, of which `length` bytes are looked at: mostly the beginning says everything. @returns 0 if it is not right */
  private read(cpu: CpuState, mm: AddressSpace, length: number): number {
    const { all, found, scratch } = this;
    const sp = numberOf(cpu.low(Slot.SP), cpu.high(Slot.SP));
    let frame = mm.direct(sp, length, false);
    if (frame < 0) {
      if (!mm.readAt(sp, all.bytes, scratch, length)) return 0;
      frame = scratch;
    }
    found.clear();
    if (!this.readRecords(frame + At.RESERVED, frame + length))
      return length === FRAME_SIZE ? 0 : this.read(cpu, mm, FRAME_SIZE);
    const { extra } = found;
    if (extra === 0) return frame;
    const [data, size] = [all.u64(extra + 8), all.u32(extra + 16)];
    if (size > FRAME_MAX || size % 16 !== 0 || data % 16n !== 0n) return 0;
    const rest = scratch + EXTRA_SCRATCH;
    if (!mm.readAt(userAddress(data), all.bytes, rest, size)) return 0;
    return this.readRecords(rest, rest + size) ? frame : 0;
  }
  /** Finds the records in [from, end). @returns whether they are all right */
  private readRecords(from: number, end: number): boolean {
    const { all, found, has } = this;
    const first = found.extra === 0;
    for (let at = from; ; ) {
      if ((at & 15) !== 0 || at + 8 > end) return false;
      const magic = all.u32(at);
      const size = all.u32(at + 4);
      if (magic === 0) return size === 0;
      if ((first && found.extra !== 0) || size < 16 || (size & 15) !== 0 || at + size > end) return false;
      switch (magic) {
        case Magic.FPSIMD:
          if (found.fpsimd !== 0 || size !== FPSIMD_SIZE) return false;
          found.fpsimd = at;
          break;
        case Magic.FPMR:
          if (!has.hasFpmr || size !== SMALL) return false;
          found.fpmr = at;
          break;
        case Magic.SVE:
          if (!has.hasSve || found.sve !== 0) return false;
          found.sve = at;
          break;
        case Magic.ESR:
          break;
        case Magic.EXTRA:
          // It must stand behind the terminator that follows.
          if (!first || size !== EXTRA_SIZE || at + EXTRA_SIZE + TERMINATOR_SIZE > end) return false;
          found.extra = at;
          break;
        default:
          return false;
      }
      at += size;
    }
  }
  /** @returns false if the record is of another vector length, of streaming mode, or too short. @linux restore_sve_fpsimd_context */
  private restoreSve(cpu: CpuState, at: number): boolean {
    const { all } = this;
    const { vl } = cpu;
    const { bytes } = all;
    const size = all.u32(at + 4);
    // Vector length, and flags above.
    if (all.u32(at + 8) !== vl) return false;
    cpu.discardSve();
    if (size === SVE_HEADER) return true;
    if (size < sveSize(vl)) return false;
    const z = at + SVE_HEADER;
    for (let n = 0; n < 32; n++) cpu.z(n).set(bytes.subarray(z + n * vl, z + (n + 1) * vl));
    const p = z + 32 * vl;
    for (let n = 0; n < 17; n++) cpu.p(n).set(bytes.subarray(p + (n * vl) / 8, p + ((n + 1) * vl) / 8));
    cpu.touchSve(vl);
    return true;
  }
}
