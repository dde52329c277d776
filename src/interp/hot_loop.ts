// The function that frequent handlers are written into: one loop around one br_table. It calls nothing: a call, even one that
// is never made, costs registers everywhere around it. Whatever needs one is left to the function around (loop.ts).
// The instruction count costs nothing on the straight line: `count` is what makes count + ip/16 the number of instructions
// executed before the one at ip, and changes only when ip jumps.
//
// There are two such loops: what works through much data is in one of its own, lest the first become too long for compilers.

import { InternalError } from '../base/assert.ts';
import { Slot } from '../cpu/state.ts';
import type { Code, Label } from '../wasm/builder.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { Emitter } from './emit.ts';
import { LEAVE } from './emit_frame.ts';
import { EXITS, REASON_SHIFT } from './exits.ts';
import { LeavingFrame } from './handler_frame.ts';
import type { HotHandlers, Same, Variant } from './hot_variants.ts';
import { Position } from './loop_position.ts';
import { FIRST_HANDLER, LONGEST, RECORD_SIZE } from './record.ts';
import { type Before, type RecordFrame, RecordState } from './record_state.ts';
import { NUMBER } from './templates.ts';
import { Temps } from './temps.ts';

/** cpu, ip, count, number of the handler at ip. */
const HOT_PARAMS: readonly ValueType[] = ['i32', 'i32', 'i32', 'i32'];
/**
 * Why it comes back, from bit 16 on. Function: the number below is that of a handler that is not here. Slow: the handler at
 * ip is to begin anew, for Slot.LOOP_MISSED and LOOP_ACCESS. Leave: the run ends there, with the status below. So far
 * Slot.LOOP_IP and LOOP_COUNT say where. Target, Budget: at Slot.PC, which a branch goes to, with Slot.EXEC and LOOP_BRANCH.
 */
export const HotExit = { Function: 0, Slow: 1, Leave: 2, Target: 3, Budget: 4, shift: 16 } as const;

class HotLoop extends Position {
  readonly missed: number;
  readonly access: number;
  /** Shared by all handlers: a function with thousands of locals compiles slowly. */
  readonly temps: Temps;
  /** The record that a branch within the page goes to; there. */
  readonly landing: number;
  land!: Label;
  /** To `target`; out of the loop for a handler that begins anew, or with `status`. */
  goto!: Label;
  slow!: Label;
  leaving!: Label;

  constructor(code: Code, parallel: boolean) {
    super(code, parallel, 0, 1, 2, 3);
    this.temps = new Temps(code);
    this.missed = code.local('i64');
    this.access = code.local('i32');
    this.landing = code.local('i32');
  }
  /** Others may ask it to come back, if there are any. */
  override withinBudget(): Code {
    if (this.parallel) return super.withinBudget();
    this.code.get(this.executed);
    return this.slot(Slot.LOOP_LIMIT).op('i32.lt_s');
  }
  /** To be done before it is asked whether something is within the budget. */
  begin(): void {
    if (this.parallel) return;
    const { code, cpu, executed, status } = this;
    code.get(cpu);
    this.slot(Slot.BUDGET).tee(executed);
    this.slot(Slot.PAUSE).tee(status).get(executed).get(status).op('i32.lt_s').select();
    code.mem('i32.store', Slot.LOOP_LIMIT);
  }
  leaveWith(status: number): void {
    this.code
      .i32((HotExit.Leave << HotExit.shift) | status)
      .set(this.status)
      .br(this.leaving);
  }
}

/** A loop of the program that one handler does, where the branch at its end goes to its begin. */
interface Around {
  readonly again: Label;
  /** In instructions. */
  readonly length: number;
}

/** How handlers in the loop reach its parts. */
class InlineFrame extends LeavingFrame implements RecordFrame {
  readonly code: Code;
  readonly cpu: number;
  readonly ip: number;
  readonly count: number;
  readonly state: RecordState;
  readonly restarts = true;
  private readonly loop: HotLoop;
  private readonly near: boolean;
  private readonly isFollowed: boolean;
  private readonly around: Around | undefined;
  /** @param around the loop that it may end */
  constructor(loop: HotLoop, { handler, near, second }: Variant, before: Before, around?: Around) {
    super();
    this.around = around;
    this.loop = loop;
    this.near = near;
    this.isFollowed = second !== undefined;
    this.code = loop.code;
    this.cpu = loop.cpu;
    this.ip = loop.ip;
    this.count = loop.count;
    this.state = new RecordState(this, handler.code, loop.parallel, before);
  }
  temp(type: ValueType): number {
    return this.loop.temps.take(type);
  }
  import(name: string): number {
    throw new InternalError(`a handler in the loop calls ${name}`);
  }
  next(): void {
    if (this.isFollowed) this.loop.advance();
    else this.loop.next();
  }
  slow(va = -1, access = 0): void {
    const { code, loop } = this;
    if (va >= 0) code.get(va).set(loop.missed);
    code.i32(access).set(loop.access).br(loop.slow);
  }
  protected end(status: number): void {
    this.loop.leaveWith(status);
  }
  faultIfZero(): void {
    throw new InternalError('a handler in the loop calls something');
  }
  jump(type: number): void {
    const { code, loop } = this;
    code.set(loop.target).i32(type).set(loop.branchType).br(loop.goto);
  }
  branch(operand: number): void {
    const { code, loop } = this;
    if (!this.near) {
      loop.pc();
      this.state.immediate(operand, 'i32');
      code.op('i64.extend_i32_s').op('i64.add');
      this.jump(0);
      return;
    }
    // The operand is the address of the target's record.
    this.state.immediate(operand, 'i32');
    code.set(loop.landing);
    if (this.around) {
      const { again, length } = this.around;
      code.get(loop.landing).get(loop.ip);
      code.i32((length - 1) * RECORD_SIZE).op('i32.sub');
      code.op('i32.eq').block('if');
      loop.setExecuted(1);
      loop.withinBudget().block('if');
      code.get(loop.landing).set(loop.ip).get(loop.count).i32(length).op('i32.add').set(loop.count).br(again);
      code.end().end();
    }
    code.br(loop.land);
  }
  resync(): void {
    this.loop.setTarget(4);
    this.code.i32(0).set(this.loop.branchType).br(this.loop.goto);
  }
}

