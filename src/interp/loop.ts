// The interpreter's main function. Frequent handlers run in the loop that it calls (hot_loop.ts); here is what calls others:
// instructions that are met first, targets of branches that are not known yet, handlers in the table, regions.

import { Slot } from '../cpu/state.ts';
import type { Code, Label } from '../wasm/builder.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { JUMP_TYPE_SHIFT, LEAVE, PAST, Status } from './emit_frame.ts';
import { buildKnown, buildSum, type Pairs } from './emit_known.ts';
import { EXITS, REASON_SHIFT } from './exits.ts';
import { buildHotLoop, HotExit } from './hot_loop.ts';
import { LoopBit, type Variant } from './hot_variants.ts';
import type { Import } from './imports.ts';
import { Position } from './loop_position.ts';
import { EndRecord, FIRST_HANDLER, RECORD_SHIFT, RECORD_SIZE, RECORDS_PER_PAGE, Special } from './record.ts';
import { EntryBit, HookEntry, REGION_PARAMS, REGION_RESULTS, RegionExit } from './region.ts';

/** Parameters of handler functions: cpu, ip, count. */
export const HANDLER_PARAMS: readonly ValueType[] = ['i32', 'i32', 'i32'];
export const HANDLER_RESULTS: readonly ValueType[] = ['i32'];

class Loop extends Position {
  readonly import: Import;
  /** The address of what is known of a region's entry. */
  readonly hook: number;
  /** Nonzero: the target is gone to without looking at the budget; no region is entered there. */
  readonly unchecked: number;
  readonly passed: number;
  /** To `target`; out with `status` at the record at ip; out with `status` at the target, which has not been reached yet. */
  goto!: Label;
  leaving!: Label;
  out!: Label;

  constructor(code: Code, imports: Import, parallel: boolean) {
    super(code, parallel, 0);
    this.import = imports;
    this.hook = code.local('i32');
    this.unchecked = code.local('i32');
    this.passed = code.local('i32');
  }
  leaveWith(reason: number): void {
    this.code
      .i32((reason << REASON_SHIFT) | LEAVE)
      .set(this.status)
      .br(this.leaving);
  }
  outWith(reason: number): void {
    this.code
      .i32((reason << REASON_SHIFT) | LEAVE)
      .set(this.status)
      .br(this.out);
  }
}

