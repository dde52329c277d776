// The vocabulary of A64 encoding rows. A row is an encoding pattern and the feature that brings it. Decoder, fuzzer,
// argument types of the semantics and (with asm/syntax/, which says how each row is written) assembler and
// disassembler are derived.
//
// Pattern: 32 bits from bit 31 down, tokens separated by blanks: runs of 0/1, `x` (any value), or `name:width`.

/** Names of the fields of a pattern, as a union of string literals. */
export type FieldNames<P extends string> = P extends `${infer Head} ${infer Tail}`
  ? FieldNames<Head> | FieldNames<Tail>
  : P extends `${infer Name}:${string}`
    ? Name
    : never;

export interface Row<P extends string = string> {
  /** Encoding, bit 31 first. */
  readonly pattern: P;
  /** The feature without which the encoding is UNDEFINED; absent for base Armv8.0. */
  readonly feat?: string;
  /** A second feature that is needed as well (half precision of an optional instruction). */
  readonly also?: string;
  /** Known but without semantics: UNDEFINED when executed and counted in docs/status.md. */
  readonly todo?: boolean;
  /** The row that this one lies inside of (HINT, SYS...): decode tries this one first. */
  readonly inside?: string;
  /**
   * Encodings matching the pattern that are UNALLOCATED, e.g. 'size=3', 'sf=0 & imm6>=32'. Comparisons = != < <= > >= of a
   * field with a decimal number or another field, joined by ' & '; alternatives of such joined by ' | ' (binds less), 'size=0 | size=3'.
   */
  readonly not?: string;
}
export type Rows = Readonly<Record<string, Row>>;

interface RowOptions {
  readonly feat?: string;
  readonly also?: string;
  readonly todo?: boolean;
  readonly inside?: string;
  readonly not?: string;
}
export function insn<const P extends string, const O extends RowOptions = object>(pattern: P, options?: O): Row<P> & O {
  return { pattern, ...options } as Row<P> & O;
}

/** All fields of a row as plain numbers (what decode yields, what immediates are computed from). */
export type FieldsOf<R> = R extends Row<infer P> ? { readonly [K in FieldNames<P>]: number } : never;

/** For `not`: the register of a pair must be even. @param below odd numbers from this one on are allowed. */
export function odd(field: string, below = 32): string {
  return Array.from({ length: below >> 1 }, (_, i) => `${field}=${2 * i + 1}`).join(' | ');
}
