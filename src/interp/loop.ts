// The interpreter's main function: one loop around one br_table. Frequent handlers are written into it; all others are
// functions called through the table. The instruction count costs nothing on the straight line: `count` is what makes
// count + ip/16 the number of instructions executed before the one at ip, and changes only when ip jumps.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_SIZE, ENTRY_VALUE, FETCH_ENTRIES, TlbTable } from '../cpu/tlb.ts';
import type { Handler } from '../isa/handlers.ts';
import type { Code, Label, ModuleBuilder } from '../wasm/builder.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { Emitter, JUMP_TYPE_SHIFT, LEAVE, PAST, Status } from './emit.ts';
import { EXITS, REASON_SHIFT } from './exits.ts';
import {
  EndRecord,
  FIRST_HANDLER,
  LANDING_GUARDED,
  LANDINGS,
  RECORD_SHIFT,
  RECORD_SIZE,
  RECORDS_PER_PAGE,
  Special,
} from './record.ts';
import { type RecordFrame, RecordState } from './record_state.ts';
import { EntryBit, HookEntry, REGION_PARAMS, REGION_RESULTS, RegionExit } from './region.ts';
import { Temps } from './temps.ts';

/** A handler and, if it branches to a place in the code, whether that is in the same page. */
export interface Variant {
  readonly handler: Handler;
  readonly near: boolean;
}

/** Parameters of handler functions: cpu, ip, count, pcBase. */
export const HANDLER_PARAMS: readonly ValueType[] = ['i32', 'i32', 'i32', 'i64'];
export const HANDLER_RESULTS: readonly ValueType[] = ['i32'];

export type Import = (name: string, params: readonly ValueType[], results: readonly ValueType[]) => number;

const PAGE_SHIFT = Math.log2(FRAME_SIZE);
/** Bits of an address that the tag of a fetch entry must match: the page, and that the address is a multiple of 4. */
const FETCH_TAG = ~BigInt(FRAME_SIZE - 4);
const FETCH_INDEX_SHIFT = BigInt(PAGE_SHIFT - Math.log2(ENTRY_SIZE));
const FETCH_INDEX_MASK = (FETCH_ENTRIES - 1) * ENTRY_SIZE;

class Loop {
  readonly code: Code;
  readonly cpu = 0;
  readonly ip: number;
  readonly records: number;
  readonly count: number;
  readonly executed: number;
  readonly status: number;
  /** How control gets to `target`; whether the present page is guarded (FEAT_BTI). */
  readonly branchType: number;
  readonly guarded: number;
  readonly pcBase: number;
  readonly target: number;
  /** Number of the handler to run; the address of what is known of a region's entry. */
  readonly handler: number;
  readonly hook: number;
  /** Nonzero: the target is gone to without looking at the budget; no region is entered there. */
  readonly unchecked: number;
  readonly passed: number;
  readonly import: Import;
  /** Shared by all handlers: a function with thousands of locals compiles slowly. */
  readonly temps: Temps;

  // Labels, set while the structure is written.
  next!: Label;
  again!: Label;
  goto!: Label;
  leaving!: Label;

  constructor(code: Code, imports: Import) {
    this.code = code;
    this.import = imports;
    this.temps = new Temps(code);
    this.ip = code.local('i32');
    this.records = code.local('i32');
    this.count = code.local('i32');
    this.executed = code.local('i32');
    this.status = code.local('i32');
    this.branchType = code.local('i32');
    this.guarded = code.local('i32');
    this.handler = code.local('i32');
    this.hook = code.local('i32');
    this.unchecked = code.local('i32');
    this.passed = code.local('i32');
    this.pcBase = code.local('i64');
    this.target = code.local('i64');
  }
  /** executed = count + ip/16 + extra */
  setExecuted(extra: number): void {
    this.code.get(this.count).get(this.ip).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.add');
    if (extra) this.code.i32(extra).op('i32.add');
    this.code.set(this.executed);
  }
  setTarget(past: number): void {
    this.code.get(this.ip).i32(2).op('i32.shr_u').op('i64.extend_i32_u').get(this.pcBase).op('i64.add');
    if (past) this.code.i64(BigInt(past)).op('i64.add');
    this.code.set(this.target);
  }
  leaveWith(status: number): void {
    this.code.i32(status).set(this.status).br(this.leaving);
  }
}

