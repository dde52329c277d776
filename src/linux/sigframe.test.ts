// Signal frames wherever the stack is: within a page and across two, with a tag, with SVE beyond what fits into sigcontext.

import { describe, expect, it } from 'vitest';
import { PhysMem } from '../cpu/physmem.ts';
import { CpuState, Slot } from '../cpu/state.ts';
import { Map_, Signal } from './abi/flags.ts';
import { Struct } from './bytes.ts';
import { mmap } from './mm/map_calls.ts';
import { PAGE } from './mm/pages.ts';
import { popFrame, pushFrame, SS_DISABLE, stackOf, ucontextOf } from './sigframe.ts';
import { addressSpace } from './testing.ts';

const STACK = 8 * PAGE;
const ALT_STACK = { sp: 0n, size: 0n, flags: SS_DISABLE };
const RECORDS = { hasFpmr: true, hasSve: true };
const TAG = 0x5a00_0000_0000_0000n;

function machine() {
  const mem = new PhysMem(16);
  const mm = addressSpace(mem);
  const flags = Map_.MAP_PRIVATE | Map_.MAP_ANONYMOUS;
  const stack = mmap(mm, { addr: 0, length: STACK, prot: 3, flags });
  const cpu = new CpuState(mem);
  return { mm, cpu, top: BigInt(stack + STACK) };
}
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

describe('a signal frame', () => {
  for (const vl of [0, 64, 256])
    it(`gives everything back, ${vl === 0 ? 'without SVE' : `with ${vl} bytes of SVE`}`, () => {
      const { mm, cpu, top } = machine();
      if (vl !== 0) {
        cpu.vl = vl;
        cpu.touchSve(vl);
      }
      for (let down = 0; down < PAGE; down += vl === 0 ? 16 : 208) {
        const mask = down % 64 === 0 ? 0n : 1n << BigInt(down % 63);
        cpu.sp = (top - BigInt(down)) | TAG;
        fill(cpu, down + 1);
        const before = show(cpu);
        const esr = down % 32 === 0 ? 0 : 0x9200_0047;
        const context = { cpu, mm, ...RECORDS, mask, altStack: ALT_STACK, esr, faultAddress: 0x1234n };
        const info = { signo: Signal.SIGSEGV, code: 1, addr: 0x1234n };
        const [x29, x30] = [cpu.x(29), cpu.x(30)];
        expect(pushFrame(context, info, stackOf(cpu))).toBe(true);
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
        expect(popFrame(cpu, mm, RECORDS)).toEqual({ mask, altStack: ALT_STACK });
        expect(show(cpu)).toEqual(before);
      }
    });
  it('is refused where the stack cannot be written, and registers stay', () => {
    const { mm, cpu, top } = machine();
    for (const sp of [top - BigInt(STACK), top - BigInt(STACK) + 256n]) {
      cpu.sp = sp;
      fill(cpu, 9);
      const before = show(cpu);
      const context = { cpu, mm, ...RECORDS, mask: 0n, altStack: ALT_STACK, esr: 0, faultAddress: 0n };
      expect(pushFrame(context, { signo: Signal.SIGUSR1, code: 0 }, stackOf(cpu))).toBe(false);
      expect(show(cpu)).toEqual(before);
    }
  });
  it('says where an alternate stack at 0 is, too', () => {
    const { mm, cpu, top } = machine();
    cpu.sp = top;
    const altStack = { sp: 0n, size: 8192n, flags: 0 };
    const context = { cpu, mm, ...RECORDS, mask: 0n, altStack, esr: 0, faultAddress: 0n };
    expect(pushFrame(context, { signo: Signal.SIGUSR1, code: 0 }, stackOf(cpu))).toBe(true);
    expect(popFrame(cpu, mm, RECORDS)?.altStack).toEqual(altStack);
  });
});
