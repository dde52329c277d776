// Floating-point operations of the IR: which there are, their types, and a text that names one with all its settings.

import { lazy } from '../base/lazy.ts';
import type { Fmt, FpAttr, Ty } from './ops.ts';

/** Operands of floating-point operations: F the format, T the other format or integer of width `to`, I an i32. */
export const fpOps = lazy(() => ({
  add: 'F F -> F', sub: 'F F -> F', mul: 'F F -> F', div: 'F F -> F', max: 'F F -> F', min: 'F F -> F',
  maxnm: 'F F -> F', minnm: 'F F -> F', mulx: 'F F -> F', recps: 'F F -> F', rsqrts: 'F F -> F',
  absmax: 'F F -> F', absmin: 'F F -> F', scale: 'F F -> F',
  sqrt: 'F -> F', recpe: 'F -> F', rsqrte: 'F -> F', recpx: 'F -> F', neg: 'F -> F', abs: 'F -> F',
  fma: 'F F F -> F',
  compare: 'F F -> I', eq: 'F F -> I', ge: 'F F -> I', gt: 'F F -> I',
  trigSMul: 'F F -> F', trigMAdd: 'F F I -> F', logB: 'F -> F',
  /** convertIeee: half precision is what IEEE says, whatever FPCR.AHP is. */
  convert: 'F -> T', convertIeee: 'F -> T', toInt: 'F I -> T', fromInt: 'T I -> F', roundInt: 'F -> F', roundIntN: 'F -> F',
})); // biome-ignore format: a table
export type FpOp = keyof ReturnType<typeof fpOps>;

function widthType(bits: number): Ty {
  return bits === 64 ? 'i64' : 'i32';
}
export function fpTypes(a: FpAttr): { args: Ty[]; result: Ty } {
  const one = (letter: string): Ty => (letter === 'F' ? widthType(a.fmt) : letter === 'T' ? widthType(a.to) : 'i32');
  const [args, result] = fpOps()[a.op].split(' -> ') as [string, string];
  return { args: args.split(' ').map(one), result: one(result) };
}
/** A short text that says everything about the operation: the key of its implementation. */
export function fpKey(a: FpAttr): string {
  const parts: (string | number)[] = [a.op, a.fmt];
  if (fpOps()[a.op].includes('T') || a.op === 'roundIntN') parts.push(a.to);
  if (a.op === 'toInt' || a.op === 'fromInt') parts.push(a.signed ? 's' : 'u');
  if (a.rounding !== '') parts.push(a.rounding);
  if (a.exact) parts.push('exact');
  return parts.join('.');
}

/** The operation that a key names. */
export function parseFpKey(key: string): FpAttr {
  const [op, width, ...rest] = key.split('.') as [FpOp, string, ...string[]];
  const fmt = Number(width) as Fmt;
  const to = /^\d+$/.test(rest[0] ?? '') ? Number(rest.shift()) : fmt;
  const signed = rest[0] === 's';
  if (rest[0] === 's' || rest[0] === 'u') rest.shift();
  const exact = rest.at(-1) === 'exact';
  if (exact) rest.pop();
  return { op, fmt, to, signed, exact, rounding: rest[0] ?? '' };
}
