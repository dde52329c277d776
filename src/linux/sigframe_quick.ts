// What mostly happens to a signal, each half in one piece of WebAssembly: a fault of a thread that blocks nothing and has no
// alternate stack enters a handler, and the handler returns by such a frame. What is otherwise is left to sigframe.ts.

import { WebAssemblyHost } from '../base/webassembly.ts';
import { FRAME_SHIFT, FRAME_SIZE as PAGE, type PhysMem } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { DATA_ENTRIES, ENTRY_SIZE, ENTRY_VALUE, TlbTable } from '../cpu/tlb.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { SS_DISABLE } from './alt_stack.ts';
import {
  At,
  FPSIMD_SIZE,
  handlerPstate,
  Magic,
  PSTATE_FIXED,
  PSTATE_USER,
  RECORD,
  type Records,
  type Shape,
  SMALL,
  SVE_HEADER,
  shapeOf,
  TERMINATOR_SIZE,
} from './sigframe_layout.ts';
import { writeMove, writeZero } from './sigframe_moves.ts';
import { SI_ADDR } from './siginfo.ts';

/** Offsets of what enter() is told of by memory. */
export const Told = { ADDR: 0, FAULT: 8, HANDLER: 16, RESTORER: 24, SIZE: 32 } as const;

export interface Quick {
  /**
   * Enters a handler: frame, registers.
   * @param cpu address of its state
   * @param told address of a fault's si_addr, of the address in sigcontext, handler, and what it returns to
   * @param withInfo whether the handler gets the addresses of siginfo and ucontext
   * @returns 0: nothing has been done
   */
  enter(cpu: number, told: number, signo: number, code: number, esr: number, withInfo: number): number;
  /** Takes registers back from the frame at SP, which says that nothing is blocked. @returns 0: nothing has been done */
  leave(cpu: number): number;
}

const head = (magic: number, size: number): bigint => (BigInt(size) << 32n) | BigInt(magic);
const FPSIMD_HEAD = head(Magic.FPSIMD, FPSIMD_SIZE);
const ESR_HEAD = head(Magic.ESR, SMALL);
const SVE_HEAD = head(Magic.SVE, SVE_HEADER);
const FPMR_HEAD = head(Magic.FPMR, SMALL);
const CPU = 0;

/** Code of one of the two functions. */
class Writer {
  private readonly code: Code;
  private readonly has: Records;
  private readonly failed: Label;
  private readonly page: number;

  constructor(code: Code, has: Records) {
    this.code = code;
    this.has = has;
    this.page = code.local('i32');
    this.failed = code.block('block');
  }
  private done(): void {
    this.code.i32(1).return().end().i32(0);
  }
  /** Gives up if what is on the stack is not zero. */
  private unless(): void {
    this.code.seldom().brIf(this.failed);
  }
  private load32(from: number, at: number): Code {
    return this.code.get(from).mem('i32.load', at);
  }
  private load64(from: number, at: number): Code {
    return this.code.get(from).mem('i64.load', at);
  }
  private put(to: number, at: number, size: 32 | 64, value: () => unknown): void {
    this.code.get(to);
    value();
    this.code.mem(size === 32 ? 'i32.store' : 'i64.store', at);
  }
  /** Where `address` (i64) stands in memory, if the program has lately been there. @returns the local that has it */
  private place(table: 'read' | 'write', address: number): number {
    const { code, page } = this;
    const place = code.local('i32');
    const page64 = (): Code => code.get(address).i64(BigInt(-PAGE)).op('i64.and');
    this.load32(CPU, Slot.TLB).get(address).op('i32.wrap_i64').i32(FRAME_SHIFT).op('i32.shr_u');
    code
      .i32(DATA_ENTRIES - 1)
      .op('i32.and')
      .i32(ENTRY_SIZE)
      .op('i32.mul')
      .op('i32.add')
      .tee(page);
    code.mem('i64.load', TlbTable[table]);
    page64().op('i64.ne');
    this.unless();
    this.load32(page, TlbTable[table] + ENTRY_VALUE)
      .get(address)
      .op('i32.wrap_i64')
      .op('i32.add')
      .set(place);
    return place;
  }
  /** Gives up if `length` bytes at `place` are in two pages. */
  private within(place: number, length: number): void {
    this.code
      .get(place)
      .i32(PAGE - 1)
      .op('i32.and')
      .i32(PAGE - length)
      .op('i32.gt_u');
    this.unless();
  }

