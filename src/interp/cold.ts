// Handlers as functions of their own: one for each specialisation that is not in the main loop. They get what the loop
// knows and return a Status.

import { Slot } from '../cpu/state.ts';
import type { Handler } from '../isa/handlers.ts';
import type { Code, ModuleBuilder } from '../wasm/builder.ts';
import { Emitter, type Frame, JUMP_TYPE_SHIFT, LEAVE, PAST, Status } from './emit.ts';
import { EXITS, REASON_SHIFT } from './exits.ts';
import { HANDLER_PARAMS, HANDLER_RESULTS, type Import } from './loop.ts';

function functionFrame(code: Code, imports: Import): Frame {
  const [cpu, ip, count, pcBase] = [0, 1, 2, 3];
  const answer = (status: number): void => void code.i32(status).return();
  const pc = (): Code => code.get(ip).i32(2).op('i32.shr_u').op('i64.extend_i32_u').get(pcBase).op('i64.add');
  return {
    code,
    cpu,
    ip,
    count,
    pcBase,
    temp: (type) => code.local(type),
    import: imports,
    next: () => answer(Status.Next),
    leave: (reason, past) => answer((reason << REASON_SHIFT) | LEAVE | (past ? PAST : 0)),
    faultIfZero: () => {
      code.op('i32.eqz');
      code.block('if');
      answer((EXITS.Exception << REASON_SHIFT) | LEAVE);
      code.end();
    },
    jump: (type) => {
      const target = code.local('i64');
      code.set(target).get(cpu).get(target).mem('i64.store', Slot.PC);
      answer(Status.Jump | (type << JUMP_TYPE_SHIFT));
    },
    branch: (emitOperand) => {
      code.get(cpu);
      pc();
      emitOperand();
      code.op('i64.extend_i32_s').op('i64.add').mem('i64.store', Slot.PC);
      answer(Status.Jump);
    },
    resync: () => answer(Status.Resync),
  };
}

/** Adds the function of a handler. @returns its number in the module */
export function buildHandler(module: ModuleBuilder, imports: Import, handler: Handler): number {
  return module.function(HANDLER_PARAMS, HANDLER_RESULTS, (code) => {
    new Emitter(functionFrame(code, imports), handler.code, EXITS).emit();
    code.unreachable();
  });
}
