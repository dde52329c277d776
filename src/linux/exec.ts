// Putting a program into an address space: segments, interpreter, stack with arguments, environment and auxv.
// @linux load_elf_binary, create_elf_tables

import { Errno } from '../base/hostfile.ts';
import { Slot } from '../cpu/state.ts';
import { Map_ } from './abi/flags.ts';
import { fromUtf8, Struct, utf8 } from './bytes.ts';
import { ElfError, type ElfImage, parseElf } from './elf.ts';
import type { Machine } from './machine.ts';
import { MMAP_MIN_ADDR, pageUp, TASK_SIZE } from './mm/addresses.ts';
import { mmap } from './mm/map_calls.ts';
import type { AddressSpace } from './mm/mm.ts';
import { PAGE } from './mm/pages.ts';
import { Prot, Vma } from './mm/vma.ts';
import { newPauth } from './pauth.ts';
import { minimumStack } from './sigframe_layout.ts';
import { vectorLengthAtExec } from './sve.ts';
import type { Thread } from './thread.ts';
import type { Location } from './vfs/node.ts';
import { type FsState, walk } from './vfs/path.ts';
import { FileNode } from './vfs/regular.ts';

// biome-ignore format: a table
const Aux = {
  AT_NULL: 0, AT_PHDR: 3, AT_PHENT: 4, AT_PHNUM: 5, AT_PAGESZ: 6, AT_BASE: 7, AT_FLAGS: 8, AT_ENTRY: 9, AT_UID: 11,
  AT_EUID: 12, AT_GID: 13, AT_EGID: 14, AT_PLATFORM: 15, AT_HWCAP: 16, AT_CLKTCK: 17, AT_SECURE: 23, AT_RANDOM: 25,
  AT_HWCAP2: 26, AT_RSEQ_FEATURE_SIZE: 27, AT_RSEQ_ALIGN: 28, AT_HWCAP3: 29, AT_EXECFN: 31, AT_MINSIGSTKSZ: 51,
} as const;
const STACK_TOP = TASK_SIZE - 0x100_3000;
/** Where position-independent programs and, far below the stack, everything else go. @linux ELF_ET_DYN_BASE */
const PIE_BASE = Math.floor(((TASK_SIZE / 3) * 2) / PAGE) * PAGE;
const STACK_GAP = 128 * 1024 * 1024 + 0x10000;
const MAX_ARG_BYTES = 2 * 1024 * 1024;
const MAX_SCRIPT_DEPTH = 4;
/** @linux BINPRM_BUF_SIZE */
const MAX_SCRIPT_LINE = 256;
/** Bytes at the beginning of a program that are read at once: headers and notes, in most of them. */
const HEAD = 1024;

export interface Program {
  readonly argv: readonly string[];
  readonly envp: readonly string[];
}
export interface Loaded extends Program {
  readonly mm: AddressSpace;
  readonly entry: number;
  readonly sp: number;
  readonly exe: Location;
  readonly auxv: Uint8Array;
  readonly name: string;
}

function fileAt(location: Location): FileNode {
  if (location.node instanceof FileNode) return location.node;
  throw new ElfError(`${location.path()}: not a regular file`, Errno.EACCES);
}
function readAt(file: FileNode, offset: number, length: number): Uint8Array {
  const b = new Uint8Array(Math.max(0, Math.min(length, file.size - offset)));
  return b.subarray(0, Math.max(0, file.read(b, offset)));
}
function beginningOf(file: FileNode): Uint8Array {
  const b = new Uint8Array(HEAD);
  return b.subarray(0, Math.max(0, file.read(b, 0)));
}
/** Bytes of a file: those at its beginning are at hand. */
function reader(file: FileNode, head: Uint8Array): (offset: number, length: number) => Uint8Array {
  return (offset, length) =>
    offset >= 0 && offset + length <= head.length
      ? head.subarray(offset, offset + length)
      : readAt(file, offset, length);
}

/**
 * Loads a program into a new address space.
 * @param path as execve or the command line named it: AT_EXECFN
 * @throws ElfError with a message for a person and an errno
 */
