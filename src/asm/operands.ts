// Operand codecs: registers, immediates, shifts, conditions, addresses. Each says once how some fields are written.

import { expression } from './expression.ts';
import { type Cursor, type Fields, Mismatch, type Operand, type SymbolScope } from './form.ts';

// ---- general registers ---------------------------------------------------------------------------------------------

const REG = /([wx])(\d{1,2}|zr)\b|(wsp|sp|lr|fp)\b/;

function readRegister(c: Cursor, what: string): { wide: boolean; number: number; sp: boolean } {
  c.skipBlanks();
  const at = c.pos;
  const m = c.take(REG);
  if (!m) return c.fail(what);
  if (m[3]) {
    const name = m[3].toLowerCase();
    if (name === 'lr') return { wide: true, number: 30, sp: false };
    if (name === 'fp') return { wide: true, number: 29, sp: false };
    return { wide: name === 'sp', number: 31, sp: true };
  }
  const zr = m[2]!.toLowerCase() === 'zr';
  const n = zr ? 31 : Number(m[2]);
  if (n > 30 && !zr) throw new Mismatch(`no register ${m[0]}: general registers are numbered 0 to 30`, at);
  return { wide: m[1]!.toLowerCase() === 'x', number: n, sp: false };
}

/** How wide a register operand is: 'x', 'w', or given by a field (1 = x). */
export type Width = 'x' | 'w' | { readonly field: string; readonly wide?: number; readonly narrow?: number };

function general(field: string, width: Width, sp: boolean): Operand {
  const wideWhen = typeof width === 'object' ? (width.wide ?? 1) : 1;
  return {
    print(f) {
      const wide = typeof width === 'object' ? f[width.field] === wideWhen : width === 'x';
      const n = f[field]!;
      if (n === 31) return sp ? (wide ? 'sp' : 'wsp') : wide ? 'xzr' : 'wzr';
      return (wide ? 'x' : 'w') + n;
    },
    parse(c, set) {
      c.skipBlanks();
      const at = c.pos;
      const name = sp ? 'a general register or sp' : 'a general register';
      const r = readRegister(c, name);
      if (r.number === 31 && r.sp !== sp) throw new Mismatch(`expected ${name}, not '${sp ? 'zr' : 'sp'}'`, at);
      if (typeof width === 'object') set(width.field, r.wide ? wideWhen : (width.narrow ?? 1 - wideWhen));
      else if (r.wide !== (width === 'x')) throw new Mismatch(`expected a ${width} register`, at);
      set(field, r.number);
    },
  };
}
export const X = (field: string): Operand => general(field, 'x', false);
export const W = (field: string): Operand => general(field, 'w', false);
export const Xsp = (field: string): Operand => general(field, 'x', true);
export const Wsp = (field: string): Operand => general(field, 'w', true);
/** X or W by a field of the encoding (sf = 1 is X unless `wide` says otherwise). */
/** The narrow register stands for `narrow` (1 - wide unless given). */
export const R = (field: string, by = 'sf', wide = 1, narrow = 1 - wide): Operand =>
  general(field, { field: by, wide, narrow }, false);
export const Rsp = (field: string, by = 'sf', wide = 1): Operand => general(field, { field: by, wide }, true);
/** The odd register after an even one (CASP): printed from the field, checked when read. */
export function pairOf(field: string, by: 'x' | 'w' | string): Operand {
  const one = by === 'x' ? X('n') : by === 'w' ? W('n') : R('n', by);
  return {
    print: (f) => one.print({ ...f, n: f[field]! + 1 }),
    parse(c, set, f) {
      const at = c.pos;
      one.parse(
        c,
        (k, v) => {
          if (k !== 'n') set(k, v);
          else if (v !== f[field]! + 1 || f[field]! & 1)
            throw new Mismatch('expected an even register and the next one', at);
        },
        f,
      );
    },
  };
}

// ---- immediates ----------------------------------------------------------------------------------------------------------