/** How handlers inside the loop reach its parts. */
class InlineFrame implements RecordFrame {
  readonly code: Code;
  readonly cpu: number;
  readonly ip: number;
  readonly count: number;
  readonly pcBase: number;
  readonly import: Import;
  readonly state: RecordState;
  private readonly loop: Loop;
  private readonly near: boolean;
  constructor(loop: Loop, { handler, near }: Variant, parallel: boolean) {
    this.loop = loop;
    this.near = near;
    this.code = loop.code;
    this.cpu = loop.cpu;
    this.ip = loop.ip;
    this.count = loop.count;
    this.pcBase = loop.pcBase;
    this.import = loop.import;
    this.state = new RecordState(this, handler.code, parallel);
  }
  temp(type: ValueType): number {
    return this.loop.temps.take(type);
  }
  next(): void {
    this.code.br(this.loop.next);
  }
  raise(past: boolean): void {
    this.leave(EXITS.Exception, past);
  }
  exit(kind: string): void {
    if (kind === 'idle') this.leave(EXITS.Idle, true);
    else this.leave(kind === 'alone' ? EXITS.Alone : EXITS.System, false);
  }
  private leave(reason: number, past: boolean): void {
    this.loop.leaveWith((reason << REASON_SHIFT) | LEAVE | (past ? PAST : 0));
  }
  faultIfZero(): void {
    this.code.op('i32.eqz');
    this.code.block('if');
    this.loop.leaveWith((EXITS.Exception << REASON_SHIFT) | LEAVE);
    this.code.end();
  }
  jump(type: number): void {
    const { code, loop } = this;
    code.set(loop.target);
    if (type) code.i32(type).set(loop.branchType);
    loop.setExecuted(1);
    code.br(loop.goto);
  }
  branch(operand: number): void {
    const { code, loop, count, ip } = this;
    if (!this.near) {
      loop.setTarget(0);
      code.get(loop.target);
      this.state.immediate(operand, 'i32');
      code.op('i64.extend_i32_s').op('i64.add').set(loop.target);
      loop.setExecuted(1);
      code.br(loop.goto);
      return;
    }
    // The operand is the address of the record before the target: the loop steps once more.
    const to = loop.temps.take('i32');
    this.state.immediate(operand, 'i32');
    code.set(to);
    code.get(count).get(ip).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.add');
    code.get(to).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.sub').set(count).get(to).set(ip);
    code.get(count).get(to).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.add').i32(1).op('i32.add');
    emitNearLanding(loop);
  }
  resync(): void {
    this.loop.setTarget(4);
    this.loop.setExecuted(1);
    this.code.br(this.loop.goto);
  }
}

/** Takes the number of executed instructions from the stack; goes on after the record at ip if the budget allows. */
function emitNearLanding(loop: Loop): void {
  const { code, cpu, ip, executed } = loop;
  code.tee(executed).get(cpu).mem('i32.load', Slot.BUDGET).op('i32.lt_s');
  code.get(executed).get(cpu).mem('i32.load', Slot.PAUSE).op('i32.lt_s').op('i32.and').brIf(loop.next);
  code.get(ip).i32(RECORD_SIZE).op('i32.add').set(ip);
  loop.leaveWith((EXITS.Budget << REASON_SHIFT) | LEAVE);
}

/** Finds the hook of the record at ip and the handler that stands behind it. */
function emitHook(loop: Loop): void {
  const { code, ip, records, hook } = loop;
  code.get(records).mem('i32.load', RECORDS_PER_PAGE * RECORD_SIZE + EndRecord.hooks);
  code
    .get(ip)
    .get(records)
    .op('i32.sub')
    .i32(RECORD_SHIFT - HookEntry.shift)
    .op('i32.shr_u')
    .op('i32.add');
  code.tee(hook).mem('i32.load16_u', HookEntry.handler).set(loop.handler);
}
/** Enters the region that begins here, unless it is not for this page or the budget might end in it. */
function emitRegion(loop: Loop, regionType: number): void {
  const { code, cpu, ip, count, records, executed, hook, status, target } = loop;
  emitHook(loop);
  loop.setExecuted(0);
  code.get(cpu).mem('i32.load', Slot.BUDGET).get(executed).op('i32.sub');
  code.get(hook).mem('i32.load16_u', HookEntry.limit).op('i32.le_s');
  code.get(loop.passed).op('i32.or');
  code.i32(0).set(loop.passed).brIf(loop.again);
  code.get(cpu).get(records).i32(2).op('i32.shr_u').op('i64.extend_i32_u').get(loop.pcBase).op('i64.add');
  code.get(hook).mem('i32.load16_u', HookEntry.entry);
  code.get(loop.guarded).i32(EntryBit.guarded).op('i32.shl').op('i32.or').get(executed);
  code.get(hook).mem('i32.load16_u', HookEntry.slot).callIndirect(regionType);
  code.tee(status).op('i32.eqz').brIf(loop.again);
  // The pause comes by what is interpreted.
  code.get(cpu).get(cpu).mem('i32.load', Slot.PAUSE).get(executed).op('i32.sub');
  code.get(cpu).mem('i32.load', Slot.EXEC).tee(executed).op('i32.add').mem('i32.store', Slot.PAUSE);
  code.get(status).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code.get(status).i32(RegionExit.indexShift).op('i32.shr_u').i32(RECORD_SHIFT).op('i32.shl');
  code.get(records).op('i32.add').set(ip);
  code.get(executed).get(ip).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.sub').set(count);
  code.get(status).i32(RegionExit.unchecked).op('i32.and');
  code.block('if');
  // The instruction itself is to be run, not a region that begins with it.
  code.get(ip).mem('i32.load16_u').tee(loop.handler).i32(Special.Region).op('i32.eq');
  code.block('if');
  emitHook(loop);
  code.end().br(loop.again).end();
  code.get(ip).i32(RECORD_SIZE).op('i32.sub').set(ip).get(executed);
  emitNearLanding(loop);
  code.end();
  code.get(status).i32(RegionExit.unchecked).op('i32.and').tee(loop.unchecked).set(loop.passed);
  code.get(status).i32(RegionExit.typeShift).op('i32.shr_u').i32(3).op('i32.and').set(loop.branchType);
  code.get(cpu).mem('i64.load', Slot.PC).set(target).br(loop.goto);
}

