// One address space: which memory a program sees at which address, made when first touched. Answers the engine's
// TLB fills, the kernel side's reads and writes of user memory, and KVM's question for the frame behind a page.
// Mapping calls (mmap and friends) are in map_calls.ts. Refuses to know threads, signals and files.

import { InternalError } from '../../base/assert.ts';
import { highHalf, lowHalf } from '../../base/bits.ts';
import type { UserMemory } from '../../base/hostfile.ts';
import { textOf } from '../../base/text.ts';
import type { Access, Tlb, Translation, Translator } from '../../cpu/engine.ts';
import { flatFrame } from '../../cpu/flat.ts';
import { OutOfFrames, type PhysMem } from '../../cpu/physmem.ts';
import { PageTable, Pte } from './page_table.ts';
import { PAGE } from './pages.ts';
import { type Backing, Prot, type Vma, VmaList } from './vma.ts';

/** User addresses have 48 bits. @linux TASK_SIZE */
export const TASK_SIZE = 2 ** 48;
/** Addresses below are never mapped. @linux mmap_min_addr */
export const MMAP_MIN_ADDR = 65536;

/** Pages with the same high half of their addresses. */
const PAGES_OF_HALF = 2 ** 32 / PAGE;
/** Pages that are copied, or not shared with all others of zeroes, only so that they stand where their addresses say. */
const MOST_SPENT = 0x4000;

/** What the machine lends to every address space. */
export interface MmHost {
  readonly mem: PhysMem;
  /** A frame of zeroes that nobody writes. */
  readonly zeroFrame: number;
  /** Decoded code of the frame is no longer good. */
  invalidateCode(frame: number): void;
  acquireTlb(translator: Translator): Tlb;
  releaseTlb(tlb: Tlb): void;
  /** The CPU has FEAT_BTI. */
  readonly hasBti: boolean;
  /** Bytes that the stack may grow to (RLIMIT_STACK). */
  readonly stackLimit: number;
}

/** Why an access cannot go on, as the signal that Linux would send. */
export type Fault =
  | { readonly kind: 'maperr' | 'accerr' | 'adrerr' | 'oom'; readonly addr: number; readonly write: boolean }
  | { readonly kind: 'userfault'; readonly addr: number; readonly write: boolean; readonly vma: Vma };

/** Thrown through a system call that touched a page which a userfaultfd handler must supply first. */
export class UserfaultWait extends Error {
  override readonly name = 'UserfaultWait';
  readonly fault: Fault;
  constructor(fault: Fault) {
    super('page under userfaultfd');
    this.fault = fault;
  }
}

/** Per frame: decoded code in it is current (nothing wrote it since it was last executed). */
const execClean = new WeakMap<PhysMem, Uint8Array>();
function cleanMap(mem: PhysMem): Uint8Array {
  let m = execClean.get(mem);
  if (!m) {
    m = new Uint8Array(mem.frames);
    execClean.set(mem, m);
  }
  return m;
}

// ESR_ELx.ISS of aborts: translation fault at level 0 and 3, permission fault at level 3, external abort.
const FSC_TRANSLATION_L0 = 0x04;
const FSC_TRANSLATION_L3 = 0x07;
const FSC_PERMISSION_L3 = 0x0f;
const ISS_WNR = 1 << 6;
const EC_INSTRUCTION_ABORT = 0x20;
const EC_DATA_ABORT = 0x24;

export class AddressSpace implements Translator, UserMemory {
  readonly host: MmHost;
  readonly mem: PhysMem;
  readonly vmas = new VmaList();
  readonly table = new PageTable();
  readonly tlb: Tlb;
  /** Threads and processes that run in it. */
  users = 1;
  brkStart = 0;
  brk = 0;
  /** mmap() places mappings below. */
  mmapBase = TASK_SIZE - 0x1_0000_0000;
  stackTop = 0;
  argStart = 0;
  argEnd = 0;
  envStart = 0;
  envEnd = 0;
  /** Why the last fault() failed. */
  lastFault: Fault | undefined;
  /** Pages stand where their addresses say, where they can: what runs is faster then. */
  private flat: boolean;
  /** Pages that have got a frame for that. */
  private spent = 0;
  private readonly listeners = new Set<(start: bigint, end: bigint) => void>();
  private readonly clean: Uint8Array;
  private readonly watched = new Map<Backing, () => void>();

