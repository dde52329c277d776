// Handlers as functions of their own: one for each specialisation that is not in the main loop. They get what the loop
// knows and return a Status.

import { Slot } from '../cpu/state.ts';
import type { Handler } from '../isa/handlers.ts';
import type { Code } from '../wasm/builder.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { Emitter } from './emit.ts';
import { JUMP_TYPE_SHIFT, Status } from './emit_frame.ts';
import { LeavingFrame } from './handler_frame.ts';
import type { Import } from './imports.ts';
import { HANDLER_PARAMS, HANDLER_RESULTS } from './loop.ts';
import { type RecordFrame, RecordState } from './record_state.ts';

class FunctionFrame extends LeavingFrame implements RecordFrame {
  readonly cpu = 0;
  readonly ip = 1;
  readonly count = 2;
  readonly code: Code;
  readonly import: Import;
  readonly state: RecordState;
  constructor(code: Code, imports: Import, handler: Handler, parallel: boolean) {
    super();
    this.code = code;
    this.import = imports;
    this.state = new RecordState(this, handler.code, parallel);
  }
  temp(type: ValueType): number {
    return this.code.local(type);
  }
  protected end(status: number): void {
    this.code.i32(status).return();
  }
  next(): void {
    this.end(Status.Next);
  }
  faultIfZero(): void {
    this.code.op('i32.eqz');
    this.code.block('if');
    this.raise(false);
    this.code.end();
  }
  jump(type: number): void {
    const { code, cpu } = this;
    const target = code.local('i64');
    code.set(target).get(cpu).get(target).mem('i64.store', Slot.PC);
    this.end(Status.Jump | (type << JUMP_TYPE_SHIFT));
  }
  branch(operand: number): void {
    const { code, cpu, state } = this;
    code.get(cpu);
    state.pc();
    state.immediate(operand, 'i32');
    code.op('i64.extend_i32_s').op('i64.add').mem('i64.store', Slot.PC);
    this.end(Status.Jump);
  }
  resync(): void {
    this.end(Status.Resync);
  }
}

/** Adds the function of a handler. @returns its number in the module */
export function buildHandler(module: ModuleBuilder, imports: Import, handler: Handler, parallel: boolean): number {
  return module.function(HANDLER_PARAMS, HANDLER_RESULTS, (code) => {
    const frame = new FunctionFrame(code, imports, handler, parallel);
    new Emitter(frame, frame.state).emit(handler.code.block);
    code.unreachable();
  });
}