/** An expression after an optional `#`, as bigint. */
export function readImmediate(c: Cursor): bigint {
  c.take(/#/);
  return expression(c);
}
export function checkRange(c: Cursor, at: number, v: bigint, lo: bigint, hi: bigint, step = 1n): void {
  if (v < lo || v > hi || v % step !== 0n) {
    c.pos = at;
    const multiple = step === 1n ? '' : ` and a multiple of ${step}`;
    throw new Mismatch(`immediate ${v} must be in ${lo}..${hi}${multiple}`, at);
  }
}
export interface ImmediateShape {
  /** Number of bits of the field(s). */
  readonly bits: number;
  readonly signed?: boolean;
  /** The text is the field times this. */
  readonly scale?: number;
  /** The text is the field (times scale) plus this. */
  readonly bias?: number;
  readonly hex?: boolean;
}
export const dec = (v: bigint | number): string => `#${v}`;
export const hexImm = (v: bigint | number): string => `#0x${BigInt.asUintN(64, BigInt(v)).toString(16)}`;

/** `#n` for one field. */
export function imm(field: string, shape: ImmediateShape): Operand {
  const scale = BigInt(shape.scale ?? 1);
  const bias = BigInt(shape.bias ?? 0);
  const lo = shape.signed ? -(1n << BigInt(shape.bits - 1)) : 0n;
  const hi = shape.signed ? (1n << BigInt(shape.bits - 1)) - 1n : (1n << BigInt(shape.bits)) - 1n;
  return {
    print(f) {
      const raw = BigInt(f[field]!);
      const v = (shape.signed ? BigInt.asIntN(shape.bits, raw) : raw) * scale + bias;
      return shape.hex ? hexImm(v) : dec(v);
    },
    parse(c, set) {
      c.skipBlanks();
      const at = c.pos;
      const v = readImmediate(c) - bias;
      checkRange(c, at, v, lo * scale, hi * scale, scale);
      set(field, Number(BigInt.asUintN(shape.bits, v / scale)));
    },
  };
}

/** A codec over several fields given by two functions between fields and one number. `decode` undefined: not encodable. */
export function computed(
  value: (f: Fields) => bigint,
  fields: (v: bigint, f: Fields) => Fields | undefined,
  opts: { readonly hex?: boolean; readonly what?: string } = {},
): Operand {
  return {
    print: (f) => (opts.hex ? hexImm(value(f)) : dec(value(f))),
    parse(c, set, f) {
      c.skipBlanks();
      const at = c.pos;
      const v = readImmediate(c);
      const out = fields(v, f);
      if (!out) throw new Mismatch(`${v} cannot be encoded as ${opts.what ?? 'this immediate'}`, at);
      for (const [k, x] of Object.entries(out)) set(k, x);
    },
  };
}

/** A branch or literal target: `bits` wide word offset in `field`, from PC (or from PC's page for ADRP). */
export function target(
  get: (f: Fields) => bigint,
  fields: (offset: bigint) => Fields | undefined,
  page = false,
): Operand {
  const from = (scope: SymbolScope | undefined) =>
    scope?.pc === undefined ? undefined : page ? (scope.pc >> 12n) << 12n : scope.pc;
  return {
    print(f, scope) {
      const pc = from(scope);
      return pc === undefined ? dec(get(f)) : `0x${BigInt.asUintN(64, pc + get(f)).toString(16)}`;
    },
    parse(c, set) {
      c.skipBlanks();
      const at = c.pos;
      const offset = c.take(/#/) !== undefined;
      let v = expression(c);
      const pc = from(c.scope);
      if (!offset && pc !== undefined) v = (page ? (v >> 12n) << 12n : v) - pc;
      const out = fields(v);
      if (!out) throw new Mismatch(`target is out of range or not aligned (distance ${v} bytes)`, at);
      for (const [k, x] of Object.entries(out)) set(k, x);
    },
  };
}
/** A signed word offset in one field. */
export const label = (field: string, bits: number): Operand =>
  target(
    (f) => BigInt.asIntN(bits, BigInt(f[field]!)) * 4n,
    (o) => {
      const w = o >> 2n;
      return (o & 3n) === 0n && BigInt.asIntN(bits, w) === w ? { [field]: Number(BigInt.asUintN(bits, w)) } : undefined;
    },
  );

// ---- names ---------------------------------------------------------------------------------------------------------------

/** A fixed set of names for field values. A list names 0, 1, 2…; empty strings are values without a name. */
export function names(
  field: string,
  list: readonly string[] | Readonly<Record<string, number>>,
  what: string,
): Operand {
  const entries: [string, number][] = Array.isArray(list)
    ? list.map((n, i): [string, number] => [n, i]).filter(([n]) => n !== '')
    : Object.entries(list as Readonly<Record<string, number>>);
  const byValue = new Map(entries.map(([n, v]) => [v, n] as const).reverse());
  const byName = new Map(entries);
  return {
    print: (f) => byValue.get(f[field]!) ?? dec(f[field]!),
    parse(c, set) {
      const at = c.pos;
      const m = c.take(/[a-z_][\w.]*/);
      const v = m && byName.get(m[0].toLowerCase());
      if (v === undefined) {
        c.pos = at;
        const n = c.take(/#/) ? Number(expression(c)) : undefined;
        if (n === undefined) return c.fail(what);
        set(field, n);
        return;
      }
      set(field, v);
    },
    choices: entries.map(([text, v]) => ({ text, fields: { [field]: v } })),
  };
}
/** Texts that stand for several fields at once (inside mnemonics: size letters, acquire/release letters). */
export function texts(...rows: readonly (readonly [text: string, fields: Fields])[]): Operand {
  const choices = rows.map(([text, fields]) => ({ text, fields }));
  return {
    choices,
    print: (f) => choices.find((r) => Object.entries(r.fields).every(([k, v]) => f[k] === v))?.text ?? '?',
    parse(c, set) {
      const longest = [...choices].sort((a, b) => b.text.length - a.text.length);
      const hit = longest.find((r) => r.text !== '' && c.literal(r.text)) ?? choices.find((r) => r.text === '');
      if (!hit) return c.fail(choices.map((r) => `'${r.text}'`).join(' or '));
      for (const [k, v] of Object.entries(hit.fields)) set(k, v);
    },
  };
}

export const CONDITIONS = [
  'eq',
  'ne',
  'hs',
  'lo',
  'mi',
  'pl',
  'vs',
  'vc',
  'hi',
  'ls',
  'ge',
  'lt',
  'gt',
  'le',
  'al',
  'nv',
];
const CONDITION_VALUES: Record<string, number> = Object.fromEntries(CONDITIONS.map((n, i) => [n, i]));
CONDITION_VALUES['cs'] = 2;
CONDITION_VALUES['cc'] = 3;
export const cond = (field = 'cond'): Operand => names(field, CONDITION_VALUES, 'a condition (eq, ne, hs, lo, ...)');
/** The condition as aliases CSET, CINC... write it: inverted. */
export function invertedCond(field = 'cond'): Operand {
  const plain = cond(field);
  return {
    print: (f) => plain.print({ ...f, [field]: f[field]! ^ 1 }),
    parse: (c, set, f) => plain.parse(c, (k, v) => set(k, v ^ 1), f),
  };
}

// ---- parts that may be left out ---------------------------------------------------------------------------------------------

/** `parts`, or nothing: nothing stands for `absent` (and is printed when all those fields have these values). */
export function optional(parts: readonly (string | Operand)[], absent: Fields): Operand {
  return {
    print(f, scope) {
      if (Object.entries(absent).every(([k, v]) => f[k] === v)) return '';
      return parts.map((p) => (typeof p === 'string' ? p : p.print(f, scope))).join('');
    },
    parse(c, set, f) {
      const at = c.pos;
      const first = parts[0];
      if (typeof first === 'string' ? !c.literal(first) : c.atEnd) {
        c.pos = at;
        for (const [k, v] of Object.entries(absent)) set(k, v);
        return;
      }
      for (const p of typeof first === 'string' ? parts.slice(1) : parts) {
        if (typeof p !== 'string') p.parse(c, set, f);
        else if (!c.literal(p)) c.fail(`'${p.trim()}'`);
      }
    },
  };
}
