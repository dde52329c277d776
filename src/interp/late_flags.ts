// The condition flags in regions: not computed when they are set, but remembered as what they come from. Three locals say
// what: a kind and two operands. Where the code alone says which kinds are possible, conditions are comparisons of the
// operands. Where control leaves a region, three slots of the CPU state say it to the next one; where it leaves regions for the
// interpreter, the flags are put together in the form that they have everywhere else.

import { Slot } from '../cpu/state.ts';
import { conditionHolds } from '../ir/conditions.ts';
import type { Code } from '../wasm/builder.ts';
import type { IntOp } from '../wasm/opcodes.ts';

/**
 * Mem: the CPU state has them. Raw: `a` is NZCV as a number. Nz: sign and zero of `a`, C and V are clear. Sub, Add: those of
 * a - b and a + b; for 32 bits the operands are zero-extended.
 */
export const Kind = { Mem: 0, Raw: 1, Nz: 2, Sub64: 3, Sub32: 4, Add64: 5, Add32: 6 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
export const KINDS: readonly Kind[] = Object.values(Kind);
export const ALL_KINDS = (1 << KINDS.length) - 1;

const [EQ, CS, MI, VS] = [0, 2, 4, 6];
/** Conditions whose truth is the opposite of the one before: odd numbers. */
const MASKS = Array.from({ length: 16 }, (_, cond) =>
  Array.from({ length: 16 }, (_, nzcv) => (conditionHolds(cond, nzcv) ? 1 << nzcv : 0)).reduce((x, y) => x | y, 0),
);

/** Each puts an i32 on the stack: whether Z, C, N, V is set. */
type FlagTests = readonly [z: () => Code, c: () => Code, n: () => Code, v: () => Code];

export class Flags {
  private readonly code: Code;
  private readonly cpu: number;
  private readonly settle: number | undefined;
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  /** Kinds that are possible at this point of the code, one bit each. */
  possible = ALL_KINDS;

  /** @param settle the function SETTLE, where the CPU state may say what the flags come from */
  constructor(code: Code, cpu: number, settle?: number) {
    this.code = code;
    this.cpu = cpu;
    this.settle = settle;
    this.kind = code.local('i32');
    this.a = code.local('i64');
    this.b = code.local('i64');
  }
  /** The operands have been put into their locals. */
  set(kind: Kind): void {
    this.code.i32(kind).set(this.kind);
    this.possible = 1 << kind;
  }
  /** Puts an i32 on the stack: whether condition 0..13 holds. */
  condition(cond: number): void {
    this.choose('i32', (kind) => this.test(kind, cond));
  }
  /** Puts NZCV on the stack. */
  nzcv(): void {
    this.choose('i32', (kind) => {
      const { code } = this;
      if (kind === Kind.Raw) {
        code.get(this.a).op('i32.wrap_i64');
        return;
      }
      this.test(kind, MI);
      code.i32(3).op('i32.shl');
      this.test(kind, EQ);
      code.i32(2).op('i32.shl').op('i32.or');
      this.test(kind, CS);
      code.i32(1).op('i32.shl').op('i32.or');
      this.test(kind, VS);
      code.op('i32.or');
    });
  }
  carry(): void {
    this.condition(CS);
  }
  /** The CPU state is told what they come from, if it does not have them. */
  spill(): void {
    const { code, cpu } = this;
    const kinds = KINDS.filter((k) => k !== Kind.Mem && this.possible & (1 << k));
    if (kinds.length === 0) return;
    const known = this.possible === 1 << kinds[0]!;
    if (!known) code.get(this.kind).block('if');
    code.get(cpu);
    if (known) code.i32(kinds[0]!);
    else code.get(this.kind);
    code.mem('i32.store', Slot.FLAG_KIND);
    code.get(cpu).get(this.a).mem('i64.store', Slot.FLAG_A);
    if (kinds.some((k) => k > Kind.Nz)) code.get(cpu).get(this.b).mem('i64.store', Slot.FLAG_B);
    if (!known) code.end();
  }
  /** The CPU state has them meanwhile, where only one kind is possible. @returns writes code that fetches them from there */
  put(): () => void {
    const { code, cpu } = this;
    const kind = KINDS.find((k) => this.possible === 1 << k);
    if (kind === undefined || kind === Kind.Mem) return () => {};
    this.spill();
    return () => {
      code.i32(kind).set(this.kind);
      code.get(cpu).mem('i64.load', Slot.FLAG_A).set(this.a);
      if (kind > Kind.Nz) code.get(cpu).mem('i64.load', Slot.FLAG_B).set(this.b);
    };
  }
  /** Stores the flags of a kind where the CPU state has them. */
  storeAs(kind: Kind): void {
    const { code, cpu } = this;
    const slot = (emit: () => void, store: 'i32.store' | 'i64.store', ...at: number[]): void => {
      for (const offset of at) {
        code.get(cpu);
        emit();
        code.mem(store, offset);
      }
    };
    if (kind === Kind.Raw) {
      slot(() => code.get(this.a).i64(60n).op('i64.shl'), 'i64.store', Slot.FLAG_N);
      slot(() => code.get(this.a).i64(4n).op('i64.and').i64(4n).op('i64.xor'), 'i64.store', Slot.FLAG_Z);
    } else slot(() => this.result(kind), 'i64.store', Slot.FLAG_N, Slot.FLAG_Z);
    slot(() => this.test(kind, CS), 'i32.store', Slot.FLAG_C);
    slot(() => this.test(kind, VS), 'i32.store', Slot.FLAG_V);
  }

  /** Code for each kind that is possible, chosen at run time where there is more than one. */
  private choose(type: 'i32' | 'i64', emit: (kind: Kind) => void): void {
    const { code } = this;
    const kinds = KINDS.filter((k) => this.possible & (1 << k)).reverse();
    for (const kind of kinds.slice(0, -1)) {
      code.get(this.kind).i32(kind).op('i32.eq');
      code.block('if', type);
      emit(kind);
      code.else();
    }
    emit(kinds.at(-1)!);
    for (let i = 1; i < kinds.length; i++) code.end();
  }
  /** Puts on the stack what N is the sign of and Z the absence of, as an i64. */
  private result(kind: Kind): Code {
    const { code } = this;
    if (kind === Kind.Nz) return code.get(this.a);
    code.get(this.a).get(this.b);
    code.op(kind === Kind.Sub64 || kind === Kind.Sub32 ? 'i64.sub' : 'i64.add');
    return kind === Kind.Sub32 || kind === Kind.Add32 ? code.op('i64.extend32_s') : code;
  }
  /** Puts one operand on the stack in its own width. */
  private part(local: number, narrow: boolean): Code {
    this.code.get(local);
    return narrow ? this.code.op('i32.wrap_i64') : this.code;
  }

  private test(kind: Kind, cond: number): void {
    const { code } = this;
    switch (kind) {
      case Kind.Mem:
        this.testMemory(cond);
        return;
      case Kind.Raw:
        code.i32(MASKS[cond]!).get(this.a).op('i32.wrap_i64').op('i32.shr_u').i32(1).op('i32.and');
        return;
      case Kind.Nz:
        this.testSign(cond);
        return;
      case Kind.Sub64:
      case Kind.Sub32:
        this.testDifference(cond, kind === Kind.Sub32);
        return;
      default:
        this.testSum(cond, kind === Kind.Add32);
    }
  }
  private testMemory(cond: number): void {
    const { code, cpu } = this;
    if (this.settle !== undefined) {
      code.get(cpu).mem('i32.load', Slot.FLAG_KIND).seldom().block('if');
      code.get(cpu).call(this.settle).end();
    }
    const negative = (): Code => code.get(cpu).mem('i64.load', Slot.FLAG_N).i64(0n).op('i64.lt_s');
    const zero = (): Code => code.get(cpu).mem('i64.load', Slot.FLAG_Z).op('i64.eqz');
    const carry = (): Code => code.get(cpu).mem('i32.load', Slot.FLAG_C);
    const overflow = (): Code => code.get(cpu).mem('i32.load', Slot.FLAG_V);
    const less = (): Code => {
      negative();
      return overflow().op('i32.ne');
    };
    this.among([zero, carry, negative, overflow], less, cond);
  }
  /** Puts on the stack whether a condition holds. @param less N is not V */
  private among([zero, carry, ...others]: FlagTests, less: () => Code, cond: number): void {
    const tests: readonly (() => Code)[] = [
      zero,
      carry,
      ...others,
      () => {
        carry();
        return zero().op('i32.eqz').op('i32.and');
      },
      () => less().op('i32.eqz'),
      () => {
        less().op('i32.eqz');
        return zero().op('i32.eqz').op('i32.and');
      },
    ];
    tests[cond >> 1]!();
    if (cond & 1) this.code.op('i32.eqz');
  }
  /** C = V = 0. */
  private testSign(cond: number): void {
    const { code } = this;
    const compare = (op: IntOp): Code => code.get(this.a).i64(0n).op(op);
    const tests: readonly (() => Code)[] = [
      () => compare('i64.eq'),
      () => code.i32(0),
      () => compare('i64.lt_s'),
      () => code.i32(0),
      () => code.i32(0),
      () => compare('i64.ge_s'),
      () => compare('i64.gt_s'),
    ];
    tests[cond >> 1]!();
    if (cond & 1) code.op('i32.eqz');
  }
  private testDifference(cond: number, narrow: boolean): void {
    const { code } = this;
    const ty = narrow ? 'i32' : 'i64';
    const a = (): Code => this.part(this.a, narrow);
    const b = (): Code => this.part(this.b, narrow);
    const zero = (): Code => (narrow ? code.i32(0) : code.i64(0n));
    const difference = (): Code => {
      a();
      return b().op(`${ty}.sub`);
    };
    const compare = (op: string): void => {
      a();
      b().op(`${ty}.${op}` as IntOp);
    };
    const comparisons = ['eq', 'ne', 'ge_u', 'lt_u', '', '', '', '', 'gt_u', 'le_u', 'ge_s', 'lt_s', 'gt_s', 'le_s'];
    const comparison = comparisons[cond]!;
    if (comparison !== '') {
      compare(comparison);
      return;
    }
    if (cond >> 1 === MI >> 1) difference();
    else {
      a();
      b().op(`${ty}.xor`);
      a();
      difference().op(`${ty}.xor`).op(`${ty}.and`);
    }
    zero();
    code.op(`${ty}.${cond & 1 ? 'ge_s' : 'lt_s'}`);
  }
  private testSum(cond: number, narrow: boolean): void {
    const { code } = this;
    const ty = narrow ? 'i32' : 'i64';
    const op = (name: string): Code => code.op(`${ty}.${name}` as IntOp);
    const a = (): Code => this.part(this.a, narrow);
    const sum = (): Code => {
      a();
      this.part(this.b, narrow);
      return op('add');
    };
    const zero = (): Code => (narrow ? code.i32(0) : code.i64(0n));
    /** Its sign is V. */
    const overflow = (): Code => {
      a();
      sum();
      op('xor');
      this.part(this.b, narrow);
      sum();
      op('xor');
      return op('and');
    };
    const carry = (): Code => {
      sum();
      a();
      return op('lt_u');
    };
    const less = (): Code => {
      sum();
      overflow();
      op('xor');
      zero();
      return op('lt_s');
    };
    const isZero = (): Code => {
      sum();
      return op('eqz');
    };
    const negative = (of: () => Code) => (): Code => {
      of();
      zero();
      return op('lt_s');
    };
    this.among([isZero, carry, negative(sum), negative(overflow)], less, cond);
  }
}

/** The function SETTLE. @param cpu local */
export function writeSettle(code: Code, cpu: number): void {
  const flags = new Flags(code, cpu);
  code.get(cpu).mem('i32.load', Slot.FLAG_KIND).tee(flags.kind).op('i32.eqz').block('if');
  code.return().end();
  code.get(cpu).mem('i64.load', Slot.FLAG_A).set(flags.a);
  code.get(cpu).mem('i64.load', Slot.FLAG_B).set(flags.b);
  for (const kind of KINDS) {
    if (kind === Kind.Mem) continue;
    code.get(flags.kind).i32(kind).op('i32.eq').block('if');
    flags.storeAs(kind);
    code.end();
  }
  code.get(cpu).i32(0).mem('i32.store', Slot.FLAG_KIND);
}
