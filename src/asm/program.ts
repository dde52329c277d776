// A whole assembly source: labels, sections, data directives, `ldr Xd, =expr` literal pools. GNU-as spelling.

import { UsageError } from '../base/assert.ts';
import { assembleLine } from './a64.ts';
import { expression } from './expression.ts';
import { Cursor, Mismatch, type SymbolScope } from './form.ts';

/** One or more lines were refused; the message has one line for each: `file:line: reason`, then the source line. */
export class AsmError extends UsageError {}

export interface Section {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
  readonly executable: boolean;
}
export interface Program {
  readonly sections: readonly Section[];
  readonly symbols: ReadonlyMap<string, bigint>;
  /** Address of `_start`, or of the first section. */
  readonly entry: bigint;
}
export interface AssembleOptions {
  /** Shown in messages. */
  readonly file?: string;
  /** Address of the first section; each following one starts on a new page (4 KiB). */
  readonly base?: bigint;
}

interface Item {
  readonly line: number;
  readonly source: string;
  readonly section: Draft;
  readonly offset: number;
  readonly size: number;
  /** Second pass: the bytes, given symbols. */
  emit(scope: SymbolScope): Uint8Array;
}
interface Draft {
  readonly name: string;
  size: number;
  address: bigint;
  readonly literals: { readonly text: string; offset: number; readonly size: number }[];
}

const encoder = (s: string): Uint8Array => {
  const out: number[] = [];
  for (const ch of s) {
    const c = ch.codePointAt(0)!;
    if (c < 0x80) out.push(c);
    else if (c < 0x800) out.push(0xc0 | (c >> 6), 0x80 | (c & 63));
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
    else out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63));
  }
  return Uint8Array.from(out);
};
const littleEndian = (v: bigint, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => Number((v >> BigInt(8 * i)) & 0xffn));
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\', '"': '"' };
const DATA: Readonly<Record<string, number>> = {
  '.byte': 1,
  '.hword': 2,
  '.short': 2,
  '.2byte': 2,
  '.word': 4,
  '.long': 4,
  '.4byte': 4,
  '.quad': 8,
  '.xword': 8,
  '.8byte': 8,
  '.inst': 4,
};
const IGNORED = new Set([
  '.global',
  '.globl',
  '.type',
  '.size',
  '.arch',
  '.arch_extension',
  '.cpu',
  '.p2align_max',
  '.ident',
  '.file',
]);

/** Cuts comments (`//`, `;` outside strings, `/* *​/`) and splits into lines. */
function cleanLines(source: string): string[] {
  const noBlocks = source.replace(/\/\*[\s\S]*?\*\//g, (m) => m.replace(/[^\n]/g, ' '));
  return noBlocks.split(/\r?\n/).map((l) => {
    let quoted = false;
    for (let i = 0; i < l.length; i++) {
      if (l[i] === '\\' && quoted) i++;
      else if (l[i] === '"') quoted = !quoted;
      else if (!quoted && (l.startsWith('//', i) || l[i] === ';')) return l.slice(0, i).trim();
    }
    return l.trim();
  });
}
function stringArguments(text: string): string[] {
  const out: string[] = [];
  for (const m of text.matchAll(/"((?:[^"\\]|\\.)*)"/g))
    out.push(
      m[1]!.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, e: string) =>
        e[0] === 'x' && e.length === 3 ? String.fromCharCode(Number.parseInt(e.slice(1), 16)) : (ESCAPES[e] ?? e),
      ),
    );
  if (out.length === 0) throw new Mismatch('expected a string in double quotes', 0);
  return out;
}

class Assembly {
  readonly sections: Draft[] = [];
  readonly items: Item[] = [];
  readonly symbols = new Map<string, { section: Draft; offset: number } | bigint>();
  readonly numeric = new Map<string, { section: Draft; offset: number }[]>();
  private current: Draft;

