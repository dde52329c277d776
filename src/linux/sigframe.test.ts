// Signal frames wherever the stack is: within a page and across two, with a tag, with SVE beyond what fits into sigcontext.

import { describe, expect, it } from 'vitest';
import { PhysMem } from '../cpu/physmem.ts';
import { CpuState, Slot } from '../cpu/state.ts';
import { SoftTlb } from '../cpu/tlb.ts';
import { Map_, Signal } from './abi/flags.ts';
import { type AltStack, NO_ALT_STACK } from './alt_stack.ts';
import { Struct } from './bytes.ts';
import { mmap } from './mm/map_calls.ts';
import { PAGE } from './mm/pages.ts';
import { pstateOf, SignalFrames, stackOf, ucontextOf } from './sigframe.ts';
import { encodeSigInfo, type SigInfo } from './siginfo.ts';
import { addressSpace } from './testing.ts';

const STACK = 8 * PAGE;
const RECORDS = { hasFpmr: true, hasSve: true, hasBti: true };
const TAG = 0x5a00_0000_0000_0000n;

function machine() {
  const mem = new PhysMem(16);
  const mm = addressSpace(mem);
  const flags = Map_.MAP_PRIVATE | Map_.MAP_ANONYMOUS;
  const stack = mmap(mm, { addr: 0, length: STACK, prot: 3, flags });
  const cpu = new CpuState(mem);
  const frames = new SignalFrames(mem, RECORDS);
  const push = (info: SigInfo, o: Partial<Rest> = {}): boolean => {
    const { mask, altStack, faultEsr, faultAddress } = { ...REST, ...o };
    return frames.push({ state: cpu, mm, faultEsr, faultAddress }, info, stackOf(cpu), mask, altStack);
  };
  /** What it restores besides registers. */
  const pop = (): { mask: bigint; altStack: AltStack } | undefined => {
    const frame = frames.pop(cpu, mm);
    return frame === 0 ? undefined : { mask: frames.maskIn(frame), altStack: frames.altStackIn(frame) };
  };
  /** The program has lately written to its whole stack. */
  const touchStack = (): void => {
    const tlb = new SoftTlb(mem, mm);
    for (let at = BigInt(stack); at < BigInt(stack + STACK); at += BigInt(PAGE))
      for (const table of ['read', 'write'] as const) tlb.fillData(table, at, Number(mm.frame(at, true)));
    cpu.tlb = tlb.base;
  };
  const enter = (info: SigInfo, withInfo: boolean, { faultEsr, faultAddress }: Rest): boolean =>
    frames.enter({ state: cpu, mm, faultEsr, faultAddress }, info, 0xdead_0004n, 0xbeef_0008n, withInfo);
  const leave = (): boolean => frames.leave(cpu);
  return { mm, cpu, top: BigInt(stack + STACK), push, pop, touchStack, enter, leave };
}
/** What a frame keeps besides registers and siginfo. */
interface Rest {
  readonly mask: bigint;
  readonly altStack: AltStack;
  readonly faultEsr: number;
  readonly faultAddress: bigint;
}
const REST: Rest = { mask: 0n, altStack: NO_ALT_STACK, faultEsr: 0, faultAddress: 0n };
/** All that a frame keeps, made of a number. */
function fill(cpu: CpuState, seed: number): void {
  const word = (i: number): bigint => BigInt.asUintN(64, 0x9e37_79b9_7f4a_7c15n * BigInt(seed * 1000 + i + 1));
  for (let i = 0; i < 31; i++) cpu.setX(i, word(i));
  for (let i = 0; i < 32; i++) cpu.setV(i, word(100 + i), word(200 + i));
  cpu.pc = word(300) & 0xffff_ffff_fffcn;
  cpu.nzcv = seed & 15;
  cpu.set(Slot.FPSR, word(301) & 0x1fn);
  cpu.set(Slot.FPCR, word(302) & 0xc00_0000n);
  cpu.set(Slot.FPMR, word(303));
  for (let n = 0; n < 32 && cpu.sveLive !== 0; n++) cpu.z(n).fill((seed + n) & 255, 16);
  for (let n = 0; n < 17 && cpu.sveLive !== 0; n++) cpu.p(n).fill((seed * 3 + n) & 255);
}
function show(cpu: CpuState): unknown {
  return {
    x: Array.from({ length: 31 }, (_, i) => cpu.x(i)),
    z: Array.from({ length: 32 }, (_, i) => [...cpu.z(i)]),
    p: Array.from({ length: 17 }, (_, i) => [...cpu.p(i)]),
    rest: [cpu.sp, cpu.pc, cpu.nzcv, ...[Slot.FPSR, Slot.FPCR, Slot.FPMR].map((slot) => cpu.get(slot))],
  };
}