  enter(shape: Shape): void {
    const { code, has } = this;
    const [told, signo, siCode, esr, withInfo] = [1, 2, 3, 4, 5];
    const [fp, sp] = [code.local('i64'), code.local('i64')];
    this.load64(CPU, Slot.SP).i64(BigInt(RECORD)).op('i64.sub').i64(-16n).op('i64.and').tee(fp);
    code.i64(BigInt(shape.size)).op('i64.sub').set(sp);
    const record = this.place('write', fp);
    const frame = this.place('write', sp);
    this.within(frame, shape.end);
    this.put(record, 0, 64, () => this.load64(CPU, Slot.X + 8 * 29));
    this.put(record, 8, 64, () => this.load64(CPU, Slot.X + 8 * 30));
    writeZero(code, frame, 0, At.REGS);
    writeZero(code, frame, At.PSTATE, At.RESERVED);
    this.put(frame, 0, 32, () => code.get(signo));
    this.put(frame, 8, 32, () => code.get(siCode));
    this.put(frame, SI_ADDR, 64, () => this.load64(told, Told.ADDR));
    this.put(frame, At.STACK + 8, 32, () => code.i32(SS_DISABLE));
    this.put(frame, At.SC, 64, () => this.load64(told, Told.FAULT));
    writeMove(code, [CPU, 0], [frame, 0], [frame, shape.fpsimd + SMALL], true);
    this.put(frame, At.PSTATE, 32, () => this.pstate());
    this.head(frame, shape.fpsimd, FPSIMD_HEAD, () => {
      this.load64(CPU, Slot.FPCR).i64(32n).op('i64.shl');
      this.code.get(CPU).mem('i64.load32_u', Slot.FPSR).op('i64.or');
    });
    this.head(frame, shape.esr, ESR_HEAD, () => code.get(esr).op('i64.extend_i32_u'));
    if (has.hasSve) this.head(frame, shape.sve, SVE_HEAD, () => code.get(CPU).mem('i64.load32_u', Slot.VL));
    if (has.hasFpmr) this.head(frame, shape.fpmr, FPMR_HEAD, () => this.load64(CPU, Slot.FPMR));
    this.head(frame, shape.end - TERMINATOR_SIZE, 0n, () => code.i64(0n));
    const setX = (n: number, value: () => unknown): void => this.put(CPU, Slot.X + 8 * n, 64, value);
    setX(0, () => code.get(signo).op('i64.extend_i32_u'));
    code.get(withInfo).block('if');
    setX(1, () => code.get(sp));
    setX(2, () => code.get(sp).i64(BigInt(At.UC)).op('i64.add'));
    code.end();
    setX(29, () => code.get(fp));
    setX(30, () => this.load64(told, Told.RESTORER));
    this.put(CPU, Slot.SP, 64, () => code.get(sp));
    this.put(CPU, Slot.PC, 64, () => this.load64(told, Told.HANDLER));
    this.put(CPU, Slot.PSTATE, 32, () => {
      this.load32(CPU, Slot.PSTATE).i32(handlerPstate(-1, false)).op('i32.and');
      code.i32(handlerPstate(0, has.hasBti)).op('i32.or');
    });
    this.done();
  }
  private head(frame: number, at: number, first: bigint, second: () => unknown): void {
    this.put(frame, at, 64, () => this.code.i64(first));
    this.put(frame, at + 8, 64, second);
  }
  /** SPSR as the kernel would have saved it. */
  private pstate(): void {
    const { code } = this;
    const flag = (shift: number): Code => code.i32(shift).op('i32.shl').op('i32.or');
    this.load32(CPU, Slot.FLAG_N + 4)
      .i32(-(2 ** 31))
      .op('i32.and');
    this.load64(CPU, Slot.FLAG_Z).op('i64.eqz');
    flag(30);
    this.load32(CPU, Slot.FLAG_C);
    flag(29);
    this.load32(CPU, Slot.FLAG_V);
    flag(28);
    this.load32(CPU, Slot.PSTATE).i32(PSTATE_USER).op('i32.and').op('i32.or');
  }

