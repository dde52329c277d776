// What regions that miss the data TLB often ask in line: where an access goes that it does not answer. An access that touches
// two pages goes to the bounce buffer if the TLB knows both. What is asked is the interpreter's slow path; whatever that
// cannot answer, or what changes code on the way, is for the interpreter to execute.

import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { ACCESS } from '../cpu/access.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { DATA_ENTRIES, ENTRY_SIZE, ENTRY_VALUE, GENERATION, TlbTable } from '../cpu/tlb.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { HOST, MEMORY } from './imports.ts';
import { MissImport } from './region.ts';

/** Of both: cpu, address, the access as packAccess() has it. */
export const MISS_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32'];
/** The host's address; 0: the interpreter is to execute the instruction. */
export const MISS_RESULTS: readonly ValueType[] = ['i32'];

const [CPU, ADDRESS, ACCESS_OF] = [0, 1, 2];
const IN_PAGE = FRAME_SIZE - 1;

/** An access, in locals: where the TLB and its table are, bytes of it, offset in its page. */
class Access {
  private readonly code: Code;
  readonly tlb: number;
  private readonly table: number;
  readonly size: number;
  readonly offset: number;
  private readonly entry: number;
  constructor(code: Code) {
    this.code = code;
    this.tlb = code.local('i32');
    this.table = code.local('i32');
    this.size = code.local('i32');
    this.offset = code.local('i32');
    this.entry = code.local('i32');
    this.has(ACCESS.unprivileged).block('if', 'i32');
    code.get(CPU).mem('i32.load', Slot.TLB_UNPRIVILEGED).else().get(CPU).mem('i32.load', Slot.TLB).end();
    code.tee(this.tlb).i32(TlbTable.write).i32(TlbTable.read);
    this.has(ACCESS.writes).select().op('i32.add').set(this.table);
    code.get(ACCESS_OF).i32(ACCESS.size).op('i32.and').set(this.size);
    code.get(ADDRESS).op('i32.wrap_i64').i32(IN_PAGE).op('i32.and').set(this.offset);
  }
  has(bits: number): Code {
    return this.code.get(ACCESS_OF).i32(bits).op('i32.and');
  }
  /** Puts the number of bytes in the first page on the stack. */
  first(): Code {
    return this.code.i32(FRAME_SIZE).get(this.offset).op('i32.sub');
  }
  /** Puts where an address is on the stack. @param va a local @param unknown is gone to if the TLB does not know its page */
  find(va: number, unknown: Label): Code {
    const { code, entry } = this;
    code.get(va).op('i32.wrap_i64');
    code.i32(Math.log2(FRAME_SIZE / ENTRY_SIZE)).op('i32.shr_u');
    code
      .i32((DATA_ENTRIES - 1) * ENTRY_SIZE)
      .op('i32.and')
      .get(this.table)
      .op('i32.add');
    code.tee(entry).mem('i64.load').get(va).op('i64.xor').i64(BigInt(IN_PAGE)).op('i64.gt_u').brIf(unknown);
    return code.get(va).op('i32.wrap_i64').get(entry).mem('i32.load', ENTRY_VALUE).op('i32.add');
  }
  /** Copies bytes, counted down by the last local. */
  copy(to: number, from: number, count: number): void {
    const { code } = this;
    const next = code.block('loop');
    code.get(count).i32(1).op('i32.sub').tee(count).get(to).op('i32.add');
    code.get(count).get(from).op('i32.add').mem('i32.load8_u').mem('i32.store8');
    code.get(count).brIf(next).end();
  }
  /** Finds both pages of an access, and copies from them, or to them, what the bounce buffer is to have, or has. */
  exchange(out: boolean, unknown: Label): void {
    const { code } = this;
    const [first, second, bounce, count] = [0, 0, 0, 0].map(() => code.local('i32')) as [
      number,
      number,
      number,
      number,
    ];
    const next = code.local('i64');
    this.find(ADDRESS, unknown).set(first);
    code.get(ADDRESS);
    this.first().tee(count).op('i64.extend_i32_u').op('i64.add').set(next);
    this.find(next, unknown).set(second);
    if (!out) this.has(ACCESS.writes).op('i32.eqz').block('if');
    code.get(CPU).i32(Slot.BOUNCE).op('i32.add').tee(bounce).get(count).op('i32.add').set(this.table);
    if (out) this.copy(first, bounce, count);
    else this.copy(bounce, first, count);
    code.get(this.size);
    this.first().op('i32.sub').set(count);
    if (out) this.copy(second, this.table, count);
    else this.copy(this.table, second, count);
    if (!out) code.end();
  }
}

/** @param fill asks the slow path to have the TLB answer: address, access; whether it does */
function writeMiss(code: Code, fill: number): void {
  const access = new Access(code);
  const generation = code.local('i64');
  const nowhere = code.block('block');
  const one = code.block('block');
  code.get(access.offset).get(access.size).op('i32.add').i32(FRAME_SIZE).op('i32.le_u').brIf(one);
  // What must be aligned never is, in two pages.
  access.has(ACCESS.checked).brIf(nowhere);
  access.exchange(false, nowhere);
  code.get(CPU).i32(Slot.BOUNCE).op('i32.add').return().end();
  const miss = code.block('block');
  access.find(ADDRESS, miss).return().end();
  code.get(access.tlb).mem('i64.load', GENERATION).set(generation);
  code.get(ADDRESS).get(ACCESS_OF).call(fill).op('i32.eqz').brIf(nowhere);
  code.get(access.tlb).mem('i64.load', GENERATION).get(generation).op('i64.ne').brIf(nowhere);
  access.find(ADDRESS, nowhere).return().end();
  code.i32(0);
}
function writeCarry(code: Code): void {
  const nowhere = code.block('block');
  new Access(code).exchange(true, nowhere);
  code.end();
}

function missModule(shared: boolean): WasmModule {
  const module = new ModuleBuilder();
  module.importMemory(HOST, MEMORY, 16, 65536, shared);
  const fill = module.importFunction(HOST, FILL, ['i64', 'i32'], ['i32']);
  module.export(
    MissImport.miss,
    module.function(MISS_PARAMS, MISS_RESULTS, (code) => writeMiss(code, fill)),
  );
  module.export(MissImport.carry, module.function(MISS_PARAMS, [], writeCarry));
  return new WebAssemblyHost.Module(module.finish());
}
const FILL = 'fill';

/** @param memory that is shared or not @param fill see AccessPath.fill, for the PE that runs */
export function missFunctions(
  memory: unknown,
  shared: boolean,
  fill: (va: bigint, access: number) => boolean,
): Readonly<Record<string, unknown>> {
  const imports = {
    [MEMORY]: memory,
    [FILL]: (va: bigint, access: number) => (fill(BigInt.asUintN(64, va), access) ? 1 : 0),
  };
  return new WebAssemblyHost.Instance(missModule(shared), { [HOST]: imports }).exports;
}