/** The bytes of a frame, written field by field. @param sp where it stands @linux struct rt_sigframe */
function written(
  cpu: CpuState,
  info: SigInfo,
  sp: bigint,
  { mask, altStack, faultEsr, faultAddress }: Rest,
): Uint8Array {
  const s = new Struct(64 * 1024);
  s.bytes.set(encodeSigInfo(info));
  s.set64(144, altStack.sp).set32(152, altStack.flags).set64(160, altStack.size).set64(168, mask);
  s.set64(304, faultAddress);
  for (let i = 0; i < 31; i++) s.set64(312 + 8 * i, cpu.x(i));
  s.set64(560, cpu.sp).set64(568, cpu.pc).set64(576, pstateOf(cpu));
  let at = 592;
  const record = (magic: string, size: number): number => {
    for (let i = 0; i < 4; i++) s.set8(at + i, magic.charCodeAt(3 - i));
    s.set32(at + 4, size);
    at += size;
    return at - size;
  };
  const v = record('FP\x80\x01', 528);
  s.set32(v + 8, Number(cpu.get(Slot.FPSR))).set32(v + 12, Number(cpu.get(Slot.FPCR)));
  for (let n = 0; n < 32; n++) {
    const [low, high] = cpu.v(n);
    s.set64(v + 16 + 16 * n, low).set64(v + 24 + 16 * n, high);
  }
  if (faultEsr !== 0) s.set32(record('ESR\x01', 16) + 8, faultEsr);
  const { vl } = cpu;
  const live = cpu.sveLive !== 0;
  const size = live ? 16 + 32 * vl + Math.ceil((17 * vl) / 8 / 16) * 16 : 16;
  let extra: number | undefined;
  if (at + size > 592 + 4096 - 48) {
    extra = record('EXT\x01', 32);
    s.set64(extra + 8, sp + BigInt(extra + 48));
    at += 16;
  }
  const z = record('SVE\x01', size);
  s.set16(z + 8, vl);
  for (let n = 0; n < 32 && live; n++) s.bytes.set(cpu.z(n), z + 16 + n * vl);
  for (let n = 0; n < 17 && live; n++) s.bytes.set(cpu.p(n), z + 16 + 32 * vl + (n * vl) / 8);
  s.set64(record('FPMR', 16) + 8, cpu.get(Slot.FPMR));
  at += 16;
  if (extra !== undefined) s.set32(extra + 16, at - extra - 48);
  return s.bytes.slice(0, at);
}
const JUNK = 0xa5;