  leave(shape: Shape): void {
    const { code, has } = this;
    const [sp, pstate, at] = [code.local('i64'), code.local('i32'), code.local('i32')];
    this.load64(CPU, Slot.SP).tee(sp).op('i32.wrap_i64').i32(15).op('i32.and');
    this.unless();
    const frame = this.place('read', sp);
    this.within(frame, shape.end);
    // Nothing blocked, no stack, flags of a stack that there is not.
    this.load64(frame, At.SIGMASK);
    this.load64(frame, At.STACK).op('i64.or');
    this.load64(frame, At.STACK + 16)
      .op('i64.or')
      .i64(0n)
      .op('i64.ne');
    this.unless();
    this.load32(frame, At.STACK + 8)
      .i32(SS_DISABLE)
      .op('i32.ne');
    this.unless();
    this.load32(frame, At.PSTATE).tee(pstate).i32(PSTATE_FIXED).op('i32.and');
    this.unless();
    this.expect(frame, shape.fpsimd, FPSIMD_HEAD);
    // From here on records are found one after the other: that of ESR need not be there.
    code.get(frame);
    this.load64(frame, shape.esr).i64(ESR_HEAD).op('i64.eq').i32(SMALL).op('i32.mul').op('i32.add').set(at);
    let next = shape.esr;
    if (has.hasSve) {
      this.expect(at, next, SVE_HEAD);
      this.load32(at, next + 8);
      this.load32(CPU, Slot.VL).op('i32.ne');
      this.unless();
      next += SVE_HEADER;
    }
    const fpmr = next;
    if (has.hasFpmr) {
      this.expect(at, next, FPMR_HEAD);
      next += SMALL;
    }
    this.expect(at, next, 0n);
    writeMove(code, [CPU, 0], [frame, 0], [frame, shape.fpsimd + SMALL], false);
    this.put(CPU, Slot.FLAG_N + 4, 32, () =>
      code
        .get(pstate)
        .i32(-(2 ** 31))
        .op('i32.and'),
    );
    this.put(CPU, Slot.FLAG_Z, 64, () => {
      this.flagOf(pstate, 30);
      code.op('i32.eqz').op('i64.extend_i32_u');
    });
    this.put(CPU, Slot.FLAG_C, 32, () => this.flagOf(pstate, 29));
    this.put(CPU, Slot.FLAG_V, 32, () => this.flagOf(pstate, 28));
    this.put(CPU, Slot.PSTATE, 32, () => {
      this.load32(CPU, Slot.PSTATE).i32(~PSTATE_USER).op('i32.and');
      code.get(pstate).i32(PSTATE_USER).op('i32.and').op('i32.or');
    });
    this.put(CPU, Slot.FPSR, 64, () => code.get(frame).mem('i64.load32_u', shape.fpsimd + 8));
    this.put(CPU, Slot.FPCR, 64, () => code.get(frame).mem('i64.load32_u', shape.fpsimd + 12));
    if (has.hasFpmr) this.put(CPU, Slot.FPMR, 64, () => this.load64(at, fpmr + 8));
    this.done();
  }
  private expect(from: number, at: number, first: bigint): void {
    this.load64(from, at).i64(first).op('i64.ne');
    this.unless();
  }
  private flagOf(pstate: number, bit: number): void {
    this.code.get(pstate).i32(bit).op('i32.shr_u').i32(1).op('i32.and');
  }
}

export function makeQuick(mem: PhysMem, has: Records): Quick {
  const shape = shapeOf(true, has.hasSve ? SVE_HEADER : 0, has.hasFpmr);
  const module = new ModuleBuilder();
  module.importMemory('', 'memory', 16, 65536, mem.shared);
  const enter = module.function(['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], ['i32'], (code) =>
    new Writer(code, has).enter(shape),
  );
  const leave = module.function(['i32'], ['i32'], (code) => new Writer(code, has).leave(shape));
  module.export('enter', enter);
  module.export('leave', leave);
  const made = new WebAssemblyHost.Module(module.finish());
  return new WebAssemblyHost.Instance(made, { '': { memory: mem.wasm } }).exports as unknown as Quick;
}