  constructor(host: MmHost) {
    this.host = host;
    this.mem = host.mem;
    this.clean = cleanMap(host.mem);
    this.tlb = host.acquireTlb(this);
    this.flat = this.tlb.takeFlat?.() ?? false;
  }

  // ---- the engine's side ---------------------------------------------------------------------------------------

  translate(va: bigint, access: Access): Translation {
    const high = highHalf(va);
    // Top Byte Ignore is on at EL0: bit 55 says which half, bits 63..56 say nothing.
    if ((high & 0x00ff_0000) !== 0) return this.abort(va, access, FSC_TRANSLATION_L0);
    const addr = (high & 0xffff) * 2 ** 32 + lowHalf(va);
    const entry = this.fault(addr, access === 'write', access === 'execute');
    if (entry === 0)
      return this.abort(va, access, this.lastFault?.kind === 'accerr' ? FSC_PERMISSION_L3 : FSC_TRANSLATION_L3);
    const frame = entry & Pte.FRAME;
    const executable = access === 'execute';
    if (executable && this.clean[frame] === 0) {
      this.host.invalidateCode(frame);
      this.clean[frame] = 1;
    }
    // Where code was decoded, stores are let through only once one was asked for: what is written must be decoded anew.
    const writable = (entry & Pte.WRITE) !== 0 && (access === 'write' || (!executable && this.clean[frame] === 0));
    if (!executable) return { ok: true, frame, writable, executable };
    return { ok: true, frame, writable, executable, guarded: this.host.hasBti && this.isGuarded(addr) };
  }
  /** PROT_BTI: indirect branches must land on BTI instructions. */
  private isGuarded(addr: number): boolean {
    return ((this.vmas.find(addr)?.prot ?? 0) & Prot.BTI) !== 0;
  }
  private abort(far: bigint, access: Access, fsc: number): Translation {
    if (fsc === FSC_TRANSLATION_L0)
      this.lastFault = { kind: 'maperr', addr: Number(BigInt.asUintN(64, far)), write: access === 'write' };
    if (access === 'execute') return { ok: false, ec: EC_INSTRUCTION_ABORT, iss: fsc, far };
    return { ok: false, ec: EC_DATA_ABORT, iss: fsc | (access === 'write' ? ISS_WNR : 0), far };
  }

  // ---- faults ----------------------------------------------------------------------------------------------------