  constructor() {
    this.current = this.section('.text');
  }
  section(name: string): Draft {
    let s = this.sections.find((d) => d.name === name);
    if (!s) {
      s = { name, size: 0, address: 0n, literals: [] };
      this.sections.push(s);
    }
    this.current = s;
    return s;
  }
  label(name: string): void {
    const here = { section: this.current, offset: this.current.size };
    if (/^\d+$/.test(name)) {
      const list = this.numeric.get(name) ?? [];
      list.push(here);
      this.numeric.set(name, list);
    } else if (this.symbols.has(name)) throw new Mismatch(`symbol '${name}' is defined twice`, 0);
    else this.symbols.set(name, here);
  }
  private put(line: number, source: string, size: number, emit: Item['emit']): void {
    this.items.push({ line, source, section: this.current, offset: this.current.size, size, emit });
    this.current.size += size;
  }
  flushLiterals(line: number): void {
    const pool = this.current.literals.filter((l) => l.offset < 0);
    if (pool.length === 0) return;
    this.align(line, 8n, 0);
    for (const l of pool) {
      l.offset = this.current.size;
      this.put(line, `literal ${l.text}`, l.size, (s) => littleEndian(BigInt.asUintN(64, evaluate(l.text, s)), l.size));
    }
  }
  private align(line: number, to: bigint, fill: number): void {
    const n = Number((to - (BigInt(this.current.size) % to)) % to);
    if (n > 0) this.put(line, 'alignment', n, () => new Uint8Array(n).fill(fill));
  }
  directive(line: number, source: string, name: string, rest: string, known: SymbolScope): void {
    const size = DATA[name];
    if (size !== undefined) {
      const parts = rest
        .split(',')
        .map((p) => p.trim())
        .filter((p) => p !== '');
      if (parts.length === 0) throw new Mismatch(`${name} needs at least one value`, 0);
      for (const p of parts)
        this.put(line, source, size, (s) => littleEndian(BigInt.asUintN(64, evaluate(p, s)), size));
    } else if (name === '.ascii' || name === '.asciz' || name === '.string') {
      for (const s of stringArguments(rest)) {
        const b = encoder(name === '.ascii' ? s : `${s}\0`);
        this.put(line, source, b.length, () => b);
      }
    } else if (name === '.align' || name === '.p2align')
      this.align(line, 1n << evaluate(rest.split(',')[0]!, known), 0);
    else if (name === '.balign') this.align(line, evaluate(rest.split(',')[0]!, known), 0);
    else if (name === '.skip' || name === '.space' || name === '.zero') {
      const [n, fill] = rest.split(',');
      const count = Number(evaluate(n!, known));
      const byte = fill === undefined ? 0 : Number(evaluate(fill, known));
      this.put(line, source, count, () => new Uint8Array(count).fill(byte));
    } else if (name === '.text' || name === '.data' || name === '.bss' || name === '.rodata') this.section(name);
    else if (name === '.section') this.section(rest.split(',')[0]!.trim());
    else if (name === '.equ' || name === '.set') {
      const [symbol, value] = rest.split(/,(.*)/s);
      if (!symbol || value === undefined) throw new Mismatch(`${name} needs a name and a value`, 0);
      this.symbols.set(symbol.trim(), evaluate(value, known));
    } else if (name === '.ltorg' || name === '.pool') this.flushLiterals(line);
    else if (!IGNORED.has(name)) throw new Mismatch(`unknown directive '${name}'`, 0);
  }
  instruction(line: number, source: string): void {
    const literal = /^ldr\s+([xw]\w+)\s*,\s*=\s*(.+)$/i.exec(source);
    const at = this.current.size;
    const section = this.current;
    if (!literal) {
      this.put(line, source, 4, (s) => littleEndian(BigInt(assembleLine(source, s)), 4));
      return;
    }
    const size = literal[1]![0]!.toLowerCase() === 'x' ? 8 : 4;
    const text = literal[2]!;
    let slot = section.literals.find((l) => l.text === text && l.size === size && l.offset < 0);
    if (!slot) {
      slot = { text, offset: -1, size };
      section.literals.push(slot);
    }
    const pool = slot;
    this.put(line, source, 4, (s) => {
      const distance = pool.offset - at;
      return littleEndian(BigInt(assembleLine(`ldr ${literal[1]}, #${distance}`, s)), 4);
    });
  }
}

