// The vocabulary of the architecture's tables: how a row says what a register is, what brings it into being and what
// may trap an access to it. Builders only; the rows are in id_regs.ts, control_regs.ts, state_regs.ts and sys_ops.ts,
// the checks over them in verify.ts. Knows nothing about how any of it is executed.
//
// Edition: Arm ARM DDI 0487 and DDI 0601 (2025-03), i.e. Armv9.6 with the 2023 and 2024 data-processing extensions.

/** op0, op1, CRn, CRm, op2 of MRS/MSR/SYS. */
export type Encoding = readonly [op0: number, op1: number, CRn: number, CRm: number, op2: number];

/** Packs an encoding: op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2. */
export function enc(op0: number, op1: number, CRn: number, CRm: number, op2: number): number {
  return (op0 << 14) | (op1 << 11) | (CRn << 7) | (CRm << 3) | op2;
}
/** The five numbers of a packed encoding. */
export function encParts(packed: number): Encoding {
  return [(packed >> 14) & 3, (packed >> 11) & 7, (packed >> 7) & 15, (packed >> 3) & 15, packed & 7];
}
/** Arm's name for an encoding without one: S3_3_C4_C4_2. */
export function encText(packed: number): string {
  const [op0, op1, CRn, CRm, op2] = encParts(packed);
  return `S${op0}_${op1}_C${CRn}_C${CRm}_${op2}`;
}

// Fields.

export type Values = Readonly<Record<string, number>>;
/** A bit number, or [hi, lo]. */
export type Bits = number | readonly [hi: number, lo: number];

export function hiOf(bits: Bits): number {
  return typeof bits === 'number' ? bits : bits[0];
}
export function loOf(bits: Bits): number {
  return typeof bits === 'number' ? bits : bits[1];
}

/**
 * unsigned/signed: the values are ordered and a higher one includes the lower ones (DDI 0487 "Principles of the ID
 * scheme"); choice: the values exclude each other; number: a count or an address, without value names.
 */
export type FieldKind = 'unsigned' | 'signed' | 'choice' | 'number';

export interface Field<V extends Values = Values> {
  readonly hi: number;
  readonly lo: number;
  readonly kind: FieldKind;
  readonly values: V;
}

// ID registers.

export interface IdReg<F extends Readonly<Record<string, Field>> = Readonly<Record<string, Field>>> extends Access {
  /** Packed encoding. */
  readonly enc: number;
  readonly fields: F;
  /** Bits that read as one. All others without a field are RES0. */
  readonly res1: bigint;
  /** Bits that read as zero but are not RES0: reserved for fields of the same kind. */
  readonly raz: bigint;
}
interface IdRegOptions extends Partial<Access> {
  readonly res1?: readonly Bits[];
  readonly raz?: readonly Bits[];
}

/** An ID field with ordered values. The value that brings a feature is named after it. */
export function idField<const V extends Values>(hi: number, lo: number, values: V): Field<V> {
  return { hi, lo, kind: 'unsigned', values };
}
/** As idField, but read as a signed number: 0b1111 is -1 and sorts below 0. */
export function signedField<const V extends Values>(hi: number, lo: number, values: V): Field<V> {
  return { hi, lo, kind: 'signed', values };
}
/** Values that exclude each other. */
export function choice<const V extends Values>(hi: number, lo: number, values: V): Field<V> {
  return { hi, lo, kind: 'choice', values };
}
/** A count, a size or an implementation's own number. */
export function count(hi: number, lo = hi): Field<Record<never, number>> {
  return { hi, lo, kind: 'number', values: {} };
}

export function idreg<const F extends Readonly<Record<string, Field>>>(at: Encoding, fields: F, options: IdRegOptions = {}): IdReg<F> {
  const { res1, raz, ...access } = options;
  return { enc: enc(...at), fields, res1: maskOf(res1), raz: maskOf(raz), el: 1, access: 'ro', ...access };
}

export function maskOf(list: readonly Bits[] = []): bigint {
  let mask = 0n;
  for (const bits of list) mask |= ((1n << BigInt(hiOf(bits) - loOf(bits) + 1)) - 1n) << BigInt(loOf(bits));
  return mask;
}

// What every register row may say about access to it.

export interface Access {
  /** Lowest exception level that may access the register when nothing traps. */
  readonly el: 0 | 1 | 2 | 3;
  readonly access: 'rw' | 'ro' | 'wo';
}
