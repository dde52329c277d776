// Who owns a page of memory: the host, the hypervisor or a guest, and to whom the owner has lent it. Every transition checks
// both sides first and changes nothing when it refuses. Knows addresses, not what is kept there.
// @linux arch/arm64/kvm/hyp/nvhe/mem_protect.c

import { Errno } from '../../base/hostfile.ts';
import { FRAME_SHIFT, FRAME_SIZE, type PhysMem } from '../../cpu/physmem.ts';

/** @linux enum pkvm_page_state */
export type PageState = 'owned' | 'sharedOwned' | 'sharedBorrowed' | 'nopage' | 'poison';

/** The hypervisor touched memory that it may not: on hardware an abort at EL2, from which there is no return. */
export class HypFault extends Error {
  override readonly name = 'HypFault';
  readonly address: number;
  constructor(address: number, state: PageState | 'unmapped') {
    super(`the hypervisor touched 0x${address.toString(16)}, which is ${state === 'nopage' ? 'not its' : state}`);
    this.address = address;
  }
}

/** What the hypervisor can reach. */
export interface HypSpace {
  /** @throws HypFault where a byte of [address, address + length) is out of its reach */
  access(address: number, length: number): void;
  /** All of it is the host's, who lets the hypervisor use it: a pointer that the host gives may lead there, and nowhere else. */
  isLent(address: number, length: number): boolean;
}

export const pageOf = (address: number): number => address >>> FRAME_SHIFT;
/** Pages that [from, to) touches. */
export function pagesOf(from: number, to: number): readonly number[] {
  const first = pageOf(from);
  const count = Math.max(0, Math.ceil(to / FRAME_SIZE) - first);
  return Array.from({ length: count }, (_, i) => first + i);
}

/** The intermediate physical pages of a guest, and pages that its translation tables may still use up. */
export class GuestPages {
  readonly pages = new Map<number, { readonly pfn: number; state: PageState }>();
  memcache: number;
  constructor(memcache = Number.MAX_SAFE_INTEGER) {
    this.memcache = memcache;
  }
  stateOf(gfn: number): PageState {
    return this.pages.get(gfn)?.state ?? 'nopage';
  }
}

const { EPERM, EINVAL, EBUSY, ENOENT, ENOMEM, EAGAIN, EFAULT, EHWPOISON } = Errno;

/** Transitions return 0 or a negative errno. */
export class MemProtect implements HypSpace {
  private readonly mem: PhysMem;
  private readonly host = new Map<number, PageState>();
  private readonly hyp = new Map<number, PageState>();
  private readonly pins = new Map<number, number>();
  /** How many guests without protection a page of the host is lent to. */
  private readonly lent = new Map<number, number>();
  private readonly guestOf = new Map<number, { readonly guest: GuestPages; readonly gfn: number }>();

  constructor(mem: PhysMem) {
    this.mem = mem;
  }
  hostState(pfn: number): PageState {
    return this.host.get(pfn) ?? 'owned';
  }
  hypState(pfn: number): PageState {
    return this.hyp.get(pfn) ?? 'nopage';
  }
  pinCount(pfn: number): number {
    return this.pins.get(pfn) ?? 0;
  }

  // ---- the hypervisor's reach -----------------------------------------------------------------------------------------

  isLent(address: number, length: number): boolean {
    if (this.outOfReach(address, length) !== undefined) return false;
    return pagesOf(address, address + length).every((p) => this.hypState(p) === 'sharedBorrowed');
  }
  access(address: number, length: number): void {
    const at = this.outOfReach(address, length);
    if (at !== undefined) throw new HypFault(at, this.hypState(pageOf(at)));
  }
  private outOfReach(address: number, length: number): number | undefined {
    if (!Number.isSafeInteger(address) || address < 0) return address;
    for (let page = pageOf(address); page * FRAME_SIZE < address + length; page++) {
      const state = this.hypState(page);
      if (page >= this.mem.frames || (state !== 'owned' && state !== 'sharedBorrowed'))
        return Math.max(address, page * FRAME_SIZE);
    }
    return undefined;
  }

