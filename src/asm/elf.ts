// A static arm64 ELF executable from an assembled program: a header, one load segment a section, a symbol table.

import type { Program } from './program.ts';

const PAGE = 4096;
const EHDR = 64;
const PHDR = 56;
const SHDR = 64;
const SYM = 24;

/** @returns the file's bytes; sections keep their addresses, file offsets are congruent to them modulo a page. */
export function writeElf(program: Program): Uint8Array {
  const segments = program.sections;
  let offset = EHDR + PHDR * segments.length;
  const placed = segments.map((s) => {
    const want = Number(s.address % BigInt(PAGE));
    offset += (want - (offset % PAGE) + PAGE) % PAGE;
    const at = offset;
    offset += s.bytes.length;
    return { s, at };
  });
  const names = ['', ...segments.map((s) => s.name), '.symtab', '.strtab', '.shstrtab'];
  const table = (list: readonly string[]) => {
    const offsets: number[] = [];
    let text = '';
    for (const n of list) {
      offsets.push(text.length);
      text += `${n}\0`;
    }
    return { offsets, bytes: Uint8Array.from(text, (ch) => ch.charCodeAt(0)) };
  };
  const shstr = table(names);
  const symbols = [...program.symbols];
  const str = table(['', ...symbols.map(([n]) => n)]);
  const align8 = (n: number) => (n + 7) & ~7;
  const symtabAt = align8(offset);
  const strtabAt = symtabAt + SYM * (symbols.length + 1);
  const shstrAt = strtabAt + str.bytes.length;
  const shdrAt = align8(shstrAt + shstr.bytes.length);
  const out = new Uint8Array(shdrAt + SHDR * names.length);
  const v = new DataView(out.buffer);
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  const half = (at: number, n: number) => v.setUint16(at, n, true);
  const word = (at: number, n: number) => v.setUint32(at, n, true);
  const long = (at: number, n: bigint | number) => v.setBigUint64(at, BigInt(n), true);
  half(16, 2); // ET_EXEC
  half(18, 183); // EM_AARCH64
  word(20, 1);
  long(24, program.entry);
  long(32, EHDR);
  long(40, shdrAt);
  half(52, EHDR);
  half(54, PHDR);
  half(56, segments.length);
  half(58, SHDR);
  half(60, names.length);
  half(62, names.length - 1);
  placed.forEach(({ s, at }, i) => {
    const p = EHDR + PHDR * i;
    word(p, 1); // PT_LOAD
    word(p + 4, 4 | (s.writable ? 2 : 0) | (s.executable ? 1 : 0));
    long(p + 8, at);
    long(p + 16, s.address);
    long(p + 24, s.address);
    long(p + 32, s.bytes.length);
    long(p + 40, s.bytes.length);
    long(p + 48, PAGE);
    out.set(s.bytes, at);
  });
  const sectionOf = (value: bigint) => {
    const i = segments.findIndex((s) => value >= s.address && value <= s.address + BigInt(s.bytes.length));
    return i < 0 ? 0xfff1 : i + 1; // SHN_ABS for constants
  };
  symbols.forEach(([, value], i) => {
    const at = symtabAt + SYM * (i + 1);
    word(at, str.offsets[i + 1]!);
    out[at + 4] = 0x10; // global, no type
    half(at + 6, sectionOf(value));
    long(at + 8, value);
  });
  out.set(str.bytes, strtabAt);
  out.set(shstr.bytes, shstrAt);
  const header = (
    i: number,
    type: number,
    flags: number,
    addr: bigint,
    at: number,
    size: number,
    link: number,
    info: number,
    entry: number,
  ) => {
    const h = shdrAt + SHDR * i;
    word(h, shstr.offsets[i]!);
    word(h + 4, type);
    long(h + 8, flags);
    long(h + 16, addr);
    long(h + 24, at);
    long(h + 32, size);
    word(h + 40, link);
    word(h + 44, info);
    long(h + 48, 8);
    long(h + 56, entry);
  };
  placed.forEach(({ s, at }, i) => {
    header(i + 1, 1, 2 | (s.writable ? 1 : 0) | (s.executable ? 4 : 0), s.address, at, s.bytes.length, 0, 0, 0);
  });
  const n = segments.length + 1;
  header(n, 2, 0, 0n, symtabAt, strtabAt - symtabAt, n + 1, 1, SYM);
  header(n + 1, 3, 0, 0n, strtabAt, str.bytes.length, 0, 0, 0);
  header(n + 2, 3, 0, 0n, shstrAt, shstr.bytes.length, 0, 0, 0);
  return out;
}
