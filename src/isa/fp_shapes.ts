// What floating-point semantics share: formats out of encoding fields, constants, and the shape of scalar instructions.
// Knows no encodings; how values are rounded and which NaN comes out is the business of the fp ops.

import type { Fields, Fmt, Ops, Reg, Val } from './ops.ts';

/** The part of the facade that does not depend on the fields of a row. */
export type Kit = Omit<Ops, 'imm' | 'imm32' | 'pick' | 'pcRel' | 'branch' | 'branchIf'>;

/** The format that the field sz selects: 0 single, 1 double. */
export function formatOf(sz: number): Fmt {
  return sz ? 64 : 32;
}
/** Number of elements of a format in a vector of 64 or 128 bits. */
export function countOf(fmt: Fmt, Q: number): number {
  return (Q ? 128 : 64) / fmt;
}
/** A scalar constant bit pattern of a format. */
export function pattern(o: Kit, fmt: Fmt, bits: bigint): Val {
  return fmt === 64 ? o.i64(bits) : o.i32(Number(bits));
}
export function zero(o: Kit, fmt: Fmt): Val {
  return pattern(o, fmt, 0n);
}
/** All ones if the condition (i32 0/1) holds, zero otherwise, as an element of `bits`. */
export function maskOf(o: Kit, bits: Fmt, cond: Val): Val {
  return bits === 64 ? o.neg(o.extU(cond)) : o.zext(o.neg(cond), bits);
}

/** An 8-bit immediate as a floating-point bit pattern. @arm VFPExpandImm */
export function expandImm(imm8: number, fmt: Fmt): bigint {
  const E = fmt === 64 ? 11 : fmt === 32 ? 8 : 5;
  const F = fmt - 1 - E;
  const negative = imm8 >> 7;
  const low = (imm8 >> 6) & 1;
  const exp = ((1 - low) << (E - 1)) | (low ? ((1 << (E - 3)) - 1) << 2 : 0) | ((imm8 >> 4) & 3);
  return (BigInt(negative) << BigInt(fmt - 1)) | (BigInt(exp) << BigInt(F)) | (BigInt(imm8 & 15) << BigInt(F - 4));
}

/** expandImm of an immediate field, as a scalar of `fmt`. */
export function immediate<F>(o: Ops<F>, fmt: Fmt, imm8: (f: F) => number): Val {
  return fmt === 64 ? o.imm((f) => expandImm(imm8(f), fmt)) : o.imm32((f) => Number(expandImm(imm8(f), fmt)));
}

/** The fields of rows that come twice: with sz for single and double, without for half precision. */
export type WithSize<F> = F & { readonly sz: number };

/** One function over formats as the semantics of both rows of an instruction. */
export function sizes<F>(body: (o: Kit, fmt: Fmt, f: F) => void): {
  sd: (o: Kit, f: WithSize<F>) => void;
  half: (o: Kit, f: F) => void;
} {
  return { sd: (o, f) => body(o, formatOf(f.sz), f), half: (o, f) => body(o, 16, f) };
}

export type Two = Fields<{ Rn: number; Rd: number }>;
export type Three = Fields<{ Rm: number; Rn: number; Rd: number }>;

/** Rd = op(Rn); with FPCR.NEP the rest of Rd stays. */
export function unary(op: (o: Kit, fmt: Fmt, a: Val) => Val) {
  return sizes<Two>((o, fmt, { Rn, Rd }) => o.setFp(Rd, fmt, op(o, fmt, o.Vs(Rn, fmt)), Rd));
}
/** Rd = op(Rn, Rm); with FPCR.NEP the rest comes from Rn. */
export function binary(op: (o: Kit, fmt: Fmt, a: Val, b: Val) => Val) {
  return sizes<Three>((o, fmt, { Rm, Rn, Rd }) => o.setFp(Rd, fmt, op(o, fmt, o.Vs(Rn, fmt), o.Vs(Rm, fmt)), Rn));
}

export type { Fmt, Reg, Val };
