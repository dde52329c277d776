// The locals of a loop that runs records, the hot one (hot_loop.ts) or the one around it (loop.ts), and the steps that both
// are made of: to the next record, to the target of a branch, and whether the budget allows it.

import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_EXTRA, ENTRY_VALUE, TlbTable } from '../cpu/tlb.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { LANDING_GUARDED, LANDINGS, RECORD_SHIFT, RECORD_SIZE, RECORDS_PER_PAGE } from './record.ts';
import { type RecordPlace, writeExecuted, writePc } from './record_place.ts';
import { writeFetchEntry, writeFetchMisses } from './tlb_entry.ts';

/** Where a loop stands among records, in locals, and how it gets on. */
export class Position implements RecordPlace {
  readonly code: Code;
  readonly cpu: number;
  readonly ip: number;
  readonly count: number;
  readonly handler: number;
  readonly executed: number;
  readonly target: number;
  readonly branchType: number;
  readonly status: number;
  readonly parallel: boolean;
  /** Runs `handler`. */
  dispatch!: Label;

  /** @param given locals that exist: cpu, ip, count, handler */
  constructor(code: Code, parallel: boolean, ...given: readonly number[]) {
    this.code = code;
    this.parallel = parallel;
    this.cpu = given[0]!;
    this.ip = given[1] ?? code.local('i32');
    this.count = given[2] ?? code.local('i32');
    this.handler = given[3] ?? code.local('i32');
    this.executed = code.local('i32');
    this.branchType = code.local('i32');
    this.status = code.local('i32');
    this.target = code.local('i64');
  }
  slot(offset: number): Code {
    return this.code.get(this.cpu).mem('i32.load', offset);
  }
  store(offset: number, local: number): void {
    this.code.get(this.cpu).get(local).mem('i32.store', offset);
  }
  /** executed = count + ip/16 + extra */
  setExecuted(extra: number): void {
    writeExecuted(this.code, this);
    if (extra) this.code.i32(extra).op('i32.add');
    this.code.set(this.executed);
  }
  /** count follows from executed and ip. */
  setCount(): void {
    this.code.get(this.executed).get(this.ip).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.sub').set(this.count);
  }
  /** Puts the address of the instruction at ip on the stack. */
  pc(): Code {
    return writePc(this.code, this);
  }
  setTarget(past: number): void {
    this.pc();
    if (past) this.code.i64(BigInt(past)).op('i64.add');
    this.code.set(this.target);
  }
  /** Finds the handler of the record at ip. */
  look(): void {
    this.code.get(this.ip);
    // Others decode meanwhile: the operands are those of the handler that is found.
    if (this.parallel) this.code.atomic('i32.atomic.load16_u');
    else this.code.mem('i32.load16_u');
    this.code.set(this.handler);
  }
  /** Runs the record at ip. */
  run(): void {
    this.look();
    this.code.br(this.dispatch);
  }
  /** Runs the next record. */
  next(): void {
    this.advance();
    this.run();
  }
  advance(): void {
    this.code.get(this.ip).i32(RECORD_SIZE).op('i32.add').set(this.ip);
  }
  /** Puts an i32 on the stack: nonzero if the budget allows what comes after `executed` instructions, and no pause is due. */
  withinBudget(): Code {
    const { code, executed } = this;
    code.get(executed);
    this.slot(Slot.BUDGET).op('i32.lt_s').get(executed);
    return this.slot(Slot.PAUSE).op('i32.lt_s').op('i32.and');
  }
  /** Puts the address of the fetch entry for the target on the stack. */
  fetchEntry(): Code {
    this.code.get(this.target);
    return writeFetchEntry(this.code, () => this.slot(Slot.TLB));
  }
  /** Puts an i32 on the stack: nonzero if the entry is not for the target. */
  entryMisses(entry: number): Code {
    return writeFetchMisses(this.code.get(entry), this.target);
  }
  entryRecords(entry: number): Code {
    return this.code.get(entry).mem('i32.load', TlbTable.fetch + ENTRY_VALUE);
  }
  entryGuarded(entry: number): Code {
    return this.code.get(entry).mem('i32.load', TlbTable.fetch + ENTRY_EXTRA);
  }
  /** Puts an i32 on the stack: nonzero if branches like this one have landed at the target of the guarded page before. */
  landed(records: number): Code {
    const { code, target } = this;
    code.get(records).get(target).op('i32.wrap_i64').i32(2).op('i32.shr_u');
    code
      .i32(RECORDS_PER_PAGE - 1)
      .op('i32.and')
      .op('i32.add')
      .mem('i32.load8_u', LANDINGS);
    this.slot(Slot.LOOP_GUARDED).i32(Math.log2(LANDING_GUARDED)).op('i32.shl').get(this.branchType).op('i32.or');
    return code.op('i32.shr_u').i32(1).op('i32.and');
  }
  /** Goes to the target, whose page has these records: sets ip, count and what is known of the page. */
  arrive(records: number): void {
    const { code, cpu, target, ip } = this;
    this.store(Slot.LOOP_RECORDS, records);
    // Four bytes of code are sixteen of records.
    code.get(target).op('i32.wrap_i64');
    code
      .i32(FRAME_SIZE - 4)
      .op('i32.and')
      .i32(2)
      .op('i32.shl');
    code.get(records).op('i32.add').set(ip);
    this.setCount();
    code.get(cpu).get(target).i64(-BigInt(FRAME_SIZE)).op('i64.and');
    code.get(records).i32(2).op('i32.shr_u').op('i64.extend_i32_u').op('i64.sub');
    code.mem('i64.store', Slot.LOOP_PC_BASE);
  }
}