describe('a signal frame', () => {
  for (const vl of [0, 16, 48, 128, 256])
    it(`has every byte where Linux has it, ${vl === 0 ? 'without SVE' : `with ${vl} bytes of SVE`}`, () => {
      const { mm, cpu, top, push } = machine();
      if (vl !== 0) {
        cpu.vl = vl;
        cpu.touchSve(vl);
      }
      const signals: SigInfo[] = [
        { signo: Signal.SIGILL, code: 1, addr: 0x40_1234n },
        { signo: Signal.SIGUSR1, code: 0, pid: 7, uid: 8 },
        { signo: 40, code: -1, errno: 2, pid: 9, uid: 10, value: 0xfedc_ba98_7654_3210n },
      ];
      for (let round = 0; round < 24; round++) {
        cpu.sp = (top - BigInt(round * 176)) | (round % 2 === 0 ? TAG : 0n);
        fill(cpu, round + 40);
        const info = signals[round % 3]!;
        const rest: Rest = {
          mask: round % 4 === 0 ? 0x8000_0000_0000_0001n >> BigInt(round) : 0n,
          altStack: round % 5 === 0 ? { sp: 0x1_2345_6789_0000n, size: 8192n, flags: 1 } : NO_ALT_STACK,
          faultEsr: round % 3 === 0 ? 0xbe00_0000 + round : 0,
          faultAddress: round % 6 === 0 ? 0xff00_0000_dead_beefn : 0n,
        };
        mm.write(top - BigInt(STACK), new Uint8Array(STACK).fill(JUNK));
        const before = cpu.sp & 0xff_ffff_ffff_ffffn;
        const length = written(cpu, info, 0n, rest).length;
        const sp = cpu.sp - 16n - BigInt(Math.max(592 + 4096, length));
        const expected = new Uint8Array(Number(before - (sp & 0xff_ffff_ffff_ffffn))).fill(JUNK);
        expected.set(written(cpu, info, sp, rest));
        const record = new Struct(expected.subarray(-16));
        record.set64(0, cpu.x(29)).set64(8, cpu.x(30));
        expect(push(info, rest)).toBe(true);
        expect(cpu.sp).toBe(sp);
        const found = new Uint8Array(expected.length);
        expect(mm.read(sp, found)).toBe(true);
        expect(found.findIndex((byte, i) => byte !== expected[i])).toBe(-1);
      }
    });
  for (const vl of [0, 64, 256])
    it(`gives everything back, ${vl === 0 ? 'without SVE' : `with ${vl} bytes of SVE`}`, () => {
      const { mm, cpu, top, push, pop } = machine();
      if (vl !== 0) {
        cpu.vl = vl;
        cpu.touchSve(vl);
      }
      for (let down = 0; down < PAGE; down += vl === 0 ? 16 : 208) {
        const mask = down % 64 === 0 ? 0n : 1n << BigInt(down % 63);
        cpu.sp = (top - BigInt(down)) | TAG;
        fill(cpu, down + 1);
        const before = show(cpu);
        const faultEsr = down % 32 === 0 ? 0 : 0x9200_0047;
        const info = { signo: Signal.SIGSEGV, code: 1, addr: 0x1234n };
        const [x29, x30] = [cpu.x(29), cpu.x(30)];
        expect(push(info, { mask, faultEsr, faultAddress: 0x1234n })).toBe(true);
        expect([cpu.sp % 16n, cpu.sp >> 56n, cpu.x(29) >> 56n]).toEqual([0n, TAG >> 56n, TAG >> 56n]);
        const record = new Struct(16);
        expect(mm.read(cpu.x(29), record.bytes)).toBe(true);
        expect([record.u64(0), record.u64(8)]).toEqual([x29, x30]);
        const { low, high } = ucontextOf(stackOf(cpu));
        const x7 = new Struct(8);
        const gregs = (BigInt(high) << 32n) + BigInt(low) + 184n;
        expect(mm.read(gregs + 56n, x7.bytes) && x7.u64(0)).toBe(cpu.x(7));
        const siginfo = new Struct(24);
        expect(mm.read(cpu.sp, siginfo.bytes)).toBe(true);
        expect([siginfo.u32(0), siginfo.u32(8), siginfo.u64(16)]).toEqual([Signal.SIGSEGV, 1, 0x1234n]);
        const { sp } = cpu;
        fill(cpu, down + 2);
        cpu.sp = sp;
        expect(pop()).toEqual({ mask, altStack: NO_ALT_STACK });
        expect(show(cpu)).toEqual(before);
      }
    });
  it('is refused where the stack cannot be written, and registers stay', () => {
    const { cpu, top, push } = machine();
    for (const sp of [top - BigInt(STACK), top - BigInt(STACK) + 256n]) {
      cpu.sp = sp;
      fill(cpu, 9);
      const before = show(cpu);
      expect(push({ signo: Signal.SIGUSR1, code: 0 })).toBe(false);
      expect(show(cpu)).toEqual(before);
    }
  });
  it('says where an alternate stack at 0 is, too', () => {
    const { cpu, top, push, pop } = machine();
    cpu.sp = top;
    const altStack = { sp: 0n, size: 8192n, flags: 0 };
    expect(push({ signo: Signal.SIGUSR1, code: 0 }, { altStack })).toBe(true);
    expect(pop()?.altStack).toEqual(altStack);
  });

  describe('of a fault that is met as most are', () => {
    const info: SigInfo = { signo: Signal.SIGILL, code: 1, addr: 0xff00_0040_1234n };
    const rest: Rest = { ...REST, faultEsr: 0x9200_0047, faultAddress: 0xff00_0000_dead_beefn };
    const fits = (sp: bigint): boolean => (sp - 16n - 4688n) % BigInt(PAGE) <= BigInt(PAGE) - 592n - 592n;
    it('is the same', () => {
      const { mm, cpu, top, touchStack, enter, leave } = machine();
      touchStack();
      let [entered, left] = [0, 0];
      for (let down = 0; down < 2 * PAGE; down += 8) {
        mm.write(top - BigInt(STACK), new Uint8Array(STACK).fill(JUNK));
        cpu.sp = top - BigInt(down);
        fill(cpu, down + 3);
        // Everything that a program may have there.
        const pstate = [0n, 0x0300_1c00n, 0x0200_0800n, 0x0100_1400n][(down / 8) % 4]!;
        cpu.set(Slot.PSTATE, pstate);
        const before = show(cpu);
        const { sp } = cpu;
        const at = ((sp - 16n) & ~15n) - 4688n;
        const expected = new Struct(Number(sp - at));
        expected.bytes.fill(JUNK);
        expected.bytes.set(written(cpu, info, at, rest));
        const [fp, withInfo] = [(sp - 16n) & ~15n, down % 16 === 0];
        expected.set64(Number(fp - at), cpu.x(29)).set64(Number(fp - at) + 8, cpu.x(30));
        const x = Array.from({ length: 31 }, (_, i) => cpu.x(i));
        if (!enter(info, withInfo, rest)) {
          expect(fits(sp)).toBe(false);
          expect(show(cpu)).toEqual(before);
          continue;
        }
        entered++;
        const found = new Uint8Array(expected.bytes.length);
        expect(mm.read(at, found)).toBe(true);
        expect(found.findIndex((byte, i) => byte !== expected.bytes[i])).toBe(-1);
        [x[0], x[29], x[30]] = [BigInt(info.signo), fp, 0xbeef_0008n];
        if (withInfo) [x[1], x[2]] = [at, at + 128n];
        expect(Array.from({ length: 31 }, (_, i) => cpu.x(i))).toEqual(x);
        expect([cpu.sp, cpu.pc, cpu.get(Slot.PSTATE)]).toEqual([at, 0xdead_0004n, (pstate & 0x0100_1000n) | 0x800n]);
        fill(cpu, down + 4);
        cpu.set(Slot.PSTATE, 0n);
        cpu.sp = at;
        expect(leave()).toBe(true);
        left++;
        expect(show(cpu)).toEqual(before);
        expect(cpu.get(Slot.PSTATE)).toBe(pstate);
      }
      expect(left).toBe(entered);
      expect(entered).toBeGreaterThan(PAGE / 8);
    });
    it('is left alone where the program has not been', () => {
      const { cpu, top, enter, leave } = machine();
      cpu.tlb = new SoftTlb(cpu.mem, machine().mm).base;
      cpu.sp = top;
      fill(cpu, 1);
      const before = show(cpu);
      expect([enter(info, true, rest), leave()]).toEqual([false, false]);
      expect(show(cpu)).toEqual(before);
    });
    it('is taken back only if it says no more than that', () => {
      const { mm, cpu, top, touchStack, push, leave } = machine();
      touchStack();
      cpu.sp = top - 1024n;
      fill(cpu, 1);
      expect(push(info, rest)).toBe(true);
      const { sp } = cpu;
      const esr = 592 + 528;
      // Stack, mask, PSTATE, records, the end.
      for (const at of [144, 152, 160, 168, 576, 592, 596, esr, esr + 16, esr + 24, esr + 32, esr + 48, esr + 52]) {
        const byte = new Uint8Array(1);
        expect(mm.read(sp + BigInt(at), byte)).toBe(true);
        mm.write(sp + BigInt(at), Uint8Array.of(byte[0]! ^ 1));
        const before = show(cpu);
        expect([at, leave()]).toEqual([at, false]);
        expect(show(cpu)).toEqual(before);
        mm.write(sp + BigInt(at), byte);
      }
      cpu.sp = sp + 8n;
      expect(leave()).toBe(false);
      cpu.sp = sp;
      expect(leave()).toBe(true);
      // A signal that is none of a fault: without ESR.
      cpu.sp = top - 1024n;
      expect(push({ signo: Signal.SIGUSR1, code: 0 })).toBe(true);
      expect(leave()).toBe(true);
    });
  });
});