export function load(
  machine: Machine,
  fs: FsState,
  location: Location,
  path: string,
  program: Program,
  depth = 0,
): Loaded {
  const file = fileAt(location);
  const head = beginningOf(file);
  if (head[0] === 0x23 && head[1] === 0x21) {
    if (depth >= MAX_SCRIPT_DEPTH) throw new ElfError(`${path}: too many levels of #! scripts`, Errno.ELOOP);
    return loadScript(machine, fs, path, head, program, depth);
  }
  const image = parseElf(path, file.size, reader(file, head));
  let interpreter: { image: ElfImage; file: FileNode; path: string } | undefined;
  if (image.interpreter !== undefined) {
    const at = walk(fs.root, fs.cwd, image.interpreter, true);
    const found = typeof at === 'number' ? undefined : at.location;
    if (!found) {
      throw new ElfError(
        `${path}: needs the interpreter ${image.interpreter}, which is not there; give the directory of an arm64 system with --sysroot DIR, or link the program statically`,
        Errno.ENOENT,
      );
    }
    const f = fileAt(found);
    interpreter = {
      image: parseElf(image.interpreter, f.size, reader(f, beginningOf(f))),
      file: f,
      path: found.path(),
    };
  }
  const mm = machine.newAddressSpace();
  try {
    mm.stackTop = STACK_TOP;
    mm.mmapBase = STACK_TOP - STACK_GAP;
    const bias = image.isPie ? (image.interpreter === undefined ? mm.mmapBase - spanOf(image) : PIE_BASE) : 0;
    const end = mapImage(
      mm,
      image,
      file,
      location.path(),
      image.isPie ? alignDown(bias, maxAlign(image)) : 0,
      !interpreter,
    );
    const at = image.isPie ? alignDown(bias, maxAlign(image)) : 0;
    if (image.isPie && image.interpreter === undefined) mm.mmapBase = at;
    // A static program in the mmap area would have no room to grow its heap: give it the place of a PIE.
    const heap = image.isPie && image.interpreter === undefined ? PIE_BASE : end;
    mm.brkStart = pageUp(heap);
    mm.brk = mm.brkStart;
    let entry = at + image.entry;
    let base = 0;
    if (interpreter) {
      base = alignDown(mm.mmapBase - spanOf(interpreter.image), maxAlign(interpreter.image));
      mapImage(mm, interpreter.image, interpreter.file, interpreter.path, base, true);
      entry = base + interpreter.image.entry;
    }
    const page = machine.sigreturnMapping();
    mmap(mm, { ...page, prot: Prot.READ | Prot.EXEC, name: '[sigpage]' });
    const stackProt = Prot.READ | Prot.WRITE | (image.execStack ? Prot.EXEC : 0);
    const stack = new Vma(STACK_TOP - 33 * PAGE, STACK_TOP, stackProt, '[stack]');
    stack.growsDown = true;
    mm.vmas.insert(stack);
    const { sp, auxv } = buildStack(machine, mm, path, program, {
      phdr: at + image.phdrAddr,
      phnum: image.phnum,
      entry: at + image.entry,
      base,
    });
    return { ...program, mm, entry, sp, exe: location, auxv, name: path.slice(path.lastIndexOf('/') + 1) };
  } catch (e) {
    mm.destroy();
    throw e;
  }
}

function loadScript(
  machine: Machine,
  fs: FsState,
  path: string,
  head: Uint8Array,
  program: Program,
  depth: number,
): Loaded {
  const line = fromUtf8(head.subarray(2, MAX_SCRIPT_LINE)).split('\n')[0]!.trim();
  const [interpreter = '', ...rest] = line.split(/\s+/);
  const w = walk(fs.root, fs.cwd, interpreter, true);
  const location = typeof w === 'number' ? undefined : w.location;
  if (!location) throw new ElfError(`${path}: its interpreter ${interpreter} is not there`, Errno.ENOENT);
  const argv = [interpreter, ...(rest.length > 0 ? [rest.join(' ')] : []), path, ...program.argv.slice(1)];
  return load(machine, fs, location, interpreter, { argv, envp: program.envp }, depth + 1);
}

const alignDown = (n: number, a: number) => Math.floor(n / a) * a;
function maxAlign(image: ElfImage): number {
  return image.segments.reduce((a, s) => Math.max(a, s.align), PAGE);
}
function spanOf(image: ElfImage): number {
  const ends = image.segments.map((s) => s.vaddr + s.memsz);
  const low = alignDown(Math.min(...image.segments.map((s) => s.vaddr)), PAGE);
  return pageUp(Math.max(...ends) - low) + maxAlign(image);
}
/**
 * @param first control goes there first: a program with an interpreter leaves PROT_BTI to that. @linux arch_elf_adjust_prot
 * @returns the end of the last segment.
 */
function mapImage(
  mm: AddressSpace,
  image: ElfImage,
  file: FileNode,
  path: string,
  bias: number,
  first: boolean,
): number {
  const protOf = (prot: number): number => (first && image.bti && prot & Prot.EXEC ? prot | Prot.BTI : prot);
  let end = 0;
  const backing = file.backing(path, false);
  for (const s of image.segments) {
    const start = alignDown(bias + s.vaddr, PAGE);
    const fileEnd = bias + s.vaddr + s.filesz;
    const memEnd = bias + s.vaddr + s.memsz;
    if (start < MMAP_MIN_ADDR || memEnd > TASK_SIZE - STACK_GAP)
      throw new ElfError(`${path}: a segment at 0x${start.toString(16)} lies outside what programs may use`);
    if (s.filesz > 0) {
      mmap(mm, {
        addr: start,
        length: pageUp(fileEnd) - start,
        prot: protOf(s.prot),
        flags: Map_.MAP_PRIVATE | Map_.MAP_FIXED,
        backing,
        offset: alignDown(s.offset, PAGE),
      });
    }
    const zeroFrom = s.filesz > 0 ? pageUp(fileEnd) : start;
    if (s.filesz > 0 && s.memsz > s.filesz && (s.prot & Prot.WRITE) !== 0 && fileEnd < zeroFrom)
      mm.write(BigInt(fileEnd), new Uint8Array(zeroFrom - fileEnd));
    if (pageUp(memEnd) > zeroFrom)
      mmap(mm, {
        addr: zeroFrom,
        length: pageUp(memEnd) - zeroFrom,
        prot: protOf(s.prot),
        flags: Map_.MAP_PRIVATE | Map_.MAP_FIXED | Map_.MAP_ANONYMOUS,
      });
    end = Math.max(end, memEnd);
  }
  return end;
}

