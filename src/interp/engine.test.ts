import { describe, expect, it } from 'vitest';
import { type Engine, Exit, type SystemHooks, type Translator } from '../cpu/engine.ts';
import { PhysMem } from '../cpu/physmem.ts';
import { CpuState } from '../cpu/state.ts';
import { branches } from '../isa/branches.ts';
import { dpImm } from '../isa/dp_imm.ts';
import { dpReg } from '../isa/dp_reg.ts';
import { system } from '../isa/system.ts';
import { createInterpreter } from './engine.ts';

const GROUPS = [dpImm, dpReg, branches, system];
const NO_SYSTEM: SystemHooks = {
  readSysreg: () => undefined,
  writeSysreg: () => false,
  system: () => undefined,
};

function machine(words: readonly number[], at = 0x400000n): { engine: Engine; cpu: CpuState; mem: PhysMem } {
  const mem = new PhysMem(64);
  const frames = new Map<bigint, number>();
  const frameOf = (va: bigint): number => {
    const page = va >> 12n;
    const f = frames.get(page) ?? mem.allocFrame();
    frames.set(page, f);
    return f;
  };
  const translator: Translator = {
    translate: (va) => ({ ok: true, frame: frameOf(va), writable: true, executable: true }),
  };
  words.forEach((w, i) => {
    const va = at + BigInt(4 * i);
    mem.view.setUint32(frameOf(va) * 4096 + Number(va & 4095n), w, true);
  });
  const engine = createInterpreter(mem, { has: () => true, hooks: NO_SYSTEM, groups: GROUPS });
  const cpu = new CpuState(mem);
  cpu.tlb = engine.createTlb(translator).base;
  cpu.pc = at;
  cpu.fpOn = true;
  return { engine, cpu, mem };
}

describe('the generated interpreter', () => {
  it('runs a loop and stops at a system call', () => {
    // mov x0, #10; mov x1, #0; 1: add x1, x1, x0; subs x0, x0, #1; b.ne 1b; svc #7
    const { engine, cpu } = machine([0xd2800140, 0xd2800001, 0x8b000021, 0xf1000400, 0x54ffffc1, 0xd40000e1]);
    expect(engine.run(cpu, 1000)).toBe(Exit.Exception);
    expect(cpu.exception).toMatchObject({ ec: 0x15, iss: 7 });
    expect(cpu.x(1)).toBe(55n);
    expect(cpu.pc).toBe(0x400018n);
    expect(cpu.icount).toBe(33n);
    expect(cpu.nzcv).toBe(0b0110);
  });
  it('stops when the budget is used up, and goes on', () => {
    const { engine, cpu } = machine([0x91000400, 0x17ffffff]); // 1: add x0, x0, #1; b 1b
    expect(engine.run(cpu, 100)).toBe(Exit.Budget);
    expect(cpu.icount).toBe(100n);
    expect(engine.run(cpu, 1)).toBe(Exit.Budget);
    expect(cpu.icount).toBe(101n);
    expect([cpu.x(0), cpu.pc]).toEqual([51n, 0x400004n]);
    cpu.requestExit();
    expect(engine.run(cpu, 100)).toBe(Exit.Kick);
  });
  it('goes on in the next page', () => {
    const { engine, cpu } = machine([0x91000400, 0x91000400, 0xd4000001], 0x400ffcn);
    expect(engine.run(cpu, 100)).toBe(Exit.Exception);
    expect([cpu.x(0), cpu.pc, cpu.icount]).toEqual([2n, 0x401008n, 3n]);
  });
  it('raises UNDEFINED with nothing changed', () => {
    const { engine, cpu } = machine([0xd503201f, 0x00000000]);
    expect(engine.run(cpu, 100)).toBe(Exit.Exception);
    expect(cpu.exception).toMatchObject({ ec: 0 });
    expect([cpu.pc, cpu.icount]).toEqual([0x400004n, 1n]);
  });
});