/** Finds the hook of the record at ip and the handler that stands behind it. */
function emitHook(loop: Loop): void {
  const { code, ip, hook } = loop;
  loop.slot(Slot.LOOP_RECORDS).mem('i32.load', RECORDS_PER_PAGE * RECORD_SIZE + EndRecord.hooks);
  code.get(ip);
  loop
    .slot(Slot.LOOP_RECORDS)
    .op('i32.sub')
    .i32(RECORD_SHIFT - HookEntry.shift)
    .op('i32.shr_u')
    .op('i32.add');
  code.tee(hook).mem('i32.load16_u', HookEntry.handler).set(loop.handler);
}
/** Enters the region that begins here, unless it is not for this page or the budget might end in it. */
function emitRegion(loop: Loop, regionType: number): void {
  const { code, cpu, ip, executed, hook, status, target } = loop;
  const after = code.local('i32');
  emitHook(loop);
  loop.setExecuted(0);
  loop.slot(Slot.BUDGET).get(executed).op('i32.sub');
  code.get(hook).mem('i32.load16_u', HookEntry.limit).op('i32.le_s');
  code.get(loop.passed).op('i32.or');
  code.i32(0).set(loop.passed).brIf(loop.dispatch);
  code.get(cpu);
  loop.slot(Slot.LOOP_RECORDS).i32(2).op('i32.shr_u').op('i64.extend_i32_u');
  code.get(cpu).mem('i64.load', Slot.LOOP_PC_BASE).op('i64.add').get(hook).mem('i32.load16_u', HookEntry.entry);
  loop.slot(Slot.LOOP_GUARDED).i32(EntryBit.guarded).op('i32.shl').op('i32.or').get(executed).i64(0n);
  code.get(hook).mem('i32.load16_u', HookEntry.slot).callIndirect(regionType);
  code.set(after).tee(status).op('i32.eqz').brIf(loop.dispatch);
  // The pause comes by what is interpreted.
  code.get(cpu);
  loop.slot(Slot.PAUSE).get(executed).op('i32.sub');
  code.get(after).tee(executed).op('i32.add').mem('i32.store', Slot.PAUSE);
  loop.store(Slot.EXEC, executed);
  code.get(status).i32(RegionExit.inPage).op('i32.and');
  code.block('if');
  code.get(status).i32(RegionExit.indexShift).op('i32.shr_u').i32(RECORD_SHIFT).op('i32.shl');
  loop.slot(Slot.LOOP_RECORDS).op('i32.add').set(ip);
  loop.setCount();
  code.get(status).i32(RegionExit.unchecked).op('i32.and');
  code.block('if');
  // The instruction itself is to be run, not a region that begins with it.
  emitItself(loop);
  code.end();
  loop.withinBudget();
  code.block('if');
  loop.run();
  code.end();
  loop.leaveWith(EXITS.Budget);
  code.end();
  code.get(status).i32(RegionExit.unchecked).op('i32.and').tee(loop.unchecked).set(loop.passed);
  code.get(status).i32(RegionExit.typeShift).op('i32.shr_u').i32(3).op('i32.and').set(loop.branchType);
  code.get(cpu).mem('i64.load', Slot.PC).set(target).br(loop.goto);
}
/** Finds the handler of the instruction at ip, also where a region begins with it. */
function lookBehind(loop: Loop): void {
  const { code, handler } = loop;
  loop.look();
  code.get(handler).i32(Special.Region).op('i32.eq');
  code.block('if');
  emitHook(loop);
  code.end();
}
/** Runs the instruction at ip, not a region that begins with it. */
function emitItself(loop: Loop): void {
  lookBehind(loop);
  loop.code.br(loop.dispatch);
}

/** Goes to the target, wherever that is. */
function emitTarget(loop: Loop): void {
  const { code, target } = loop;
  loop.withinBudget().op('i32.eqz').get(loop.unchecked).op('i32.gt_u');
  code.block('if');
  loop.outWith(EXITS.Budget);
  code.end().i32(0).set(loop.unchecked);
  const entry = code.local('i32');
  const records = code.local('i32');
  loop.fetchEntry().set(entry);
  loop.entryMisses(entry);
  code.block('if');
  code
    .get(target)
    .call(loop.import('fetch', ['i64'], ['i32']))
    .tee(records)
    .op('i32.eqz');
  code.block('if');
  loop.outWith(EXITS.Exception);
  code.end().else();
  loop.entryRecords(entry).set(records).end();
  loop.entryGuarded(entry);
  code.block('if');
  code.get(loop.branchType);
  code.block('if');
  // How branches have landed there before; else it is asked.
  loop.landed(records).op('i32.eqz');
  code.block('if');
  code.get(target).get(loop.branchType);
  loop
    .slot(Slot.LOOP_GUARDED)
    .call(loop.import('land', ['i64', 'i32', 'i32'], ['i32']))
    .op('i32.eqz');
  code.block('if');
  code.get(loop.cpu);
  loop.entryGuarded(entry).mem('i32.store', Slot.LOOP_GUARDED);
  loop.outWith(EXITS.Exception);
  code.end().end().end().end();
  code.get(loop.cpu);
  loop.entryGuarded(entry).mem('i32.store', Slot.LOOP_GUARDED);
  code.i32(0).set(loop.branchType);
  loop.arrive(records);
}