function emitFetch(loop: Loop, out: Label): void {
  const { code, cpu, target, records, ip } = loop;
  code.get(loop.executed).get(cpu).mem('i32.load', Slot.BUDGET).op('i32.ge_s');
  code.get(loop.executed).get(cpu).mem('i32.load', Slot.PAUSE).op('i32.ge_s').op('i32.or');
  code.get(loop.unchecked).op('i32.gt_u');
  code.block('if');
  code
    .i32((EXITS.Budget << REASON_SHIFT) | LEAVE)
    .set(loop.status)
    .br(out)
    .end();
  code.i32(0).set(loop.unchecked);
  const entry = loop.temps.take('i32');
  code.get(cpu).mem('i32.load', Slot.TLB).get(target).i64(FETCH_INDEX_SHIFT).op('i64.shr_u').op('i32.wrap_i64');
  code.i32(FETCH_INDEX_MASK).op('i32.and').op('i32.add').tee(entry).mem('i64.load', TlbTable.fetch);
  code.get(target).i64(FETCH_TAG).op('i64.and').op('i64.ne');
  code.block('if');
  code
    .get(target)
    .call(loop.import('fetch', ['i64'], ['i32']))
    .tee(records)
    .op('i32.eqz');
  code.block('if');
  code
    .i32((EXITS.Exception << REASON_SHIFT) | LEAVE)
    .set(loop.status)
    .br(out)
    .end();
  code.else();
  code
    .get(entry)
    .mem('i32.load', TlbTable.fetch + ENTRY_VALUE)
    .set(records)
    .end();
  const before = loop.temps.take('i32');
  code
    .get(loop.guarded)
    .set(before)
    .get(entry)
    .mem('i32.load', TlbTable.fetch + ENTRY_EXTRA)
    .tee(loop.guarded);
  code.block('if');
  code.get(loop.branchType);
  code.block('if');
  // How branches have landed there before; else it is asked.
  code
    .get(records)
    .get(target)
    .op('i32.wrap_i64')
    .i32(2)
    .op('i32.shr_u')
    .i32(RECORDS_PER_PAGE - 1)
    .op('i32.and')
    .op('i32.add')
    .mem('i32.load8_u', LANDINGS);
  code.get(before).i32(Math.log2(LANDING_GUARDED)).op('i32.shl').get(loop.branchType).op('i32.or').op('i32.shr_u');
  code.i32(1).op('i32.and').op('i32.eqz');
  code.block('if');
  code
    .get(target)
    .get(loop.branchType)
    .get(before)
    .call(loop.import('land', ['i64', 'i32', 'i32'], ['i32']));
  code.op('i32.eqz');
  code.block('if');
  code
    .i32((EXITS.Exception << REASON_SHIFT) | LEAVE)
    .set(loop.status)
    .br(out)
    .end()
    .end()
    .end()
    .end();
  code.i32(0).set(loop.branchType);
  // Four bytes of code are sixteen of records.
  code
    .get(target)
    .op('i32.wrap_i64')
    .i32(FRAME_SIZE - 4)
    .op('i32.and')
    .i32(2)
    .op('i32.shl');
  code.get(records).op('i32.add').set(ip);
  code.get(loop.executed).get(ip).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.sub').set(loop.count);
  code.get(target).i64(-BigInt(FRAME_SIZE)).op('i64.and');
  code.get(records).i32(2).op('i32.shr_u').op('i64.extend_i32_u').op('i64.sub').set(loop.pcBase);
  code.get(ip).i32(RECORD_SIZE).op('i32.sub').set(ip);
  loop.temps.release();
}

