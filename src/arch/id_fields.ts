// How do I reach one field of one ID register? Typed look-ups over ID_REGS: a field of another register does not compile.
import { extract, fieldMask, insert, signExtend } from '../base/bits.ts';
import { type FieldName, ID_REGS, type IdRegName, type ValueName } from './id_regs.ts';
import type { Field, IdReg } from './schema.ts';

const rows: Readonly<Record<string, IdReg>> = ID_REGS;

/** Every ID register, in encoding order. */
export const ID_REG_NAMES = Object.keys(ID_REGS) as readonly IdRegName[];

const nameByEnc = new Map<number, IdRegName>(ID_REG_NAMES.map((name) => [ID_REGS[name].enc, name]));

/** The ID register at a packed encoding, if Arm has named one there. */
export function idRegAt(packed: number): IdRegName | undefined {
  return nameByEnc.get(packed);
}
export function idRegRow(name: IdRegName): IdReg {
  return rows[name]!;
}
export function isIdRegName(name: string): name is IdRegName {
  return Object.hasOwn(ID_REGS, name);
}

/** Position, kind and value names of a field. */
export function fieldOf<R extends IdRegName>(reg: R, field: FieldName<R>): Field {
  return rows[reg]!.fields[field]!;
}
/** The same for names that are not known at compile time; undefined where there is no such field. */
export function findField(reg: IdRegName, field: string): Field | undefined {
  const fields = rows[reg]!.fields;
  return Object.hasOwn(fields, field) ? fields[field] : undefined;
}
/** The number behind a value's name. */
export function rawOf<R extends IdRegName, F extends FieldName<R>>(reg: R, field: F, value: ValueName<R, F>): number {
  return rows[reg]!.fields[field]!.values[value]!;
}
/** Mask of a field within its register. */
export function maskOfField<R extends IdRegName>(reg: R, field: FieldName<R>): bigint {
  const f = fieldOf(reg, field);
  return fieldMask(f.hi, f.lo);
}

/** The raw contents of a field, 0 .. 2^width-1. */
export function readField(value: bigint, field: Field): number {
  return Number(extract(value, field.hi, field.lo));
}
/** The contents of a field as an ordered number: signed fields are sign-extended. */
export function fieldRank(value: bigint, field: Field): number {
  const raw = extract(value, field.hi, field.lo);
  return Number(field.kind === 'signed' ? signExtend(raw, field.hi - field.lo + 1) : raw);
}
/** A value of the field, by its raw number, as an ordered number. */
export function rankOf(raw: number, field: Field): number {
  return field.kind === 'signed' ? Number(signExtend(BigInt(raw), field.hi - field.lo + 1)) : raw;
}
/** `value` with one field replaced. */
export function withField<R extends IdRegName>(value: bigint, reg: R, field: FieldName<R>, raw: number): bigint {
  const f = fieldOf(reg, field);
  return insert(value, f.hi, f.lo, BigInt(raw));
}
/** The name of a field's contents, or the number in decimal where Arm has no name for it. */
export function valueName(raw: number, field: Field): string {
  for (const [name, v] of Object.entries(field.values)) if (v === raw) return name;
  return String(raw);
}
/** Bits of the register that no field, RES1 or RAZ claims. */
export function res0Of(name: IdRegName): bigint {
  const row = rows[name]!;
  let known = row.res1 | row.raz;
  for (const f of Object.values(row.fields)) known |= fieldMask(f.hi, f.lo);
  return BigInt.asUintN(64, ~known);
}