  // ---- host and hypervisor --------------------------------------------------------------------------------------------

  private inMemory(pfn: number, count: number): boolean {
    return pfn > 0 && count > 0 && pfn + count <= this.mem.frames;
  }
  private are(pfns: readonly number[], host: PageState, hyp: PageState): boolean {
    return pfns.every((p) => this.hostState(p) === host && this.hypState(p) === hyp);
  }
  private become(pfns: readonly number[], host: PageState, hyp: PageState): 0 {
    for (const p of pfns) {
      this.host.set(p, host);
      this.hyp.set(p, hyp);
    }
    return 0;
  }
  private range(pfn: number, count: number): readonly number[] {
    return Array.from({ length: count }, (_, i) => pfn + i);
  }

  /** @linux __pkvm_host_share_hyp */
  hostShareHyp(pfn: number): number {
    if (!this.are([pfn], 'owned', 'nopage')) return -EPERM;
    return this.become([pfn], 'sharedOwned', 'sharedBorrowed');
  }
  /** @linux __pkvm_host_unshare_hyp */
  hostUnshareHyp(pfn: number): number {
    if (!this.are([pfn], 'sharedOwned', 'sharedBorrowed')) return -EPERM;
    if (this.pinCount(pfn) > 0) return -EBUSY;
    return this.become([pfn], 'owned', 'nopage');
  }
  /** @linux __pkvm_host_donate_hyp */
  hostDonateHyp(pfn: number, count: number): number {
    if (!this.inMemory(pfn, count)) return -EINVAL;
    const pfns = this.range(pfn, count);
    if (!this.are(pfns, 'owned', 'nopage')) return -EPERM;
    return this.become(pfns, 'nopage', 'owned');
  }
  /** @linux __pkvm_hyp_donate_host */
  hypDonateHost(pfn: number, count: number): number {
    if (!this.inMemory(pfn, count)) return -EINVAL;
    const pfns = this.range(pfn, count);
    if (!this.are(pfns, 'nopage', 'owned')) return -EPERM;
    if (pfns.some((p) => this.pinCount(p) > 0)) return -EBUSY;
    return this.become(pfns, 'owned', 'nopage');
  }
  /** Lent memory stays lent while the hypervisor uses it. @linux hyp_pin_shared_mem */
  pin(from: number, to: number): number {
    const pfns = pagesOf(from, to);
    if (!this.are(pfns, 'sharedOwned', 'sharedBorrowed')) return -EPERM;
    for (const p of pfns) this.pins.set(p, this.pinCount(p) + 1);
    return 0;
  }
  /** @linux hyp_unpin_shared_mem */
  unpin(from: number, to: number): void {
    for (const p of pagesOf(from, to)) this.pins.set(p, Math.max(0, this.pinCount(p) - 1));
  }

  // ---- host and guest -------------------------------------------------------------------------------------------------

  /** For guests without protection; several may borrow one page. @linux __pkvm_host_share_guest */
  hostShareGuest(pfn: number, gfn: number, guest: GuestPages): number {
    if (!this.inMemory(pfn, 1)) return -EINVAL;
    if (guest.stateOf(gfn) !== 'nopage') return -EPERM;
    const lent = this.lent.get(pfn) ?? 0;
    const state = this.hostState(pfn);
    if (state !== 'owned' && !(state === 'sharedOwned' && lent > 0)) return -EPERM;
    if (guest.memcache <= 0) return -ENOMEM;
    guest.memcache--;
    this.lent.set(pfn, lent + 1);
    this.host.set(pfn, 'sharedOwned');
    guest.pages.set(gfn, { pfn, state: 'sharedBorrowed' });
    return 0;
  }
  /** @linux __pkvm_host_unshare_guest */
  hostUnshareGuest(gfn: number, guest: GuestPages): number {
    const page = guest.pages.get(gfn);
    if (!page || page.state === 'poison') return -ENOENT;
    if (page.state !== 'sharedBorrowed' || this.hostState(page.pfn) !== 'sharedOwned') return -EPERM;
    const lent = this.lent.get(page.pfn)! - 1;
    this.lent.set(page.pfn, lent);
    if (lent === 0) this.host.set(page.pfn, 'owned');
    guest.pages.delete(gfn);
    return 0;
  }
  /** For protected guests. @linux __pkvm_host_donate_guest */
  hostDonateGuest(pfn: number, gfn: number, guest: GuestPages): number {
    if (this.hostState(pfn) !== 'owned' || guest.stateOf(gfn) !== 'nopage') return -EPERM;
    if (guest.memcache <= 0) return -ENOMEM;
    guest.memcache--;
    this.host.set(pfn, 'nopage');
    this.guestOf.set(pfn, { guest, gfn });
    guest.pages.set(gfn, { pfn, state: 'owned' });
    return 0;
  }