  /**
   * Makes the page at `addr` accessible. @returns its entry, or 0 with `lastFault` set.
   * @param force kernel access on behalf of a debugger (/proc/PID/mem): permissions do not count
   */
  fault(addr: number, write: boolean, execute = false, force = false): number {
    const page = Math.floor(addr / PAGE);
    const entry = this.table.get(page);
    if ((entry & Pte.PRESENT) !== 0 && !execute && !force && (!write || (entry & Pte.WRITE) !== 0)) {
      if (write) this.clean[entry & Pte.FRAME] = 0;
      return entry;
    }
    let vma = this.vmas.find(addr);
    if (!vma) {
      vma = this.growStack(addr);
      if (!vma) return this.fail('maperr', addr, write);
    }
    const need = execute ? Prot.EXEC : write ? Prot.WRITE : Prot.READ | Prot.WRITE | Prot.EXEC;
    if ((vma.prot & need) === 0 && !force) return this.fail('accerr', addr, write);
    try {
      const made = this.makeEntry(vma, page, entry, write, addr);
      // A debugger's write makes the page private; it does not make it writable for the program.
      if (made !== 0) this.table.set(page, (vma.prot & Prot.WRITE) !== 0 ? made : made & ~Pte.WRITE);
      if (write) this.clean[made & Pte.FRAME] = 0;
      return made;
    } catch (e) {
      if (e instanceof OutOfFrames) return this.fail('oom', addr, write);
      throw e;
    }
  }
  private fail(kind: 'maperr' | 'accerr' | 'adrerr' | 'oom', addr: number, write: boolean): 0 {
    this.lastFault = { kind, addr, write };
    return 0;
  }
  private makeEntry(vma: Vma, page: number, entry: number, write: boolean, addr: number): number {
    const { mem } = this;
    if (entry !== 0 && (entry & Pte.OBJECT) === 0) {
      // Private memory of ours: present, or kept behind PROT_NONE.
      if (!write) return entry | Pte.PRESENT;
      const frame = entry & Pte.FRAME;
      if ((entry & Pte.ZERO) !== 0) return this.replace(page, mem.allocFrame(this.wish(page)));
      if (mem.refCount(frame) === 1) return (entry & ~Pte.COPY) | Pte.PRESENT | Pte.WRITE;
      const e = this.replace(page, this.copyOf(page, frame));
      this.release(frame);
      return e;
    }
    if (entry !== 0) {
      if (!write) return entry | Pte.PRESENT;
      if (vma.shared) return entry | Pte.PRESENT | Pte.WRITE;
      return this.copyObject(page, entry & Pte.FRAME);
    }
    if (!vma.backing) {
      if (vma.userfault) return this.missing(vma, addr, write);
      if (!write && !this.mayBeFlat(page)) return this.host.zeroFrame | Pte.PRESENT | Pte.ZERO;
      return mem.allocFrame(this.wish(page)) | Pte.PRESENT | (write ? Pte.WRITE : 0);
    }
    const index = page - Math.floor(vma.start / PAGE) + Math.floor(vma.offset / PAGE);
    if (index >= vma.backing.pages.pages) return this.fail('adrerr', addr, write);
    if (vma.userfault && !vma.userfault.hasPage(vma, index)) return this.missing(vma, addr, write);
    const frame = vma.backing.pages.frame(index, vma.shared ? this.wish(page) : 0);
    if (frame === undefined) return this.fail('adrerr', addr, write);
    if (write && !vma.shared) return this.copyOf(page, frame) | Pte.PRESENT | Pte.WRITE;
    if (!vma.shared && !vma.backing.shmem && !vma.backing.mayWrite && this.mayBeFlat(page))
      return this.copyOf(page, frame) | Pte.PRESENT | Pte.COPY;
    mem.ref(frame);
    const writable = vma.shared && (vma.prot & Prot.WRITE) !== 0 && write;
    return frame | Pte.PRESENT | Pte.OBJECT | (writable ? Pte.WRITE : 0);
  }
  private missing(vma: Vma, addr: number, write: boolean): 0 {
    this.lastFault = { kind: 'userfault', addr, write, vma };
    return 0;
  }
  private copyObject(page: number, frame: number): number {
    const e = this.replace(page, this.copyOf(page, frame));
    this.release(frame);
    return e;
  }
  private copyOf(page: number, frame: number): number {
    const copy = this.mem.allocFrame(this.wish(page));
    this.mem.u8.copyWithin(copy * PAGE, frame * PAGE, (frame + 1) * PAGE);
    return copy;
  }
  /** The frame that the page wants to stand in. */
  private wish(page: number): number {
    return this.flat ? flatFrame((page % PAGES_OF_HALF) * PAGE) : 0;
  }
  /** It is worth a frame, though one that others use would do. */
  private mayBeFlat(page: number): boolean {
    return this.flat && this.mem.isFree(this.wish(page)) && this.spent++ < MOST_SPENT;
  }
  /** Another frame stands at the page from now on: cached translations of it are stale. */
  private replace(page: number, frame: number): number {
    this.changed(page * PAGE, (page + 1) * PAGE);
    return frame | Pte.PRESENT | Pte.WRITE;
  }
  private growStack(addr: number): Vma | undefined {
    const above = this.vmas.findAbove(addr);
    if (!above?.growsDown || above.end - addr > this.host.stackLimit) return undefined;
    const start = Math.floor(addr / PAGE) * PAGE;
    const below = this.vmas.find(start - 256 * PAGE);
    if (below) return undefined; // the guard gap
    above.start = start;
    return above;
  }
  /** Drops our reference to a frame; decoded code of a frame nobody uses any more is forgotten. */
  release(frame: number): void {
    if (this.mem.refCount(frame) === 1 && this.clean[frame] !== 0) {
      this.clean[frame] = 0;
      this.host.invalidateCode(frame);
    }
    this.mem.unref(frame);
  }

