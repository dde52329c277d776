// What a line of assembly looks like: a form is text with operands in it, written as a tagged template, and each
// operand is a codec between fields of the encoding and text. Printing and parsing come from the same form.
//
//   form`add ${XspOf('Rd')}, ${XspOf('Rn')}, ${imm('imm12')}${lsl12}`

import type { Row } from '../arch/a64/schema.ts';

/** Field values of one instruction word. */
export type Fields = Record<string, number>;

/** Where names in operands come from, and where the instruction stands. */
export interface SymbolScope {
  /** @returns the value of a symbol, or undefined if there is none of that name. */
  lookup(name: string): bigint | undefined;
  /** Address of the instruction, or undefined: branch targets are then offsets. */
  readonly pc: bigint | undefined;
}

/** Why a line does not fit a form; the reason of the attempt that came furthest is shown. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** The text of one line, read from left to right. */
export class Cursor {
  readonly text: string;
  readonly scope: SymbolScope;
  pos: number;

  constructor(text: string, pos: number, scope: SymbolScope) {
    this.text = text;
    this.pos = pos;
    this.scope = scope;
  }
  skipBlanks(): void {
    while (this.pos < this.text.length && /\s/.test(this.text[this.pos]!)) this.pos++;
  }
  /** Consumes what `re` (sticky) matches here, after blanks. */
  take(re: RegExp): RegExpExecArray | undefined {
    this.skipBlanks();
    const sticky = new RegExp(re.source, 'iy');
    sticky.lastIndex = this.pos;
    const m = sticky.exec(this.text);
    if (!m) return undefined;
    this.pos += m[0].length;
    return m;
  }
  /** Consumes a literal text, ignoring case and blanks. */
  literal(text: string): boolean {
    const start = this.pos;
    for (const ch of text) {
      if (/\s/.test(ch)) continue;
      this.skipBlanks();
      if (this.text[this.pos]?.toLowerCase() !== ch.toLowerCase()) {
        this.pos = start;
        return false;
      }
      this.pos++;
    }
    return true;
  }
  get atEnd(): boolean {
    this.skipBlanks();
    return this.pos >= this.text.length;
  }
  fail(expected: string): never {
    const rest = this.text.slice(this.pos).trim();
    throw new Mismatch(`expected ${expected}${rest ? ` at '${rest}'` : ' at the end of the line'}`, this.pos);
  }
}

/** A codec between some fields and text. */
export interface Operand {
  print(f: Fields, scope?: SymbolScope): string;
  /** Reads its text and hands the field values to `set`. @throws Mismatch */
  parse(c: Cursor, set: (field: string, value: number) => void, f: Fields): void;
  /** All texts it can have: needed where it stands inside a mnemonic. */
  readonly choices?: readonly { readonly text: string; readonly fields: Fields }[];
}

export interface Form {
  readonly mnemonic: readonly (string | Operand)[];
  readonly operands: readonly (string | Operand)[];
  /** The form is used for printing only if this holds (aliases). */
  readonly when?: (f: Fields) => boolean;
  /** Field values the form implies when assembling. */
  readonly implies?: Fields;
  /** Fields that follow from others when assembling, after all operands are read. */
  readonly derive?: (f: Fields) => Fields;
  /** Accepted when assembling, never printed. */
  readonly parseOnly?: boolean;
}

/** Splits a tagged template at the first blank: mnemonic before, operands after. */
export function form(strings: TemplateStringsArray, ...ops: readonly (string | Operand)[]): Form {
  const mnemonic: (string | Operand)[] = [];
  const operands: (string | Operand)[] = [];
  let into = mnemonic;
  strings.forEach((s, i) => {
    const cut = into === mnemonic ? s.search(/\s/) : -1;
    if (cut >= 0) {
      if (cut > 0) mnemonic.push(s.slice(0, cut));
      into = operands;
      const rest = s.slice(cut + 1);
      if (rest) operands.push(rest);
    } else if (s) into.push(s);
    const op = ops[i];
    if (op) into.push(op);
  });
  return { mnemonic, operands };
}

/** The same form, printed only when the condition holds; `implies` is set when assembling. */
export function alias(
  base: Form,
  when: ((f: Fields) => boolean) | Fields,
  implies: Fields = {},
  derive?: (f: Fields) => Fields,
): Form {
  const given = typeof when === 'function' ? {} : when;
  const test = typeof when === 'function' ? when : (f: Fields) => Object.entries(when).every(([k, v]) => f[k] === v);
  const out: Form = { ...base, when: test, implies: { ...given, ...implies } };
  return derive ? { ...out, derive } : out;
}
export function parseOnly(base: Form): Form {
  return { ...base, parseOnly: true };
}

/** What many rows share: a form but for the mnemonic, which is the row's name up to the first underscore. */
export type Shape = (mnemonic: string) => Form | readonly Form[];

/** How each row of an encoding table is written: a missing or unknown row does not compile. */
export type SyntaxOf<T extends Readonly<Record<string, Row>>> = {
  readonly [K in keyof T]: Form | readonly Form[] | Shape;
};

export interface SyntaxTable {
  readonly rows: Readonly<Record<string, Row>>;
  readonly forms: Readonly<Record<string, readonly Form[]>>;
}
export function syntax<const T extends Readonly<Record<string, Row>>>(rows: T, table: SyntaxOf<T>): SyntaxTable {
  const forms: Record<string, readonly Form[]> = {};
  for (const [name, entry] of Object.entries<Form | readonly Form[] | Shape>(table)) {
    const made = typeof entry === 'function' ? entry(name.replace(/_.*/, '').toLowerCase()) : entry;
    forms[name] = Array.isArray(made) ? made : [made as Form];
  }
  return { rows, forms };
}

/** As syntax(), for tables whose rows are written by a rule on their names; `exceptions` are written out. */
export function syntaxBy<const T extends Readonly<Record<string, Row>>>(
  rows: T,
  rule: (name: keyof T & string) => Shape,
  exceptions: Partial<SyntaxOf<T>> = {},
): SyntaxTable {
  const given: Partial<SyntaxOf<Readonly<Record<string, Row>>>> = exceptions;
  return syntax(rows, Object.fromEntries(Object.keys(rows).map((n) => [n, given[n] ?? rule(n)])) as SyntaxOf<T>);
}