/** Calls a handler in the table. */
function emitFunction(loop: Loop, handlerType: number): void {
  const { code, cpu, ip, count, status } = loop;
  code.get(cpu).get(ip).get(count).get(loop.handler).callIndirect(handlerType).tee(status);
  code.op('i32.eqz').block('if');
  loop.next();
  code.end();
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

/** The functions of hot loops. */
interface HotLoops {
  readonly main: number;
  /** With the numbers, beginning at FIRST_HANDLER, of the handlers that are to be run there; undefined if there are none. */
  readonly bulk: { readonly loop: number; readonly from: number; readonly count: number } | undefined;
}
/** Runs handlers in a hot loop until one is not there, and does what that has come back for. */
function emitHot(loop: Loop, { main, bulk }: HotLoops): void {
  const { code, cpu, ip, count, handler, status } = loop;
  const run = (hot: number): Code => code.get(cpu).get(ip).get(count).get(handler).call(hot);
  if (bulk) {
    code
      .get(handler)
      .i32(FIRST_HANDLER + bulk.from)
      .op('i32.sub')
      .i32(bulk.count)
      .op('i32.lt_u')
      .block('if', 'i32');
    run(bulk.loop);
    code.else();
    run(main);
    code.end().set(status);
  } else run(main).set(status);
  const byKind = [HotExit.Function, HotExit.Slow, HotExit.Leave, HotExit.Target];
  const last = code.block('block');
  const labels = byKind.map(() => code.block('block')).reverse();
  code.get(status).i32(HotExit.shift).op('i32.shr_u').brTable(labels, last);
  const position = (): void => {
    loop.slot(Slot.LOOP_IP).set(ip);
    loop.slot(Slot.LOOP_COUNT).set(count);
  };
  const branch = (): void => {
    code.get(cpu).mem('i64.load', Slot.PC).set(loop.target);
    loop.slot(Slot.EXEC).set(loop.executed);
    loop.slot(Slot.LOOP_BRANCH).set(loop.branchType);
  };
  for (const kind of byKind) {
    code.end();
    if (kind !== HotExit.Target) position();
    if (kind === HotExit.Function) code.get(status).set(handler).br(loop.dispatch);
    else if (kind === HotExit.Slow) emitSlow(loop);
    else if (kind === HotExit.Leave) {
      code.get(status).i32((1 << HotExit.shift) - 1);
      code.op('i32.and').set(status).br(loop.leaving);
    } else {
      branch();
      code.br(loop.goto);
    }
  }
  code.end();
  branch();
  loop.outWith(EXITS.Budget);
}
/** A handler begins anew: with the TLB filled, or as the function that stands in for it. */
function emitSlow(loop: Loop): void {
  const { code, cpu, ip, handler } = loop;
  loop.slot(Slot.LOOP_ACCESS).op('i32.eqz');
  code.block('if');
  lookBehind(loop);
  loop.slot(Slot.LOOP_FUNCTIONS).get(handler).i32(1).op('i32.shl').op('i32.add').mem('i32.load16_u');
  code.tee(handler).brIf(loop.dispatch).end();
  code.get(cpu).mem('i64.load', Slot.LOOP_MISSED);
  loop.slot(Slot.LOOP_ACCESS).get(ip);
  loop.slot(Slot.LOOP_RECORDS);
  code
    .call(loop.import('slow', ['i64', 'i32', 'i32', 'i32'], ['i32']))
    .tee(handler)
    .brIf(loop.dispatch);
  emitItself(loop);
}

function buildHotLoops(module: ModuleBuilder, variants: readonly Variant[], parallel: boolean): HotLoops {
  const build = (name: keyof HotLoops): number => {
    const here = variants.map((v) => (v.loops & LoopBit[name] ? v : undefined));
    const loop = buildHotLoop(module, here, parallel);
    // For tools/optimise.cjs.
    module.export(name, loop);
    return module.indexOf(loop);
  };
  const main = build('main');
  const own = (v: Variant): boolean => v.loops === LoopBit.bulk;
  const from = variants.findIndex(own);
  const count = variants.findLastIndex(own) + 1 - from;
  return { main, bulk: from < 0 ? undefined : { loop: build('bulk'), from, count } };
}

/**
 * Adds the main function.
 * @param variants handlers of the hot loops; the k-th gets the number FIRST_HANDLER + k. Those of bulk alone come in a row
 * @param pairs those of them that are done by others; undefined: other PEs execute at the same time
 */
export function buildLoop(
  module: ModuleBuilder,
  imports: Import,
  variants: readonly Variant[],
  pairs: Pairs | undefined,
): number {
  const parallel = pairs === undefined;
  const handlerType = module.type(HANDLER_PARAMS, HANDLER_RESULTS);
  const regionType = module.type(REGION_PARAMS, REGION_RESULTS);
  for (const [name, params, results] of CALLS) imports(name, params, results);
  const hot = buildHotLoops(module, variants, parallel);
  module.export('sum', buildSum(module));
  const copy = pairs && buildKnown(module, pairs);
  const known = copy === undefined ? undefined : module.indexOf(copy);
  // For tools/optimise.cjs.
  if (copy !== undefined) module.export('known', copy);
  return module.function(['i32'], ['i32'], (code) => {
    const loop = new Loop(code, imports, parallel);
    const { cpu, ip, handler, status, executed, target } = loop;
    code.get(cpu).mem('i64.load', Slot.PC).set(target);
    loop.slot(Slot.EXEC).set(executed);
    code.get(cpu);
    loop.slot(Slot.BRANCH).i32(2).op('i32.shr_u').mem('i32.store', Slot.LOOP_GUARDED);
    loop.slot(Slot.BRANCH).i32(3).op('i32.and').set(loop.branchType);
    // The budget has been looked at by whoever calls.
    code.i32(1).set(loop.unchecked);
    loop.out = code.block('block');
    loop.leaving = code.block('block');
    loop.goto = code.block('loop');
    emitTarget(loop);
    loop.look();
    loop.dispatch = code.block('loop');
    const inTable = code.block('block');
    const inHotLoop = code.block('block');
    // The innermost block is left first: its code is that of handler 0.
    const labels = Object.values(Special)
      .map(() => code.block('block'))
      .reverse();
    code
      .get(handler)
      .i32(FIRST_HANDLER + variants.length)
      .op('i32.ge_u')
      .brIf(inTable);
    code.get(handler).brTable(labels, inHotLoop);
    for (const id of Object.values(Special)) {
      code.end();
      switch (id) {
        case Special.Decode:
          if (known !== undefined) {
            code.get(ip);
            loop.slot(Slot.LOOP_RECORDS);
            loop.slot(Slot.LOOP_KNOWN).call(known).op('i32.eqz').block('if');
          }
          code.get(ip);
          loop.slot(Slot.LOOP_RECORDS).call(imports('decode', ['i32', 'i32'], []));
          if (known !== undefined) code.end();
          loop.run();
          break;
        case Special.End:
          loop.setTarget(0);
          loop.setExecuted(0);
          code.br(loop.goto);
          break;
        case Special.Stop:
          loop.leaveWith(EXITS.Budget);
          break;
        case Special.Region:
          emitRegion(loop, regionType);
      }
    }
    code.end();
    emitHot(loop, hot);
    code.end();
    emitFunction(loop, handlerType);
    code.end().end().unreachable().end();
    // Leaving at the instruction at ip, or past it.
    const past = code.local('i32');
    code.get(status).i32(PAST).op('i32.and').set(past);
    loop.setTarget(0);
    code.get(past).i32(2).op('i32.shl').op('i64.extend_i32_u').get(target).op('i64.add').set(target);
    loop.setExecuted(0);
    code.get(executed).get(past).op('i32.add').set(executed).i32(0).set(loop.branchType).end();
    // Leaving at the target of a jump, which has not been reached yet.
    code.get(cpu);
    loop.slot(Slot.LOOP_GUARDED).i32(2).op('i32.shl').get(loop.branchType).op('i32.or').mem('i32.store', Slot.BRANCH);
    code.get(cpu).get(target).mem('i64.store', Slot.PC);
    loop.store(Slot.EXEC, executed);
    code.get(status).i32(REASON_SHIFT).op('i32.shr_u');
  });
}
/** What the loop imports: before the first function is written. */
const CALLS: readonly (readonly [string, readonly ValueType[], readonly ValueType[]])[] = [
  ['fetch', ['i64'], ['i32']],
  ['land', ['i64', 'i32', 'i32'], ['i32']],
  ['decode', ['i32', 'i32'], []],
  ['slow', ['i64', 'i32', 'i32', 'i32'], ['i32']],
];