  // ---- pages, by range -----------------------------------------------------------------------------------------------

  /** What `frame()` and translations said about [start, end) no longer holds. */
  changed(start: number, end: number): void {
    this.tlb.flush(BigInt(start), BigInt(end));
    if (this.listeners.size > 0) for (const l of [...this.listeners]) l(BigInt(start), BigInt(end));
  }
  /** Takes the pages of [start, end) away; the next access makes them anew. */
  zap(start: number, end: number): void {
    this.changed(start, end);
    this.table.update(start / PAGE, Math.ceil(end / PAGE), (e) => {
      if ((e & Pte.ZERO) === 0) this.release(e & Pte.FRAME);
      return 0;
    });
  }
  /** Takes rights away from present pages; rights are added at the next fault. */
  restrict(start: number, end: number, prot: number): void {
    this.changed(start, end);
    this.table.update(start / PAGE, end / PAGE, (e) => {
      if ((e & Pte.WRITE) !== 0) this.clean[e & Pte.FRAME] = 0; // what was written may be code (a loader, a JIT)
      if ((prot & Prot.RIGHTS) === 0) return e & ~(Pte.PRESENT | Pte.WRITE);
      return (prot & Prot.WRITE) !== 0 ? e : e & ~Pte.WRITE;
    });
  }
  /** Stops watching stores: the next write to each page faults again (dirty tracking, fork). */
  writeProtect(start: number, end: number): void {
    this.changed(start, end);
    this.table.update(start / PAGE, end / PAGE, (e) => e & ~Pte.WRITE);
  }
  /** Moves the entries of `length` bytes to another place. */
  move(from: number, to: number, length: number): void {
    this.changed(from, from + length);
    const moved: [number, number][] = [];
    this.table.update(from / PAGE, (from + length) / PAGE, (e, page) => {
      moved.push([page, e]);
      return 0;
    });
    const delta = (to - from) / PAGE;
    for (const [page, e] of moved) this.table.set(page + delta, this.settle(page + delta, e));
  }
  /** A page that has come from elsewhere stands where its address says, if that is possible. */
  private settle(page: number, entry: number): number {
    const frame = entry & Pte.FRAME;
    if (!this.flat || (entry & (Pte.ZERO | Pte.OBJECT)) !== 0 || this.mem.refCount(frame) !== 1) return entry;
    if (!this.mem.isFree(this.wish(page))) return entry;
    const copy = this.copyOf(page, frame);
    this.release(frame);
    return (entry & ~Pte.FRAME) | copy;
  }
  /** Puts a given page at a place that has none (userfaultfd). @returns false if there is one. */
  install(addr: number, bytes: Uint8Array | undefined): boolean {
    const page = addr / PAGE;
    if (this.table.get(page) !== 0) return false;
    if (bytes) {
      const f = this.mem.allocFrame(this.wish(page));
      this.mem.frameBytes(f).set(bytes);
      const writable = ((this.vmas.find(addr)?.prot ?? 0) & Prot.WRITE) !== 0;
      this.table.set(page, f | Pte.PRESENT | (writable ? Pte.WRITE : 0));
    } else this.table.set(page, this.host.zeroFrame | Pte.PRESENT | Pte.ZERO);
    return true;
  }
  /** Maps a page of an object that is there already (UFFDIO_CONTINUE). @returns false if one is mapped. */
  mapObject(addr: number, frame: number): boolean {
    if (this.table.get(addr / PAGE) !== 0) return false;
    this.mem.ref(frame);
    this.table.set(addr / PAGE, frame | Pte.PRESENT | Pte.OBJECT);
    return true;
  }
  /** Pages of the object that go away shall go away here too. Called once for every backing that gets mapped. */
  watch(backing: Backing): void {
    if (this.watched.has(backing)) return;
    const stop = backing.pages.onZap?.((first, count) => this.zapObject(backing, first, count));
    this.watched.set(backing, stop ?? (() => {}));
  }
  private zapObject(backing: Backing, first: number, count: number): void {
    for (const v of this.vmas.all) {
      if (v.backing !== backing) continue;
      const base = Math.floor(v.offset / PAGE);
      const from = Math.max(v.start, v.start + (first - base) * PAGE);
      const to = Math.min(v.end, v.start + (first + count - base) * PAGE);
      if (from >= to) continue;
      this.changed(from, to);
      this.table.update(from / PAGE, to / PAGE, (e) => {
        if ((e & (Pte.OBJECT | Pte.COPY)) === 0) return e;
        this.release(e & Pte.FRAME);
        return 0;
      });
    }
  }
  /** The copy that fork makes: private pages are shared until one side writes. */
  fork(): AddressSpace {
    this.flat = false;
    this.tlb.leaveFlat?.();
    const child = new AddressSpace(this.host);
    child.brkStart = this.brkStart;
    child.brk = this.brk;
    child.mmapBase = this.mmapBase;
    child.stackTop = this.stackTop;
    child.argStart = this.argStart;
    child.argEnd = this.argEnd;
    child.envStart = this.envStart;
    child.envEnd = this.envEnd;
    this.changed(0, TASK_SIZE);
    for (const v of this.vmas.all) {
      if (v.dontFork) continue;
      if (v.backing) {
        v.backing.ref();
        child.watch(v.backing);
      }
      child.vmas.insert({ ...v, userfault: undefined });
      if (v.wipeOnFork) continue;
      this.table.update(v.start / PAGE, v.end / PAGE, (e, page) => {
        if (v.shared) return e; // shared pages come back by faulting
        const copy = (e & Pte.OBJECT) !== 0 || (e & Pte.ZERO) !== 0 ? e : e & ~Pte.WRITE;
        if ((e & Pte.ZERO) === 0) this.mem.ref(e & Pte.FRAME);
        child.table.set(page, copy);
        return copy;
      });
    }
    return child;
  }
  /**
   * The last user left: everything is unmapped.
   * @param isLast nobody needs what it gives back, except those who want to hear of it
   */
  destroy(isLast = false): void {
    const isKept = isLast && this.listeners.size === 0;
    if (!isKept) this.zap(0, TASK_SIZE);
    for (const v of this.vmas.remove(0, TASK_SIZE)) v.backing?.unref();
    for (const stop of this.watched.values()) stop();
    this.watched.clear();
    this.listeners.clear();
    if (!isKept) this.host.releaseTlb(this.tlb);
  }