interface Entry {
  readonly phdr: number;
  readonly phnum: number;
  readonly entry: number;
  readonly base: number;
}
function buildStack(
  machine: Machine,
  mm: AddressSpace,
  execfn: string,
  program: Program,
  e: Entry,
): { sp: number; auxv: Uint8Array } {
  // From the top: a null word, the name of the file, environment, arguments, the platform, random bytes, tables.
  const strings = utf8(program.argv.concat(program.envp, execfn, '').join('\0'));
  const platform = utf8('aarch64\0');
  const stringsAt = STACK_TOP - 8 - strings.length;
  const platformAt = alignDown(stringsAt, 16) - platform.length;
  const randomAt = alignDown(platformAt, 16) - 16;
  if (STACK_TOP - randomAt > MAX_ARG_BYTES)
    throw new ElfError(`${execfn}: arguments and environment are too long`, Errno.E2BIG);
  let o = 0;
  const next = (): number => {
    const at = stringsAt + o;
    o = strings.indexOf(0, o) + 1;
    return at;
  };
  const argv = program.argv.map(next);
  const envp = program.envp.map(next);
  const fn = stringsAt + o;
  const { uid, gid } = machine.credentials;
  const [hwcap, hwcap2, hwcap3] = machine.facts.hwcaps;
  const aux: (number | bigint)[] = [
    Aux.AT_HWCAP, hwcap,
    Aux.AT_PAGESZ, PAGE,
    Aux.AT_CLKTCK, 100,
    Aux.AT_PHDR, e.phdr,
    Aux.AT_PHENT, 56,
    Aux.AT_PHNUM, e.phnum,
    Aux.AT_BASE, e.base,
    Aux.AT_FLAGS, 0,
    Aux.AT_ENTRY, e.entry,
    Aux.AT_UID, uid,
    Aux.AT_EUID, uid,
    Aux.AT_GID, gid,
    Aux.AT_EGID, gid,
    Aux.AT_SECURE, 0,
    Aux.AT_RANDOM, randomAt,
    Aux.AT_HWCAP2, hwcap2,
    Aux.AT_HWCAP3, hwcap3,
    Aux.AT_EXECFN, fn,
    Aux.AT_PLATFORM, platformAt,
    Aux.AT_MINSIGSTKSZ, minimumStack(machine.sve.largest, machine.hasFpmr),
    Aux.AT_RSEQ_FEATURE_SIZE, 28,
    Aux.AT_RSEQ_ALIGN, 32,
    Aux.AT_NULL, 0,
  ]; // biome-ignore format: a table
  const argc: (number | bigint)[] = [argv.length];
  const words = argc.concat(argv, 0, envp, 0, aux);
  const sp = alignDown(randomAt - words.length * 8, 16);
  const s = new Struct(STACK_TOP - 8 - sp);
  for (let i = 0; i < words.length; i++) s.set64(i * 8, words[i]!);
  machine.rng.fill(s.bytes.subarray(randomAt - sp, randomAt - sp + 16));
  s.bytes.set(platform, platformAt - sp);
  s.bytes.set(strings, stringsAt - sp);
  mm.write(BigInt(sp), s.bytes);
  return { sp, auxv: s.bytes.slice((words.length - aux.length) * 8, words.length * 8) };
}

/** Makes the loaded program the one that the thread goes on with. */
export function become(t: Thread, l: Loaded): void {
  const p = t.process;
  p.mm = l.mm;
  p.exe = l.exe;
  p.cmdline = l.argv;
  p.environ = l.envp;
  p.auxv = l.auxv;
  p.pauth = newPauth(t.machine.facts, t.machine.rng);
  t.comm = l.name.slice(0, 15);
  const cpu = t.state;
  for (let i = 0; i < 31; i++) cpu.setX(i, 0n);
  for (let i = 0; i < 32; i++) cpu.setV(i, 0n, 0n);
  vectorLengthAtExec(t);
  cpu.nzcv = 0;
  cpu.pc = BigInt(l.entry);
  cpu.sp = BigInt(l.sp);
  for (const slot of [Slot.FPCR, Slot.FPSR, Slot.FPMR, Slot.TPIDR_EL0, Slot.TPIDR2_EL0, Slot.PSTATE, Slot.EXCL_ADDR])
    cpu.set(slot, 0n);
  t.fp.adopt();
}
