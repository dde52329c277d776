// SveMachine (isa/sve_machine.ts) over the state of a PE: the routines of SVE rows run here for every engine. Plans are
// made once for each instruction word.

import { type FieldValues, fieldsOf, parseRow } from '../arch/a64/encoding.ts';
import { assert } from '../base/assert.ts';
import { fpKey } from '../ir/fp_ops.ts';
import type { FpAttr } from '../ir/ops.ts';
import type { VectorHelperName } from '../isa/helpers.ts';
import { checkPointer } from '../isa/pointer_check.ts';
import type { Group } from '../isa/semantics.ts';
import type { AccessKind, Plan, SveMachine } from '../isa/sve_machine.ts';
import type { AccessPath } from './access.ts';
import { FPSR } from './fp/context.ts';
import { type HelperContext, VECTOR_HELPERS } from './helpers.ts';
import type { PhysMem } from './physmem.ts';
import { type CpuState, Slot } from './state.ts';

const SP = 31;
const EC_SP_ALIGNMENT = 0x26;

/** What the machine asks of the engine around it. */
export interface SveHost {
  readonly groups: readonly Group[];
  /** The function of that name, as compiled code imports it. */
  importFor(name: string): (...args: never[]) => unknown;
  /** Runs a helper with the floating-point state of the PE, FPMR included. */
  with<T>(f: (cx: HelperContext) => T): T;
}

export class Sve implements SveMachine {
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly u16: Uint16Array;
  readonly i16: Int16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly i64: BigInt64Array;
  readonly view: DataView;
  z0 = 0;
  p0 = 0;
  vl = 16;
  private cpu!: CpuState;
  private readonly path: AccessPath;
  private readonly host: SveHost;

  constructor(mem: PhysMem, path: AccessPath, host: SveHost) {
    const { buffer } = mem.wasm;
    this.u8 = mem.u8;
    this.i8 = new Int8Array(buffer);
    this.u16 = mem.u16;
    this.i16 = new Int16Array(buffer);
    this.u32 = mem.u32;
    this.i32 = mem.i32;
    this.u64 = mem.u64;
    this.i64 = new BigInt64Array(buffer);
    this.view = mem.view;
    this.path = path;
    this.host = host;
  }
  /** The PE that calls come from. */
  enter(cpu: CpuState): void {
    this.cpu = cpu;
    this.z0 = cpu.base + Slot.V;
    this.p0 = cpu.base + Slot.P;
  }

  /** The routine of a row, as compiled code calls it: the instruction's word in, 0 out for a fault. */
  routine(row: string): (word: number) => number {
    const group = this.host.groups.find((g) => g.routines?.[row]);
    assert(group?.routines, `no routine '${row}'`);
    const make = group.routines[row]!;
    const encoding = parseRow(group.rows[row]!);
    const plans = new Map<number, Plan>();
    return (word) => {
      let plan = plans.get(word);
      if (!plan) {
        plan = make(fieldsOf(encoding, word) as FieldValues, this);
        plans.set(word, plan);
      }
      const { u32 } = this;
      const { base } = this.cpu;
      const vl = u32[(base + Slot.VL) >>> 2]!;
      this.vl = vl;
      const live = (base + Slot.SVE_LIVE) >>> 2;
      if (u32[live]! < vl) u32[live] = vl;
      return plan() === false ? 0 : 1;
    };
  }

  addAddress(base: bigint, offset: bigint): bigint {
    return this.checkPointer(BigInt.asUintN(64, base + offset), base, false);
  }
  checkPointer(sum: bigint, base: bigint, overflow: boolean): bigint {
    const checks = this.u32[(this.cpu.base + Slot.POINTER_CHECKS) >>> 2]!;
    return checks ? checkPointer(sum, base, checks, 'present', overflow) : sum;
  }

  x(n: number): bigint {
    return n === SP ? 0n : this.u64[(this.cpu.base + Slot.X + 8 * n) >>> 3]!;
  }
  xsp(n: number): bigint {
    return this.u64[(this.cpu.base + (n === SP ? Slot.SP : Slot.X + 8 * n)) >>> 3]!;
  }
  setX(n: number, value: bigint): void {
    if (n !== SP) this.u64[(this.cpu.base + Slot.X + 8 * n) >>> 3] = value;
  }
  setXsp(n: number, value: bigint): void {
    this.u64[(this.cpu.base + (n === SP ? Slot.SP : Slot.X + 8 * n)) >>> 3] = value;
  }
  get nzcv(): number {
    return this.cpu.nzcv;
  }
  set nzcv(v: number) {
    this.cpu.nzcv = v;
  }

  get fpcr(): number {
    return this.u32[(this.cpu.base + Slot.FPCR) >>> 2]!;
  }
  setQC(): void {
    this.u32[(this.cpu.base + Slot.FPSR) >>> 2]! |= FPSR.QC;
  }
  fp(attr: FpAttr): (...args: (number | bigint)[]) => number | bigint {
    return this.host.importFor(`fp:${fpKey(attr)}`) as ReturnType<SveMachine['fp']>;
  }
  helper(name: string): (...args: (number | bigint)[]) => number | bigint {
    return this.host.importFor(`helper:${name}`) as ReturnType<SveMachine['helper']>;
  }
  helperV(name: string): (param: number, ...args: bigint[]) => bigint {
    const helper = VECTOR_HELPERS[name as VectorHelperName];
    return (param, ...args) => this.host.with((cx) => helper(cx, param, ...args));
  }

  undefined(): false {
    this.cpu.exception = { ec: 0, iss: 0, far: 0n, ipa: 0n, toEl2: false };
    return false;
  }
  checkBase(n: number): boolean {
    const { cpu } = this;
    if (n !== SP || !(this.u32[(cpu.base + Slot.SP) >>> 2]! & this.u32[(cpu.base + Slot.SP_MASK) >>> 2]!)) return true;
    cpu.exception = { ec: EC_SP_ALIGNMENT, iss: 0, far: 0n, ipa: 0n, toEl2: false };
    return false;
  }
  probe(kind: AccessKind, va: bigint, size: number, element: number): number {
    const address = BigInt.asUintN(64, va);
    const cached = this.path.cached(this.cpu, kind, address, size);
    return cached || this.path.span(this.cpu, this.path.tlbOf(this.cpu), address, kind, size, element);
  }
  commit(host: number): void {
    if (host === this.cpu.base + Slot.BOUNCE) this.path.commit(this.cpu);
  }
  peek(va: bigint, size: number, element: number): number {
    const { cpu } = this;
    const before = cpu.exception;
    const host = this.probe('r', va, size, element);
    cpu.exception = before;
    return host;
  }
}