  // ---- UserMemory ------------------------------------------------------------------------------------------------------

  /**
   * Copies `length` bytes in or out.
   * @param from where they begin in `bytes`, which may be all of the memory
   * @returns false on EFAULT. @throws UserfaultWait
   */
  private copy(
    address: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    write: boolean,
    force: boolean,
  ): boolean {
    const { u8 } = this.mem;
    if (address + length > TASK_SIZE) return length === 0;
    let at = address;
    for (let done = 0; done < length; ) {
      const offset = offsetIn(at);
      const len = Math.min(PAGE - offset, length - done);
      const entry = this.fault(at, write, false, force);
      if (entry === 0) {
        const f = this.lastFault;
        if (f?.kind === 'userfault') throw new UserfaultWait(f);
        return false;
      }
      const pa = (entry & Pte.FRAME) * PAGE + offset;
      const here = from + done;
      if (bytes === u8) u8.copyWithin(write ? pa : here, write ? here : pa, write ? here + len : pa + len);
      else if (write) u8.set(bytes.subarray(here, here + len), pa);
      else bytes.set(u8.subarray(pa, pa + len), here);
      done += len;
      at += len;
    }
    return true;
  }
  read(addr: bigint, out: Uint8Array, force = false): boolean {
    return this.copy(userAddress(addr), out, 0, out.length, false, force);
  }
  write(addr: bigint, data: Uint8Array, force = false): boolean {
    return this.copy(userAddress(addr), data, 0, data.length, true, force);
  }
  /** The same for a part of a buffer, and for an address that is a number. */
  readAt(address: number, out: Uint8Array, from: number, length: number): boolean {
    return this.copy(address, out, from, length, false, false);
  }
  writeAt(address: number, data: Uint8Array, from: number, length: number): boolean {
    return this.copy(address, data, from, length, true, false);
  }
  /** Where some bytes of one page stand in memory; -1: they are of several pages, or there is a reason that a copy will tell. */
  direct(address: number, length: number, write: boolean): number {
    const offset = offsetIn(address);
    if (offset + length > PAGE || address >= TASK_SIZE) return -1;
    const entry = this.fault(address, write);
    return entry === 0 ? -1 : (entry & Pte.FRAME) * PAGE + offset;
  }
  frame(addr: bigint, write: boolean): number | undefined | 'pending' {
    const at = userAddress(addr);
    if (at >= TASK_SIZE) return undefined;
    const entry = this.fault(at, write);
    if (entry !== 0) return entry & Pte.FRAME;
    const f = this.lastFault;
    if (f?.kind === 'userfault') {
      f.vma.userfault!.report(f.addr, f.write);
      return 'pending';
    }
    return undefined;
  }
  onChange(listener: (start: bigint, end: bigint) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  /** Frames that hold [addr, addr+length) were changed by the program: decoded code in them is stale (IC IVAU). */
  invalidateCode(addr: number, length: number): void {
    for (let page = Math.floor(addr / PAGE); page * PAGE < addr + length; page++) {
      const e = this.table.get(page);
      if ((e & Pte.PRESENT) !== 0) this.host.invalidateCode(e & Pte.FRAME);
    }
  }
  /** A NUL-terminated string of at most `max` bytes. @returns undefined on EFAULT, null when it is longer. */
  readString(addr: bigint, max = 4096): string | undefined | null {
    const parts: number[] = [];
    let at = userAddress(addr);
    while (parts.length < max) {
      if (at >= TASK_SIZE) return undefined;
      const entry = this.fault(at, false);
      if (entry === 0) {
        if (this.lastFault?.kind === 'userfault') throw new UserfaultWait(this.lastFault);
        return undefined;
      }
      const pa = (entry & Pte.FRAME) * PAGE;
      for (let o = at % PAGE; o < PAGE && parts.length < max; o++, at++) {
        const b = this.mem.u8[pa + o]!;
        if (b === 0) return textOf(Uint8Array.from(parts));
        parts.push(b);
      }
    }
    return null;
  }
  /** Where two mappings of one shared page agree; private pages are named by address space and address. */
  futexKey(addr: number): string | undefined {
    const vma = this.vmas.find(addr);
    if (!vma) return undefined;
    if (!vma.shared) return `${this.id}:${addr}`;
    const entry = this.fault(addr, false);
    if (entry === 0) return undefined;
    return `p${(entry & Pte.FRAME) * PAGE + (addr % PAGE)}`;
  }
  readonly id = nextId++;
  /** Pages in memory within the mapping. */
  resident(v: Vma): number {
    return this.table.count(v.start / PAGE, v.end / PAGE);
  }
}
let nextId = 1;

/** Of an address in its page. Remainders of large numbers take long. */
const offsetIn = (address: number): number => address - Math.floor(address / PAGE) * PAGE;
/** An address argument as a number: the top byte is ignored, as for loads and stores. */
export function userAddress(addr: bigint): number {
  return Number(addr & 0x00ff_ffff_ffff_ffffn);
}

/** Rounds up to whole pages. @throws InternalError when not finite */
export function pageUp(n: number): number {
  if (!Number.isFinite(n)) throw new InternalError('page arithmetic');
  return Math.ceil(n / PAGE) * PAGE;
}
