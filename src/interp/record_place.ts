// What follows from the address of a record: where its instruction stands, and how many were executed before it.

import { Slot } from '../cpu/state.ts';
import type { Code } from '../wasm/builder.ts';
import { RECORD_SHIFT } from './record.ts';

/** Locals: the CPU state, the address of the record, executed - ip/16. */
export interface RecordPlace {
  readonly cpu: number;
  readonly ip: number;
  readonly count: number;
}

/** Puts the address of the instruction on the stack. */
export function writePc(code: Code, { cpu, ip }: RecordPlace): Code {
  code.get(ip).i32(2).op('i32.shr_u').op('i64.extend_i32_u');
  return code.get(cpu).mem('i64.load', Slot.LOOP_PC_BASE).op('i64.add');
}
/** Puts the number of instructions on the stack that were executed before it. */
export function writeExecuted(code: Code, { ip, count }: RecordPlace): Code {
  return code.get(count).get(ip).i32(RECORD_SHIFT).op('i32.shr_u').op('i32.add');
}
