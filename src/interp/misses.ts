// What regions that miss the data TLB often ask in line: where an access goes that it does not answer. An access that touches
// two pages goes to the bounce buffer if the TLB knows both. What is asked is the interpreter's slow path; whatever that
// cannot answer, or what changes code on the way, is for the interpreter to execute.

import { type WasmModule, WebAssemblyHost } from '../base/webassembly.ts';
import { ACCESS } from '../cpu/access.ts';
import { FRAME_SIZE } from '../cpu/physmem.ts';
import { Slot } from '../cpu/state.ts';
import { ENTRY_VALUE, GENERATION, TlbTable } from '../cpu/tlb.ts';
import type { Code, Label } from '../wasm/builder.ts';
import { ModuleBuilder } from '../wasm/module.ts';
import type { ValueType } from '../wasm/opcodes.ts';
import { HOST, MEMORY } from './imports.ts';
import { MissImport } from './region.ts';
import { writeDataEntry } from './tlb_entry.ts';

/** Of both: cpu, address, the access as packAccess() has it. */
export const MISS_PARAMS: readonly ValueType[] = ['i32', 'i64', 'i32'];
/** The host's address; 0: the interpreter is to execute the instruction. */
export const MISS_RESULTS: readonly ValueType[] = ['i32'];

const [CPU, ADDRESS, ACCESS_OF] = [0, 1, 2];
/** What the module imports besides memory. */
const FILL = 'fill';
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
    writeDataEntry(code, va).get(this.table).op('i32.add');
    code.tee(entry).mem('i64.load').get(va).op('i64.xor').i64(BigInt(IN_PAGE)).op('i64.gt_u').brIf(unknown);
    return code.get(va).op('i32.wrap_i64').get(entry).mem('i32.load', ENTRY_VALUE).op('i32.add');
  }
  /** Puts on the stack where what takes the place of two pages is. */
  bounce(): Code {
    return this.code.get(CPU).i32(Slot.BOUNCE).op('i32.add');
  }
  /** Finds both parts of an access that touches two pages. @returns locals that say where they are */
  parts(unknown: Label): readonly [first: number, second: number] {
    const { code } = this;
    const [first, second, next] = [code.local('i32'), code.local('i32'), code.local('i64')];
    this.find(ADDRESS, unknown).set(first);
    code.get(ADDRESS);
    this.first().op('i64.extend_i32_u').op('i64.add').set(next);
    this.find(next, unknown).set(second);
    return [first, second];
  }
  /** Copies them to the bounce buffer, or from there. */
  exchange([first, second]: readonly [number, number], out: boolean): void {
    const { code } = this;
    const [bounce, count] = [code.local('i32'), code.local('i32')];
    this.bounce().set(bounce);
    this.first().set(count);
    this.copy(first, bounce, count, out);
    this.bounce();
    this.first().op('i32.add').set(bounce);
    code.get(this.size);
    this.first().op('i32.sub').set(count);
    this.copy(second, bounce, count, out);
  }
  /** Copies bytes, the last one first. @param count is counted down */
  private copy(part: number, bounce: number, count: number, out: boolean): void {
    const { code } = this;
    const [to, from] = out ? [part, bounce] : [bounce, part];
    const next = code.block('loop');
    code.get(count).i32(1).op('i32.sub').tee(count).get(to).op('i32.add');
    code.get(count).get(from).op('i32.add').mem('i32.load8_u').mem('i32.store8');
    code.get(count).brIf(next).end();
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
  const parts = access.parts(nowhere);
  access.has(ACCESS.writes).op('i32.eqz').block('if');
  access.exchange(parts, false);
  code.end();
  access.bounce().return().end();
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
  const access = new Access(code);
  access.exchange(access.parts(nowhere), true);
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