function evaluate(text: string, scope: SymbolScope): bigint {
  const c = new Cursor(text, 0, scope);
  const v = expression(c);
  if (!c.atEnd) c.fail('the end of the expression');
  return v;
}

/**
 * Assembles a source text.
 * @throws AsmError naming every line that cannot be assembled and why.
 */
export function assembleProgram(source: string, options: AssembleOptions = {}): Program {
  const file = options.file ?? '<source>';
  const a = new Assembly();
  const errors: string[] = [];
  const attempt = (line: number, text: string, work: () => void): void => {
    try {
      work();
    } catch (e) {
      if (!(e instanceof Mismatch)) throw e;
      errors.push(`${file}:${line}: ${e.message}\n    ${text}`);
    }
  };
  const early: SymbolScope = {
    pc: undefined,
    lookup: (n) => {
      const s = a.symbols.get(n);
      return typeof s === 'bigint' ? s : undefined;
    },
  };
  const lines = cleanLines(source);
  lines.forEach((full, i) => {
    let text = full;
    attempt(i + 1, full, () => {
      for (let m = /^([\w.$]+):\s*/.exec(text); m; m = /^([\w.$]+):\s*/.exec(text)) {
        a.label(m[1]!);
        text = text.slice(m[0].length);
      }
      if (text === '') return;
      const d = /^(\.[\w.]+)\s*(.*)$/s.exec(text);
      if (d && d[1] !== '.inst.n') a.directive(i + 1, text, d[1]!.toLowerCase(), d[2]!, early);
      else a.instruction(i + 1, text);
    });
  });
  for (const s of a.sections) {
    a.section(s.name);
    a.flushLiterals(lines.length);
  }
  let address = options.base ?? 0n;
  for (const s of a.sections) {
    s.address = address;
    address = ((address + BigInt(s.size) + 0xfffn) >> 12n) << 12n;
  }
  const bytes = new Map(a.sections.map((s) => [s, new Uint8Array(s.size)] as const));
  const resolve = (v: { section: Draft; offset: number } | bigint | undefined) =>
    v === undefined || typeof v === 'bigint' ? v : v.section.address + BigInt(v.offset);
  for (const item of a.items) {
    const pc = item.section.address + BigInt(item.offset);
    const scope: SymbolScope = {
      pc,
      lookup(name) {
        if (name === '.') return pc;
        const n = /^(\d+)([fb])$/.exec(name);
        if (!n) return resolve(a.symbols.get(name));
        const places = (a.numeric.get(n[1]!) ?? []).map((p) => resolve(p)!);
        return n[2] === 'f' ? places.find((p) => p > pc) : [...places].reverse().find((p) => p <= pc);
      },
    };
    attempt(item.line, item.source, () => bytes.get(item.section)!.set(item.emit(scope), item.offset));
  }
  if (errors.length > 0) throw new AsmError(errors.join('\n'));
  const symbols = new Map([...a.symbols].map(([n, v]) => [n, resolve(v)!] as const));
  const sections = a.sections
    .filter((s) => s.size > 0)
    .map((s) => ({
      name: s.name,
      address: s.address,
      bytes: bytes.get(s)!,
      writable: s.name.startsWith('.data') || s.name.startsWith('.bss'),
      executable: s.name.startsWith('.text'),
    }));
  return { sections, symbols, entry: symbols.get('_start') ?? sections[0]?.address ?? 0n };
}
