// One instruction at a time: text to word and word to text, from the encoding rows and their syntax.

import { encode, fieldsOf, type ParsedRow, parseRow } from '../arch/a64/encoding.ts';
import { bits32 } from '../base/bits.ts';
import { Cursor, type Fields, type Form, Mismatch, type Operand, type SymbolScope, type SyntaxTable } from './form.ts';
import { SYNTAX } from './syntax/index.ts';

interface Entry {
  readonly name: string;
  readonly encoding: ParsedRow;
  readonly forms: readonly Form[];
  /** Rows inside of others are looked at first: more fixed bits first. */
  readonly fixed: number;
}
interface Candidate {
  readonly entry: Entry;
  readonly form: Form;
  /** Field values that the mnemonic itself gives. */
  readonly given: Fields;
}

const popcount = (n: number): number => {
  let c = 0;
  for (let x = n >>> 0; x !== 0; x = (x & (x - 1)) >>> 0) c++;
  return c;
};

function entriesOf(tables: readonly SyntaxTable[]): Entry[] {
  return tables.flatMap((t) =>
    Object.entries(t.rows).map(([name, row]): Entry => {
      const encoding = parseRow(row);
      return { name, encoding, forms: t.forms[name] ?? [], fixed: popcount(encoding.mask) };
    }),
  );
}

/** All spellings of a mnemonic with the fields that each implies. */
function spell(parts: readonly (string | Operand)[]): { text: string; fields: Fields }[] {
  let out: { text: string; fields: Fields }[] = [{ text: '', fields: {} }];
  for (const p of parts) {
    const choices = typeof p === 'string' ? [{ text: p, fields: {} }] : (p.choices ?? []);
    out = out.flatMap((o) =>
      choices
        .filter((c) => Object.entries(c.fields).every(([k, v]) => o.fields[k] === undefined || o.fields[k] === v))
        .map((c) => ({ text: o.text + c.text, fields: { ...o.fields, ...c.fields } })),
    );
  }
  return out;
}

interface Index {
  readonly byMnemonic: ReadonlyMap<string, readonly Candidate[]>;
  /** By bits 28:25 (the A64 top-level groups), most specific first. */
  readonly byGroup: readonly (readonly Entry[])[];
}
let cached: Index | undefined;

function index(): Index {
  if (cached) return cached;
  const entries = entriesOf(SYNTAX);
  const byMnemonic = new Map<string, Candidate[]>();
  for (const entry of entries) {
    for (const form of entry.forms) {
      for (const s of spell(form.mnemonic)) {
        const key = s.text.toLowerCase();
        const list = byMnemonic.get(key) ?? [];
        list.push({ entry, form, given: s.fields });
        byMnemonic.set(key, list);
      }
    }
  }
  const sorted = [...entries].sort((a, b) => b.fixed - a.fixed);
  const byGroup = Array.from({ length: 16 }, (_, g) =>
    sorted.filter((e) => ((e.encoding.value ^ (g << 25)) & e.encoding.mask & (0xf << 25)) === 0),
  );
  cached = { byMnemonic, byGroup };
  return cached;
}

/** Every row that has an encoding: for checks and fuzzers. */
export function rowsOf(): readonly { name: string; encoding: ParsedRow; todo: boolean }[] {
  return SYNTAX.flatMap((t) =>
    Object.entries(t.rows).map(([name, row]) => ({ name, encoding: parseRow(row), todo: row.todo ?? false })),
  );
}

const NO_SYMBOLS: SymbolScope = { lookup: () => undefined, pc: undefined };

function encodeWith(c: Candidate, text: string, pos: number, scope: SymbolScope): number {
  const { form, entry } = c;
  const f: Fields = { ...c.given, ...form.implies };
  const cursor = new Cursor(text, pos, scope);
  const set = (field: string, value: number): void => {
    const old = f[field];
    if (old !== undefined && old !== value)
      throw new Mismatch(
        'the operands do not go together (register sizes, arrangement or a fixed operand)',
        cursor.pos,
      );
    f[field] = value;
  };
  for (const p of form.operands) {
    if (typeof p !== 'string') p.parse(cursor, set, f);
    else if (!cursor.literal(p)) cursor.fail(`'${p.trim()}'`);
  }
  if (!cursor.atEnd) cursor.fail('the end of the line');
  if (form.derive) for (const [k, v] of Object.entries(form.derive(f))) set(k, v);
  for (const { name, width } of entry.encoding.fields)
    if (f[name]! >= 2 ** width) throw new Mismatch(`an operand must be below ${2 ** width} here (${name})`, cursor.pos);
  if (entry.encoding.hole(f)) throw new Mismatch('this combination of operands is UNALLOCATED', cursor.pos);
  return encode(entry.encoding, f);
}

/**
 * Assembles one instruction.
 * @param scope where symbols come from and the address of the instruction; without it branch targets are offsets.
 * @returns the instruction word.
 * @throws Mismatch with the reason of the attempt that came furthest.
 */
export function assembleLine(line: string, scope: SymbolScope = NO_SYMBOLS): number {
  const text = line.trim();
  const m = /^[^\s]+/.exec(text);
  const mnemonic = (m?.[0] ?? '').toLowerCase();
  const candidates = index().byMnemonic.get(mnemonic);
  if (!candidates) throw new Mismatch(`unknown instruction '${mnemonic}'`, 0);
  let best: Mismatch | undefined;
  for (const c of candidates) {
    try {
      return encodeWith(c, text, mnemonic.length, scope);
    } catch (e) {
      if (!(e instanceof Mismatch)) throw e;
      if (!best || e.at > best.at) best = e;
    }
  }
  throw best ?? new Mismatch(`'${mnemonic}' has no form`, 0);
}

export interface DisassembleOptions {
  /** Address of the instruction: branch targets are then printed as addresses. */
  readonly pc?: bigint;
  /** Print the instruction itself, never an alias of it. */
  readonly noAliases?: boolean;
}

/** The row that a word belongs to, with its fields, or undefined if it is UNALLOCATED or unknown. */
export function identify(word: number): { name: string; fields: Fields; forms: readonly Form[] } | undefined {
  for (const e of index().byGroup[bits32(word, 28, 25)]!) {
    if (((word ^ e.encoding.value) & e.encoding.mask) !== 0) continue;
    const fields = fieldsOf(e.encoding, word);
    if (!e.encoding.hole(fields)) return { name: e.name, fields, forms: e.forms };
  }
  return undefined;
}

/** Text of one instruction word; `.inst 0x...` where there is none. */
export function disassemble(word: number, options: DisassembleOptions = {}): string {
  const hit = identify(word >>> 0);
  const scope: SymbolScope = { lookup: () => undefined, pc: options.pc };
  const usable = hit?.forms.filter((f) => !f.parseOnly && (!options.noAliases || f.when === undefined));
  const form = usable?.find((f) => !f.when || f.when(hit!.fields));
  if (!hit || !form) return `.inst 0x${(word >>> 0).toString(16).padStart(8, '0')}`;
  const text = (parts: readonly (string | Operand)[]) =>
    parts.map((p) => (typeof p === 'string' ? p : p.print(hit.fields, scope))).join('');
  const operands = text(form.operands);
  return operands === '' ? text(form.mnemonic) : `${text(form.mnemonic)} ${operands}`;
}