  // What the guest itself asks for, and what the host does when it is gone.

  private validPage(gfn: number, guest: GuestPages): { readonly pfn: number; state: PageState } | number {
    const page = guest.pages.get(gfn);
    if (page?.state === 'poison') return -EHWPOISON;
    return page ?? -ENOENT;
  }
  /** HVC64 0xC6000003. @linux __pkvm_guest_share_host */
  guestShareHost(gfn: number, guest: GuestPages): number {
    const page = this.validPage(gfn, guest);
    if (typeof page === 'number') return page;
    if (page.state !== 'owned' || this.hostState(page.pfn) !== 'nopage') return -EPERM;
    page.state = 'sharedOwned';
    this.host.set(page.pfn, 'sharedBorrowed');
    return 0;
  }
  /** HVC64 0xC6000004. @linux __pkvm_guest_unshare_host */
  guestUnshareHost(gfn: number, guest: GuestPages): number {
    const page = this.validPage(gfn, guest);
    if (typeof page === 'number') return page;
    if (page.state !== 'sharedOwned' || this.hostState(page.pfn) !== 'sharedBorrowed') return -EPERM;
    page.state = 'owned';
    this.host.set(page.pfn, 'nopage');
    return 0;
  }
  /** The guest is dying: its pages go back, wiped unless the host could read them already. @linux __pkvm_host_reclaim_page_guest */
  reclaim(gfn: number, guest: GuestPages): number {
    const page = this.validPage(gfn, guest);
    if (typeof page === 'number') return page === -EHWPOISON ? 0 : page;
    if (page.state !== 'owned' && page.state !== 'sharedOwned') return -EPERM;
    if (page.state === 'owned') this.wipe(page.pfn);
    guest.pages.delete(gfn);
    this.giveBack(page.pfn);
    return 0;
  }
  /** The host needs a page of a living guest, which will find poison in its place. @linux __pkvm_host_force_reclaim_page_guest */
  forceReclaim(pfn: number): number {
    if (!this.inMemory(pfn, 1)) return -EFAULT;
    if (this.hostState(pfn) !== 'nopage') return -EAGAIN;
    const owner = this.guestOf.get(pfn);
    if (!owner) return -EPERM; // the hypervisor's own
    const page = owner.guest.pages.get(owner.gfn);
    if (page?.state !== 'owned') return -EPERM;
    page.state = 'poison';
    this.wipe(pfn);
    this.giveBack(pfn);
    return 0;
  }
  private wipe(pfn: number): void {
    this.mem.frameBytes(pfn).fill(0);
  }
  private giveBack(pfn: number): void {
    this.guestOf.delete(pfn);
    this.host.set(pfn, 'owned');
  }
}

/** Without protection the host maps what it likes into the hypervisor, and takes nothing back. @linux create_hyp_mappings */
export class HypMappings implements HypSpace {
  private readonly mapped = new Set<number>();

  map(from: number, to: number): void {
    for (const p of pagesOf(from, to)) this.mapped.add(p);
  }
  isLent(address: number, length: number): boolean {
    return pagesOf(address, address + length).every((p) => this.mapped.has(p));
  }
  access(address: number, length: number): void {
    if (!this.isLent(address, length)) throw new HypFault(address, 'unmapped');
  }
}