/** Goes to the target if it is known where that is; else whoever has called finds out. */
function emitKnownTarget(loop: HotLoop, out: Label): void {
  const { code, status } = loop;
  loop.setExecuted(1);
  code.i32(HotExit.Budget << HotExit.shift).set(status);
  loop.withinBudget().op('i32.eqz').brIf(out);
  code.i32(HotExit.Target << HotExit.shift).set(status);
  const entry = loop.temps.take('i32');
  const records = loop.temps.take('i32');
  loop.fetchEntry().set(entry);
  loop.entryMisses(entry).brIf(out);
  loop.entryRecords(entry).set(records);
  loop.entryGuarded(entry);
  code.block('if');
  code.get(loop.branchType);
  code.block('if');
  loop.landed(records).op('i32.eqz').brIf(out);
  code.end().end();
  code.get(loop.cpu);
  loop.entryGuarded(entry).mem('i32.store', Slot.LOOP_GUARDED);
  loop.arrive(records);
  loop.temps.release();
}

/** Says of parameters that they are addresses and numbers of records: V8 extends what it does not know again and again. */
function emitBounds({ code, ip, handler }: HotLoop): void {
  code.get(ip).i32(-RECORD_SIZE).op('i32.and').set(ip).get(handler).i32(NUMBER).op('i32.and').set(handler);
}

const lengthOf = ({ second }: Variant): number => (second ? lengthOf(second) + 1 : 1);
/** One instruction or several. */
function emitHandler(loop: HotLoop, variant: Variant): void {
  const around = variant.whole ? { again: loop.code.block('loop'), length: lengthOf(variant) } : undefined;
  const given = Array.from({ length: LONGEST }, () => new Map<number, number>());
  let before: RecordState | undefined;
  let i = 0;
  for (let part: Variant | undefined = variant; part; part = part.second, i++) {
    const same: readonly Same[] = (part.same ?? []).filter(([, , , differs]) => !differs);
    const keeps = same.map(([at]) => at);
    const known: Before = { compared: before?.compared, asked: before?.asked, given: given[i]!, keeps };
    const frame = new InlineFrame(loop, part, known, part.second ? undefined : around);
    new Emitter(frame, frame.state).emit(part.handler.code.block);
    for (const [at, after, to] of same) given[i + after]!.set(to, frame.state.kept.get(at)!);
    before = frame.state;
  }
  if (around) loop.code.end();
}
/**
 * Adds the function.
 * @param parallel other PEs execute at the same time
 */
export function buildHotLoop(module: ModuleBuilder, handlers: HotHandlers, parallel: boolean): number {
  const variants = handlers.filter((v) => v !== undefined);
  return module.function(HOT_PARAMS, ['i32'], (code) => {
    const loop = new HotLoop(code, parallel);
    const { cpu, handler, status } = loop;
    emitBounds(loop);
    loop.begin();
    loop.leaving = code.block('block');
    const out = code.block('block');
    loop.slow = code.block('block');
    const elsewhere = code.block('block');
    loop.dispatch = code.block('loop');
    loop.goto = code.block('block');
    loop.land = code.block('block');
    // The innermost block is left first: its code is that of handler 0.
    const blocks = variants.map(() => code.block('block'));
    const labels = handlers.map((v) => (v ? blocks.pop()! : elsewhere));
    const special = Array.from({ length: FIRST_HANDLER }, () => elsewhere);
    code.get(handler).brTable([...special, ...labels], elsewhere);
    for (const variant of variants) {
      code.end();
      emitHandler(loop, variant);
      loop.temps.release();
    }
    code.end();
    loop.setExecuted(1);
    code.get(loop.landing).set(loop.ip);
    loop.setCount();
    loop.withinBudget();
    code.block('if');
    loop.run();
    code.end();
    loop.leaveWith((EXITS.Budget << REASON_SHIFT) | LEAVE);
    code.end();
    emitKnownTarget(loop, out);
    loop.run();
    code.end().end();
    code.get(handler).set(status).br(loop.leaving).end();
    code.get(cpu).get(loop.missed).mem('i64.store', Slot.LOOP_MISSED);
    loop.store(Slot.LOOP_ACCESS, loop.access);
    code
      .i32(HotExit.Slow << HotExit.shift)
      .set(status)
      .br(loop.leaving)
      .end();
    code.get(cpu).get(loop.target).mem('i64.store', Slot.PC);
    loop.store(Slot.EXEC, loop.executed);
    loop.store(Slot.LOOP_BRANCH, loop.branchType);
    code.get(status).return().end();
    loop.store(Slot.LOOP_IP, loop.ip);
    loop.store(Slot.LOOP_COUNT, loop.count);
    code.get(status);
  });
}
