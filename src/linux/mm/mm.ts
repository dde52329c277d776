// One address space: which memory a program sees at which address, made when first touched. Answers the engine's
// TLB fills; what the kernel's side asks (copies in and out, KVM's question for the frame behind a page) is built on its
// faults in user_access.ts. Mapping calls (mmap and friends) are in map_calls.ts. Refuses to know threads, signals and files.

import { highHalf, joined, lowHalf } from '../../base/bits.ts';
import type { UserMemory } from '../../base/hostfile.ts';
import type { Access, Tlb, Translation, Translator } from '../../cpu/engine.ts';
import { OutOfFrames, type PhysMem } from '../../cpu/physmem.ts';
import { pageOf, TASK_SIZE } from './addresses.ts';
import { Frames } from './frames.ts';
import { PageTable, Pte } from './page_table.ts';
import { PAGE } from './pages.ts';
import { readAhead } from './read_ahead.ts';
import { type Fault, UserAccess } from './user_access.ts';
import { type Backing, Prot, type Vma, VmaList } from './vma.ts';

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

// ESR_ELx of aborts. ISS: translation faults at levels 0 and 3, permission fault at level 3, that it was a write; EC.
const FSC_TRANSLATION_L0 = 0x04;
const FSC_TRANSLATION_L3 = 0x07;
const FSC_PERMISSION_L3 = 0x0f;
const ISS_WNR = 1 << 6;
const EC_INSTRUCTION_ABORT = 0x20;
const EC_DATA_ABORT = 0x24;

let nextId = 1;

export class AddressSpace extends UserAccess implements Translator, UserMemory {
  readonly id = nextId++;
  readonly host: MmHost;
  readonly vmas = new VmaList();
  readonly table = new PageTable();
  readonly tlb: Tlb;
  /** Threads and processes that run in it. */
  users = 1;
  brkStart: number;
  brk: number;
  /** mmap() places mappings below. */
  mmapBase = TASK_SIZE - 0x1_0000_0000;
  stackTop: number;
  readonly frames: Frames;
  private readonly listeners = new Set<(start: bigint, end: bigint) => void>();
  private readonly watched = new Map<Backing, () => void>();

  constructor(host: MmHost) {
    super(host.mem);
    this.host = host;
    this.brkStart = this.brk = this.stackTop = 0;
    this.tlb = host.acquireTlb(this);
    this.frames = new Frames(host, this.tlb.takeFlat?.() ?? false);
  }

  // ---- the engine's side ---------------------------------------------------------------------------------------

  translate(va: bigint, access: Access): Translation {
    const high = highHalf(va);
    // Top Byte Ignore is on at EL0: bit 55 says which half, bits 63..56 say nothing.
    if ((high & 0x00ff_0000) !== 0) return this.abort(va, access, FSC_TRANSLATION_L0);
    const addr = joined(high & 0xffff, lowHalf(va));
    const entry = this.fault(addr, access === 'write', access === 'execute');
    if (entry === 0)
      return this.abort(va, access, this.lastFault?.kind === 'accerr' ? FSC_PERMISSION_L3 : FSC_TRANSLATION_L3);
    const frame = entry & Pte.FRAME;
    const executable = access === 'execute';
    if (executable) this.frames.makeCurrent(frame);
    // Where code was decoded, stores are let through only once one was asked for: what is written must be decoded anew.
    const writable =
      (entry & Pte.WRITE) !== 0 && (access === 'write' || (!executable && !this.frames.isCurrent(frame)));
    if (!executable) return { ok: true, frame, writable, executable };
    return { ok: true, frame, writable, executable, guarded: this.host.hasBti && this.allows(addr, Prot.BTI) };
  }
  /** The mapping at the address has a bit of Prot. */
  private allows(addr: number, prot: number): boolean {
    return ((this.vmas.find(addr)?.prot ?? 0) & prot) !== 0;
  }
  private abort(far: bigint, access: Access, fsc: number): Translation {
    if (fsc === FSC_TRANSLATION_L0)
      this.lastFault = { kind: 'maperr', addr: Number(BigInt.asUintN(64, far)), write: access === 'write' };
    if (access === 'execute') return { ok: false, ec: EC_INSTRUCTION_ABORT, iss: fsc, far };
    return { ok: false, ec: EC_DATA_ABORT, iss: fsc | (access === 'write' ? ISS_WNR : 0), far };
  }

  // ---- faults ----------------------------------------------------------------------------------------------------

