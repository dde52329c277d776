// What is moved between a signal frame and the registers of a CPU, all at once: signals come often, and this is most of what
// they take. Vectors by 16 bytes are an instruction each in WebAssembly.

import { WebAssemblyHost } from '../base/webassembly.ts';
import type { PhysMem } from '../cpu/physmem.ts';
import { Slot, V_STRIDE } from '../cpu/state.ts';
import type { Code } from '../wasm/builder.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import { At } from './sigframe_layout.ts';

/** A function of addresses in linear memory: CPU state, frame, and V0 in the frame. */
type Move = (cpu: number, frame: number, vectors: number) => void;
export interface Moves {
  /** Writes X0 to X30, SP, PC and V0 to V31; all else up to the first record becomes zero. */
  readonly save: Move;
  /** Reads the registers back. */
  readonly restore: Move;
}

const [CPU, FRAME, VECTORS] = [0, 1, 2] as const;
const QUAD = 16;
/** A local that has an address, and what to add. */
type Place = readonly [local: number, offset: number];
const beyond = ([local, offset]: Place, more: number): Place => [local, offset + more];

function copy(code: Code, from: Place, to: Place): void {
  code.get(to[0]).get(from[0]).mem('v128.load', from[1]).mem('v128.store', to[1]);
}
/**
 * X0 to X30 and SP stand in the frame as in the state; PC comes after them.
 * @param vectors where V0 is in the frame
 */
export function writeMove(code: Code, cpu: Place, frame: Place, vectors: Place, toFrame: boolean): void {
  const move = (state: Place, saved: Place): void => (toFrame ? copy(code, state, saved) : copy(code, saved, state));
  for (let at = 0; at < 32 * 8; at += QUAD) move(beyond(cpu, Slot.X + at), beyond(frame, At.REGS + at));
  const [pc, saved] = [beyond(cpu, Slot.PC), beyond(frame, At.PC)];
  const [from, to] = toFrame ? [pc, saved] : [saved, pc];
  code.get(to[0]).get(from[0]).mem('i64.load', from[1]).mem('i64.store', to[1]);
  for (let n = 0; n < 32; n++) move(beyond(cpu, Slot.V + n * V_STRIDE), beyond(vectors, n * QUAD));
}
/** Zeroes [from, to) behind the address that a local has. */
export function writeZero(code: Code, local: number, from: number, to: number): void {
  let at = from;
  for (; to - at >= QUAD; at += QUAD) code.get(local).v128(0n).mem('v128.store', at);
  if (at < to) code.get(local).i64(0n).mem('i64.store', at);
}

export function makeMoves(mem: PhysMem): Moves {
  const module = new ModuleBuilder();
  module.importMemory('', 'memory', 16, 65536, mem.shared);
  const add = (name: string, write: (code: Code) => void): void =>
    module.export(name, module.function(['i32', 'i32', 'i32'], [], write));
  add('save', (code) => {
    writeZero(code, FRAME, 0, At.REGS);
    writeZero(code, FRAME, At.PSTATE, At.RESERVED);
    writeMove(code, [CPU, 0], [FRAME, 0], [VECTORS, 0], true);
  });
  add('restore', (code) => writeMove(code, [CPU, 0], [FRAME, 0], [VECTORS, 0], false));
  const made = new WebAssemblyHost.Module(module.finish());
  return new WebAssemblyHost.Instance(made, { '': { memory: mem.wasm } }).exports as unknown as Moves;
}