function emitCold(loop: Loop, handlerType: number): void {
  const { code, cpu, ip, count, pcBase, status } = loop;
  code.get(cpu).get(ip).get(count).get(pcBase).get(loop.handler).callIndirect(handlerType).tee(status);
  code.op('i32.eqz').brIf(loop.next);
  code.get(status).i32(LEAVE).op('i32.ge_u').brIf(loop.leaving);
  code.get(status).i32(Status.Jump).op('i32.and');
  code.block('if');
  code.get(status).i32(JUMP_TYPE_SHIFT).op('i32.shr_u').set(loop.branchType);
  code.get(cpu).mem('i64.load', Slot.PC).set(loop.target).else();
  loop.setTarget(4);
  code.end();
  loop.setExecuted(1);
  code.br(loop.goto);
}

/**
 * Adds the main function.
 * @param variants handlers in the loop; the k-th gets the number FIRST_HANDLER + k
 * @param parallel other PEs execute at the same time
 */
export function buildLoop(
  module: ModuleBuilder,
  imports: Import,
  variants: readonly Variant[],
  parallel: boolean,
): number {
  const handlerType = module.type(HANDLER_PARAMS, HANDLER_RESULTS);
  const regionType = module.type(REGION_PARAMS, REGION_RESULTS);
  return module.function(['i32'], ['i32'], (code) => {
    const loop = new Loop(code, imports);
    const { cpu, ip, status } = loop;
    code.get(cpu).mem('i64.load', Slot.PC).set(loop.target).get(cpu).mem('i32.load', Slot.EXEC).set(loop.executed);
    code.get(cpu).mem('i32.load', Slot.BRANCH).tee(loop.branchType).i32(2).op('i32.shr_u').set(loop.guarded);
    code.get(loop.branchType).i32(3).op('i32.and').set(loop.branchType);
    // The budget has been looked at by whoever calls.
    code.i32(1).set(loop.unchecked);
    const out = code.block('block');
    loop.leaving = code.block('block');
    loop.goto = code.block('loop');
    emitFetch(loop, out);
    loop.next = code.block('loop');
    code.get(ip).i32(RECORD_SIZE).op('i32.add').tee(ip);
    // Others decode meanwhile: the operands are those of the handler that is found.
    if (parallel) code.atomic('i32.atomic.load16_u');
    else code.mem('i32.load16_u');
    code.set(loop.handler);
    loop.again = code.block('loop');
    const count = FIRST_HANDLER + variants.length;
    const cold = code.block('block');
    // The innermost block is left first: its code is that of handler 0.
    const labels = Array.from({ length: count }, () => code.block('block')).reverse();
    code.get(loop.handler).brTable(labels, cold);
    for (let id = 0; id < count; id++) {
      code.end();
      switch (id) {
        case Special.Decode:
          code
            .get(ip)
            .get(loop.records)
            .call(imports('decode', ['i32', 'i32'], []));
          code.get(ip).i32(RECORD_SIZE).op('i32.sub').set(ip).br(loop.next);
          break;
        case Special.End:
          loop.setTarget(0);
          loop.setExecuted(0);
          code.br(loop.goto);
          break;
        case Special.Stop:
          loop.leaveWith((EXITS.Budget << REASON_SHIFT) | LEAVE);
          break;
        case Special.Region:
          emitRegion(loop, regionType);
          break;
        default: {
          const variant = variants[id - FIRST_HANDLER]!;
          const frame = new InlineFrame(loop, variant, parallel);
          new Emitter(frame, frame.state).emit(variant.handler.code.block);
          loop.temps.release();
        }
      }
    }
    code.end();
    emitCold(loop, handlerType);
    code.end().end().end().unreachable().end();
    // Leaving at the instruction at ip, or past it.
    const past = loop.temps.take('i32');
    code.get(status).i32(PAST).op('i32.and').set(past);
    loop.setTarget(0);
    code.get(past).i32(2).op('i32.shl').op('i64.extend_i32_u').get(loop.target).op('i64.add').set(loop.target);
    loop.setExecuted(0);
    code.get(loop.executed).get(past).op('i32.add').set(loop.executed).i32(0).set(loop.branchType).end();
    // Leaving at the target of a jump, which has not been reached yet.
    code
      .get(cpu)
      .get(loop.guarded)
      .i32(2)
      .op('i32.shl')
      .get(loop.branchType)
      .op('i32.or')
      .mem('i32.store', Slot.BRANCH);
    code.get(cpu).get(loop.target).mem('i64.store', Slot.PC);
    code.get(cpu).get(loop.executed).mem('i32.store', Slot.EXEC);
    code.get(status).i32(REASON_SHIFT).op('i32.shr_u');
  });
}