  fault(addr: number, write: boolean, execute = false, force = false): number {
    const page = pageOf(addr);
    const entry = this.table.get(page);
    if ((entry & Pte.PRESENT) !== 0 && !execute && !force && (!write || (entry & Pte.WRITE) !== 0)) {
      if (write) this.frames.written(entry & Pte.FRAME);
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
      if (write) this.frames.written(made & Pte.FRAME);
      return made;
    } catch (e) {
      if (e instanceof OutOfFrames) return this.fail('oom', addr, write);
      throw e;
    }
  }
  private fail(kind: Exclude<Fault['kind'], 'userfault'>, addr: number, write: boolean): 0 {
    this.lastFault = { kind, addr, write };
    return 0;
  }
  private makeEntry(vma: Vma, page: number, entry: number, write: boolean, addr: number): number {
    const { mem } = this;
    if (entry !== 0 && (entry & Pte.OBJECT) === 0) {
      // Private memory of ours: present, or kept behind PROT_NONE.
      if (!write) return entry | Pte.PRESENT;
      const frame = entry & Pte.FRAME;
      if ((entry & Pte.ZERO) !== 0) return this.replace(page, this.frames.make(page));
      if (mem.refCount(frame) === 1) return (entry & ~Pte.COPY) | Pte.PRESENT | Pte.WRITE;
      return this.copyForUs(page, frame);
    }
    if (entry !== 0) {
      if (!write) return entry | Pte.PRESENT;
      if (vma.shared) return entry | Pte.PRESENT | Pte.WRITE;
      return this.copyForUs(page, entry & Pte.FRAME);
    }
    if (!vma.backing) {
      if (vma.userfault) return this.missing(vma, addr, write);
      if (!write && !this.frames.mayBeFlat(page)) return this.host.zeroFrame | Pte.PRESENT | Pte.ZERO;
      return this.frames.make(page) | Pte.PRESENT | (write ? Pte.WRITE : 0);
    }
    const index = page - pageOf(vma.start) + pageOf(vma.offset);
    if (index >= vma.backing.pages.pages) return this.fail('adrerr', addr, write);
    if (vma.userfault && !vma.userfault.hasPage(vma, index)) return this.missing(vma, addr, write);
    if (readAhead(this, vma, page, index)) return this.makeEntry(vma, page, this.table.get(page), write, addr);
    const frame = vma.backing.pages.frame(index, vma.shared ? this.frames.wish(page) : 0);
    if (frame === undefined) return this.fail('adrerr', addr, write);
    if (write && !vma.shared) return this.frames.copy(page, frame) | Pte.PRESENT | Pte.WRITE;
    if (!vma.shared && !vma.backing.shmem && !vma.backing.mayWrite && this.frames.mayBeFlat(page))
      return this.frames.copy(page, frame) | Pte.PRESENT | Pte.COPY;
    mem.ref(frame);
    const writable = vma.shared && (vma.prot & Prot.WRITE) !== 0 && write;
    return frame | Pte.PRESENT | Pte.OBJECT | (writable ? Pte.WRITE : 0);
  }
  private missing(vma: Vma, addr: number, write: boolean): 0 {
    this.lastFault = { kind: 'userfault', addr, write, vma };
    return 0;
  }
  /** A frame that others use, too, is replaced by a copy of its own. */
  private copyForUs(page: number, frame: number): number {
    const e = this.replace(page, this.frames.copy(page, frame));
    this.frames.release(frame);
    return e;
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
      if ((e & Pte.ZERO) === 0) this.frames.release(e & Pte.FRAME);
      return 0;
    });
  }
  /** Takes rights away from present pages; rights are added at the next fault. */
  restrict(start: number, end: number, prot: number): void {
    this.changed(start, end);
    this.table.update(start / PAGE, end / PAGE, (e) => {
      if ((e & Pte.WRITE) !== 0) this.frames.written(e & Pte.FRAME); // what was written may be code (a loader, a JIT)
      if ((prot & Prot.RIGHTS) === 0) return e & ~(Pte.PRESENT | Pte.WRITE);
      return (prot & Prot.WRITE) !== 0 ? e : e & ~Pte.WRITE;
    });
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
    for (const [page, e] of moved) this.table.set(page + delta, this.frames.settle(page + delta, e));
  }
  /** Puts a given page at a place that has none (userfaultfd). @returns false if there is one. */
  install(addr: number, bytes: Uint8Array | undefined): boolean {
    const page = addr / PAGE;
    if (this.table.get(page) !== 0) return false;
    if (bytes) {
      const f = this.frames.make(page);
      this.mem.frameBytes(f).set(bytes);
      this.table.set(page, f | Pte.PRESENT | (this.allows(addr, Prot.WRITE) ? Pte.WRITE : 0));
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
        this.frames.release(e & Pte.FRAME);
        return 0;
      });
    }
  }
  /** The copy that fork makes: private pages are shared until one side writes. */
  fork(): AddressSpace {
    this.frames.leaveFlat();
    this.tlb.leaveFlat?.();
    const child = new AddressSpace(this.host);
    child.brkStart = this.brkStart;
    child.brk = this.brk;
    child.mmapBase = this.mmapBase;
    child.stackTop = this.stackTop;
    this.changed(0, TASK_SIZE);
    for (const v of this.vmas.all) {
      if (v.dontFork) continue;
      if (v.backing) {
        v.backing.ref();
        child.watch(v.backing);
      }
      const inherited = v.copy(v.start, v.end, v.offset);
      inherited.userfault = undefined;
      child.vmas.insert(inherited);
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

  // ---- what others ask -----------------------------------------------------------------------------------------------

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
  /** Where two mappings of one shared page agree; private pages are named by address space and address. */
  futexKey(addr: number): string | undefined {
    const vma = this.vmas.find(addr);
    if (!vma) return undefined;
    if (!vma.shared) return `${this.id}:${addr}`;
    const entry = this.fault(addr, false);
    if (entry === 0) return undefined;
    return `p${(entry & Pte.FRAME) * PAGE + (addr % PAGE)}`;
  }
  /** Pages in memory within the mapping. */
  resident(v: Vma): number {
    return this.table.count(v.start / PAGE, v.end / PAGE);
  }
}
