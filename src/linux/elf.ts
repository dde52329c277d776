// An ELF file as the loader sees it: is it one of ours, what goes where, who interprets it. Reads bytes, touches nothing.

import { UsageError } from '../base/assert.ts';
import { fromUtf8, Struct } from './bytes.ts';

export interface Segment {
  readonly vaddr: number;
  readonly offset: number;
  readonly filesz: number;
  readonly memsz: number;
  /** PROT_* bits. */
  readonly prot: number;
  readonly align: number;
}
export interface ElfImage {
  /** ET_DYN: goes wherever there is room. */
  readonly isPie: boolean;
  readonly entry: number;
  readonly phoff: number;
  readonly phnum: number;
  /** Where the program headers stand in memory (before relocation); 0 if no segment holds them. */
  readonly phdrAddr: number;
  readonly segments: readonly Segment[];
  readonly interpreter: string | undefined;
  readonly execStack: boolean;
  /** Says that all its indirect branches land on BTI instructions. */
  readonly bti: boolean;
}

const EM_AARCH64 = 183;
const PT = { LOAD: 1, INTERP: 3, PHDR: 6, GNU_STACK: 0x6474e551, GNU_PROPERTY: 0x6474e553 } as const;
const ET = { EXEC: 2, DYN: 3 } as const;
const EHDR = 64;
const PHENT = 56;
const PAGE = 4096;
/** What it is called, if people try it by mistake. */
function machineName(machine: number): string {
  const names: Readonly<Record<number, string>> = {
    3: 'i386',
    8: 'MIPS',
    20: 'PowerPC',
    21: 'PowerPC64',
    22: 's390',
    40: '32-bit Arm',
    62: 'x86-64',
    243: 'RISC-V',
    258: 'LoongArch',
  };
  return names[machine] ?? `machine ${machine}`;
}

/** Why a file cannot be executed: one line for a person, and the errno that execve gives. */
export class ElfError extends UsageError {
  readonly errno: number;
  constructor(message: string, errno = 8) {
    super(message);
    this.errno = errno;
  }
}

/**
 * @param read bytes of the file at an offset; shorter at its end
 * @throws ElfError
 */
export function parseElf(name: string, size: number, read: (offset: number, length: number) => Uint8Array): ElfImage {
  const bad = (why: string): never => {
    throw new ElfError(`${name}: ${why}`);
  };
  const head = read(0, EHDR);
  if (head.length < 4 || head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46)
    return bad('not an ELF program');
  if (head.length < EHDR) return bad('the ELF header is cut off');
  const e = new Struct(head);
  const machine = e.u16(18);
  if (head[4] !== 2) return bad(`a 32-bit program (${machineName(machine)}), not arm64`);
  if (head[5] !== 1) return bad('a big-endian program; only little-endian arm64 runs here');
  if (machine !== EM_AARCH64) return bad(`a program for ${machineName(machine)}, not arm64`);
  const type = e.u16(16);
  if (type !== ET.EXEC && type !== ET.DYN) return bad('an ELF file, but not a program (object or core file)');
  const phoff = e.n64(32);
  const phnum = e.u16(56);
  if (e.u16(54) !== PHENT || phnum === 0) return bad('has no usable program headers');
  const table = read(phoff, phnum * PHENT);
  if (table.length < phnum * PHENT) return bad('the program headers are cut off');
  const p = new Struct(table);
  const segments: Segment[] = [];
  let interpreter: string | undefined;
  let execStack = false;
  let bti = false;
  let phdrAddr = 0;
  for (let i = 0; i < phnum; i++) {
    const o = i * PHENT;
    const kind = p.u32(o);
    const flags = p.u32(o + 4);
    const offset = p.n64(o + 8);
    const vaddr = p.n64(o + 16);
    const filesz = p.n64(o + 32);
    const memsz = p.n64(o + 40);
    const align = p.n64(o + 48);
    switch (kind) {
      case PT.LOAD: {
        if (memsz === 0) break;
        if (filesz > memsz) return bad(`segment ${i} is larger in the file than in memory`);
        if (offset + filesz > size)
          return bad(`segment ${i} ends at byte ${offset + filesz}, but the file has only ${size}: truncated?`);
        if (vaddr % 4096 !== offset % 4096) return bad(`segment ${i} is not aligned with its place in the file`);
        if (vaddr < 0 || vaddr + memsz > 2 ** 48) return bad(`segment ${i} lies outside the 48-bit address space`);
        const prot = ((flags & 4) !== 0 ? 1 : 0) | ((flags & 2) !== 0 ? 2 : 0) | ((flags & 1) !== 0 ? 4 : 0);
        segments.push({ vaddr, offset, filesz, memsz, prot, align });
        if (phoff >= offset && phoff < offset + filesz) phdrAddr = vaddr + (phoff - offset);
        break;
      }
      case PT.INTERP: {
        const b = read(offset, filesz);
        if (b.length < filesz || filesz < 2 || filesz > 4096) return bad('the name of its interpreter is cut off');
        interpreter = fromUtf8(b.subarray(0, b.indexOf(0) < 0 ? b.length : b.indexOf(0)));
        break;
      }
      case PT.PHDR:
        phdrAddr = vaddr;
        break;
      case PT.GNU_PROPERTY:
        bti = hasBti(read(offset, Math.min(filesz, PAGE)));
        break;
      case PT.GNU_STACK:
        execStack = (flags & 1) !== 0;
        break;
    }
  }
  if (segments.length === 0) return bad('has no loadable segment');
  return { isPie: type === ET.DYN, entry: e.n64(24), phoff, phnum, phdrAddr, segments, interpreter, execStack, bti };
}

const NT_GNU_PROPERTY = 5;
const AARCH64_FEATURES = 0xc000_0000;
/** A note of the owner GNU with properties: type, size, data padded to 8 bytes. @linux arch_parse_elf_property */
function hasBti(note: Uint8Array): boolean {
  const NOTE = 16;
  if (note.length < NOTE) return false;
  const s = new Struct(note);
  if (s.u32(0) !== 4 || s.u32(8) !== NT_GNU_PROPERTY || s.u32(12) !== 0x00554e47) return false;
  const end = Math.min(note.length, NOTE + s.u32(4));
  for (let at = NOTE; at + 12 <= end; ) {
    if (s.u32(at) === AARCH64_FEATURES) return (s.u32(at + 8) & 1) !== 0;
    at += 8 + Math.ceil(s.u32(at + 4) / 8) * 8;
  }
  return false;
}
